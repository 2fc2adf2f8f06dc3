//! Documents: objects of which only some columns and relationships are given. Merging one changes
//! just those.

use crate::batch::Rows;
use crate::error::{DocumentError, StateError};
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{EntityId, Kind, Mapping, Relationship, RelationshipId};
use crate::value::{Value, ValueError, ValueRef};

use super::graph::{NodeId, Origin};
use super::{Arena, MergeError, MergeGraph};

/// An object of which some columns and relationships are given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Where it lies in the whole, such as `orders[2].items[0]`, for messages.
    pub at: String,
    /// The given columns, by their places in the table.
    pub columns: Vec<(usize, Value)>,
    /// The given relationships, each with all that it is to lead to.
    pub relationships: Vec<(RelationshipId, Vec<Document>)>,
}

/// The columns of a document in a graph.
#[derive(Debug)]
pub(super) struct Given {
    at: String,
    columns: Vec<(usize, Value)>,
}

impl Given {
    pub fn column(&self, column: usize) -> Option<ValueRef<'_>> {
        self.columns.iter().find(|(one, _)| *one == column).map(|(_, value)| value.as_ref())
    }

    pub fn columns(&self) -> impl Iterator<Item = (usize, ValueRef<'_>)> {
        self.columns.iter().map(|(column, value)| (*column, value.as_ref()))
    }
}

impl MergeGraph {
    /// The graph of a document that changes an object.
    ///
    /// # Errors
    ///
    /// E0205 for an object that is not in the database, E0607 if the document names another key.
    pub fn of_document(
        arena: &Arena,
        root: ObjectId,
        document: Document,
    ) -> Result<Self, crate::error::Error> {
        let mapping = &arena.mapping;
        let Some(key) = arena.cell(root).key.clone().filter(|_| arena.contains(root)) else {
            return Err(StateError::WrongState {
                object: arena.label(root),
                state: arena.state(root),
                call: "patch",
                needs: "an object that is in the database",
            }
            .into());
        };
        let mut graph = Self::new(mapping);
        let node = graph.push_document(mapping, root.entity, document);
        graph.close_roots(&[node]);
        graph.find_keys(arena);
        if let Some(given) = graph.node(node).key.as_ref().filter(|&given| *given != key) {
            let name = &mapping.entity(root.entity).name;
            return Err(DocumentError::OtherObject {
                given: format!("{name}#{given}"),
                object: arena.label(root),
            }
            .into());
        }
        graph.node_mut(node).key = Some(key);
        Ok(graph)
    }

    /// Adds a document and all below it, owners before their members.
    fn push_document(&mut self, mapping: &Mapping, entity: EntityId, root: Document) -> NodeId {
        let first = self.push_given(entity, root.at, root.columns);
        let mut open = vec![(first, root.relationships)];
        let mut next = 0;
        while let Some((node, relationships)) = open.get_mut(next) {
            let (node, relationships) = (*node, std::mem::take(relationships));
            let before = self.edge_count();
            for (relationship, documents) in relationships {
                let target = mapping.relationship(relationship).target;
                let members = documents.into_iter().map(|one| {
                    let member = self.push_given(target, one.at, one.columns);
                    open.push((member, one.relationships));
                    member
                });
                let members: Vec<NodeId> = members.collect();
                self.push_members(relationship, &members);
            }
            self.close_edges(node, before);
            next += 1;
        }
        first
    }

    fn push_given(&mut self, entity: EntityId, at: String, columns: Vec<(usize, Value)>) -> NodeId {
        self.documents.push(Given { at, columns });
        let slot = Slot(self.documents.len() as u32 - 1);
        self.push_node(ObjectId { entity, slot }, Origin::Document)
    }

    /// What a node gives, if it is a document.
    pub(super) fn given(&self, node: NodeId) -> Option<&Given> {
        let node = self.node(node);
        match node.origin {
            Origin::Document => self.documents.get(node.id.slot.0 as usize),
            Origin::Held | Origin::Value => None,
        }
    }
}

impl Arena {
    /// Checks that the documents of a graph change only what their objects have.
    pub(super) fn check_documents(&self, graph: &mut MergeGraph) -> Result<(), DocumentError> {
        if graph.documents.is_empty() {
            return Ok(());
        }
        for owner in 0..graph.len() as NodeId {
            for edge in graph.edges(owner).map(|place| graph.edge(place)) {
                for &member in graph.members(edge) {
                    self.check_member(graph, owner, edge.relationship, member)?;
                }
            }
        }
        self.make_values(graph)
    }

    fn check_member(
        &self,
        graph: &MergeGraph,
        owner: NodeId,
        relationship: RelationshipId,
        member: NodeId,
    ) -> Result<(), DocumentError> {
        let relationship = self.mapping.relationship(relationship);
        let (node, owner) = (graph.node(member), graph.node(owner).target);
        let Some(given) = graph.given(member) else { return Ok(()) };
        let entity = self.mapping.entity(relationship.target);
        let object = || match &node.key {
            Some(key) => format!("{}#{key}", entity.name),
            None => format!("the new {}", entity.name),
        };
        let other_owner = || DocumentError::OtherOwner {
            at: given.at.clone(),
            object: object(),
            owner: match owner {
                Some(owner) => self.label(owner),
                None => format!("the new {}", self.mapping.entity(relationship.owner).name),
            },
        };
        let is_child = matches!(relationship.kind, Kind::OneToMany | Kind::OneToOne);
        if is_child && self.names_another(relationship, given, owner) {
            return Err(other_owner());
        }
        let Some(target) = node.target else {
            let is_generated = entity.key.iter().any(|one| entity.generated.contains(one));
            let must_be_there = is_generated || relationship.kind == Kind::ManyToOne;
            return match node.key.is_some() && must_be_there {
                true => Err(DocumentError::UnknownKey {
                    at: given.at.clone(),
                    entity: entity.name.to_string(),
                    object: object(),
                }),
                false => Ok(()),
            };
        };
        let has = |owner| {
            self.targets(owner, relationship.id).is_ok_and(|targets| targets.contains(&target))
        };
        if is_child && !owner.is_some_and(has) { Err(other_owner()) } else { Ok(()) }
    }

    /// Whether a child gives a foreign key to another parent than the one it is a child of.
    fn names_another(
        &self,
        relationship: &Relationship,
        given: &Given,
        owner: Option<ObjectId>,
    ) -> bool {
        let columns = relationship.child_columns.iter().zip(&relationship.parent_columns);
        columns.into_iter().any(|(&child, &parent)| {
            let own = owner.and_then(|owner| self.column(owner, parent));
            given.column(child).is_some_and(|value| Some(value) != own)
        })
    }

    /// Makes values of the documents that have no row yet. All are made before anything is changed.
    fn make_values(&self, graph: &mut MergeGraph) -> Result<(), DocumentError> {
        for node in 0..graph.len() as NodeId {
            let entity = graph.node(node).id.entity;
            let Some(given) = graph.given(node).filter(|_| graph.node(node).target.is_none())
            else {
                continue;
            };
            let width = self.mapping.table_of(entity).columns.len();
            let mut rows = Rows::new(width);
            for column in 0..width {
                match given.column(column) {
                    Some(value) => rows.push(value),
                    None => rows.push_unset(),
                }
            }
            let Some(row) = rows.iter().next() else { continue };
            let slot = match graph.values_of(&self.mapping, entity).push_decoded(&row) {
                Ok(slot) => slot,
                Err((column, error)) => return Err(self.misfit(graph, node, column, error)),
            };
            let node = graph.node_mut(node);
            (node.id.slot, node.origin) = (slot, Origin::Value);
        }
        Ok(())
    }

    fn misfit(
        &self,
        graph: &MergeGraph,
        node: NodeId,
        column: usize,
        error: ValueError,
    ) -> DocumentError {
        let entity = graph.node(node).id.entity;
        let columns = &self.mapping.table_of(entity).columns;
        let field = columns.get(column).map_or("?", |one| &one.name).to_string();
        let given = graph.given(node);
        let at = given.map_or_else(String::new, |given| given.at.clone());
        match given.and_then(|given| given.column(column)) {
            Some(_) => {
                DocumentError::WrongValue { at: place(&at, &field), reason: error.to_string() }
            }
            None => {
                let entity = self.mapping.entity(entity).name.to_string();
                DocumentError::MissingField { at, entity, field }
            }
        }
    }

    /// Why a value of a document could not be set.
    pub(super) fn refused(
        &self,
        graph: &MergeGraph,
        node: NodeId,
        error: StateError,
    ) -> MergeError {
        match (graph.given(node), error) {
            (Some(given), StateError::Value { column, reason, .. }) => {
                let at = place(&given.at, &column);
                MergeError::Document(DocumentError::WrongValue { at, reason })
            }
            (_, error) => MergeError::State(error),
        }
    }
}

/// The key that a document names: null is none.
pub(super) fn key_of(given: &Given, columns: &[usize]) -> Option<Key> {
    let values = columns.iter().map(|&column| given.column(column).map(ValueRef::to_value));
    let key = Key::of(values.collect::<Option<Vec<_>>>()?);
    (!key.has_null()).then_some(key)
}

/// A field within a place of a document.
fn place(at: &str, field: &str) -> String {
    if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") }
}
