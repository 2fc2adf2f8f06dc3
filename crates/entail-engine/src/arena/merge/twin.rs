//! Twins: values that say nothing else than their rows. A row is not decoded if its twin is about to be
//! merged onto it: the twin itself moves into the session, with what it had not set.
//!
//! Nothing is looked up for that. Rows come in the order of their keys mostly, and so do values; where
//! they do not, the row is decoded, and the value copied onto it.

use crate::batch::Row;
use crate::error::{LoadError, StateError};
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{EntityId, Mapping};
use crate::value::Value;

use super::graph::{NodeId, Origin};
use super::{Arena, MergeGraph};

/// How many values are looked through for that of a row.
const VALUES: usize = 8;

/// How many nodes are passed by for that.
const NODES: usize = 64;

impl Arena {
    /// Takes a row as [`load_row`](Self::load_row) does, with its twin in the graph where there is one.
    pub(crate) fn load_merged(
        &mut self,
        entity: EntityId,
        row: &Row<'_>,
        graph: &mut MergeGraph,
    ) -> Result<ObjectId, LoadError> {
        let Some((node, slot)) = graph.twin_of(&self.mapping, entity, row) else {
            return self.load_row(entity, row);
        };
        let Some(values) = graph.values_mut(entity) else { return self.load_row(entity, row) };
        let loaded = self.load_row_or(entity, row, Some((&mut *values, slot)))?;
        graph.node_mut(node).is_moved = !values.has(slot);
        Ok(loaded)
    }

    /// Gives an object the values of its row again.
    pub(super) fn be_as_the_row(&mut self, id: ObjectId) -> Result<(), StateError> {
        if self.snapshot(id).is_none() {
            return Ok(());
        }
        let mut changed: Vec<(usize, Option<Value>)> = Vec::new();
        self.compare(id, &mut |column, _| changed.push((column, None)));
        for (column, value) in &mut changed {
            *value = self.committed_column(id, *column).map(|value| value.to_value());
        }
        changed.into_iter().try_for_each(|(column, value)| self.set_column(id, column, value))
    }
}

impl MergeGraph {
    /// The value that is like a row of its entity: its node, and its place among the values.
    fn twin_of(
        &mut self,
        mapping: &Mapping,
        entity: EntityId,
        row: &Row<'_>,
    ) -> Option<(NodeId, Slot)> {
        let columns = &mapping.entity(entity).key;
        let is_named = |key: &Key| {
            let mut parts = columns.iter().zip(key.values());
            parts.all(|(&column, part)| part.as_ref() == row.value(column))
        };
        let from = self.next_twins[entity.0 as usize];
        let mut passed = 0;
        for place in (from..self.len() as NodeId).take(NODES) {
            let node = self.node(place);
            let is_value = node.id.entity == entity && node.origin == Origin::Value;
            if is_value && node.key.as_ref().is_some_and(is_named) {
                let slot = node.id.slot;
                self.next_twins[entity.0 as usize] = place + 1;
                let is_twin = self.values(entity)?.is_like(slot, row);
                return is_twin.then_some((place, slot));
            }
            passed += usize::from(is_value);
            if passed == VALUES {
                break;
            }
            if passed == 0 {
                self.next_twins[entity.0 as usize] = place + 1;
            }
        }
        None
    }
}
