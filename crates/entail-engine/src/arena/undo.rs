//! Undo: what a rollback puts back, for the transaction and each of its savepoints.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::by_object::ByObject;
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{Kind, Mapping, RelationshipId};
use crate::value::ValueRef;

use super::cell::Flags;
use super::link::{ManyWas, One, OneLink, Was};
use super::snapshot::{Snapshot, SnapshotId};
use super::{Arena, LinkColumn};

/// What was done since the transaction or a savepoint began.
#[derive(Debug, Default)]
struct Level {
    /// Objects that were inserted.
    new: Vec<ObjectId>,
    /// Objects whose rows were deleted.
    deleted: Vec<ObjectId>,
    /// Objects that a flush wrote, with the columns that their rows had before.
    rows: Vec<(ObjectId, SnapshotId)>,
    /// Keys that changed, with the former key.
    keys: Vec<(ObjectId, Key)>,
    /// Links that changed, with what they held.
    links: Vec<(RelationshipId, Slot, FormerLink)>,
    /// Objects that took part in a flush.
    dirty: Vec<ObjectId>,
}

#[derive(Clone, Debug)]
enum FormerLink {
    One(One),
    Many(Option<Vec<Slot>>),
}

/// The levels: the transaction first, then its savepoints.
#[derive(Debug, Default)]
pub(super) struct Undo {
    levels: Vec<Level>,
    reach: UndoReach,
}

/// Whether what a flush did can still be undone when the arena takes it over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UndoReach {
    /// A rollback can undo it.
    #[default]
    Open,
    /// It was committed in the same trip.
    Committed,
}

impl Undo {
    /// Flushed deletions are no longer to be undone.
    pub fn forget_deleted(&mut self, objects: &FxHashSet<ObjectId>) {
        if objects.is_empty() {
            return;
        }
        for level in &mut self.levels {
            level.deleted.retain(|id| !objects.contains(id));
        }
    }

    /// Objects are gone: nothing about them is to be undone. Gives the snapshots that are free now.
    pub fn forget(&mut self, gone: &ByObject<()>) -> Vec<(ObjectId, SnapshotId)> {
        let stays = |id: &ObjectId| !gone.contains_key(id);
        let mut snapshots = Vec::new();
        for level in &mut self.levels {
            level.new.retain(stays);
            level.deleted.retain(stays);
            snapshots.extend(level.rows.extract_if(.., |(id, _)| !stays(id)));
            level.keys.retain(|(id, _)| stays(id));
            level.dirty.retain(stays);
        }
        snapshots
    }

    /// All objects are gone.
    pub fn clear_objects(&mut self) {
        for level in &mut self.levels {
            *level = Level::default();
        }
    }

    fn top(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        self.levels.last_mut().expect("a level was just pushed")
    }
}

impl Arena {
    /// A savepoint begins.
    pub(crate) fn begin_nested(&mut self) {
        self.undo.top();
        self.undo.levels.push(Level::default());
    }

    /// The innermost savepoint ends; the enclosing level takes over what was done.
    pub(crate) fn release_nested(&mut self) {
        if self.undo.levels.len() < 2 {
            return;
        }
        if let Some(inner) = self.undo.levels.pop() {
            let outer = self.undo.top();
            outer.new.extend(inner.new);
            outer.deleted.extend(inner.deleted);
            outer.rows.extend(inner.rows);
            outer.keys.extend(inner.keys);
            outer.links.extend(inner.links);
            outer.dirty.extend(inner.dirty);
        }
    }

    /// How many savepoints are open.
    pub(crate) fn savepoints(&self) -> usize {
        self.undo.levels.len().saturating_sub(1)
    }

    /// The transaction was committed: deleted objects are let go. They still bring along what is
    /// attached to them, as SQLAlchemy's do.
    pub(crate) fn committed(&mut self) {
        for level in std::mem::take(&mut self.undo.levels) {
            for (id, snapshot) in level.rows {
                self.tables[id.entity.0 as usize].snapshots.drop_one(snapshot);
            }
            for id in level.deleted {
                let cell = self.cell_mut(id);
                if cell.flags.has(Flags::DELETED) && !cell.flags.has(Flags::MAPPED) {
                    cell.flags.insert(Flags::GONE);
                }
            }
        }
    }

    /// The transaction was rolled back: everything is as before it, and stale.
    pub(crate) fn rolled_back(&mut self) {
        while self.undo.levels.len() > 1 {
            self.restore(Scope::Changed);
        }
        self.restore(Scope::Everything);
        self.undo.levels.clear();
    }

    /// The innermost savepoint was rolled back: what changed since is as before it, and stale.
    pub(crate) fn rolled_back_nested(&mut self) {
        if self.undo.levels.len() > 1 {
            self.restore(Scope::Changed);
        }
    }

    fn restore(&mut self, scope: Scope) {
        let level = self.undo.levels.pop().unwrap_or_default();
        self.keep_lost_rows(&level);
        self.make_transient(&level);
        for (id, key) in level.keys.into_iter().rev() {
            if self.cell(id).key.is_some() {
                let mapped = self.flags(id).has(Flags::MAPPED);
                self.set_key(id, Some(key));
                if mapped {
                    self.map(id);
                }
            }
        }
        let marked = std::mem::take(&mut self.marked);
        self.deferred.clear();
        for id in level.deleted {
            self.revive(id);
        }
        for (id, _) in marked.iter() {
            self.cell_mut(id).flags.remove(Flags::MARKED);
            // What an outer level has deleted stays so, though it was to be deleted once more.
            if !self.flags(id).has(Flags::DELETED) {
                self.revive(id);
            }
        }
        let outdated: Vec<ObjectId> = match scope {
            Scope::Everything => {
                let entities = self.mapping.entities().iter();
                entities.flat_map(|entity| self.persistent(entity.id)).collect()
            }
            Scope::Changed => {
                let written = level.rows.iter().map(|(id, _)| *id);
                let changed: FxHashSet<ObjectId> = level
                    .dirty
                    .into_iter()
                    .chain(self.touched.iter().copied())
                    .chain(written)
                    .collect();
                changed.into_iter().filter(|&id| self.flags(id).has(Flags::MAPPED)).collect()
            }
        };
        let former = self.former_links(level.links);
        self.restore_columns(level.rows);
        for id in outdated {
            self.make_stale(id);
        }
        for (relationship, owner, link) in former {
            self.set_stale_link(relationship, owner, link);
        }
        let cells = &self.tables;
        self.touched.retain(|id| {
            cells[id.entity.0 as usize].cells[id.slot.0 as usize].flags.has(Flags::TOUCHED)
        });
    }

    /// Objects that were inserted or added since become transient; they keep their values.
    fn make_transient(&mut self, level: &Level) {
        let pending = std::mem::take(&mut self.new);
        let mut deleted = FxHashSet::default();
        for id in level.new.iter().copied().chain(pending.iter().map(|(id, _)| id)) {
            if self.flags(id).has(Flags::MAPPED) {
                self.unmap(id);
            } else if !self.flags(id).has(Flags::NEW) {
                deleted.insert(id);
            }
            let cell = self.cell_mut(id);
            cell.flags.remove(
                Flags::NEW
                    .and(Flags::ATTACHED)
                    .and(Flags::MARKED)
                    .and(Flags::DELETED)
                    .and(Flags::EXPIRED)
                    .and(Flags::STALE)
                    .and(Flags::TOUCHED),
            );
            cell.key = None;
            self.drop_snapshot(id);
        }
        self.undo.forget_deleted(&deleted);
    }

    /// Keeps what inserted objects wrote into columns that others refer to, and whose values the
    /// database does not make: who refers to them follows if they are others at the next flush.
    fn keep_lost_rows(&mut self, level: &Level) {
        for &id in &level.new {
            let mapping = &self.mapping;
            let columns = &mapping.table_of(id.entity).columns;
            let mut owned = mapping.entity(id.entity).relationships.iter();
            let is_given = owned.any(|&relationship| {
                let relationship = mapping.relationship(relationship);
                matches!(relationship.kind, Kind::OneToMany | Kind::OneToOne)
                    && relationship.parent_columns.iter().any(|&one| !columns[one].generated)
            });
            if is_given && self.flags(id).has(Flags::MAPPED) {
                let table = &mut self.tables[id.entity.0 as usize];
                let written = table.cells[id.slot.0 as usize].snapshot.take();
                let written =
                    written.unwrap_or_else(|| table.snapshots.take(&*table.store, id.slot));
                self.lost_rows.insert(id, written);
            }
        }
    }

    /// What the row of a new object was before a rollback took it.
    pub(crate) fn lost_row(&self, id: ObjectId) -> Option<Snapshot<'_>> {
        let written = *self.lost_rows.get(&id)?;
        Some(self.tables[id.entity.0 as usize].snapshots.get(written))
    }

    /// A new object has a row again, or is gone.
    pub(crate) fn forget_lost_row(&mut self, id: ObjectId) {
        if !self.lost_rows.is_empty()
            && let Some(written) = self.lost_rows.remove(&id)
        {
            self.tables[id.entity.0 as usize].snapshots.drop_one(written);
        }
    }

    /// A deletion did not happen.
    fn revive(&mut self, id: ObjectId) {
        let flags = self.flags(id);
        self.cell_mut(id).flags.remove(Flags::MARKED);
        if self.cell(id).key.is_none()
            || flags.has(Flags::GONE)
            || (flags.has(Flags::DELETED) && !flags.has(Flags::ATTACHED))
        {
            return;
        }
        self.cell_mut(id).flags.remove(Flags::DELETED);
        self.cell_mut(id).flags.insert(Flags::ATTACHED);
        self.map(id);
    }

    /// Puts back the columns that rows had before: unflushed changes first, then what flushes
    /// wrote, the latest first.
    fn restore_columns(&mut self, rows: Vec<(ObjectId, SnapshotId)>) {
        let touched: Vec<_> = self.touched.clone();
        for id in touched {
            if self.flags(id).has(Flags::MAPPED)
                && let Some(snapshot) = self.cell_mut(id).snapshot.take()
            {
                self.write_back(id, snapshot);
            }
        }
        for (id, snapshot) in rows.into_iter().rev() {
            self.write_back(id, snapshot);
        }
    }

    /// Puts back the columns that a row has, or had.
    pub(super) fn write_back(&mut self, id: ObjectId, snapshot: SnapshotId) {
        // What was let go keeps what it has.
        let kept = !self.flags(id).has(Flags::MAPPED);
        let table = &mut self.tables[id.entity.0 as usize];
        for (column, value) in table.snapshots.get(snapshot).values().enumerate() {
            if !kept {
                // The value was read from this field, so it fits.
                let _ = table.store.set_column(id.slot, column, value.map(ValueRef::to_value));
            }
        }
        table.snapshots.drop_one(snapshot);
    }

    /// Flags a persistent object as stale. Its links are unloaded, but can still be read.
    fn make_stale(&mut self, id: ObjectId) {
        let mapping = Arc::clone(&self.mapping);
        let mut kept = Vec::new();
        for &relationship in &mapping.entity(id.entity).relationships {
            let link = self.committed_link(relationship, id.slot);
            kept.push((relationship, link));
        }
        self.forget_changes(id);
        self.forget_links(id);
        if !self.flags(id).has(Flags::EXPIRED) {
            self.cell_mut(id).flags.insert(Flags::STALE);
            for (relationship, link) in kept {
                self.set_stale_link(relationship, id.slot, link);
            }
        }
    }

    /// What a relationship held at the last flush or load, as far as it is known.
    fn committed_link(&self, relationship: RelationshipId, owner: Slot) -> FormerLink {
        if mapping_is_many(self, relationship) {
            let Some(link) = self.many_link(relationship, owner) else {
                return FormerLink::Many(None);
            };
            let was = link.shadow.as_ref().map(|shadow| (&shadow.was, &shadow.stale));
            return FormerLink::Many(match was {
                Some((ManyWas::Members(was), _)) => Some(was.clone()),
                Some((ManyWas::Unknown, _)) => None,
                Some((ManyWas::Unchanged, stale)) => link.current.clone().or_else(|| stale.clone()),
                None => link.current.clone(),
            });
        }
        let link = self.one_link(relationship, owner);
        FormerLink::One(match link.was() {
            Was::Unchanged if link.current() == One::Unloaded => link.stale(),
            Was::Unchanged => link.current(),
            Was::Never | Was::Unknown => One::Unloaded,
            Was::Nobody => One::Nobody,
            Was::Object(slot) => One::Object(slot),
        })
    }

    /// The earliest former value of each link.
    fn former_links(
        &self,
        links: Vec<(RelationshipId, Slot, FormerLink)>,
    ) -> Vec<(RelationshipId, Slot, FormerLink)> {
        let mut seen = FxHashSet::default();
        links
            .into_iter()
            .filter(|(relationship, owner, _)| {
                let owner = ObjectId {
                    entity: self.mapping.relationship(*relationship).owner,
                    slot: *owner,
                };
                self.flags(owner).has(Flags::MAPPED) && seen.insert((*relationship, owner))
            })
            .collect()
    }

    fn set_stale_link(&mut self, relationship: RelationshipId, owner: Slot, link: FormerLink) {
        match link {
            FormerLink::One(One::Unloaded) | FormerLink::Many(None) => {
                if self.is_unknown(relationship, owner) {
                    return;
                }
                match &mut self.links[relationship.0 as usize] {
                    LinkColumn::One(links) => links[owner.0 as usize] = OneLink::default(),
                    LinkColumn::Many(links) => links[owner.0 as usize].shadow = None,
                }
            }
            FormerLink::One(One::Object(slot)) if !self.has_row(relationship, slot) => {
                self.set_stale_link(relationship, owner, FormerLink::One(One::Unloaded));
            }
            FormerLink::One(one) => self.one_link_mut(relationship, owner).let_read(one),
            FormerLink::Many(Some(members)) => {
                self.many_link_mut(relationship, owner).shadow_mut().stale = Some(members);
            }
        }
    }

    /// Whether the target of a relationship has a row.
    fn has_row(&self, relationship: RelationshipId, target: Slot) -> bool {
        let entity = self.mapping.relationship(relationship).target;
        self.cell(ObjectId { entity, slot: target }).key.is_some()
    }

    /// Whether nothing at all is known of a link.
    fn is_unknown(&self, relationship: RelationshipId, owner: Slot) -> bool {
        match &self.links[relationship.0 as usize] {
            LinkColumn::One(links) => links.len() <= owner.0 as usize,
            LinkColumn::Many(links) => links.len() <= owner.0 as usize,
        }
    }

    // --- What a flush writes down ----------------------------------------------------------

    /// Says whether what is noted next can be undone.
    pub(crate) fn reach_of_undo(&mut self, reach: UndoReach) {
        self.undo.reach = reach;
    }

    /// Whether notes are of use.
    fn can_undo(&self) -> bool {
        self.undo.reach == UndoReach::Open
    }

    /// An object was inserted.
    pub(crate) fn note_inserted(&mut self, id: ObjectId) {
        if self.can_undo() {
            self.undo.top().new.push(id);
        }
    }

    /// An object's row was deleted.
    pub(crate) fn note_deleted(&mut self, id: ObjectId) {
        self.undo.top().deleted.push(id);
    }

    /// An object that has a row took part in a flush. Its snapshot is what the row had before.
    pub(crate) fn note_flushed(&mut self, mapping: &Mapping, id: ObjectId) {
        if !self.can_undo() {
            self.drop_snapshot(id);
            return;
        }
        let snapshot = self.cell_mut(id).snapshot.take();
        let level = self.undo.top();
        level.dirty.push(id);
        level.rows.extend(snapshot.map(|snapshot| (id, snapshot)));
        self.note_links(mapping, id);
    }

    /// A column of an object is about to take what the flush gave: an object that had no
    /// snapshot has now something to be put back.
    pub(crate) fn keep_old_value(&mut self, id: ObjectId, column: usize) {
        if self.cell(id).key.is_none() || !self.can_undo() {
            return;
        }
        let width = self.mapping.table_of(id.entity).columns.len();
        let rows = self.undo.levels.last().and_then(|level| level.rows.last());
        if rows.is_some_and(|(last, _)| *last == id) || column >= width {
            return;
        }
        let table = &mut self.tables[id.entity.0 as usize];
        let snapshot = table.snapshots.take(&*table.store, id.slot);
        self.undo.top().rows.push((id, snapshot));
    }

    /// An object's key changed.
    pub(crate) fn note_key(&mut self, id: ObjectId, former: Key) {
        if self.can_undo() {
            self.undo.top().keys.push((id, former));
        }
    }

    /// The links of an object are about to be taken as flushed.
    fn note_links(&mut self, mapping: &Mapping, id: ObjectId) {
        for &relationship in &mapping.entity(id.entity).relationships {
            let changed = match mapping.relationship(relationship).kind {
                Kind::OneToMany | Kind::ManyToMany => {
                    self.many_link(relationship, id.slot).is_some_and(|link| link.shadow.is_some())
                }
                Kind::OneToOne | Kind::ManyToOne => {
                    self.one_link(relationship, id.slot).was() != Was::Unchanged
                }
            };
            if changed {
                let former = self.committed_link(relationship, id.slot);
                self.undo.top().links.push((relationship, id.slot, former));
            }
        }
    }

    /// A link is about to be loaded. After a flush it may show what a rollback takes away.
    pub(crate) fn note_load(&mut self, relationship: RelationshipId, owner: Slot) {
        let flushed = self.undo.levels.iter().any(|level| {
            !(level.new.is_empty() && level.deleted.is_empty() && level.dirty.is_empty())
        });
        if flushed {
            let former = self.committed_link(relationship, owner);
            self.undo.top().links.push((relationship, owner, former));
        }
    }
}

fn mapping_is_many(arena: &Arena, relationship: RelationshipId) -> bool {
    arena.kind(relationship).is_many()
}

/// Which objects a rollback makes stale.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    /// All persistent ones.
    Everything,
    /// Those that changed.
    Changed,
}
