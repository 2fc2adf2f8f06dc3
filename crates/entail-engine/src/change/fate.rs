//! Fates: what becomes of each object in a flush, and why.

use indexmap::{IndexMap, IndexSet};
use rustc_hash::{FxBuildHasher, FxHashMap};
use smallvec::SmallVec;

use crate::arena::{Arena, Cause, Flags};
use crate::by_object::ByObject;
use crate::cascade::walk;
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::mapping::{Cascade, EntityId, Mapping, RelationshipId};
use crate::room;

use super::{CauseNode, Needs, Reason, Unloaded};

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// It is inserted or updated.
    Save,
    /// It is deleted.
    Delete,
}

/// The fate of one object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub work: Work,
    /// It takes part, but no statement is for it: the database changes its row by itself.
    pub listed_only: bool,
    pub cause: u32,
}

/// Objects whose relationships are to be looked at. Most flushes are small, and so have nothing but
/// lists that lie in place.
type Opened = SmallVec<[(ObjectId, Work); 1]>;

/// The fates of all objects in a flush.
pub(super) struct Fates<'a> {
    pub arena: &'a Arena,
    pub mapping: &'a Mapping,
    pub all: ByObject<Fate>,
    pub causes: Vec<CauseNode>,
    pub dropped: Vec<ObjectId>,
    pub needs: Needs,
    /// What becomes of rows that nothing in memory needs.
    pub unloaded: Unloaded,
    /// Relationships that are carried out by sets: the owners whose rows are reached.
    pub sets: IndexMap<RelationshipId, IndexSet<ObjectId, FxBuildHasher>, FxBuildHasher>,
    /// Whether a relationship can be carried out by sets, once that was asked.
    pub set_able: FxHashMap<RelationshipId, bool>,
    /// The objects of each entity whose relationships are to be looked at, and for which work.
    open: SmallVec<[Opened; 8]>,
    /// The entities in the order in which they came to take part.
    entities: SmallVec<[EntityId; 8]>,
    /// Whether anybody is deleted.
    pub any_deleted: bool,
    /// The object whose reason was asked for last: members of one owner mostly come one after the
    /// other.
    last_reason: Option<(ObjectId, Option<u32>)>,
}

impl<'a> Fates<'a> {
    pub fn new(arena: &'a Arena, unloaded: Unloaded) -> Self {
        let expected = arena.saved_count();
        Self {
            arena,
            mapping: arena.mapping(),
            all: ByObject::new(arena, expected),
            causes: Vec::with_capacity(expected),
            dropped: Vec::new(),
            needs: Needs::default(),
            unloaded,
            sets: IndexMap::default(),
            set_able: FxHashMap::default(),
            open: arena.mapping().entities().iter().map(|_| Opened::new()).collect(),
            entities: SmallVec::new(),
            any_deleted: false,
            last_reason: None,
        }
    }

    /// Registers what the user did: additions, changes, deletions.
    pub fn register_work(&mut self) -> Result<(), FlushError> {
        let arena = self.arena;
        for (id, cause) in arena.new_objects() {
            self.register_saved(id, Reason::Added, cause)?;
        }
        for id in arena.dirty_objects() {
            self.register_saved(id, Reason::Changed, Cause::Named)?;
        }
        for (id, cause) in arena.deleted_objects() {
            self.need_fresh_version(id);
            let cause = self.noted_cause(id, cause, Reason::Deleted, Cascade::Delete);
            self.register(id, Work::Delete, cause);
        }
        for (missing, number) in arena.deferred().in_order() {
            if self.work(missing.owner) == Some(Work::Delete) {
                self.reach_deferred(missing, number);
            }
        }
        Ok(())
    }

    /// Registers an object that was added or changed, unless it is an orphan.
    fn register_saved(
        &mut self,
        id: ObjectId,
        reason: Reason,
        noted: Cause,
    ) -> Result<(), FlushError> {
        let arena = self.arena;
        if arena.flags(id).has(Flags::MARKED) {
            return Ok(());
        }
        if arena.has_inert_values(id) {
            return Err(FlushError::InertField { object: arena.label(id) });
        }
        self.need_fresh_version(id);
        let orphan = arena.is_orphan(id);
        if orphan && arena.cell(id).key.is_some() {
            let by = arena.lost_parent(id);
            let cause = self.cause(id, by.map_or(Reason::Changed, Reason::Orphaned), None);
            self.register(id, Work::Delete, cause);
        } else if orphan && arena.flags(id).has(Flags::ORPHANED_OUTSIDE) {
            self.dropped.push(id);
        } else {
            let cause = self.noted_cause(id, noted, reason, Cascade::SaveUpdate);
            self.register_first(id, Work::Save, cause);
        }
        Ok(())
    }

    /// Registers an object of the session that was not registered before.
    fn register_first(&mut self, id: ObjectId, work: Work, cause: u32) {
        if self.last_reason.is_some_and(|(last, _)| last == id) {
            self.last_reason = None;
        }
        self.all.insert(id, Fate { work, listed_only: false, cause });
        self.open(id, work);
    }

    /// The object's relationships are to be looked at.
    fn open(&mut self, id: ObjectId, work: Work) {
        let open = &mut self.open[id.entity.0 as usize];
        if open.is_empty() {
            self.entities.push(id.entity);
        }
        open.push((id, work));
    }

    /// A version that is not to be trusted must be read before it is compared.
    fn need_fresh_version(&mut self, id: ObjectId) {
        let versioned = self.mapping.entity(id.entity).version.is_some();
        if versioned && self.arena.cell(id).is_stale() && !self.arena.flags(id).has(Flags::DELETED)
        {
            self.needs.rows.push(id);
        }
    }

    /// Whether the session looks after the object, and does not let go of it in this flush.
    pub fn may_take_part(&self, id: ObjectId) -> bool {
        self.arena.contains(id) && (self.dropped.is_empty() || !self.dropped.contains(&id))
    }

    // --- Registering -----------------------------------------------------------------------

    /// What becomes of an object, if it takes part.
    pub fn work(&self, id: ObjectId) -> Option<Work> {
        self.all.get(&id).map(|fate| fate.work)
    }

    /// Whether the object is deleted by this flush.
    pub fn is_deleted(&self, id: ObjectId) -> bool {
        self.work(id) == Some(Work::Delete)
    }

    /// Registers an object. A deletion wins over a save that was registered before; a save does
    /// not win over a deletion, see [`keep`](Self::keep).
    pub fn register(&mut self, id: ObjectId, work: Work, cause: u32) -> bool {
        if !self.may_take_part(id) {
            return false;
        }
        self.any_deleted |= work == Work::Delete;
        match self.all.get_mut(&id) {
            None => self.register_first(id, work, cause),
            Some(fate) if work == Work::Delete => {
                let is_changed = fate.work != Work::Delete;
                fate.work = Work::Delete;
                fate.listed_only = false;
                if is_changed {
                    self.last_reason = None;
                    fate.cause = cause;
                    self.open(id, Work::Delete);
                }
            }
            Some(_) => {}
        }
        true
    }

    /// Registers an object that is to be saved even if it was to be deleted.
    pub fn keep(&mut self, id: ObjectId, cause: u32) {
        if self.register(id, Work::Save, cause)
            && let Some(fate) = self.all.get_mut(&id)
        {
            let is_changed = fate.work != Work::Save;
            fate.work = Work::Save;
            fate.listed_only = false;
            if is_changed {
                self.last_reason = None;
                fate.cause = cause;
                self.open(id, Work::Save);
            }
        }
    }

    /// Registers an object whose row the database changes by itself.
    pub fn list(&mut self, id: ObjectId, cause: u32) {
        if self.may_take_part(id) && !self.all.contains_key(&id) {
            let fate = Fate { work: Work::Save, listed_only: true, cause };
            self.all.insert(id, fate);
        }
    }

    /// Registers the deletion of an object and of all that its delete cascade reaches.
    pub fn delete_with_cascade(&mut self, id: ObjectId, cause: u32) {
        self.cascade_delete(id, cause, |_| false);
    }

    /// Registers what a call to delete would have marked, had it been loaded, but for objects that
    /// were added since. The call has deferred the relationship of this number.
    pub fn delete_belatedly(&mut self, id: ObjectId, cause: u32, number: u64) {
        let deferred = self.arena.deferred();
        self.cascade_delete(id, cause, |id| deferred.spares(id, number));
    }

    fn cascade_delete(&mut self, id: ObjectId, cause: u32, is_spared: impl Fn(ObjectId) -> bool) {
        if !is_spared(id) {
            self.register(id, Work::Delete, cause);
        }
        let reach = walk(self.arena, Cascade::Delete, id);
        let mut along: FxHashMap<ObjectId, u32> = FxHashMap::default();
        along.insert(id, cause);
        for (reached, why) in reach.objects {
            let cause = match why {
                Cause::Along { relationship, from } => {
                    let parent = along.get(&from).copied();
                    self.cause(reached, Reason::Cascaded(relationship, Cascade::Delete), parent)
                }
                Cause::Named => self.cause(reached, Reason::Deleted, None),
            };
            along.insert(reached, cause);
            if !is_spared(reached) {
                self.register(reached, Work::Delete, cause);
            }
        }
        for missing in reach.missing {
            self.reach_unloaded(missing);
        }
    }

    /// The entities that take part so far, in the order in which they came.
    pub fn entities(&self) -> &[EntityId] {
        &self.entities
    }

    /// How many objects of an entity were opened so far.
    pub fn opened(&self, entity: EntityId) -> usize {
        self.open[entity.0 as usize].len()
    }

    /// The object that was opened at a place, if it was for this work, and that still stands.
    pub fn opened_for(&self, entity: EntityId, place: usize, work: Work) -> Option<ObjectId> {
        let (id, opened_for) = self.open[entity.0 as usize][place];
        let stands = |fate: &Fate| !fate.listed_only && fate.work == work;
        (opened_for == work && self.all.get(&id).is_some_and(stands)).then_some(id)
    }

    // --- Reasons -----------------------------------------------------------------------------

    /// A new reason.
    #[inline]
    pub fn cause(&mut self, id: ObjectId, reason: Reason, parent: Option<u32>) -> u32 {
        let key = &self.arena.cell(id).key;
        room::push_with(&mut self.causes, || CauseNode {
            object: id,
            key: key.clone(),
            reason,
            parent,
        });
        self.causes.len() as u32 - 1
    }

    /// The reason that the arena noted when a cascade brought the object along, or `reason`.
    fn noted_cause(&mut self, id: ObjectId, noted: Cause, reason: Reason, of: Cascade) -> u32 {
        match noted {
            Cause::Along { relationship, from } => {
                let parent = match self.last_reason {
                    Some((last, parent)) if last == from => parent,
                    _ => self.reason_of(from),
                };
                self.last_reason = Some((from, parent));
                self.cause(id, Reason::Cascaded(relationship, of), parent)
            }
            Cause::Named => self.cause(id, reason, None),
        }
    }

    /// The reason of an object that takes part.
    pub fn reason_of(&self, id: ObjectId) -> Option<u32> {
        self.all.get(&id).map(|fate| fate.cause)
    }
}
