//! The life of an object: add, delete, expunge, expire, take, and what cascades bring along.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::by_object::ByObject;
use crate::cascade::{past_and_present, walk};
use crate::entity::Object;
use crate::error::StateError;
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{Cascade, Mapping};

use super::cell::{Cause, Flags, State};
use super::link::{ManyLink, OneLink};
use super::{Arena, Deferred, LinkColumn, ObjectTable, Parent};

/// Below this number of objects nothing is prepared for them.
const FEW: usize = 32;

/// A walk of the save-update cascade. One is kept for the next, since there is one at each `add`.
#[derive(Debug, Default)]
pub(super) struct Enlisting {
    /// Objects, and which of their relationships is next.
    open: Vec<(ObjectId, usize)>,
    /// Who was found along a relationship.
    found: Vec<Slot>,
}

impl Arena {
    /// Adds an object: a transient one waits to be inserted, a detached one is looked after
    /// again. The save-update cascade brings along what it reaches.
    ///
    /// # Errors
    ///
    /// E0206 for a deleted object, E0207 if the session has another object with its key.
    pub fn add(&mut self, id: ObjectId) -> Result<(), StateError> {
        let mapping = Arc::clone(&self.mapping);
        self.save_or_update(&mapping, id, Cause::Named)
    }

    pub(super) fn save_or_update(
        &mut self,
        _: &Mapping,
        id: ObjectId,
        cause: Cause,
    ) -> Result<(), StateError> {
        self.cell_mut(id).flags.remove(Flags::ORPHANED_OUTSIDE);
        self.enlist(id, cause)?;
        if self.mapping.entity(id.entity).relationships.is_empty() {
            return Ok(());
        }
        self.enlist_reached(id)
    }

    /// Enlists what the save-update cascade reaches. What the session looks after already is
    /// left alone, and with it what is behind it.
    fn enlist_reached(&mut self, id: ObjectId) -> Result<(), StateError> {
        let mut walk = std::mem::take(&mut self.enlisting);
        walk.open.clear();
        walk.open.push((id, 0));
        let result = self.enlist_along(&mut walk);
        self.enlisting = walk;
        result
    }

    fn enlist_along(&mut self, walk: &mut Enlisting) -> Result<(), StateError> {
        let mapping = Arc::clone(&self.mapping);
        let Enlisting { open: stack, found } = walk;
        while let Some((owner, index)) = stack.pop() {
            let Some(&next) = mapping.entity(owner.entity).relationships.get(index) else {
                continue;
            };
            stack.push((owner, index + 1));
            let relationship = mapping.relationship(next);
            if !relationship.cascade.has(Cascade::SaveUpdate) {
                continue;
            }
            found.clear();
            past_and_present(self, relationship, owner.slot, found);
            let cause = Cause::Along { relationship: next, from: owner };
            let below = stack.len();
            for slot in found.drain(..) {
                let target = ObjectId { entity: relationship.target, slot };
                if !self.contains(target) {
                    self.enlist(target, cause)?;
                    stack.push((target, 0));
                }
            }
            stack[below..].reverse();
        }
        Ok(())
    }

    /// Takes one object into the session's work.
    #[inline(always)] // As `room::push_with`.
    fn enlist(&mut self, id: ObjectId, cause: Cause) -> Result<(), StateError> {
        let cell = self.cell(id);
        if cell.key.is_none() {
            if !cell.flags.has(Flags::NEW) {
                self.new.push(id, cause);
                self.cell_mut(id).flags.insert(Flags::NEW.and(Flags::ATTACHED));
            }
            return Ok(());
        }
        if cell.flags.has(Flags::DELETED) {
            return Err(StateError::Deleted { object: self.label(id) });
        }
        self.attach_persistent(id)?;
        self.unmark(id);
        self.deferred.note_added(id);
        Ok(())
    }

    /// Enters an object that has a row into the identity map. A deleted object may come in again, to be
    /// deleted once more.
    fn attach_persistent(&mut self, id: ObjectId) -> Result<(), StateError> {
        self.check_alone(id)?;
        self.enter(id);
        Ok(())
    }

    /// Enters an object that was found to be alone.
    fn enter(&mut self, id: ObjectId) {
        self.map(id);
        self.cell_mut(id).flags.insert(Flags::ATTACHED);
    }

    /// Refuses an object whose row another one of the session stands for.
    fn check_alone(&self, id: ObjectId) -> Result<(), StateError> {
        if let Some(key) = &self.cell(id).key
            && let Some(other) = self.find_key(id.entity, key)
            && other != id
        {
            return Err(StateError::DuplicateKey { object: self.label(id), key: key.to_string() });
        }
        Ok(())
    }

    /// Refuses objects of which two stand for one row.
    fn check_each_alone(&self, objects: &[(ObjectId, Cause)]) -> Result<(), StateError> {
        let mut coming = FxHashSet::default();
        for &(id, _) in objects {
            self.check_alone(id)?;
            let cell = self.cell(id);
            if let Some(key) = cell.key.as_ref().filter(|_| !cell.flags.has(Flags::MAPPED))
                && !coming.insert((id.entity, key))
            {
                return Err(StateError::DuplicateKey {
                    object: self.label(id),
                    key: key.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Marks an object to be deleted, and what its delete cascade reaches in memory. What is not
    /// loaded the flush reaches.
    ///
    /// # Errors
    ///
    /// E0205 for an object without a row, E0207 if the session has another object with its key.
    pub fn delete(&mut self, id: ObjectId) -> Result<(), StateError> {
        if self.cell(id).key.is_none() {
            return Err(StateError::WrongState {
                object: self.label(id),
                state: self.cell(id).state(),
                call: "delete",
                needs: "an object that is in the database",
            });
        }
        if self.flags(id).has(Flags::MARKED) {
            return Ok(());
        }
        let before = self.flags(id);
        self.attach_persistent(id)?;
        let mut reach = walk(self, Cascade::Delete, id);
        reach.objects.retain(|&(reached, _)| {
            let is_marked = self.flags(reached).has(Flags::MARKED);
            self.cell(reached).key.is_some() && !is_marked && reached != id
        });
        if let Err(error) = self.check_each_alone(&reach.objects) {
            if !before.has(Flags::MAPPED) {
                self.unmap(id);
                self.cell_mut(id).flags = before;
            }
            return Err(error);
        }
        self.mark(id, Cause::Named);
        // Whom it goes along to is known from now on, whatever becomes of the foreign key.
        self.keep_targets_along(Cascade::Delete, id);
        for (reached, cause) in reach.objects {
            self.enter(reached);
            self.mark(reached, cause);
            self.keep_targets_along(Cascade::Delete, reached);
        }
        self.deferred.extend(reach.missing);
        Ok(())
    }

    fn mark(&mut self, id: ObjectId, cause: Cause) {
        self.marked.push(id, cause);
        self.cell_mut(id).flags.insert(Flags::MARKED);
    }

    /// Takes the mark of deletion from an object. Those that its cascade reached keep theirs.
    pub(super) fn unmark(&mut self, id: ObjectId) {
        if self.flags(id).has(Flags::MARKED) {
            self.marked.remove(id);
            self.deferred.forget_owner(id, &self.mapping.entity(id.entity).relationships);
            self.cell_mut(id).flags.remove(Flags::MARKED);
        }
    }

    /// What delete cascades could not reach in memory, and the flush must.
    pub(crate) fn deferred(&self) -> &Deferred {
        &self.deferred
    }

    /// Lets go of an object and of what the expunge cascade reaches: pending ones become
    /// transient, persistent ones detached.
    ///
    /// # Errors
    ///
    /// E0205 for an object that the session does not look after.
    pub fn expunge(&mut self, id: ObjectId) -> Result<(), StateError> {
        if !self.flags(id).has(Flags::ATTACHED) {
            return Err(StateError::WrongState {
                object: self.label(id),
                state: self.cell(id).state(),
                call: "expunge",
                needs: "an object that the session looks after",
            });
        }
        let reach = walk(self, Cascade::Expunge, id);
        let reached = reach.objects.into_iter().map(|(reached, _)| reached);
        self.release_all(std::iter::once(id).chain(reached));
        Ok(())
    }

    /// Lets go of objects.
    fn release_all(&mut self, objects: impl IntoIterator<Item = ObjectId>) {
        let mut deleted = FxHashSet::default();
        for id in objects {
            let flags = self.flags(id);
            self.deferred.forget_added(id);
            if flags.has(Flags::NEW) {
                self.new.remove(id);
            } else if flags.has(Flags::MAPPED) {
                self.unmap(id);
                self.unmark(id);
            } else {
                deleted.insert(id);
            }
            let gone = Flags::NEW.and(Flags::MARKED).and(Flags::ATTACHED);
            self.cell_mut(id).flags.remove(gone);
        }
        self.undo.forget_deleted(&deleted);
    }

    /// Lets go of all pending and persistent objects.
    pub fn expunge_all(&mut self) {
        let mapping = Arc::clone(&self.mapping);
        for entity in mapping.entities() {
            let all: Vec<_> = self.persistent(entity.id).collect();
            for id in all {
                self.unmap(id);
                self.cell_mut(id).flags.remove(Flags::ATTACHED.and(Flags::MARKED));
            }
        }
        for (id, _) in std::mem::take(&mut self.new).iter() {
            self.cell_mut(id).flags.remove(Flags::NEW.and(Flags::ATTACHED));
        }
        for (id, _) in std::mem::take(&mut self.marked).iter() {
            self.cell_mut(id).flags.remove(Flags::MARKED);
        }
        self.deferred.clear();
    }

    /// Forgets the loaded values and the unflushed changes of an object, and of what the
    /// refresh-expire cascade reaches. Reading it fails until it is refreshed.
    ///
    /// # Errors
    ///
    /// E0205 for an object that is not persistent.
    pub fn expire(&mut self, id: ObjectId) -> Result<(), StateError> {
        self.check_persistent(id, "expire")?;
        let reach = walk(self, Cascade::RefreshExpire, id);
        self.expire_one(id);
        let mut pending = Vec::new();
        for (reached, _) in reach.objects {
            if self.cell(reached).key.is_some() {
                self.expire_one(reached);
            } else if self.flags(reached).has(Flags::NEW) {
                pending.push(reached);
            }
        }
        self.release_all(pending);
        Ok(())
    }

    /// Refuses what only a persistent object can do.
    pub(crate) fn check_persistent(
        &self,
        id: ObjectId,
        call: &'static str,
    ) -> Result<(), StateError> {
        if self.flags(id).has(Flags::MAPPED) {
            return Ok(());
        }
        Err(StateError::WrongState {
            object: self.label(id),
            state: self.cell(id).state(),
            call,
            needs: "a persistent object",
        })
    }

    pub(super) fn expire_one(&mut self, id: ObjectId) {
        // Who refers to it takes the key from here, and that is the row's.
        if let Some(snapshot) = self.cell_mut(id).snapshot.take() {
            self.write_back(id, snapshot);
        }
        self.forget_changes(id);
        self.forget_links(id);
        let cell = self.cell_mut(id);
        cell.flags.remove(Flags::STALE);
        cell.flags.insert(Flags::EXPIRED);
    }

    /// Expires every persistent object, as a commit does with `expire_on_commit`. Objects whose
    /// deletion was committed bring nothing along any more.
    pub(crate) fn expire_all(&mut self) {
        let mapping = Arc::clone(&self.mapping);
        for entity in mapping.entities() {
            let all: Vec<_> = self.persistent(entity.id).collect();
            for id in all {
                self.expire_one(id);
            }
        }
        for cell in self.tables.iter_mut().flat_map(|table| &mut table.cells) {
            if cell.flags.has(Flags::GONE) {
                cell.flags.remove(Flags::GONE.and(Flags::ATTACHED));
            }
        }
    }

    /// Drops the record of changed columns.
    pub(super) fn forget_changes(&mut self, id: ObjectId) {
        self.drop_snapshot(id);
        // It may stay in the list of touched objects: the flag decides.
        self.cell_mut(id).flags.remove(Flags::TOUCHED);
    }

    /// Drops what is known of the object's relationships, and of who holds it.
    pub(super) fn forget_links(&mut self, id: ObjectId) {
        let mapping = Arc::clone(&self.mapping);
        let entity = mapping.entity(id.entity);
        for &relationship in &entity.relationships {
            match &mut self.links[relationship.0 as usize] {
                LinkColumn::One(links) => {
                    if let Some(link) = links.get_mut(id.slot.0 as usize) {
                        *link = OneLink::default();
                    }
                }
                LinkColumn::Many(links) => {
                    if let Some(link) = links.get_mut(id.slot.0 as usize) {
                        *link = ManyLink::default();
                    }
                }
            }
        }
        for &relationship in &entity.incoming {
            self.set_parent(relationship, id.slot, Parent::Unknown);
        }
    }

    /// Moves an object out of the session; its handle is stale from then on, and links to it are
    /// gone.
    ///
    /// # Errors
    ///
    /// E0205 for a pending object or one that is marked to be deleted: flush or expunge first.
    pub fn take<T: Object>(&mut self, id: ObjectId) -> Result<T, StateError> {
        let flags = self.flags(id);
        if flags.any(Flags::NEW.and(Flags::MARKED)) {
            return Err(StateError::WrongState {
                object: self.label(id),
                state: self.cell(id).state(),
                call: "take",
                needs: "an object without work for the next flush; flush or expunge it first",
            });
        }
        let store = self
            .typed_store_mut::<T>(id.entity)
            .ok_or_else(|| StateError::NotMapped { entity: T::NAME.to_owned() })?;
        let value = store.objects[id.slot.0 as usize].take();
        let Some(value) = value else {
            return Err(StateError::StaleHandle { object: self.label(id) });
        };
        let mut gone = ByObject::new(self, 1);
        gone.insert(id, ());
        self.vacate_all(&gone);
        Ok(value)
    }

    /// Lets go of objects, and frees their places.
    pub(super) fn vacate_all(&mut self, gone: &ByObject<()>) {
        let attached = gone.iter().map(|(&id, ())| id);
        let attached: Vec<_> = attached.filter(|&id| self.flags(id).has(Flags::ATTACHED)).collect();
        self.release_all(attached);
        for (&id, ()) in gone.iter() {
            self.forget_changes(id);
            self.forget_links(id);
            self.forget_lost_row(id);
        }
        self.forget_everywhere(gone);
        for (&id, ()) in gone.iter() {
            self.tables[id.entity.0 as usize].free(id.slot);
        }
    }

    /// Takes objects out of all links that hold them. What an object with a row held becomes
    /// unloaded; what a new one held shrinks.
    fn forget_everywhere(&mut self, gone: &ByObject<()>) {
        let mapping = Arc::clone(&self.mapping);
        for entity in mapping.entities() {
            let is_gone = |slot| gone.contains_key(&ObjectId { entity: entity.id, slot });
            if !gone.iter().any(|(id, ())| id.entity == entity.id) {
                continue;
            }
            for &relationship in &entity.incoming {
                match &mut self.links[relationship.0 as usize] {
                    LinkColumn::One(links) => {
                        for link in links.iter_mut().filter(|link| link.names_any(is_gone)) {
                            *link = OneLink::default();
                        }
                    }
                    LinkColumn::Many(links) => {
                        links.iter_mut().for_each(|link| link.forget(is_gone));
                    }
                }
            }
            for &relationship in &entity.relationships {
                for parent in &mut self.parents[relationship.0 as usize] {
                    if matches!(parent.unpack(), Parent::Owner(owner) if is_gone(owner)) {
                        *parent = Parent::Unknown.pack();
                    }
                }
            }
        }
        for (id, snapshot) in self.undo.forget(gone) {
            self.tables[id.entity.0 as usize].snapshots.drop_one(snapshot);
        }
    }

    /// Frees all objects. Their handles are stale from then on; once in 65,535 times they count as
    /// those of another session instead, because the generations begin anew.
    pub fn clear(&mut self) {
        let last = |table: &ObjectTable| table.cells.iter().map(|cell| cell.generation).max();
        let used_up = self.tables.iter().any(|table| last(table) == Some(u16::MAX));
        if used_up {
            self.session = super::next_session();
        }
        for table in &mut self.tables {
            table.generation = match last(table) {
                _ if used_up => 1,
                Some(last) => last + 1,
                None => table.generation,
            };
            table.cells.clear();
            table.snapshots.clear();
            table.store.clear();
            table.identity.clear();
            table.free.clear();
        }
        for links in &mut self.links {
            match links {
                LinkColumn::One(links) => links.clear(),
                LinkColumn::Many(links) => links.clear(),
            }
        }
        self.parents.iter_mut().for_each(Vec::clear);
        self.new.clear();
        self.marked.clear();
        self.touched.clear();
        self.deferred.clear();
        self.lost_rows.clear();
        self.undo.clear_objects();
    }

    /// The state of an object.
    pub fn state(&self, id: ObjectId) -> State {
        self.cell(id).state()
    }

    // --- After a flush -----------------------------------------------------------------------

    /// A deleted object leaves the identity map.
    pub(crate) fn leave_identity(&mut self, id: ObjectId) {
        self.unmap(id);
    }

    /// Objects that are no longer marked leave the list of marked ones.
    pub(crate) fn forget_marks(&mut self) {
        let tables = &self.tables;
        self.marked.retain(|id| {
            tables[id.entity.0 as usize].cells[id.slot.0 as usize].flags.has(Flags::MARKED)
        });
        self.deferred.clear();
    }

    /// Whether one of the objects is marked to be deleted.
    pub(crate) fn has_marked(&self, objects: &[ObjectId]) -> bool {
        !self.marked.is_empty() && objects.iter().any(|&id| self.flags(id).has(Flags::MARKED))
    }

    /// Room in the identity map for those of the objects that have no key yet.
    pub(crate) fn make_room_for_keys(&mut self, objects: &[ObjectId]) {
        if objects.len() < FEW {
            return;
        }
        let mut fresh = vec![0; self.tables.len()];
        for &id in objects {
            fresh[id.entity.0 as usize] += usize::from(self.cell(id).key.is_none());
        }
        for (table, fresh) in self.tables.iter_mut().zip(fresh) {
            table.identity.make_room(&table.cells, fresh);
        }
    }

    /// Whether the identity map has the object under the key that its columns say.
    pub(crate) fn has_its_key(&self, id: ObjectId, columns: &[usize]) -> bool {
        let cell = self.cell(id);
        let is_known = |key: &Key| {
            let mut parts = columns.iter().zip(key.values());
            parts.all(|(&column, part)| self.column(id, column) == Some(part.as_ref()))
        };
        cell.flags.has(Flags::MAPPED) && cell.key.as_ref().is_some_and(is_known)
    }

    /// Takes the number that is the key of an object's row from now on: it has none yet. The key is put
    /// together where it belongs, see [`room::push_with`].
    #[must_use = "an object that has lost its place must be dealt with"]
    pub(crate) fn take_first_number(&mut self, id: ObjectId, number: i64) -> Option<ObjectId> {
        self.cell_mut(id).key.get_or_insert_with(|| Key::one(number));
        self.map(id)
    }

    /// Takes the key of the row that an object has from now on.
    #[must_use = "an object that has lost its place must be dealt with"]
    pub(crate) fn take_first_key(&mut self, id: ObjectId, key: Key) -> Option<ObjectId> {
        self.cell_mut(id).key = Some(key);
        self.map(id)
    }

    /// Takes the key that an object's row has now. One that has it already, and has lost its place to
    /// another in the same flush, does not take that back: the database gave the key to the other.
    #[must_use = "an object that has lost its place must be dealt with"]
    pub(crate) fn take_key(&mut self, id: ObjectId, key: Key) -> Option<ObjectId> {
        let former = self.cell(id).key.clone();
        if former.as_ref() == Some(&key) {
            return None;
        }
        self.set_key(id, Some(key));
        let displaced = self.map(id);
        if let Some(former) = former {
            self.note_key(id, former);
        }
        displaced
    }

    /// The flush is over: what it did not keep is no longer new or touched.
    pub(crate) fn finish_flush(&mut self) {
        let tables = &self.tables;
        let has = |id: &ObjectId, flag| {
            tables[id.entity.0 as usize].cells[id.slot.0 as usize].flags.has(flag)
        };
        self.new.retain(|id| has(&id, Flags::NEW));
        self.touched.retain(|id| has(id, Flags::TOUCHED));
    }
}
