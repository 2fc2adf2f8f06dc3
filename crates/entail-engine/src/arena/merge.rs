//! Merge: the state of a detached or new graph is copied onto the session's own objects.
//!
//! The source is a [`MergeGraph`]. Merging runs in two parts: as long as something of the target
//! side is missing, [`Arena::merge_needs`] names it, so that it can be loaded in one trip; then
//! [`Arena::merge`] copies without any I/O.

mod copy;
mod document;
mod graph;
mod needs;

use std::sync::Arc;

use crate::error::{DocumentError, FlushError, StateError};
use crate::handle::{ObjectId, Slot};
use crate::mapping::RelationshipId;

use super::link::One;
use super::{Arena, LinkColumn};

pub use document::Document;
pub use graph::MergeGraph;
use graph::{Node, Origin};
pub use needs::MergeNeeds;
pub(crate) use needs::MergePass;

/// Why a graph could not be merged.
#[derive(Debug)]
pub(crate) enum MergeError {
    State(StateError),
    Flush(FlushError),
    Document(DocumentError),
}

impl From<StateError> for MergeError {
    fn from(error: StateError) -> Self {
        MergeError::State(error)
    }
}

impl From<DocumentError> for MergeError {
    fn from(error: DocumentError) -> Self {
        MergeError::Document(error)
    }
}

impl Arena {
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

    /// Checks the versions of all sources, before anything is changed.
    fn check_versions(&self, graph: &MergeGraph) -> Result<(), MergeError> {
        if self.mapping.entities().iter().all(|entity| entity.version.is_none()) {
            return Ok(());
        }
        for node in (0..graph.len() as u32).map(|node| graph.node(node)) {
            if let Some(target) =
                node.target.filter(|&target| !(node.origin == Origin::Held && target == node.id))
            {
                self.check_version(graph, node, target)?;
            }
        }
        Ok(())
    }

    fn check_version(
        &self,
        graph: &MergeGraph,
        source: &Node,
        target: ObjectId,
    ) -> Result<(), MergeError> {
        let Some(version) = self.mapping.entity(target.entity).version else { return Ok(()) };
        if self.cell(target).is_stale() {
            return Ok(());
        }
        match (graph.column(self, source, version), self.column(target, version)) {
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

    /// Merges a graph, and answers the targets of its roots. [`merge_needs`](Self::merge_needs)
    /// has just looked at it, and found nothing missing.
    pub(crate) fn merge(&mut self, graph: &mut MergeGraph) -> Result<Vec<ObjectId>, MergeError> {
        self.check_documents(graph)?;
        self.check_versions(graph)?;
        let mapping = Arc::clone(&self.mapping);
        copy::Copying::new(self, &mapping, graph).all()
    }
}
