//! Copying a graph onto the session's own objects, depth first and without recursion: graphs may be
//! deeper than a stack.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::entity::Given;
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{EntityId, Mapping, Relationship, RelationshipId};
use crate::value::{Value, ValueRef};

use super::super::link::{One, Was};
use super::graph::{NodeId, Origin};
use super::{Arena, MergeError, MergeGraph};

/// The work of one merge.
pub(super) struct Copying<'a> {
    arena: &'a mut Arena,
    mapping: &'a Mapping,
    graph: &'a mut MergeGraph,
    /// What is known of each node.
    sources: Vec<Source>,
    /// Further relationships along which nodes were reached.
    came_also: FxHashSet<(NodeId, RelationshipId)>,
    /// The targets of sources whose keys have no row yet, with the sources that they were made of.
    by_key: FxHashMap<(EntityId, Key), (ObjectId, NodeId)>,
    /// What sources gave to targets that were made of them, and further ones then overwrote.
    overwritten: FxHashMap<NodeId, Vec<(usize, Value)>>,
    /// The columns that the source at hand gives to its target.
    differences: Vec<(usize, Value)>,
}

/// What is known of a source.
#[derive(Clone, Default)]
struct Source {
    target: Option<ObjectId>,
    /// The relationship along which it was reached first, so that its other side is not walked
    /// back.
    came_along: Option<RelationshipId>,
    /// Whether its columns are still to be copied. That comes after its relationships, as in
    /// SQLAlchemy: of several sources with one key the outermost has the last word.
    has_columns: bool,
    /// Whether a new target was made of it, and its relationships are still to be copied.
    is_open: bool,
}

/// A source whose relationships are being copied.
struct Frame {
    source: NodeId,
    target: ObjectId,
    /// The edge that is being copied.
    edge: u32,
    /// The targets of its members, as far as they are merged.
    merged: Vec<Slot>,
}

impl<'a> Copying<'a> {
    pub fn new(arena: &'a mut Arena, mapping: &'a Mapping, graph: &'a mut MergeGraph) -> Self {
        Self {
            sources: vec![Source::default(); graph.len()],
            arena,
            mapping,
            graph,
            came_also: FxHashSet::default(),
            by_key: FxHashMap::default(),
            overwritten: FxHashMap::default(),
            differences: Vec::new(),
        }
    }

    /// Merges all roots; answers their targets.
    pub fn all(mut self) -> Result<Vec<ObjectId>, MergeError> {
        let count = self.graph.roots().len();
        let mut targets = Vec::with_capacity(count);
        let mut stack: Vec<Frame> = Vec::new();
        for place in 0..count {
            let root = self.graph.roots()[place];
            let (target, is_first) = self.enter(root)?;
            targets.push(target);
            if is_first {
                stack.push(self.frame(root, target, self.graph.edges(root).start));
            }
            while let Some(frame) = stack.last_mut() {
                if frame.edge == self.graph.edges(frame.source).end {
                    let (source, target) = (frame.source, frame.target);
                    stack.pop();
                    self.copy_columns(source, target)?;
                    continue;
                }
                let edge = self.graph.edge(frame.edge);
                if let Some(&member) = self.graph.members(edge).get(frame.merged.len()) {
                    let (target, is_first) = self.follow(member, edge.relationship)?;
                    frame.merged.push(target.slot);
                    if is_first && self.graph.edges(member).is_empty() {
                        self.copy_columns(member, target)?;
                    } else if is_first {
                        stack.push(self.frame(member, target, self.graph.edges(member).start));
                    }
                    continue;
                }
                let merged = std::mem::take(&mut frame.merged);
                let (source, target, next) = (frame.source, frame.target, frame.edge + 1);
                self.set(self.mapping.relationship(edge.relationship), target.slot, merged)?;
                if let Some(frame) = stack.last_mut() {
                    *frame = self.frame(source, target, next);
                }
            }
        }
        Ok(targets)
    }

    /// The frame of the next edge, from one on, that does not lead back to where the source was
    /// reached from.
    fn frame(&self, source: NodeId, target: ObjectId, from: u32) -> Frame {
        let end = self.graph.edges(source).end;
        let leads_on = |&edge: &u32| {
            let relationship = self.mapping.relationship(self.graph.edge(edge).relationship);
            !relationship.inverse.is_some_and(|inverse| self.came_along(source, inverse))
        };
        let edge = (from..end).find(leads_on).unwrap_or(end);
        let members = if edge < end { self.graph.members(self.graph.edge(edge)).len() } else { 0 };
        Frame { source, target, edge, merged: Vec::with_capacity(members) }
    }

    fn came_along(&self, source: NodeId, relationship: RelationshipId) -> bool {
        self.sources[source as usize].came_along == Some(relationship)
            || self.came_also.contains(&(source, relationship))
    }

    /// Goes to a member of a relationship.
    fn follow(
        &mut self,
        source: NodeId,
        along: RelationshipId,
    ) -> Result<(ObjectId, bool), MergeError> {
        let first = self.sources[source as usize].came_along.get_or_insert(along);
        if *first != along {
            self.came_also.insert((source, along));
        }
        self.enter(source)
    }

    /// The target of a source; says whether its relationships and its columns are still to be
    /// copied.
    fn enter(&mut self, source: NodeId) -> Result<(ObjectId, bool), MergeError> {
        if let Some(done) = self.sources[source as usize].target {
            return Ok((done, false));
        }
        let node = self.graph.node(source);
        let (target, is_present) = match (node.target, &node.key) {
            (Some(present), _) => (present, true),
            (None, Some(key)) => {
                let named = (node.id.entity, key.clone());
                match self.by_key.get(&named) {
                    Some(&(target, first)) => {
                        self.keep_columns(first, target);
                        (target, true)
                    }
                    None => {
                        let target = self.add(source)?;
                        self.by_key.insert(named, (target, source));
                        self.sources[source as usize].is_open = true;
                        (target, false)
                    }
                }
            }
            (None, None) => (self.add(source)?, false),
        };
        self.sources[source as usize].target = Some(target);
        let node = self.graph.node(source);
        if node.origin == Origin::Held && node.id == target {
            return Ok((target, false));
        }
        if is_present {
            self.arena.check_version(self.graph, node, target)?;
            self.sources[source as usize].has_columns = true;
        }
        Ok((target, true))
    }

    /// A new object with the columns of a source. A value is moved, since nobody else has it.
    fn add(&mut self, source: NodeId) -> Result<ObjectId, MergeError> {
        let node = self.graph.node(source);
        let (id, origin) = (node.id, node.origin);
        let target = self.arena.reserve(id.entity);
        let store = &mut self.arena.tables[id.entity.0 as usize].store;
        match origin {
            Origin::Held => store.copy(id.slot, target.slot),
            Origin::Value => {
                if let Some(values) = self.graph.values_mut(id.entity) {
                    store.take_over(target.slot, values, id.slot);
                }
            }
            // Documents without a row were made values of.
            Origin::Document => {}
        }
        self.arena.add(target)?;
        Ok(target)
    }

    /// Keeps what a source gave to the target that was made of it, before a further one overwrites it:
    /// as long as it is open, it has the last word.
    fn keep_columns(&mut self, source: NodeId, target: ObjectId) {
        if !self.sources[source as usize].is_open || self.overwritten.contains_key(&source) {
            return;
        }
        let columns = 0..self.mapping.table_of(target.entity).columns.len();
        let given = columns
            .filter_map(|column| Some((column, self.arena.column(target, column)?.to_value())));
        self.overwritten.insert(source, given.collect());
    }

    /// Gives a target what the source has set, and the target has otherwise or not for sure.
    fn copy_columns(&mut self, source: NodeId, target: ObjectId) -> Result<(), MergeError> {
        self.sources[source as usize].is_open = false;
        if !self.overwritten.is_empty()
            && let Some(columns) = self.overwritten.remove(&source)
        {
            for (column, value) in columns {
                if let Err(error) = self.arena.set_column(target, column, Some(value)) {
                    return Err(self.arena.refused(self.graph, source, error));
                }
            }
        }
        if !std::mem::take(&mut self.sources[source as usize].has_columns) {
            return Ok(());
        }
        let Self { arena, graph, differences, .. } = self;
        let which = if arena.cell(target).is_stale() { Given::All } else { Given::Differing };
        let node = graph.node(source);
        let mut differing = |column, value: ValueRef<'_>| {
            differences.push((column, value.to_value()));
        };
        if let Some(values) = graph.store(arena, node) {
            let store = &arena.tables[target.entity.0 as usize].store;
            store.compare_with(target.slot, (values, node.id.slot), which, &mut differing);
        } else if let Some(given) = graph.given(source) {
            let now = |column| arena.column(target, column);
            let columns = given.columns();
            columns
                .filter(|&(column, value)| which == Given::All || now(column) != Some(value))
                .for_each(|(column, value)| differing(column, value));
        }
        for (column, value) in differences.drain(..) {
            if let Err(error) = arena.set_column(target, column, Some(value)) {
                return Err(arena.refused(graph, source, error));
            }
        }
        Ok(())
    }

    /// Sets a relationship of a target, unless it holds just that already.
    fn set(
        &mut self,
        relationship: &Relationship,
        owner: Slot,
        merged: Vec<Slot>,
    ) -> Result<(), MergeError> {
        let Self { arena, mapping, .. } = self;
        if relationship.kind.is_many() {
            let link = arena.many_link(relationship.id, owner);
            if link.is_some_and(|link| link.current.as_ref() == Some(&merged)) {
                return Ok(());
            }
            return Ok(arena.set_many(mapping, relationship, owner, merged)?);
        }
        let target = merged.first().copied();
        let link = arena.one_link(relationship.id, owner);
        let same = link.current() == target.map_or(One::Nobody, One::Object);
        if same && link.was() == Was::Unchanged && !relationship.tracks_parent() {
            return Ok(());
        }
        Ok(arena.set_one(mapping, relationship, owner, target)?)
    }
}
