//! Cutting: a ring of rows opens where a foreign key can be NULL for a while, can wait for
//! COMMIT, or where the database lets go by itself.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::batch::{Expect, Operation, Param};
use crate::change::{CauseNode, Phase, RowChange, write_label};
use crate::error::FlushError;
use crate::mapping::{Action, Deferrable, Mapping, TableId};
use crate::value::Value;

use super::Item;
use super::order::Class;
use super::row::{Edge, Rows, Why};

/// A way to open a ring; the first ones are the cheaper ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// The edge may be dropped: the database waits, or lets go by itself.
    Drop,
    /// The later row is written without the reference, which follows in a statement of its own.
    FillLater,
    /// The earlier row lets go in a statement of its own, ahead of its main one.
    LetGoEarly,
    /// The edge may be dropped, if the keys of the new rows are drawn ahead: the later row is
    /// written with a key that the database has not made yet.
    DropIfDrawn,
    /// The edge is dropped, and the database decides whether the unique value is free.
    Hope,
}

/// Where rings are opened. The edges stay as they are until all rings are.
#[derive(Default)]
pub(super) struct Cuts {
    dropped: FxHashSet<Edge>,
    /// The statements that write a reference later, by the row and the reason of its edges.
    later: FxHashMap<(usize, Why), usize>,
    /// The statements that let go early, likewise.
    early: FxHashMap<(usize, Why), usize>,
    /// The order of each such statement and the main one of its row.
    fixed: Vec<Edge>,
}

impl Cuts {
    /// Opens a ring at its best edge, which is returned.
    pub fn open(
        &mut self,
        rows: &mut Rows<'_>,
        ring: &[Edge],
        causes: &[CauseNode],
    ) -> Result<Edge, FlushError> {
        let best = ring
            .iter()
            .filter_map(|edge| Some((way(rows, edge)?, *edge)))
            .min_by_key(|(way, edge)| (*way, edge.from, edge.to));
        let is_open = best.is_some_and(|(way, edge)| self.open_at(rows, way, edge).is_some());
        let Some((way, edge)) = best.filter(|_| is_open) else {
            return Err(cycle(rows.mapping, &rows.items, ring, causes));
        };
        if way == Way::DropIfDrawn {
            rows.ring_unless_drawn
                .get_or_insert_with(|| cycle(rows.mapping, &rows.items, ring, causes));
        }
        Ok(edge)
    }

    /// None where the edge has no such way.
    fn open_at(&mut self, rows: &mut Rows<'_>, way: Way, edge: Edge) -> Option<()> {
        match way {
            Way::Drop | Way::Hope | Way::DropIfDrawn => {
                self.dropped.insert(edge);
            }
            Way::FillLater => {
                let later = fill_later(rows, edge)?;
                self.later.insert((edge.to, edge.why), later);
                self.fixed.push(Edge { from: edge.to, to: later, why: Why::Fixed });
            }
            Way::LetGoEarly => {
                let early = let_go_early(rows, edge)?;
                self.early.insert((edge.from, edge.why), early);
                self.fixed.push(Edge { from: early, to: edge.from, why: Why::Fixed });
            }
        }
        Some(())
    }

    /// Whether an edge is cut already. With one edge of a row go all that it has for the same reason.
    pub fn has(&self, edge: Edge) -> bool {
        self.dropped.contains(&edge) || self.moved(edge).is_some()
    }

    /// An edge as it runs from or to the statement that takes its reason over.
    fn moved(&self, edge: Edge) -> Option<Edge> {
        let later = self.later.get(&(edge.to, edge.why)).map(|&to| Edge { to, ..edge });
        let early = || self.early.get(&(edge.from, edge.why)).map(|&from| Edge { from, ..edge });
        later.or_else(early)
    }

    /// Cuts the edges.
    pub fn apply(self, rows: &mut Rows<'_>) {
        let mut moved = Vec::new();
        rows.edges.retain(|&edge| {
            let elsewhere = self.moved(edge);
            moved.extend(elsewhere);
            elsewhere.is_none() && !self.dropped.contains(&edge)
        });
        rows.edges.extend(self.fixed);
        rows.edges.extend(moved);
    }
}

fn way(rows: &Rows<'_>, edge: &Edge) -> Option<Way> {
    match edge.why {
        Why::Fixed => None,
        Why::Refers(key) => {
            let Item::Row(child) = &rows.items[edge.to] else { return None };
            let key = rows.foreign_key(child.table, key);
            let is_deferred = key.deferrable == Deferrable::InitiallyDeferred;
            let is_slot =
                |column| matches!(rows.items[edge.to].writes(column), Some(Param::Slot(_)));
            let is_unmade = key.columns.iter().any(|&column| is_slot(column));
            if is_deferred && !is_unmade {
                return Some(Way::Drop);
            }
            let can_wait = child.phase == Phase::Main
                && child.operation != Operation::Delete
                && can_be_null(rows, child.table, &key.columns);
            if can_wait { Some(Way::FillLater) } else { is_deferred.then_some(Way::DropIfDrawn) }
        }
        Why::LetsGo(key) => {
            let Item::Row(child) = &rows.items[edge.from] else { return None };
            let key = rows.foreign_key(child.table, key);
            let by_itself = key.deferrable == Deferrable::InitiallyDeferred
                || (key.on_delete == Action::SetNull && child.operation == Operation::Delete);
            if by_itself {
                return Some(Way::Drop);
            }
            can_be_null(rows, child.table, &key.columns).then_some(Way::LetGoEarly)
        }
        Why::Unique(set) => {
            let Item::Row(giver) = &rows.items[edge.from] else { return Some(Way::Hope) };
            let table = rows.mapping.table(giver.table);
            let columns = &table.uniques[set];
            // Where NULLs are equal, a NULL meanwhile may be in the way of another row.
            let can_wait = !table.uniques_nulls_not_distinct.contains(columns);
            if can_wait && can_be_null(rows, giver.table, columns) {
                Some(Way::LetGoEarly)
            } else {
                Some(Way::Hope)
            }
        }
    }
}

/// Whether at least one of the columns can be NULL and none of them is part of the key.
fn can_be_null(rows: &Rows<'_>, table: TableId, columns: &[usize]) -> bool {
    let table = rows.mapping.table(table);
    columns.iter().any(|&column| table.columns[column].nullable)
        && !columns.iter().any(|column| table.primary_key.contains(column))
}

/// The nullable ones of the columns.
fn nullable(rows: &Rows<'_>, table: TableId, columns: &[usize]) -> Vec<usize> {
    let table = rows.mapping.table(table);
    columns.iter().copied().filter(|&column| table.columns[column].nullable).collect()
}

/// Writes the later row with NULL, and the reference by an UPDATE afterwards, whose place is returned.
fn fill_later(rows: &mut Rows<'_>, edge: Edge) -> Option<usize> {
    let Why::Refers(number) = edge.why else { return None };
    let table = rows.items[edge.to].table();
    let key = rows.foreign_key(table, number);
    let columns = nullable(rows, table, &key.columns);
    let Item::Row(child) = &mut rows.items[edge.to] else { return None };
    let mut values = Vec::new();
    for (column, param) in &mut child.values {
        if columns.contains(column) {
            values.push((*column, std::mem::replace(param, Param::Value(Value::Null))));
        }
    }
    let primary = &rows.mapping.table(table).primary_key;
    let filled = RowChange {
        operation: Operation::Update,
        phase: Phase::After,
        values,
        key: row_key(child, primary),
        generated: None,
        old: Vec::new(),
        expect: Expect::Exactly(1),
        ..child.clone()
    };
    Some(add(rows, filled, Class::After))
}

/// Sets the columns of the earlier row to NULL by an UPDATE ahead of everything, whose place is
/// returned.
fn let_go_early(rows: &mut Rows<'_>, edge: Edge) -> Option<usize> {
    let table = rows.items[edge.from].table();
    let columns = match edge.why {
        Why::LetsGo(number) => rows.foreign_key(table, number).columns.clone(),
        Why::Unique(set) => rows.mapping.table(table).uniques[set].clone(),
        Why::Refers(_) | Why::Fixed => return None,
    };
    let columns = nullable(rows, table, &columns);
    let Item::Row(row) = &rows.items[edge.from] else { return None };
    let primary = &rows.mapping.table(table).primary_key;
    let released = RowChange {
        operation: Operation::Update,
        phase: Phase::Main,
        values: columns.iter().map(|&column| (column, Param::Value(Value::Null))).collect(),
        key: row_key(row, primary),
        generated: None,
        old: row.old.clone(),
        expect: Expect::Exactly(1),
        ..row.clone()
    };
    Some(add(rows, released, Class::Update))
}

/// The key of a row, without its version: of an insert what it writes, else what finds it.
fn row_key(row: &RowChange, primary: &[usize]) -> Vec<(usize, Param)> {
    primary
        .iter()
        .filter_map(|&column| {
            let generated = row.generated.as_ref().and_then(|(first, columns)| {
                let place = columns.iter().position(|&one| one == column)?;
                Some(Param::Slot(first + place as u32))
            });
            let found = super::written(&row.key, column).cloned();
            let param =
                generated.or(found).or_else(|| super::written(&row.values, column).cloned());
            param.map(|param| (column, param))
        })
        .collect()
}

fn add(rows: &mut Rows<'_>, row: RowChange, class: Class) -> usize {
    let rank = rows.mapping.table(row.table).rank;
    let place = rows.items.len();
    rows.items.push(Item::Row(row));
    rows.priorities.push(((class as u8, rank, class), place));
    place
}

fn cycle(mapping: &Mapping, items: &[Item], ring: &[Edge], causes: &[CauseNode]) -> FlushError {
    let mut text = String::new();
    for edge in ring {
        if let Item::Row(row) = &items[edge.to] {
            if !text.is_empty() {
                text.push_str(" <- ");
            }
            let key = causes.get(row.cause as usize).and_then(|cause| cause.key.as_ref());
            // Writing to a String cannot fail.
            let _ = write_label(mapping, row.object, key, &mut text);
        }
    }
    FlushError::Cycle { ring: text }
}
