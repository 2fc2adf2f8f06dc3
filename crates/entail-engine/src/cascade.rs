//! The reach station: from an object and a cascade to who is affected, and what is not loaded yet.
//!
//! It looks and changes nothing. Objects come in the order in which SQLAlchemy's iterator gives
//! them: depth first, relationships in their order.

use rustc_hash::FxHashSet;

use crate::arena::{Arena, Cause, Flags, History, One, Was};
use crate::handle::{ObjectId, Slot};
use crate::mapping::{Cascade, PassiveDeletes, Relationship, RelationshipId};

/// A relationship of an object that must be loaded before a walk can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Missing {
    /// The relationship.
    pub relationship: RelationshipId,
    /// The object that has it.
    pub owner: ObjectId,
}

/// Who a cascade affects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reach {
    /// The objects, each once, without the one the walk started from unless it is met again.
    pub objects: Vec<(ObjectId, Cause)>,
    /// What is not loaded, so that more may be behind it.
    pub missing: Vec<Missing>,
}

/// Walks from `root` along the relationships that have the cascade.
pub(crate) fn walk(arena: &Arena, cascade: Cascade, root: ObjectId) -> Reach {
    let mut walk = Walk { arena, cascade, visited: FxHashSet::default(), reach: Reach::default() };
    let mut stack = vec![Frame::Relationships(root, 0)];
    while let Some(frame) = stack.pop() {
        match frame {
            Frame::Relationships(owner, index) => {
                let entity = arena.mapping().entity(owner.entity);
                let Some(&id) = entity.relationships.get(index) else { continue };
                stack.push(Frame::Relationships(owner, index + 1));
                let relationship = arena.mapping().relationship(id);
                if relationship.cascade.has(cascade) {
                    let found = walk.along(relationship, owner);
                    if !found.is_empty() {
                        stack.push(Frame::Targets(found.into_iter()));
                    }
                }
            }
            Frame::Targets(mut targets) => {
                let Some((target, cause)) = targets.next() else { continue };
                stack.push(Frame::Targets(targets));
                walk.reach.objects.push((target, cause));
                stack.push(Frame::Relationships(target, 0));
            }
        }
    }
    walk.reach
}

enum Frame {
    /// An object whose relationships are walked, and which of them is next.
    Relationships(ObjectId, usize),
    /// Objects that were found along one relationship.
    Targets(std::vec::IntoIter<(ObjectId, Cause)>),
}

struct Walk<'a> {
    arena: &'a Arena,
    cascade: Cascade,
    visited: FxHashSet<ObjectId>,
    reach: Reach,
}

impl Walk<'_> {
    /// The targets of one relationship of one object that were not met before.
    fn along(&mut self, relationship: &Relationship, owner: ObjectId) -> Vec<(ObjectId, Cause)> {
        let targets = match self.cascade {
            Cascade::SaveUpdate => {
                let mut targets = Vec::new();
                past_and_present(self.arena, relationship, owner.slot, &mut targets);
                targets
            }
            Cascade::Delete => self.doomed(relationship, owner),
            _ => self.arena.members(relationship.id, owner.slot),
        };
        let skip_pending = self.cascade == Cascade::RefreshExpire
            && !relationship.cascade.has(Cascade::DeleteOrphan);
        let cause = Cause::Along { relationship: relationship.id, from: owner };
        let mut found = Vec::new();
        for slot in targets {
            let target = ObjectId { entity: relationship.target, slot };
            if self.visited.contains(&target)
                || (self.cascade == Cascade::SaveUpdate && self.arena.contains(target))
                || (skip_pending && self.arena.cell(target).key.is_none())
                || (self.cascade == Cascade::Delete && self.arena.flags(target).has(Flags::DELETED))
            {
                continue;
            }
            self.visited.insert(target);
            found.push((target, cause));
        }
        found
    }

    /// What a delete reaches. What is not loaded is missing, unless it is left to the database; who
    /// is queued on it is known.
    fn doomed(&mut self, relationship: &Relationship, owner: ObjectId) -> Vec<Slot> {
        if self.arena.is_loaded(relationship.id, owner.slot) {
            return self.arena.members(relationship.id, owner.slot);
        }
        let cell = self.arena.cell(owner);
        if relationship.passive_deletes != PassiveDeletes::No
            || cell.key.is_none()
            || !cell.flags.has(Flags::ATTACHED)
        {
            return Vec::new();
        }
        match self.arena.resolve_one(relationship, owner.slot) {
            One::Object(slot) => vec![slot],
            One::Nobody => Vec::new(),
            One::Unloaded => {
                self.reach.missing.push(Missing { relationship: relationship.id, owner });
                self.arena.queued_members(relationship.id, owner.slot)
            }
        }
    }
}

/// What the relationship holds, and what it held at the last flush: an object that was taken out
/// must come along, so that the flush can write that.
pub(crate) fn past_and_present(
    arena: &Arena,
    relationship: &Relationship,
    owner: Slot,
    targets: &mut Vec<Slot>,
) {
    if relationship.kind.is_many() {
        if let Some(first) = arena.first_members(relationship.id, owner) {
            targets.extend_from_slice(first);
        } else if arena.is_loaded(relationship.id, owner) {
            let History { added, unchanged, deleted } = arena.history(relationship.id, owner);
            targets.extend(added);
            targets.extend(unchanged);
            targets.extend(deleted);
        }
        return;
    }
    let link = arena.one_link(relationship.id, owner);
    match link.current() {
        One::Unloaded => return,
        One::Nobody => {}
        One::Object(slot) => targets.push(slot),
    }
    if let Was::Object(slot) = link.was()
        && link.current() != One::Object(slot)
    {
        targets.push(slot);
    }
}
