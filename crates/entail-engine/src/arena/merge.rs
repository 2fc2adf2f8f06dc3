//! Merge: the state of a detached or new graph is copied onto the session's own objects.
//!
//! The source is a transient graph in the same arena. Merging runs in two parts: as long as
//! something of the target side is missing, [`Arena::merge_needs`] names it, so that it can be
//! loaded in one trip; then [`Arena::merge`] copies without any I/O.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cascade::Missing;
use crate::error::{FlushError, StateError};
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{Cascade, EntityId, Mapping, Relationship, RelationshipId};
use crate::value::ValueRef;

use super::Arena;
use super::cell::Flags;
use super::link::One;

/// What must be loaded before a graph can be merged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergeNeeds {
    /// Rows by their keys.
    pub rows: Vec<(EntityId, Key)>,
    /// Relationships of the session's objects.
    pub relationships: Vec<Missing>,
}

/// Why a graph could not be merged.
#[derive(Debug)]
pub(crate) enum MergeError {
    State(StateError),
    Flush(FlushError),
}

impl From<StateError> for MergeError {
    fn from(error: StateError) -> Self {
        MergeError::State(error)
    }
}

/// The work of one merge.
struct Merge<'m> {
    mapping: &'m Mapping,
    done: FxHashMap<ObjectId, ObjectId>,
    by_key: FxHashMap<(EntityId, Key), ObjectId>,
    /// Objects that were reached along a relationship, so that its other side is not walked back.
    came_along: FxHashSet<(ObjectId, RelationshipId)>,
}

impl Arena {
    /// The key that a source names: that of its row, or its key columns if all are set.
    fn merge_key(&self, source: ObjectId) -> Option<Key> {
        if let Some(key) = &self.cell(source).key {
            return Some(key.clone());
        }
        let columns = &self.mapping.entity(source.entity).key;
        let key = Key::of(self.values(source, columns)?);
        (!key.has_null()).then_some(key)
    }

    /// Names what must be loaded before the sources can be merged. `absent` are keys that were
    /// looked for and have no row.
    pub(crate) fn merge_needs(
        &self,
        sources: &[ObjectId],
        absent: &FxHashSet<(EntityId, Key)>,
    ) -> MergeNeeds {
        let mut needs = MergeNeeds::default();
        let mut seen = FxHashSet::default();
        let mut stack: Vec<_> = sources.iter().rev().copied().collect();
        while let Some(source) = stack.pop() {
            if !seen.insert(source) {
                continue;
            }
            let target = self.merge_key(source).map(|key| (source.entity, key)).and_then(|key| {
                let found = self.find_key(key.0, &key.1);
                let stale = found.is_some_and(|id| self.cell(id).is_stale());
                if (found.is_none() && !absent.contains(&key)) || stale {
                    needs.rows.push(key);
                }
                found
            });
            for &id in &self.mapping.entity(source.entity).relationships {
                let relationship = self.mapping.relationship(id);
                if !relationship.cascade.has(Cascade::Merge) || !self.is_loaded(id, source.slot) {
                    continue;
                }
                let wanted = relationship.kind.is_many() || relationship.single_parent;
                if let Some(target) = target
                    && target != source
                    && wanted
                    && !self.is_loaded(id, target.slot)
                {
                    needs.relationships.push(Missing { relationship: id, owner: target });
                }
                let members = self.members(id, source.slot);
                stack.extend(
                    members.into_iter().map(|slot| ObjectId { entity: relationship.target, slot }),
                );
            }
        }
        needs
    }

    /// Merges graphs. Everything that [`merge_needs`](Self::merge_needs) names must be loaded.
    pub(crate) fn merge(&mut self, sources: &[ObjectId]) -> Result<Vec<ObjectId>, MergeError> {
        let mapping = Arc::clone(&self.mapping);
        let mut merge = Merge {
            mapping: &mapping,
            done: FxHashMap::default(),
            by_key: FxHashMap::default(),
            came_along: FxHashSet::default(),
        };
        merge.check_versions(self, sources)?;
        sources.iter().map(|&source| merge.one(self, source)).collect()
    }

    /// Frees transient graphs that were only there to be merged.
    pub fn drop_held(&mut self, sources: &[ObjectId]) {
        sources.iter().for_each(|&source| self.drop_transient_graph(source));
    }

    fn drop_transient_graph(&mut self, source: ObjectId) {
        let mut seen = FxHashSet::default();
        let mut stack = vec![source];
        while let Some(id) = stack.pop() {
            let cell = self.cell(id);
            if cell.key.is_some() || cell.flags.has(Flags::ATTACHED) || !seen.insert(id) {
                continue;
            }
            for &relationship in &self.mapping.entity(id.entity).relationships {
                let target = self.mapping.relationship(relationship).target;
                let members = self.members(relationship, id.slot);
                stack.extend(members.into_iter().map(|slot| ObjectId { entity: target, slot }));
            }
        }
        for id in seen {
            self.vacate_isolated(id);
        }
    }

    /// Frees the place of an object to which nothing outside of its own graph leads.
    fn vacate_isolated(&mut self, id: ObjectId) {
        self.forget_changes(id);
        self.forget_links(id);
        let table = &mut self.tables[id.entity.0 as usize];
        table.store.vacate(id.slot);
        table.cells[id.slot.0 as usize].flags = Flags::default();
        table.free.push(id.slot);
    }
}

impl Merge<'_> {
    fn one(&mut self, arena: &mut Arena, source: ObjectId) -> Result<ObjectId, MergeError> {
        if let Some(&done) = self.done.get(&source) {
            return Ok(done);
        }
        let key = arena.merge_key(source);
        let present = key.as_ref().and_then(|key| {
            let known = arena.find_key(source.entity, key);
            known.or_else(|| self.by_key.get(&(source.entity, key.clone())).copied())
        });
        let target = match present {
            Some(target) => target,
            None => {
                let target = arena.reserve(source.entity);
                arena.tables[source.entity.0 as usize].store.copy(source.slot, target.slot);
                arena.add(target)?;
                target
            }
        };
        self.done.insert(source, target);
        if let Some(key) = key {
            self.by_key.insert((source.entity, key), target);
        }
        if source != target {
            self.check_version(arena, source, target)?;
            self.copy_columns(arena, source, target)?;
            let relationships = &self.mapping.entity(source.entity).relationships;
            for &id in relationships {
                self.relationship(arena, self.mapping.relationship(id), source, target)?;
            }
        }
        Ok(target)
    }

    /// Checks the versions of all that the sources reach, before anything is changed.
    fn check_versions(&self, arena: &Arena, sources: &[ObjectId]) -> Result<(), MergeError> {
        if self.mapping.entities().iter().all(|entity| entity.version.is_none()) {
            return Ok(());
        }
        let mut seen = FxHashSet::default();
        let mut stack = sources.to_vec();
        while let Some(source) = stack.pop() {
            if !seen.insert(source) {
                continue;
            }
            let target =
                arena.merge_key(source).and_then(|key| arena.find_key(source.entity, &key));
            if let Some(target) = target.filter(|&target| target != source) {
                self.check_version(arena, source, target)?;
            }
            for &id in &self.mapping.entity(source.entity).relationships {
                let relationship = self.mapping.relationship(id);
                if relationship.cascade.has(Cascade::Merge) && arena.is_loaded(id, source.slot) {
                    let members = arena.members(id, source.slot).into_iter();
                    let entity = relationship.target;
                    stack.extend(members.map(|slot| ObjectId { entity, slot }));
                }
            }
        }
        Ok(())
    }

    fn check_version(
        &self,
        arena: &Arena,
        source: ObjectId,
        target: ObjectId,
    ) -> Result<(), MergeError> {
        let Some(version) = self.mapping.entity(source.entity).version else { return Ok(()) };
        if arena.cell(target).is_stale() {
            return Ok(());
        }
        let (given, found) = (arena.column(source, version), arena.column(target, version));
        match (given, found) {
            (Some(given), Some(found)) if given != found => {
                Err(MergeError::Flush(FlushError::MergeVersion {
                    object: arena.label(target),
                    given: given.to_string(),
                    found: found.to_string(),
                }))
            }
            _ => Ok(()),
        }
    }

    fn copy_columns(
        &self,
        arena: &mut Arena,
        source: ObjectId,
        target: ObjectId,
    ) -> Result<(), MergeError> {
        for column in 0..self.mapping.table_of(source.entity).columns.len() {
            let Some(value) = arena.column(source, column).map(ValueRef::to_value) else {
                continue;
            };
            if arena.column(target, column) != Some(value.as_ref()) || arena.cell(target).is_stale()
            {
                arena.set_column(target, column, Some(value))?;
            }
        }
        Ok(())
    }

    fn relationship(
        &mut self,
        arena: &mut Arena,
        relationship: &Relationship,
        source: ObjectId,
        target: ObjectId,
    ) -> Result<(), MergeError> {
        let came_back = relationship
            .inverse
            .is_some_and(|inverse| self.came_along.contains(&(source, inverse)));
        if came_back || !relationship.cascade.has(Cascade::Merge) {
            return Ok(());
        }
        if !arena.is_loaded(relationship.id, source.slot) {
            return Ok(());
        }
        if !relationship.kind.is_many() {
            let merged = match arena.one_link(relationship.id, source.slot).current {
                One::Object(slot) => Some(self.follow(arena, relationship, slot)?),
                One::Unloaded | One::Nobody => None,
            };
            return Ok(arena.set_one(self.mapping, relationship, target.slot, merged)?);
        }
        let mut members = Vec::new();
        for slot in arena.members(relationship.id, source.slot) {
            members.push(self.follow(arena, relationship, slot)?);
        }
        Ok(arena.set_many(self.mapping, relationship, target.slot, members)?)
    }

    fn follow(
        &mut self,
        arena: &mut Arena,
        relationship: &Relationship,
        slot: Slot,
    ) -> Result<Slot, MergeError> {
        let source = ObjectId { entity: relationship.target, slot };
        self.came_along.insert((source, relationship.id));
        self.one(arena, source).map(|target| target.slot)
    }
}
