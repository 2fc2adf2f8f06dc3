//! Rows: the order of single rows in groups that depend on each other in a ring.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::batch::{Operation, Param};
use crate::change::{CauseNode, Phase, RowChange};
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::mapping::{ForeignKey, Mapping, TableId};
use crate::value::Value;

use super::order::{Class, Edges, Group};
use super::ring;
use super::{Item, given_up};

/// A unique value that one row gives up and another takes, by the places of the rows in their
/// groups.
#[derive(Clone, Copy, Debug)]
pub(super) struct UniqueEdge {
    pub giver_group: Group,
    pub giver: usize,
    pub taker_group: Group,
    pub taker: usize,
    pub set: usize,
}

/// Why one row goes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Why {
    /// The later row refers to the earlier one by this foreign key of its table.
    Refers(usize),
    /// The earlier row lets go of the later one, which is deleted, by this foreign key of its
    /// table.
    LetsGo(usize),
    /// The later row takes a unique value that the earlier one gives up.
    Unique(usize),
    /// They are statements for one row, or their groups stand in a fixed order.
    Fixed,
}

/// One row goes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Edge {
    pub from: usize,
    pub to: usize,
    pub why: Why,
}

/// The rows of a ring of groups.
pub(super) struct Rows<'m> {
    pub mapping: &'m Mapping,
    pub items: Vec<Item>,
    /// What decides where nothing else does.
    pub priorities: Vec<((u8, u32, Class), usize)>,
    /// The columns that are set to NULL before rows are deleted, by the objects of those.
    blanked: FxHashMap<ObjectId, Vec<usize>>,
    pub edges: Vec<Edge>,
    /// The ring that is there unless keys are drawn ahead.
    pub ring_unless_drawn: Option<FlushError>,
}

/// Rows in their order.
pub(super) struct Sorted {
    pub items: Vec<Item>,
    /// The ring that is there unless keys are drawn ahead.
    pub ring_unless_drawn: Option<FlushError>,
}

/// Sorts the rows of groups that form a ring; cuts rings of rows where they can be cut.
pub(super) fn sort_rows(
    mapping: &Mapping,
    groups: Vec<(Group, Vec<Item>)>,
    unique: &[UniqueEdge],
    group_edges: &Edges,
    causes: &[CauseNode],
) -> Result<Sorted, FlushError> {
    let mut rows = Rows {
        mapping,
        items: Vec::new(),
        priorities: Vec::new(),
        blanked: FxHashMap::default(),
        edges: Vec::new(),
        ring_unless_drawn: None,
    };
    let mut starts = FxHashMap::default();
    for (group, items) in groups {
        starts.insert(group, (rows.items.len(), items.len()));
        for (place, item) in items.into_iter().enumerate() {
            rows.note_blanked(&item);
            rows.items.push(item);
            rows.priorities.push((group.priority(), place));
        }
    }
    rows.add_foreign_key_edges();
    rows.add_same_row_edges();
    rows.add_coarse_edges(&starts, group_edges);
    for edge in unique {
        if let (Some((giver, _)), Some((taker, _))) =
            (starts.get(&edge.giver_group), starts.get(&edge.taker_group))
        {
            let (from, to) = (giver + edge.giver, taker + edge.taker);
            rows.edges.push(Edge { from, to, why: Why::Unique(edge.set) });
        }
    }
    loop {
        match rows.sorted() {
            Ok(order) => return Ok(rows.into_order(order)),
            Err(waiting) => ring::open_rings(&mut rows, &waiting, causes)?,
        }
    }
}

impl Rows<'_> {
    pub fn foreign_key(&self, table: TableId, key: usize) -> &ForeignKey {
        &self.mapping.table(table).foreign_keys[key]
    }

    fn add_foreign_key_edges(&mut self) {
        let mut tables: Vec<TableId> = self.items.iter().map(Item::table).collect();
        tables.sort_unstable();
        tables.dedup();
        let mapping = self.mapping;
        for table in tables {
            for (number, key) in mapping.table(table).foreign_keys.iter().enumerate() {
                self.add_edges_of(table, number, key);
            }
        }
    }

    fn add_edges_of(&mut self, table: TableId, number: usize, key: &ForeignKey) {
        let mut providers: FxHashMap<Vec<Param>, usize> = FxHashMap::default();
        let mut losers: FxHashMap<Vec<Value>, usize> = FxHashMap::default();
        for (place, item) in self.items.iter().enumerate() {
            let Item::Row(row) = item else { continue };
            if row.table != key.parent || row.phase != Phase::Main {
                continue;
            }
            match row.operation {
                Operation::Delete => {
                    if let Some(value) = old_values(item, &key.references) {
                        losers.insert(value, place);
                    }
                }
                Operation::Insert | Operation::Update => {
                    if let Some(value) = provided(item, &key.references) {
                        providers.insert(value, place);
                    }
                }
            }
        }
        if providers.is_empty() && losers.is_empty() {
            return;
        }
        let mut edges = Vec::new();
        for (place, item) in self.items.iter().enumerate().filter(|(_, item)| item.table() == table)
        {
            if let Some(&provider) =
                new_values(item, &key.columns).and_then(|new| providers.get(&new))
            {
                let ignored = provider == place && !is_insert(item);
                if !ignored {
                    edges.push(Edge { from: provider, to: place, why: Why::Refers(number) });
                }
            }
            if let Some(&loser) = old_values(item, &key.columns).and_then(|old| losers.get(&old))
                && loser != place
                && lets_go(item, key)
                && !self.lets_go_before(item, key)
            {
                edges.push(Edge { from: place, to: loser, why: Why::LetsGo(number) });
            }
        }
        self.edges.extend(edges);
    }

    fn note_blanked(&mut self, item: &Item) {
        let Item::Row(row) = item else { return };
        if row.phase == Phase::BeforeDelete {
            let columns = row.values.iter().map(|&(column, _)| column);
            self.blanked.entry(row.object).or_default().extend(columns);
        }
    }

    /// Whether the deleted row's foreign key is set to NULL by an earlier statement for it.
    fn lets_go_before(&self, item: &Item, key: &ForeignKey) -> bool {
        let Item::Row(row) = item else { return false };
        let blanks = |columns: &Vec<usize>| key.columns.iter().any(|one| columns.contains(one));
        row.operation == Operation::Delete && self.blanked.get(&row.object).is_some_and(blanks)
    }

    /// Statements for one row keep their order.
    fn add_same_row_edges(&mut self) {
        let mut of_object: FxHashMap<_, Vec<usize>> = FxHashMap::default();
        for (place, item) in self.items.iter().enumerate() {
            if let Item::Row(row) = item {
                of_object.entry(row.object).or_default().push(place);
            }
        }
        for places in of_object.values().filter(|places| places.len() > 1) {
            for &from in places {
                for &to in places {
                    if self.stage(from) < self.stage(to) {
                        self.edges.push(Edge { from, to, why: Why::Fixed });
                    }
                }
            }
        }
        self.edges.sort_unstable_by_key(|edge| (edge.from, edge.to));
    }

    fn stage(&self, place: usize) -> u8 {
        match &self.items[place] {
            Item::Row(row) => match (row.phase, row.operation) {
                (Phase::Main, Operation::Delete) => 3,
                (Phase::Main, _) => 0,
                (Phase::After, _) => 1,
                (Phase::BeforeDelete, _) => 2,
            },
            Item::Bulk(_) | Item::Link(_) | Item::Set(_) => 0,
        }
    }

    /// Groups whose rows are not known one by one keep the order of the groups. What is known of a
    /// row that goes before such a group is the foreign key by which it may hold one of its rows.
    fn add_coarse_edges(&mut self, starts: &FxHashMap<Group, (usize, usize)>, edges: &Edges) {
        let is_coarse = |group: &Group| {
            matches!(
                group.class,
                Class::Detached | Class::Reached | Class::Unlink | Class::Relink | Class::Link
            )
        };
        for (from, to) in edges.iter().filter(|(from, to)| is_coarse(from) || is_coarse(to)) {
            let (Some(&(a, a_count)), Some(&(b, b_count))) = (starts.get(from), starts.get(to))
            else {
                continue;
            };
            for from in a..a + a_count {
                for why in self.reasons_before_group(from, to) {
                    let others = (b..b + b_count).filter(|&to| to != from);
                    self.edges.extend(others.map(|to| Edge { from, to, why }));
                }
            }
        }
    }

    /// Why a row, or rows that are not known one by one, go before such a group.
    fn reasons_before_group(&self, place: usize, group: &Group) -> Vec<Why> {
        let item = &self.items[place];
        let (Class::Reached, Item::Row(row)) = (group.class, item) else {
            return vec![Why::Fixed];
        };
        let keys = self.mapping.table(item.table()).foreign_keys.iter().enumerate();
        let holding = keys.filter(|(_, key)| {
            key.parent == group.table
                && lets_go(item, key)
                && may_have_held(row, key, true)
                && !self.lets_go_before(item, key)
        });
        holding.map(|(number, _)| Why::LetsGo(number)).collect()
    }

    /// An order that all edges allow. If there is none, for how many others each row still waits.
    fn sorted(&self) -> Result<Vec<usize>, Vec<usize>> {
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); self.items.len()];
        let mut waiting = vec![0usize; self.items.len()];
        for edge in &self.edges {
            after[edge.from].push(edge.to);
            waiting[edge.to] += 1;
        }
        // Rows of one depth go together, so that they can share statements.
        let mut depth = vec![0u32; self.items.len()];
        let rank = |place: usize, depth: u32| {
            let (group, order) = self.priorities[place];
            Reverse((group, depth, order, place))
        };
        let mut ready: BinaryHeap<_> = (0..self.items.len())
            .filter(|&place| waiting[place] == 0)
            .map(|place| rank(place, 0))
            .collect();
        let mut order = Vec::with_capacity(self.items.len());
        while let Some(Reverse((_, _, _, place))) = ready.pop() {
            order.push(place);
            for &next in &after[place] {
                waiting[next] -= 1;
                depth[next] = depth[next].max(depth[place] + 1);
                if waiting[next] == 0 {
                    ready.push(rank(next, depth[next]));
                }
            }
        }
        if order.len() == self.items.len() { Ok(order) } else { Err(waiting) }
    }

    fn into_order(self, order: Vec<usize>) -> Sorted {
        let mut items: Vec<Option<Item>> = self.items.into_iter().map(Some).collect();
        let items = order.into_iter().filter_map(|place| items[place].take()).collect();
        Sorted { items, ring_unless_drawn: self.ring_unless_drawn }
    }
}

/// Whether a row no longer has its foreign key once it is written. An update of other columns does
/// not let go, and the database is to say so.
fn lets_go(item: &Item, key: &ForeignKey) -> bool {
    match item {
        Item::Row(row) if row.operation == Operation::Update => {
            key.columns.iter().any(|&column| item.writes(column).is_some())
        }
        _ => true,
    }
}

/// Whether a row may have a foreign key before it is written; a column of which that is not known
/// counts as `unknown`.
pub(super) fn may_have_held(row: &RowChange, key: &ForeignKey, unknown: bool) -> bool {
    let old = |column: &usize| given_up(&row.old, *column);
    key.columns.iter().all(|column| old(column).map_or(unknown, |value| !value.is_null()))
}

fn is_insert(item: &Item) -> bool {
    matches!(item, Item::Row(row) if row.operation == Operation::Insert)
}

/// The foreign key that a row has after it is written; none if a part is NULL or nothing of it
/// is written.
fn new_values(item: &Item, columns: &[usize]) -> Option<Vec<Param>> {
    if !columns.iter().any(|&column| item.writes(column).is_some()) {
        return None;
    }
    columns
        .iter()
        .map(|&column| match (item.writes(column), item) {
            (Some(Param::Value(Value::Null)), _) => None,
            (Some(param), _) => Some(param.clone()),
            (None, Item::Row(row)) => given_up(&row.old, column)
                .filter(|value| !value.is_null())
                .cloned()
                .map(Param::Value),
            (None, _) => None,
        })
        .collect()
}

/// What others can refer to once the row is written; none if that does not change.
fn provided(item: &Item, columns: &[usize]) -> Option<Vec<Param>> {
    let Item::Row(row) = item else { return None };
    let generated = |column: usize| {
        let (first, generated) = row.generated.as_ref()?;
        let place = generated.iter().position(|&one| one == column)?;
        Some(Param::Slot(first + place as u32))
    };
    if row.operation == Operation::Update && !columns.iter().any(|&c| item.writes(c).is_some()) {
        return None;
    }
    columns
        .iter()
        .map(|&column| match item.writes(column) {
            Some(Param::Value(Value::Null)) => None,
            Some(param) => Some(param.clone()),
            None => {
                generated(column).or_else(|| given_up(&row.old, column).cloned().map(Param::Value))
            }
        })
        .collect()
}

/// What a row has before it is written; none if a part is NULL or not known.
fn old_values(item: &Item, columns: &[usize]) -> Option<Vec<Value>> {
    match item {
        Item::Row(row) => old_of_row(row, columns, Nulls::Distinct),
        Item::Link(link) if link.operation != Operation::Insert => columns
            .iter()
            .map(|&column| match super::written(&link.values, column) {
                Some(Param::Value(value)) => Some(value.clone()),
                _ => None,
            })
            .collect(),
        Item::Bulk(_) | Item::Link(_) | Item::Set(_) => None,
    }
}

/// What a row has before it is written; none if a part is not known, or is a NULL that counts as
/// none.
fn old_of_row(row: &RowChange, columns: &[usize], nulls: Nulls) -> Option<Vec<Value>> {
    let old = columns.iter().map(|&column| given_up(&row.old, column));
    old.map(|value| value.filter(|value| nulls.counts(value)).cloned()).collect()
}

/// Whether a unique constraint takes two NULLs for one value.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Nulls {
    Distinct,
    NotDistinct,
}

impl Nulls {
    /// The value, unless it is a NULL that equals no other.
    fn counts(self, value: &Value) -> bool {
        self == Nulls::NotDistinct || !value.is_null()
    }
}

/// The unique value that a row gives up; none if it keeps it, or it has a NULL that equals no
/// other.
pub(super) fn unique_given_up(item: &Item, columns: &[usize], nulls: Nulls) -> Option<Vec<Value>> {
    let Item::Row(row) = item else { return None };
    if row.operation == Operation::Delete {
        return old_of_row(row, columns, nulls);
    }
    if !columns.iter().any(|&column| item.writes(column).is_some()) {
        return None;
    }
    let old = old_of_row(row, columns, nulls)?;
    let keeps = columns.iter().zip(&old).all(|(&column, old)| match item.writes(column) {
        None => true,
        Some(Param::Value(new)) => new == old,
        Some(Param::Slot(_)) => false,
    });
    (!keeps).then_some(old)
}

/// The unique value that a row takes; none if it has it already, or it has a NULL that equals no
/// other.
pub(super) fn unique_taken(item: &Item, columns: &[usize], nulls: Nulls) -> Option<Vec<Value>> {
    let Item::Row(row) = item else { return None };
    if !columns.iter().any(|&column| item.writes(column).is_some()) {
        return None;
    }
    let new: Option<Vec<Value>> = columns
        .iter()
        .map(|&column| match item.writes(column) {
            Some(Param::Value(value)) => Some(value),
            Some(Param::Slot(_)) => None,
            None => given_up(&row.old, column),
        })
        .map(|value| value.filter(|value| nulls.counts(value)).cloned())
        .collect();
    let new = new?;
    let kept = columns.iter().zip(&new).all(|(&c, new)| given_up(&row.old, c) == Some(new));
    (row.operation != Operation::Update || !kept).then_some(new)
}
