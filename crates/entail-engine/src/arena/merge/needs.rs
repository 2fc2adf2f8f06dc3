//! What must be loaded before a graph can be merged.
//!
//! ```text
//!   order 7 (asked by its key) -- order.items (asked by the order's key) --> its items come along
//!                              '-- items that did not come: asked by their own keys, in the next pass
//! ```

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use crate::cascade::Missing;
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{EntityId, Kind, Mapping, Relationship, RelationshipId};

use super::super::cell::Flags;
use super::graph::{Edge, NodeId, Origin};
use super::{Arena, MergeGraph};

/// What must be loaded before a graph can be merged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergeNeeds {
    /// Rows by their keys.
    pub rows: Vec<(EntityId, Key)>,
    /// Relationships of rows that are asked for as well, by the owners' keys.
    pub along: Vec<(RelationshipId, Key)>,
    /// Relationships of the session's objects.
    pub relationships: Vec<Missing>,
}

impl MergeNeeds {
    /// Whether nothing is needed.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.along.is_empty() && self.relationships.is_empty()
    }
}

/// Which pass of loading is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MergePass {
    /// Rows may be left to come along with the lists of others.
    First,
    /// What is missing still is asked for all at once.
    Later,
}

/// Where the target of a source may be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    /// Nobody knows.
    Nowhere,
    /// It comes along with the list of its owner.
    ComesAlong,
    /// At the same place in that list.
    At(Slot),
}

/// How a source is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Not at all.
    Never,
    /// Along this relationship alone.
    Along(RelationshipId),
    /// Along several, or it was given itself.
    Several,
}

impl Way {
    /// The ways of all sources, as far as nobody walks back.
    fn of_all(mapping: &Mapping, graph: &MergeGraph) -> Vec<Self> {
        let mut ways = vec![Way::Never; graph.len()];
        for &root in graph.roots() {
            ways[root as usize] = Way::Several;
        }
        let mut open: VecDeque<NodeId> = graph.roots().iter().copied().collect();
        while let Some(node) = open.pop_front() {
            for edge in graph.edges(node).map(|edge| graph.edge(edge)) {
                if ways[node as usize].leads_back(mapping.relationship(edge.relationship)) {
                    continue;
                }
                for &member in graph.members(edge) {
                    let way = &mut ways[member as usize];
                    let known = *way;
                    *way = match known {
                        Way::Never => Way::Along(edge.relationship),
                        Way::Along(other) if other == edge.relationship => known,
                        Way::Along(_) | Way::Several => Way::Several,
                    };
                    if *way != known && !graph.edges(member).is_empty() {
                        open.push_back(member);
                    }
                }
            }
        }
        ways
    }

    /// Whether a relationship is not walked, because it leads back along the only way.
    fn leads_back(self, relationship: &Relationship) -> bool {
        relationship.inverse.is_some_and(|inverse| self == Way::Along(inverse))
    }
}

/// What is known of the row of a source.
#[derive(Clone, Copy, PartialEq)]
enum Standing {
    /// There is none.
    New,
    /// The session has it.
    Present(ObjectId),
    /// It is asked for, by its key or along with another.
    Asked,
}

impl Arena {
    /// Names what must be loaded before a graph can be merged, and notes the targets that are
    /// there. `absent` are keys that were looked for and have no row.
    pub(crate) fn merge_needs(
        &self,
        graph: &mut MergeGraph,
        absent: &FxHashSet<(EntityId, Key)>,
        pass: MergePass,
    ) -> MergeNeeds {
        let mut needs = MergeNeeds::default();
        // Members come behind their owners.
        let mut hints = vec![Hint::Nowhere; graph.len()];
        let mut ways = graph.ways.take();
        for node in 0..graph.len() as NodeId {
            let standing = self.standing(graph, node, hints[node as usize], absent, &mut needs);
            graph.node_mut(node).target = match standing {
                Standing::Present(target) => Some(target),
                Standing::New | Standing::Asked => None,
            };
            for edge in graph.edges(node) {
                let edge = graph.edge(edge);
                let relationship = self.mapping.relationship(edge.relationship);
                if let Standing::Present(owner) = standing {
                    self.name_target(graph, edge, owner, &mut needs);
                }
                if relationship.inverse.is_some() {
                    let ways = ways.get_or_insert_with(|| Way::of_all(&self.mapping, graph));
                    if ways[node as usize].leads_back(relationship) {
                        continue; // Nothing is copied to it.
                    }
                }
                let loads = self.needs_along(relationship, graph, node, standing, &mut needs);
                // What comes with its owner's list need not be asked for by its own key.
                if pass == MergePass::First && loads && relationship.kind != Kind::ManyToOne {
                    for &member in graph.members(edge) {
                        hints[member as usize] = Hint::ComesAlong;
                    }
                } else if let Standing::Present(owner) = standing
                    && let Some(link) = self.many_link(relationship.id, owner.slot)
                    && let Some(list) = &link.current
                {
                    for (&member, &slot) in graph.members(edge).iter().zip(list) {
                        hints[member as usize] = Hint::At(slot);
                    }
                }
            }
        }
        graph.ways = ways;
        needs
    }

    fn standing(
        &self,
        graph: &MergeGraph,
        node: NodeId,
        hint: Hint,
        absent: &FxHashSet<(EntityId, Key)>,
        needs: &mut MergeNeeds,
    ) -> Standing {
        let source = graph.node(node);
        let Some(key) = &source.key else { return Standing::New };
        let entity = source.id.entity;
        let found = match hint {
            Hint::At(slot) if self.is_named(ObjectId { entity, slot }, key) => {
                Some(ObjectId { entity, slot })
            }
            _ => self.find_key(entity, key),
        };
        match found {
            Some(found) => {
                if self.cell(found).is_stale() {
                    needs.rows.push((entity, key.clone()));
                }
                Standing::Present(found)
            }
            None if hint == Hint::ComesAlong => Standing::Asked,
            None => {
                let asked = (entity, key.clone());
                if absent.contains(&asked) {
                    return Standing::New;
                }
                needs.rows.push(asked);
                Standing::Asked
            }
        }
    }

    /// A document without a key stands for the one object that its owner leads to, if there is
    /// one.
    fn name_target(
        &self,
        graph: &mut MergeGraph,
        edge: Edge,
        owner: ObjectId,
        needs: &mut MergeNeeds,
    ) {
        let relationship = edge.relationship;
        if self.mapping.relationship(relationship).kind.is_many() {
            return;
        }
        let Some(&member) = graph.members(edge).first() else { return };
        if graph.given(member).is_none() || graph.node(member).key.is_some() {
            return;
        }
        match self.one(owner, relationship) {
            Ok(target) => {
                graph.node_mut(member).key = target.and_then(|one| self.cell(one).key.clone());
            }
            Err(_) => needs.relationships.push(Missing { relationship, owner }),
        }
    }

    /// Whether the identity map has the object under this key.
    fn is_named(&self, id: ObjectId, key: &Key) -> bool {
        let cell = self.cell(id);
        cell.flags.has(Flags::MAPPED) && cell.key.as_ref() == Some(key)
    }

    /// Names a relationship of a source's row if it must be loaded, and says whether it must.
    fn needs_along(
        &self,
        relationship: &Relationship,
        graph: &MergeGraph,
        node: NodeId,
        standing: Standing,
        needs: &mut MergeNeeds,
    ) -> bool {
        if !(relationship.kind.is_many() || relationship.single_parent) {
            return false;
        }
        let source = graph.node(node);
        match standing {
            Standing::New => false,
            Standing::Present(target) => {
                let is_itself = source.origin == Origin::Held && target == source.id;
                let missing = !is_itself && !self.is_loaded(relationship.id, target.slot);
                if missing {
                    let (relationship, owner) = (relationship.id, target);
                    needs.relationships.push(Missing { relationship, owner });
                }
                missing
            }
            Standing::Asked => {
                let owner_key = &self.mapping.entity(source.id.entity).key;
                let by_key = relationship.kind != Kind::ManyToOne
                    && relationship.parent_columns.iter().all(|one| owner_key.contains(one));
                if let Some(key) = source.key.as_ref().filter(|_| by_key) {
                    needs.along.push((relationship.id, key.clone()));
                }
                true
            }
        }
    }
}
