//! The graph that is merged: values that belong to nobody yet, and objects that the session holds.
//!
//! ```text
//!   nodes    order 7 | item 1 | item 2 | ...      breadth first, so that members lie together
//!               |
//!   edges       '-- order.items --> members 1, 2
//! ```

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::entity::{Item, Object, Store, TypedStore};
use crate::error::StateError;
use crate::handle::{ObjectId, RawHandle, Slot};
use crate::key::Key;
use crate::mapping::{Cascade, EntityId, Mapping, RelationshipId};
use crate::room;
use crate::value::ValueRef;

use super::super::attach::Links;
use super::super::cell::Flags;
use super::Arena;
use super::document::{self, Given};
use super::needs::Way;

/// The place of a node among those of its graph.
pub(super) type NodeId = u32;

/// A graph that is merged: only what the merge cascade reaches.
#[derive(Debug)]
pub struct MergeGraph {
    /// The values, by entity.
    stores: Vec<Option<Box<dyn Store>>>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// The members of one edge behind those of the other.
    members: Vec<NodeId>,
    /// What is given of the documents.
    pub(super) documents: Vec<Given>,
    /// How many of the members are not those of an edge, but what was given.
    roots: usize,
    /// The nodes of the session's own objects.
    held: FxHashMap<ObjectId, NodeId>,
    /// How each node is reached, once somebody has asked.
    pub(super) ways: Option<Vec<Way>>,
}

/// An object of the graph.
#[derive(Debug)]
pub(super) struct Node {
    /// Its place among the session's objects if it is held, else among the values of its entity, or
    /// among the documents.
    pub id: ObjectId,
    pub origin: Origin,
    /// Its edges among those of the graph.
    edges: (u32, u32),
    /// The key that it names: that of its row, or its key columns if all are set.
    pub key: Option<Key>,
    /// The session's object with that key.
    pub target: Option<ObjectId>,
    /// Takes the relationship fields of a value that has some.
    give: Option<Give>,
}

/// Where the object of a node comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The session holds it.
    Held,
    /// A value that belongs to nobody.
    Value,
    /// Only some of its columns are given.
    Document,
}

/// A relationship of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub relationship: RelationshipId,
    members: (u32, u32),
}

type Give = fn(&mut MergeGraph, &Arena, &Mapping, NodeId) -> Result<(), StateError>;

impl MergeGraph {
    /// The graph of some values.
    ///
    /// # Errors
    ///
    /// E0209 if a type is not mapped, E0201 and E0202 for a bad handle in a relationship field.
    pub fn of_values<T: Object>(
        arena: &Arena,
        values: impl IntoIterator<Item = T>,
    ) -> Result<Self, StateError> {
        let mapping = Arc::clone(&arena.mapping);
        let mut graph = Self::new(&mapping);
        let values = values.into_iter();
        let count = values.size_hint().0;
        graph.nodes.reserve(count);
        graph.edges.reserve(count);
        graph.members.reserve(count);
        for value in values {
            let entity = value
                .entity_in(&mapping)
                .ok_or_else(|| StateError::NotMapped { entity: T::NAME.to_owned() })?;
            let node = graph.push_value(&mapping, entity, value)?;
            graph.members.push(node);
        }
        graph.explore(arena, &mapping)?;
        Ok(graph)
    }

    /// The graph of some objects that the session holds.
    ///
    /// # Errors
    ///
    /// E0201 and E0202 for a bad handle.
    pub fn of_held(arena: &Arena, objects: &[RawHandle]) -> Result<Self, StateError> {
        let mapping = Arc::clone(&arena.mapping);
        let mut graph = Self::new(&mapping);
        for &object in objects {
            let node = graph.node_of(arena.object_id(object)?);
            graph.members.push(node);
        }
        graph.explore(arena, &mapping)?;
        Ok(graph)
    }

    pub(super) fn new(mapping: &Mapping) -> Self {
        Self {
            stores: mapping.entities().iter().map(|_| None).collect(),
            nodes: Vec::new(),
            edges: Vec::new(),
            members: Vec::new(),
            documents: Vec::new(),
            roots: 0,
            held: FxHashMap::default(),
            ways: None,
        }
    }

    /// Finds all that the roots reach, and the keys of all.
    fn explore(&mut self, arena: &Arena, mapping: &Mapping) -> Result<(), StateError> {
        self.roots = self.members.len();
        let mut next = 0;
        while let Some(node) = self.nodes.get_mut(next) {
            let (id, origin, give) = (node.id, node.origin, node.give.take());
            let before = self.edge_count();
            if let Some(give) = give {
                give(self, arena, mapping, next as NodeId)?;
            } else if origin == Origin::Held && !arena.flags(id).has(Flags::MAPPED) {
                self.follow_links(arena, mapping, id);
            }
            self.close_edges(next as NodeId, before);
            next += 1;
        }
        self.find_keys(arena);
        Ok(())
    }

    /// Finds the keys that the nodes name.
    pub(super) fn find_keys(&mut self, arena: &Arena) {
        for node in 0..self.nodes.len() {
            self.nodes[node].key = self.key_of(arena, node as NodeId);
        }
    }

    /// The given nodes are known.
    pub(super) fn close_roots(&mut self, roots: &[NodeId]) {
        self.members.splice(0..0, roots.iter().copied());
        self.roots = roots.len();
        for edge in &mut self.edges {
            edge.members.0 += roots.len() as u32;
            edge.members.1 += roots.len() as u32;
        }
    }

    /// How many edges there are.
    pub(super) fn edge_count(&self) -> u32 {
        self.edges.len() as u32
    }

    /// All edges of a node are known: those from one on.
    pub(super) fn close_edges(&mut self, node: NodeId, before: u32) {
        self.node_mut(node).edges = (before, self.edge_count());
    }

    /// Adds a relationship that leads to these.
    pub(super) fn push_members(&mut self, relationship: RelationshipId, members: &[NodeId]) {
        let before = self.members.len() as u32;
        self.members.extend_from_slice(members);
        self.push_edge(relationship, before);
    }

    /// Adds a value that belongs to nobody.
    fn push_value<T: Object>(
        &mut self,
        mapping: &Mapping,
        entity: EntityId,
        value: T,
    ) -> Result<NodeId, StateError> {
        let give = value.has_links().then_some(give::<T> as Give);
        let store = self.stores[entity.0 as usize].get_or_insert_with(|| mapping.new_store(entity));
        let store: &mut TypedStore<T> = store
            .as_any_mut()
            .downcast_mut()
            .ok_or_else(|| StateError::NotMapped { entity: T::NAME.to_owned() })?;
        room::push(&mut store.objects, Some(value));
        let id = ObjectId { entity, slot: Slot(store.objects.len() as u32 - 1) };
        let node = self.push_node(id, Origin::Value);
        self.node_mut(node).give = give;
        Ok(node)
    }

    /// The node of an object that the session holds.
    fn node_of(&mut self, id: ObjectId) -> NodeId {
        match self.held.get(&id) {
            Some(&node) => node,
            None => {
                let node = self.push_node(id, Origin::Held);
                self.held.insert(id, node);
                node
            }
        }
    }

    pub(super) fn push_node(&mut self, id: ObjectId, origin: Origin) -> NodeId {
        let node = Node { id, origin, edges: (0, 0), key: None, target: None, give: None };
        room::push(&mut self.nodes, node);
        self.nodes.len() as NodeId - 1
    }

    /// Adds the relationships of an object that the session holds, as far as they are loaded.
    fn follow_links(&mut self, arena: &Arena, mapping: &Mapping, owner: ObjectId) {
        let mut found = Vec::new();
        for &id in &mapping.entity(owner.entity).relationships {
            if mapping.relationship(id).cascade.has(Cascade::Merge)
                && arena.is_loaded(id, owner.slot)
            {
                arena.push_members(id, owner.slot, &mut found);
                let before = self.members.len() as u32;
                for member in found.drain(..) {
                    let node = self.node_of(member);
                    self.members.push(node);
                }
                self.push_edge(id, before);
            }
        }
    }

    fn push_edge(&mut self, relationship: RelationshipId, before: u32) {
        let members = (before, self.members.len() as u32);
        self.edges.push(Edge { relationship, members });
    }

    /// Adds a relationship of a value, if the merge cascade goes along it.
    pub(in crate::arena) fn take<T: Object>(
        &mut self,
        arena: &Arena,
        mapping: &Mapping,
        relationship: RelationshipId,
        items: impl IntoIterator<Item = Item<T>>,
    ) -> Result<(), StateError> {
        let relationship = mapping.relationship(relationship);
        if !relationship.cascade.has(Cascade::Merge) {
            return Ok(());
        }
        let before = self.members.len() as u32;
        for item in items {
            let node = match item {
                Item::New(value) => self.push_value(mapping, relationship.target, value)?,
                Item::Of(handle) => {
                    let id = arena.object_id(handle.raw())?;
                    if id.entity != relationship.target {
                        return Err(StateError::NoRelationship { object: arena.label(id) });
                    }
                    self.node_of(id)
                }
            };
            room::push(&mut self.members, node);
        }
        self.push_edge(relationship.id, before);
        Ok(())
    }

    fn key_of(&self, arena: &Arena, node: NodeId) -> Option<Key> {
        let columns = &arena.mapping.entity(self.node(node).id.entity).key;
        if let Some(given) = self.given(node) {
            return document::key_of(given, columns);
        }
        let node = self.node(node);
        if node.origin == Origin::Held
            && let Some(key) = &arena.cell(node.id).key
        {
            return Some(key.clone());
        }
        let column = |&column| self.column(arena, node, column).map(ValueRef::to_value);
        let key = match columns.as_slice() {
            [only] => Key::one(column(only)?),
            columns => Key::of(columns.iter().map(column).collect::<Option<Vec<_>>>()?),
        };
        (!key.has_null()).then_some(key)
    }

    // --- Reading -----------------------------------------------------------------------------

    /// The given nodes.
    pub(super) fn roots(&self) -> &[NodeId] {
        &self.members[..self.roots]
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node as usize]
    }

    pub(super) fn node_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    /// The edges of a node, by their places.
    pub(super) fn edges(&self, node: NodeId) -> Range<u32> {
        let (start, end) = self.node(node).edges;
        start..end
    }

    pub(super) fn edge(&self, place: u32) -> Edge {
        self.edges[place as usize]
    }

    pub(super) fn members(&self, edge: Edge) -> &[NodeId] {
        let (start, end) = edge.members;
        &self.members[start as usize..end as usize]
    }

    /// A column of a node.
    pub(super) fn column<'a>(
        &'a self,
        arena: &'a Arena,
        node: &Node,
        column: usize,
    ) -> Option<ValueRef<'a>> {
        match node.origin {
            Origin::Document => self.documents.get(node.id.slot.0 as usize)?.column(column),
            Origin::Held | Origin::Value => self.store(arena, node)?.column(node.id.slot, column),
        }
    }

    /// Where the object of a node lies, if it is no document.
    pub(super) fn store<'a>(&'a self, arena: &'a Arena, node: &Node) -> Option<&'a dyn Store> {
        let entity = node.id.entity.0 as usize;
        match node.origin {
            Origin::Held => Some(&*arena.tables[entity].store),
            Origin::Value => self.stores[entity].as_deref(),
            Origin::Document => None,
        }
    }

    /// The values of an entity; an empty list if there are none yet.
    pub(super) fn values_of(&mut self, mapping: &Mapping, entity: EntityId) -> &mut dyn Store {
        let store = &mut self.stores[entity.0 as usize];
        &mut **store.get_or_insert_with(|| mapping.new_store(entity))
    }

    /// The values of an entity, to be moved.
    pub(super) fn values_mut(&mut self, entity: EntityId) -> Option<&mut dyn Store> {
        self.stores[entity.0 as usize].as_deref_mut()
    }
}

/// Takes the relationship fields of a value of type `T`.
fn give<T: Object>(
    graph: &mut MergeGraph,
    arena: &Arena,
    mapping: &Mapping,
    node: NodeId,
) -> Result<(), StateError> {
    let id = graph.node(node).id;
    let place = |graph: &mut MergeGraph, value: Option<T>| {
        let store = graph.values_mut(id.entity)?.as_any_mut().downcast_mut::<TypedStore<T>>()?;
        store.replace(id.slot, value)
    };
    let Some(mut value) = place(graph, None) else { return Ok(()) };
    let result = Links::give_to_graph(&mut value, graph, arena, mapping, id.entity);
    place(graph, Some(value));
    result
}
