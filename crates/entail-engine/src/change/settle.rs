//! Settling: from the objects that were changed to all that are affected. For each object and
//! each of its relationships it says who is saved, deleted or let go along with it.

use smallvec::{SmallVec, smallvec};

use crate::arena::{Flags, History};
use crate::cascade::Missing;
use crate::handle::{ObjectId, Slot};
use crate::mapping::{Cascade, Kind, PassiveDeletes, Relationship};

use super::Reason;
use super::fate::{Fates, Work};

impl Fates<'_> {
    /// Looks at all relationships of all objects that take part, until nobody is added. It goes
    /// relationship by relationship, and in each the deleted objects come first, so that who takes in
    /// what they let go of has the last word, as in SQLAlchemy.
    pub fn settle(&mut self) {
        let mapping = self.mapping;
        let mut seen: SmallVec<[usize; 32]> = smallvec![0; mapping.relationships().len()];
        let mut is_done = false;
        while !is_done {
            is_done = true;
            for place in 0..self.entities().len() {
                let entity = self.entities()[place];
                for &relationship in &mapping.entity(entity).relationships {
                    let relationship = mapping.relationship(relationship);
                    let seen = &mut seen[relationship.id.0 as usize];
                    let from = std::mem::replace(seen, self.opened(entity));
                    let places = from..*seen;
                    for work in [Work::Delete, Work::Save] {
                        if places.is_empty() || !self.may_affect(relationship, work) {
                            continue;
                        }
                        is_done = false;
                        for place in places.clone() {
                            if let Some(id) = self.opened_for(entity, place, work) {
                                self.look_along(relationship, id, work);
                            }
                        }
                    }
                }
            }
        }
        self.follow_changed_keys();
    }

    /// Whether anybody may be affected along a relationship by what becomes of its owners.
    fn may_affect(&self, relationship: &Relationship, work: Work) -> bool {
        let cascade = relationship.cascade;
        let lets_go = cascade.has(Cascade::DeleteOrphan);
        !relationship.viewonly
            && match (relationship.kind, work) {
                (_, Work::Delete) if !self.any_deleted => false,
                (Kind::ManyToOne, Work::Delete) => lets_go || cascade.has(Cascade::Delete),
                (Kind::ManyToOne, Work::Save) => lets_go,
                (Kind::ManyToMany, Work::Save) => lets_go || !relationship.passive_updates,
                (Kind::ManyToMany | Kind::OneToMany | Kind::OneToOne, _) => true,
            }
    }

    fn look_along(&mut self, relationship: &Relationship, id: ObjectId, work: Work) {
        match (relationship.kind, work) {
            (Kind::OneToMany | Kind::OneToOne, Work::Save) => self.parent_saved(relationship, id),
            (Kind::OneToMany | Kind::OneToOne, Work::Delete) => {
                self.parent_deleted(relationship, id);
            }
            (Kind::ManyToOne, Work::Save) => self.child_saved(relationship, id),
            (Kind::ManyToOne, Work::Delete) => self.child_deleted(relationship, id),
            (Kind::ManyToMany, Work::Save) => self.linked_saved(relationship, id),
            (Kind::ManyToMany, Work::Delete) => self.linked_deleted(relationship, id),
        }
    }

    // --- The side that is pointed at -----------------------------------------------------------

    fn parent_saved(&mut self, relationship: &Relationship, id: ObjectId) {
        let key_changed = self.key_changed(relationship, id);
        if key_changed && !relationship.passive_updates && !self.is_known(relationship, id) {
            self.need(relationship, id);
        }
        // New objects are registered already, and all to be saved.
        let is_new = |fates: &Self, slot| {
            let child = ObjectId { entity: relationship.target, slot };
            !fates.any_deleted && fates.arena.flags(child).is_plainly_new()
        };
        if let Some(first) = self.arena.first_members(relationship.id, id.slot)
            && first.iter().all(|&slot| is_new(self, slot))
        {
            return;
        }
        let history = self.history_of(relationship, id);
        let of = self.reason_of(id);
        for &slot in &history.added {
            let child = ObjectId { entity: relationship.target, slot };
            if is_new(self, slot) || self.work(child) == Some(Work::Save) {
                continue;
            }
            if self.is_deleted(child) && self.asks_whence(relationship, child) {
                continue;
            }
            let cause = self.cause(child, Reason::Linked(relationship.id), of);
            self.keep(child, cause);
        }
        let nullifies = relationship.passive_deletes != PassiveDeletes::All;
        for &slot in &history.deleted {
            let child = ObjectId { entity: relationship.target, slot };
            if !relationship.cascade.has(Cascade::DeleteOrphan) {
                if nullifies {
                    let cause = self.cause(child, Reason::Linked(relationship.id), of);
                    self.register(child, Work::Save, cause);
                }
            } else if !self.arena.has_parent(relationship.id, slot) {
                let cause = self.cause(child, Reason::Orphaned(relationship.id), of);
                self.delete_with_cascade(child, cause);
            }
        }
        if key_changed {
            for &slot in &history.unchanged {
                let child = ObjectId { entity: relationship.target, slot };
                let cause = self.cause(child, Reason::Linked(relationship.id), of);
                if relationship.passive_updates {
                    self.list(child, cause);
                } else {
                    self.register(child, Work::Save, cause);
                }
            }
        }
    }

    /// Whether it must be found out first whether a child that a cascade deletes, or whose parent is to go
    /// along, has come from elsewhere, or was set to the parent that it had: then nobody takes it in.
    fn asks_whence(&mut self, relationship: &Relationship, child: ObjectId) -> bool {
        let Some(inverse) = relationship.inverse else { return false };
        if !self.arena.was_unknown(inverse, child.slot) {
            return false;
        }
        let reason = self.reason_of(child).map(|cause| self.causes[cause as usize].reason);
        let missing = Missing { relationship: inverse, owner: child };
        let is_unknown = matches!(reason, Some(Reason::Cascaded(_, Cascade::Delete)))
            || self.arena.deferred().contains(&missing);
        if is_unknown {
            self.needs.former.push(missing);
        }
        is_unknown
    }

    fn parent_deleted(&mut self, relationship: &Relationship, id: ObjectId) {
        if relationship.passive_deletes == PassiveDeletes::No && !self.is_known(relationship, id) {
            let queued = self.arena.has_queued(relationship.id, id.slot);
            if queued || !relationship.cascade.has(Cascade::Delete) {
                self.reach_unloaded(Missing { relationship: relationship.id, owner: id });
            }
        }
        let history = self.history_of(relationship, id);
        let of = self.reason_of(id);
        for &slot in &history.deleted {
            let child = ObjectId { entity: relationship.target, slot };
            if !self.arena.has_parent(relationship.id, slot) {
                if relationship.cascade.has(Cascade::DeleteOrphan) {
                    let cause = self.cause(child, Reason::Orphaned(relationship.id), of);
                    self.register(child, Work::Delete, cause);
                } else {
                    let cause = self.cause(child, Reason::Linked(relationship.id), of);
                    self.register(child, Work::Save, cause);
                }
            }
        }
        if !relationship.cascade.has(Cascade::Delete)
            && relationship.passive_deletes != PassiveDeletes::All
        {
            for &slot in &history.unchanged {
                let child = ObjectId { entity: relationship.target, slot };
                let cause = self.cause(child, Reason::Linked(relationship.id), of);
                self.register(child, Work::Save, cause);
            }
        }
    }

    // --- The side that points ------------------------------------------------------------------

    fn child_saved(&mut self, relationship: &Relationship, id: ObjectId) {
        let history = self.history_of(relationship, id);
        let of = self.reason_of(id);
        for slot in history.deleted {
            if !self.arena.has_parent(relationship.id, slot) {
                let target = ObjectId { entity: relationship.target, slot };
                let cause = self.cause(target, Reason::Orphaned(relationship.id), of);
                self.delete_with_cascade(target, cause);
            }
        }
    }

    fn child_deleted(&mut self, relationship: &Relationship, id: ObjectId) {
        let mut history = self.history_of(relationship, id);
        if !self.is_known(relationship, id) && relationship.passive_deletes == PassiveDeletes::No {
            match self.arena.known_target(relationship, id.slot) {
                Some(target) => history.unchanged.extend(target),
                None => self.need(relationship, id),
            }
        }
        let of = self.reason_of(id);
        let mut targets = history.added;
        targets.extend(history.unchanged);
        if relationship.cascade.has(Cascade::DeleteOrphan) {
            // One that somebody else has taken in is no orphan.
            let has_parent = |slot: &Slot| self.arena.has_parent(relationship.id, *slot);
            targets.extend(history.deleted.into_iter().filter(|slot| !has_parent(slot)));
        }
        for slot in targets {
            let target = ObjectId { entity: relationship.target, slot };
            let reason = Reason::Cascaded(relationship.id, Cascade::Delete);
            let cause = self.cause(target, reason, of);
            self.delete_with_cascade(target, cause);
        }
    }

    // --- Many to many ----------------------------------------------------------------------------

    fn linked_saved(&mut self, relationship: &Relationship, id: ObjectId) {
        if !relationship.passive_updates
            && !self.is_known(relationship, id)
            && self.key_changed(relationship, id)
        {
            self.need(relationship, id);
        }
        if !relationship.cascade.has(Cascade::DeleteOrphan) {
            return;
        }
        let of = self.reason_of(id);
        for slot in self.arena.history(relationship.id, id.slot).deleted {
            if !self.arena.has_parent(relationship.id, slot) {
                let target = ObjectId { entity: relationship.target, slot };
                let cause = self.cause(target, Reason::Orphaned(relationship.id), of);
                self.delete_with_cascade(target, cause);
            }
        }
    }

    fn linked_deleted(&mut self, relationship: &Relationship, id: ObjectId) {
        if relationship.passive_deletes == PassiveDeletes::No && !self.is_known(relationship, id) {
            self.reach_unloaded(Missing { relationship: relationship.id, owner: id });
        }
    }

    // --- Changed keys ------------------------------------------------------------------------------

    /// Objects that point at one whose key changes, where no relationship leads from there to
    /// them, are found by looking through memory.
    fn follow_changed_keys(&mut self) {
        let mapping = self.mapping;
        for relationship in mapping.relationships() {
            if relationship.kind != Kind::ManyToOne || relationship.viewonly {
                continue;
            }
            if let Some(inverse) = relationship.inverse
                && (relationship.passive_updates || !mapping.relationship(inverse).passive_updates)
            {
                continue;
            }
            let changed: Vec<Slot> = self
                .all
                .iter()
                .filter(|(id, fate)| id.entity == relationship.target && fate.work == Work::Save)
                .map(|(id, _)| *id)
                .filter(|&id| {
                    self.arena.cell(id).key.is_some() && self.key_changed(relationship, id)
                })
                .map(|id| id.slot)
                .collect();
            if changed.is_empty() {
                continue;
            }
            let owners: Vec<_> = self.arena.persistent(relationship.owner).collect();
            for owner in owners {
                let target = if relationship.passive_updates {
                    self.arena.members(relationship.id, owner.slot).first().copied()
                } else {
                    self.arena.known_target(relationship, owner.slot).flatten()
                };
                if let Some(slot) = target
                    && changed.contains(&slot)
                {
                    let target = ObjectId { entity: relationship.target, slot };
                    let of = self.reason_of(target);
                    let cause = self.cause(owner, Reason::Linked(relationship.id), of);
                    if relationship.passive_updates {
                        self.list(owner, cause);
                    } else {
                        self.register(owner, Work::Save, cause);
                    }
                }
            }
        }
    }

    // --- Looking -------------------------------------------------------------------------------------

    /// Whether the columns that the relationship's foreign key refers to have changed.
    pub fn key_changed(&self, relationship: &Relationship, id: ObjectId) -> bool {
        let before = self.arena.snapshot(id).or_else(|| self.arena.lost_row(id));
        let Some(snapshot) = before else { return false };
        relationship.parent_columns.iter().any(|&column| {
            let old = snapshot.value(column);
            old.is_some() && old != self.arena.column(id, column)
        })
    }

    /// Whether the relationship needs no loading: it is loaded, or there is no row behind it.
    fn is_known(&self, relationship: &Relationship, id: ObjectId) -> bool {
        let cell = self.arena.cell(id);
        self.arena.is_loaded(relationship.id, id.slot)
            || cell.key.is_none()
            || cell.flags.has(Flags::DELETED)
    }

    /// The history of a relationship. Where a relationship to one was set without its former
    /// target being known, that must be found out first, if anything depends on it.
    fn history_of(&mut self, relationship: &Relationship, id: ObjectId) -> History {
        let history = self.arena.history(relationship.id, id.slot);
        let matters = match relationship.kind {
            Kind::OneToOne => true,
            Kind::ManyToOne => relationship.cascade.has(Cascade::DeleteOrphan),
            Kind::OneToMany | Kind::ManyToMany => false,
        };
        if matters && self.arena.was_unknown(relationship.id, id.slot) {
            self.needs.former.push(Missing { relationship: relationship.id, owner: id });
        }
        history
    }

    pub fn need(&mut self, relationship: &Relationship, owner: ObjectId) {
        self.needs.relationships.push(Missing { relationship: relationship.id, owner });
    }
}
