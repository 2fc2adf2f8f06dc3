//! Merge: the state of a detached or new graph is copied onto the session's own objects.
//!
//! The source is a transient graph in the same arena. Merging runs in two parts: as long as
//! something of the target side is missing, [`Arena::merge_needs`] names it, so that it can be
//! loaded in one trip; then [`Arena::merge`] copies without any I/O.

mod copy;
mod needs;

use std::sync::Arc;

use crate::by_object::ByObject;
use crate::error::{FlushError, StateError};
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{Cascade, RelationshipId};

use super::cell::Flags;
use super::link::One;
use super::{Arena, LinkColumn};

pub use needs::MergeNeeds;

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

impl Arena {
    /// The key that a source names: that of its row, or its key columns if all are set.
    fn merge_key(&self, source: ObjectId) -> Option<Key> {
        if let Some(key) = &self.cell(source).key {
            return Some(key.clone());
        }
        let key = match self.mapping.entity(source.entity).key.as_slice() {
            &[column] => Key::one(self.column(source, column)?.to_value()),
            columns => Key::of(self.values(source, columns)?),
        };
        (!key.has_null()).then_some(key)
    }

    /// Appends the members of a relationship as far as it is loaded, whether it leads to one or to
    /// many.
    fn push_members(&self, id: RelationshipId, owner: Slot, members: &mut Vec<ObjectId>) {
        let entity = self.mapping.relationship(id).target;
        match &self.links[id.0 as usize] {
            LinkColumn::Many(links) => {
                let current = links.get(owner.0 as usize).and_then(|link| link.current.as_ref());
                let slots = current.into_iter().flatten();
                members.extend(slots.map(|&slot| ObjectId { entity, slot }));
            }
            LinkColumn::One(links) => {
                if let Some(One::Object(slot)) =
                    links.get(owner.0 as usize).map(|one| one.current())
                {
                    members.push(ObjectId { entity, slot });
                }
            }
        }
    }

    /// Checks the versions of all that the sources reach, before anything is changed.
    fn check_versions(&self, sources: &[ObjectId]) -> Result<(), MergeError> {
        if self.mapping.entities().iter().all(|entity| entity.version.is_none()) {
            return Ok(());
        }
        let mut seen = ByObject::new(self, sources.len());
        let mut stack = sources.to_vec();
        while let Some(source) = stack.pop() {
            if seen.contains_key(&source) {
                continue;
            }
            seen.insert(source, ());
            let target = self.merge_key(source).and_then(|key| self.find_key(source.entity, &key));
            if let Some(target) = target.filter(|&target| target != source) {
                self.check_version(source, target)?;
            }
            for &id in &self.mapping.entity(source.entity).relationships {
                if self.mapping.relationship(id).cascade.has(Cascade::Merge) {
                    self.push_members(id, source.slot, &mut stack);
                }
            }
        }
        Ok(())
    }

    fn check_version(&self, source: ObjectId, target: ObjectId) -> Result<(), MergeError> {
        let Some(version) = self.mapping.entity(source.entity).version else { return Ok(()) };
        if self.cell(target).is_stale() {
            return Ok(());
        }
        let (given, found) = (self.column(source, version), self.column(target, version));
        match (given, found) {
            (Some(given), Some(found)) if given != found => {
                Err(MergeError::Flush(FlushError::MergeVersion {
                    object: self.label(target),
                    given: given.to_string(),
                    found: found.to_string(),
                }))
            }
            _ => Ok(()),
        }
    }

    /// Merges graphs. Everything that [`merge_needs`](Self::merge_needs) names must be loaded.
    pub(crate) fn merge(&mut self, sources: &[ObjectId]) -> Result<Vec<ObjectId>, MergeError> {
        self.check_versions(sources)?;
        let mapping = Arc::clone(&self.mapping);
        copy::Copying::new(self, &mapping, sources.len()).all(sources)
    }

    /// Frees transient graphs that were only there to be merged.
    pub fn drop_held(&mut self, sources: &[ObjectId]) {
        let mut seen = ByObject::new(self, sources.len());
        let mut stack = sources.to_vec();
        while let Some(id) = stack.pop() {
            let cell = self.cell(id);
            if cell.key.is_some() || cell.flags.has(Flags::ATTACHED) || seen.contains_key(&id) {
                continue;
            }
            seen.insert(id, ());
            for &relationship in &self.mapping.entity(id.entity).relationships {
                self.push_members(relationship, id.slot, &mut stack);
            }
        }
        for (&id, ()) in seen.iter() {
            self.vacate_isolated(id);
        }
    }

    /// Frees the place of an object to which nothing outside of its own graph leads.
    fn vacate_isolated(&mut self, id: ObjectId) {
        self.forget_changes(id);
        self.forget_links(id);
        self.tables[id.entity.0 as usize].free(id.slot);
    }
}
