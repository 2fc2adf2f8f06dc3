//! Events: what a change of one side of a relationship does to the other side, to parents and to
//! the session, at once. The rules are those of SQLAlchemy's attribute events.
//!
//! ```text
//!   push(owner, children, child)
//!     append event --> single parent? --> save-update cascade --> other side: child.parent = owner
//!                                                                   \--> old parent's list loses child
//!     owner's list gains child; child's parent mark is set
//! ```
//!
//! An event carries the change that started it, so that two sides do not call each other forever.

use rustc_hash::FxHashSet;

use crate::error::StateError;
use crate::handle::{ObjectId, Slot};
use crate::mapping::{Cascade, Kind, Mapping, Relationship, RelationshipId};
use crate::value::ValueRef;

use super::cell::{Cause, Flags};
use super::link::{One, OneLink, Speaker, Was};
use super::{Arena, Parent};

/// The change that started a chain of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Initiator {
    relationship: RelationshipId,
    change: Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// An addition to a list, or an assignment: they are one for a relationship to one.
    Append,
    /// A removal from a list, or a deletion.
    Remove,
    /// A new list in place of the old one.
    Replace,
}

fn append_of(relationship: RelationshipId) -> Initiator {
    Initiator { relationship, change: Change::Append }
}

fn remove_of(relationship: RelationshipId) -> Initiator {
    Initiator { relationship, change: Change::Remove }
}

fn replace_of(relationship: RelationshipId) -> Initiator {
    Initiator { relationship, change: Change::Replace }
}

/// What a relationship to one held before it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Old {
    /// It had never been set: the object is new.
    Never,
    /// Only the row knows.
    Unknown,
    Nobody,
    Object(Slot),
}

impl Arena {
    // --- What users call -----------------------------------------------------------------

    /// Sets a relationship to one.
    pub(crate) fn set_one(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        value: Option<Slot>,
    ) -> Result<(), StateError> {
        self.assign(mapping, relationship, owner, value, None, None)
    }

    /// Adds to a relationship to many.
    pub(crate) fn append(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        member: Slot,
    ) -> Result<(), StateError> {
        self.append_with(mapping, relationship, owner, member, None)
    }

    /// Removes one occurrence from a relationship to many.
    pub(crate) fn remove_member(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        member: Slot,
    ) -> Result<(), StateError> {
        self.remove_with(mapping, relationship, owner, member, None)
    }

    /// Empties a relationship to many that is loaded.
    pub(crate) fn clear_many(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
    ) -> Result<(), StateError> {
        self.start_empty(relationship, owner);
        let members = self.members(relationship.id, owner);
        for &member in &members {
            self.fire_remove(mapping, relationship, owner, member, None)?;
        }
        if !members.is_empty()
            && let Some(current) = &mut self.many_link_mut(relationship.id, owner).current
        {
            current.clear();
        }
        Ok(())
    }

    /// Puts a new list in place of the old one, which must be loaded or that of a new object.
    pub(crate) fn set_many(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        members: Vec<Slot>,
    ) -> Result<(), StateError> {
        let initiator = replace_of(relationship.id);
        self.start_empty(relationship, owner);
        let old = self.members(relationship.id, owner);
        if !relationship.viewonly {
            self.many_link_mut(relationship.id, owner).remember();
            self.touch(ObjectId { entity: relationship.owner, slot: owner });
        }
        let held: FxHashSet<Slot> = old.iter().copied().collect();
        let mut met = FxHashSet::default();
        let mut seen = Vec::with_capacity(old.len());
        self.many_link_mut(relationship.id, owner).current =
            Some(Vec::with_capacity(members.len()));
        for member in members {
            if held.contains(&member) {
                if met.insert(member) {
                    seen.push(member);
                }
            } else {
                self.fire_append(mapping, relationship, owner, member, Some(initiator))?;
            }
            self.many_link_mut(relationship.id, owner).current.get_or_insert_default().push(member);
        }
        for &member in &seen {
            self.cascade_save(mapping, relationship, owner, member, initiator)?;
        }
        for member in old {
            if met.insert(member) {
                self.fire_remove(mapping, relationship, owner, member, Some(initiator))?;
            }
        }
        Ok(())
    }

    // --- What comes with a new object ----------------------------------------------------

    /// Whether a new owner may [`bring`](Self::bring) these members, each of which was placed
    /// just now: nobody listens yet, neither the session nor another owner.
    pub(super) fn can_bring(
        &self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        members: &[Slot],
    ) -> bool {
        let inverse = synced_inverse(mapping, relationship);
        let is_new = |entity, slot| {
            let cell = self.cell(ObjectId { entity, slot });
            cell.key.is_none() && !cell.flags.has(Flags::ATTACHED)
        };
        !relationship.viewonly
            && inverse.is_none_or(|one| !one.kind.is_many() && !one.single_parent && !one.viewonly)
            && is_new(relationship.owner, owner)
            && self.many_link(relationship.id, owner).is_none_or(|link| *link == Default::default())
            && members.iter().all(|&member| {
                let unset =
                    |one: &Relationship| self.one_link(one.id, member) == Default::default();
                is_new(relationship.target, member)
                    && self.parent(relationship.id, member) == Parent::Unknown
                    && inverse.is_none_or(unset)
            })
    }

    /// Gives a new owner its first members: what [`set_many`](Self::set_many) comes to where
    /// [`can_bring`](Self::can_bring) holds, without an event for each member.
    pub(super) fn bring(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        members: Vec<Slot>,
    ) {
        let inverse = synced_inverse(mapping, relationship);
        for &member in &members {
            if let Some(inverse) = inverse {
                *self.one_link_mut(inverse.id, member) =
                    OneLink::new(One::Object(owner), Was::Never);
                self.touch(ObjectId { entity: relationship.target, slot: member });
                if inverse.tracks_parent() {
                    self.set_parent(inverse.id, owner, Parent::Owner(member));
                }
            }
            if relationship.tracks_parent() {
                self.set_parent(relationship.id, member, Parent::Owner(owner));
            }
        }
        self.touch(ObjectId { entity: relationship.owner, slot: owner });
        let link = self.many_link_mut(relationship.id, owner);
        link.current = Some(Vec::new());
        link.remember();
        link.current = Some(members);
    }

    // --- Relationships to one ------------------------------------------------------------

    fn assign(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        value: Option<Slot>,
        initiator: Option<Initiator>,
        only_if: Option<Slot>,
    ) -> Result<(), StateError> {
        let old = self.old_target(relationship, owner);
        if let Some(expected) = only_if
            && old != Old::Unknown
            && old != Old::Object(expected)
        {
            return Ok(());
        }
        self.fire_replace(mapping, relationship, owner, value, old, initiator)?;
        let now = value.map_or(One::Nobody, One::Object);
        self.one_link_mut(relationship.id, owner).hold(now);
        Ok(())
    }

    /// What the relationship held, as far as memory knows: the identity map answers for a
    /// foreign key to the whole key of the target.
    fn old_target(&mut self, relationship: &Relationship, owner: Slot) -> Old {
        match self.one_link(relationship.id, owner).current() {
            One::Object(slot) => return Old::Object(slot),
            One::Nobody => return Old::Nobody,
            One::Unloaded => {}
        }
        let id = ObjectId { entity: relationship.owner, slot: owner };
        let cell = self.cell(id);
        if cell.key.is_none() {
            return Old::Never;
        }
        if !cell.flags.has(Flags::ATTACHED) {
            return Old::Unknown;
        }
        match self.resolve_one(relationship, owner) {
            One::Object(slot) => {
                self.one_link_mut(relationship.id, owner).hold(One::Object(slot));
                Old::Object(slot)
            }
            One::Nobody => {
                self.one_link_mut(relationship.id, owner).hold(One::Nobody);
                Old::Nobody
            }
            One::Unloaded => Old::Unknown,
        }
    }

    /// Whether the row of an owner refers to that of an object in the identity map: by a foreign key to
    /// other columns than its key, by which the map does not find it.
    fn names(&self, relationship: &Relationship, owner: Slot, target: Slot) -> bool {
        let owner = ObjectId { entity: relationship.owner, slot: owner };
        let target = ObjectId { entity: relationship.target, slot: target };
        let is_known = self.flags(owner).has(Flags::ATTACHED)
            && self.flags(target).has(Flags::MAPPED)
            && !self.cell(owner).is_stale()
            && !self.cell(target).is_stale();
        let mut pairs = relationship.child_columns.iter().zip(&relationship.parent_columns);
        is_known
            && relationship.kind == Kind::ManyToOne
            && pairs.all(|(&child, &parent)| {
                let value = self.committed_column(owner, child);
                value.is_some() && value == self.committed_column(target, parent)
            })
    }

    /// What an unloaded relationship to one holds by the identity map: by its committed foreign key,
    /// or, where the foreign key of the target is its whole key, by the key of the owner.
    pub(crate) fn resolve_one(&self, relationship: &Relationship, owner: Slot) -> One {
        let id = ObjectId { entity: relationship.owner, slot: owner };
        if self.cell(id).is_stale() || relationship.kind == Kind::ManyToMany {
            return One::Unloaded; // The columns of an association table are nobody's key.
        }
        let value = |column| self.committed_column(id, column);
        let (own, others) = match relationship.kind {
            Kind::ManyToOne => (&relationship.child_columns, &relationship.parent_columns),
            _ => (&relationship.parent_columns, &relationship.child_columns),
        };
        if relationship.kind == Kind::ManyToOne {
            let is_null = |&column: &usize| value(column).is_some_and(ValueRef::is_null);
            if relationship.child_columns.iter().any(is_null) {
                return One::Nobody;
            }
        }
        let target = self.mapping.entity(relationship.target);
        let mut key = Vec::with_capacity(target.key.len());
        for column in &target.key {
            let pair = others.iter().position(|one| one == column);
            let part = pair.and_then(|pair| value(own[pair]));
            let Some(part) = part else { return One::Unloaded };
            key.push(part.to_value());
        }
        if others.len() != key.len() {
            return One::Unloaded;
        }
        match self.find(relationship.target, &key) {
            Some(found) if !self.cell(found).is_stale() => One::Object(found.slot),
            _ => One::Unloaded,
        }
    }

    /// Whether the row of a child names no parent, by a column that is NULL or was never set, or a parent
    /// was never given what its children would name, so that nothing can be loaded.
    pub(crate) fn names_nobody(&self, id: ObjectId, relationship: RelationshipId) -> bool {
        let relationship = self.mapping.relationship(relationship);
        let value = |&column: &usize| self.committed_column(id, column);
        let is_nobody = match relationship.kind {
            Kind::ManyToOne => relationship
                .child_columns
                .iter()
                .any(|column| value(column).is_none_or(ValueRef::is_null)),
            _ => relationship.parent_columns.iter().any(|column| value(column).is_none()),
        };
        is_nobody && !self.cell(id).is_stale()
    }

    fn fire_replace(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        value: Option<Slot>,
        old: Old,
        initiator: Option<Initiator>,
    ) -> Result<(), StateError> {
        let initiator = initiator.unwrap_or(append_of(relationship.id));
        let changes =
            value.map(Old::Object) != Some(old) && !(value.is_none() && old == Old::Nobody);
        if relationship.tracks_parent()
            && let Old::Object(previous) = old
            && value != Some(previous)
        {
            self.lose_parent(relationship, previous, owner);
        }
        if let Some(value) = value
            && old != Old::Object(value)
        {
            self.check_single_parent(mapping, relationship, value, initiator)?;
        }
        if changes {
            if let Some(value) = value {
                self.cascade_save(mapping, relationship, owner, value, initiator)?;
            }
            if let Old::Object(previous) = old {
                self.drop_pending_orphan(relationship, owner, previous)?;
            }
            self.replace_inverse(mapping, relationship, owner, value, old, initiator)?;
        }
        let is_same = |value: &Slot| old == Old::Unknown && self.names(relationship, owner, *value);
        let was = value.filter(is_same).map_or(old, Old::Object);
        self.note_one(relationship, owner, was);
        if relationship.tracks_parent()
            && let Some(value) = value
        {
            self.set_parent(relationship.id, value, Parent::Owner(owner));
        }
        Ok(())
    }

    /// Tells the other side that this one now leads to `value`.
    fn replace_inverse(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        value: Option<Slot>,
        old: Old,
        initiator: Initiator,
    ) -> Result<(), StateError> {
        let Some(inverse) = synced_inverse(mapping, relationship) else { return Ok(()) };
        if let Old::Object(previous) = old {
            let stop =
                if inverse.kind.is_many() { remove_of(inverse.id) } else { append_of(inverse.id) };
            if initiator != stop {
                let started = append_of(relationship.id);
                self.pop(mapping, inverse, previous, owner, started)?;
            }
        }
        if let Some(value) = value
            && initiator != append_of(inverse.id)
            && initiator != replace_of(inverse.id)
        {
            self.append_any(mapping, inverse, value, owner, initiator)?;
        }
        Ok(())
    }

    /// Notes what a relationship to one held before its first change.
    fn note_one(&mut self, relationship: &Relationship, owner: Slot, old: Old) {
        if relationship.viewonly {
            return;
        }
        let link = self.one_link_mut(relationship.id, owner);
        if link.was() == Was::Unchanged {
            link.remember(match old {
                Old::Never => Was::Never,
                Old::Unknown => Was::Unknown,
                Old::Nobody => Was::Nobody,
                Old::Object(slot) => Was::Object(slot),
            });
        }
        self.touch(ObjectId { entity: relationship.owner, slot: owner });
    }

    // --- Relationships to many -----------------------------------------------------------

    fn append_with(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        member: Slot,
        initiator: Option<Initiator>,
    ) -> Result<(), StateError> {
        self.start_empty(relationship, owner);
        self.fire_append(mapping, relationship, owner, member, initiator)?;
        let link = self.many_link_mut(relationship.id, owner);
        match &mut link.current {
            Some(current) => current.push(member),
            None => link.queue_added(member, speaker(relationship, initiator)),
        }
        Ok(())
    }

    fn remove_with(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        member: Slot,
        initiator: Option<Initiator>,
    ) -> Result<(), StateError> {
        self.start_empty(relationship, owner);
        self.fire_remove(mapping, relationship, owner, member, initiator)?;
        let link = self.many_link_mut(relationship.id, owner);
        match &mut link.current {
            Some(current) => {
                if let Some(at) = current.iter().position(|&one| one == member) {
                    current.remove(at);
                }
            }
            None => link.queue_removed(member, speaker(relationship, initiator)),
        }
        Ok(())
    }

    /// The list of an object without a row starts empty, not unloaded.
    fn start_empty(&mut self, relationship: &Relationship, owner: Slot) {
        let id = ObjectId { entity: relationship.owner, slot: owner };
        if self.cell(id).key.is_none() {
            self.many_link_mut(relationship.id, owner).current.get_or_insert_default();
        }
    }

    fn fire_append(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        member: Slot,
        initiator: Option<Initiator>,
    ) -> Result<(), StateError> {
        let initiator = initiator.unwrap_or(append_of(relationship.id));
        self.check_single_parent(mapping, relationship, member, initiator)?;
        self.cascade_save(mapping, relationship, owner, member, initiator)?;
        if let Some(inverse) = synced_inverse(mapping, relationship)
            && initiator != append_of(inverse.id)
            && initiator != replace_of(inverse.id)
        {
            self.append_any(mapping, inverse, member, owner, initiator)?;
        }
        self.note_many(relationship, owner);
        if relationship.tracks_parent() {
            self.set_parent(relationship.id, member, Parent::Owner(owner));
        }
        Ok(())
    }

    fn fire_remove(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        member: Slot,
        initiator: Option<Initiator>,
    ) -> Result<(), StateError> {
        let initiator = initiator.unwrap_or(remove_of(relationship.id));
        if relationship.tracks_parent() {
            self.lose_parent(relationship, member, owner);
        }
        self.orphan_removed(relationship, owner, member)?;
        if let Some(inverse) = synced_inverse(mapping, relationship) {
            let stops = [
                remove_of(inverse.id),
                if inverse.kind.is_many() { replace_of(inverse.id) } else { append_of(inverse.id) },
            ];
            let still_there =
                !inverse.kind.is_many() && self.occurs_twice(relationship, owner, member);
            if !stops.contains(&initiator) && !still_there {
                self.pop(mapping, inverse, member, owner, initiator)?;
            }
        }
        self.note_many(relationship, owner);
        Ok(())
    }

    /// Notes what a list held before its first change.
    fn note_many(&mut self, relationship: &Relationship, owner: Slot) {
        if !relationship.viewonly {
            self.many_link_mut(relationship.id, owner).remember();
            self.touch(ObjectId { entity: relationship.owner, slot: owner });
        }
    }

    fn occurs_twice(&self, relationship: &Relationship, owner: Slot, member: Slot) -> bool {
        let current = self.many_link(relationship.id, owner).and_then(|link| link.current.as_ref());
        current.is_some_and(|members| members.iter().filter(|&&one| one == member).count() > 1)
    }

    // --- Either kind ---------------------------------------------------------------------

    fn append_any(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        member: Slot,
        initiator: Initiator,
    ) -> Result<(), StateError> {
        if relationship.kind.is_many() {
            self.append_with(mapping, relationship, owner, member, Some(initiator))
        } else {
            self.assign(mapping, relationship, owner, Some(member), Some(initiator), None)
        }
    }

    /// Takes `member` out of a relationship, if it is there as far as memory knows.
    fn pop(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        member: Slot,
        initiator: Initiator,
    ) -> Result<(), StateError> {
        if relationship.kind.is_many() {
            self.remove_with(mapping, relationship, owner, member, Some(initiator))
        } else {
            self.assign(mapping, relationship, owner, None, Some(initiator), Some(member))
        }
    }

    /// Refuses a second parent along a relationship that allows one.
    fn check_single_parent(
        &self,
        mapping: &Mapping,
        relationship: &Relationship,
        target: Slot,
        initiator: Initiator,
    ) -> Result<(), StateError> {
        if relationship.single_parent
            && same_name(mapping, relationship.id, initiator.relationship)
            && self.has_parent(initiator.relationship, target)
        {
            return Err(StateError::SecondParent {
                object: self.label(ObjectId { entity: relationship.target, slot: target }),
                relationship: mapping.relationship_label(relationship.id),
            });
        }
        Ok(())
    }

    /// The save-update cascade at the moment of an attachment. It runs only along the
    /// relationship that the caller changed, not along the other side of it.
    fn cascade_save(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        target: Slot,
        initiator: Initiator,
    ) -> Result<(), StateError> {
        let owner = ObjectId { entity: relationship.owner, slot: owner };
        let target = ObjectId { entity: relationship.target, slot: target };
        if self.flags(owner).has(Flags::ATTACHED)
            && relationship.cascade.has(Cascade::SaveUpdate)
            && same_name(mapping, relationship.id, initiator.relationship)
            && !self.contains(target)
        {
            let cause = Cause::Along { relationship: relationship.id, from: owner };
            self.save_or_update(mapping, target, cause)?;
        }
        Ok(())
    }

    /// A pending object that a delete-orphan list loses leaves the session at once.
    fn orphan_removed(
        &mut self,
        relationship: &Relationship,
        owner: Slot,
        member: Slot,
    ) -> Result<(), StateError> {
        let id = ObjectId { entity: relationship.target, slot: member };
        if !relationship.cascade.has(Cascade::DeleteOrphan) || !self.is_orphan(id) {
            return Ok(());
        }
        let attached =
            self.flags(ObjectId { entity: relationship.owner, slot: owner }).has(Flags::ATTACHED);
        if attached && self.flags(id).has(Flags::NEW) {
            self.expunge(id)
        } else {
            self.cell_mut(id).flags.insert(Flags::ORPHANED_OUTSIDE);
            Ok(())
        }
    }

    /// A pending object that a delete-orphan relationship to one loses leaves the session.
    fn drop_pending_orphan(
        &mut self,
        relationship: &Relationship,
        owner: Slot,
        previous: Slot,
    ) -> Result<(), StateError> {
        let id = ObjectId { entity: relationship.target, slot: previous };
        let owner = ObjectId { entity: relationship.owner, slot: owner };
        if self.flags(owner).has(Flags::ATTACHED)
            && relationship.cascade.has(Cascade::DeleteOrphan)
            && self.flags(id).has(Flags::NEW)
            && self.is_orphan(id)
        {
            return self.expunge(id);
        }
        Ok(())
    }

    /// Notes that `owner` no longer holds `target`, unless somebody else took it in between.
    fn lose_parent(&mut self, relationship: &Relationship, target: Slot, owner: Slot) {
        if let Parent::Owner(last) = self.parent(relationship.id, target) {
            let key_of = |slot| &self.cell(ObjectId { entity: relationship.owner, slot }).key;
            if key_of(last) != key_of(owner) {
                return;
            }
        }
        self.set_parent(relationship.id, target, Parent::Lost);
    }
}

/// Who speaks of a change of a list. An association table both sides would write; where one deletes what it
/// lets go of, it speaks for itself alone, as in SQLAlchemy.
fn speaker(relationship: &Relationship, initiator: Option<Initiator>) -> Speaker {
    let is_careful =
        relationship.kind == Kind::ManyToMany && relationship.cascade.has(Cascade::DeleteOrphan);
    if is_careful && initiator.is_some() { Speaker::Other } else { Speaker::Own }
}

/// The other side, if a change here changes it at once.
fn synced_inverse<'m>(
    mapping: &'m Mapping,
    relationship: &Relationship,
) -> Option<&'m Relationship> {
    let inverse = relationship.inverse.filter(|_| relationship.syncs_inverse)?;
    Some(mapping.relationship(inverse))
}

/// Whether both relationships bear one name: cascades run along the name that the caller used.
fn same_name(mapping: &Mapping, one: RelationshipId, other: RelationshipId) -> bool {
    one == other || mapping.relationship(one).name_id == mapping.relationship(other).name_id
}
