//! Ordering: groups of rows by table and operation first; only groups that depend on each other
//! in a ring are taken apart into rows.
//!
//! ```text
//!   insert users --> insert orders --> insert items        delete items --> delete orders --> ..
//!         \-----------------------> link in order_tags --> (links go before the deletes)
//! ```

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use rustc_hash::FxHashMap;

use crate::batch::{Operation, Param};
use crate::change::{Bulk, CauseNode, ChangeSet, Of, Phase};
use crate::error::FlushError;
use crate::mapping::{ForeignKey, Mapping, TableId};

use super::row::{self, Nulls, UniqueEdge};
use super::{Item, written};

/// What a group of rows does. The order of the words is the order in which groups go where
/// nothing else decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Class {
    Update,
    Insert,
    Unlink,
    Relink,
    Link,
    After,
    BeforeDelete,
    /// Rows that are reached by their parents' keys, and let go of them.
    Detached,
    /// Rows that are reached by their parents' keys, and go.
    Reached,
    Delete,
}

/// All rows of one table that are written in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Group {
    pub class: Class,
    pub table: TableId,
    rank: u32,
}

impl Group {
    /// Saves go by the rank of their tables, updates before inserts; then links; deletes go by
    /// the reverse rank.
    pub fn priority(&self) -> (u8, u32, Class) {
        match self.class {
            Class::Update | Class::Insert => (0, self.rank, self.class),
            Class::Detached | Class::Reached => (8, u32::MAX - self.rank, self.class),
            Class::Delete => (9, u32::MAX - self.rank, self.class),
            class => (class as u8, self.rank, class),
        }
    }
}

impl PartialOrd for Group {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Group {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.priority(), self.table).cmp(&(other.priority(), other.table))
    }
}

impl Item {
    pub(super) fn table(&self) -> TableId {
        match self {
            Item::Bulk(bulk) => bulk.table,
            Item::Row(row) => row.table,
            Item::Link(link) => link.table,
            Item::Set(set) => set.table,
        }
    }

    /// What it writes into a column.
    pub(super) fn writes(&self, column: usize) -> Option<&Param> {
        match self {
            Item::Row(row) => written(&row.values, column),
            Item::Link(link) => match link.operation {
                Operation::Delete => None,
                _ => written(&link.values, column),
            },
            // A bulk writes nothing that others wait for.
            Item::Bulk(_) | Item::Set(_) => None,
        }
    }

    fn class(&self) -> Class {
        match self {
            Item::Row(row) => match (row.operation, row.phase) {
                (_, Phase::After) => Class::After,
                (_, Phase::BeforeDelete) => Class::BeforeDelete,
                (Operation::Insert, Phase::Main) => Class::Insert,
                (Operation::Update, Phase::Main) => Class::Update,
                (Operation::Delete, Phase::Main) => Class::Delete,
            },
            Item::Link(link) => match link.operation {
                Operation::Insert => Class::Link,
                Operation::Update => Class::Relink,
                Operation::Delete => Class::Unlink,
            },
            Item::Bulk(bulk) => match (bulk.of, bulk.operation) {
                (Of::Objects, Operation::Insert) => Class::Insert,
                (Of::Objects, Operation::Update) => Class::Update,
                (Of::Objects, Operation::Delete) => Class::Delete,
                (Of::Links, Operation::Insert) => Class::Link,
                (Of::Links, Operation::Update) => Class::Relink,
                (Of::Links, Operation::Delete) => Class::Unlink,
            },
            Item::Set(set) => match set.operation {
                Operation::Update => Class::Detached,
                Operation::Insert | Operation::Delete => Class::Reached,
            },
        }
    }
}

/// Changes in their order.
pub(super) struct Ordered {
    pub items: Vec<Item>,
    pub causes: Vec<CauseNode>,
    /// The ring that is there unless keys are drawn ahead.
    pub ring_unless_drawn: Option<FlushError>,
}

/// Takes the only bulk of changes that have nothing else, and no slots to be numbered: there is nothing
/// to be ordered but its rows.
pub(super) fn take_alone(mapping: &Mapping, changes: &mut ChangeSet) -> Option<Bulk> {
    let ChangeSet { bulks, rows, links, sets, slots, .. } = changes;
    let is_alone = bulks.len() == 1
        && rows.is_empty()
        && links.is_empty()
        && sets.is_empty()
        && *slots == 0
        && !refers_to_itself(mapping, bulks[0].table);
    let mut bulk = if is_alone { bulks.pop()? } else { return None };
    if bulk.operation != Operation::Insert {
        bulk.sort_by_keys();
    }
    Some(bulk)
}

/// Whether rows of a table may refer to others of it.
fn refers_to_itself(mapping: &Mapping, table: TableId) -> bool {
    mapping.table(table).foreign_keys.iter().any(|key| key.parent == table)
}

/// Puts the changes into order.
pub(super) fn order(mapping: &Mapping, changes: ChangeSet) -> Result<Ordered, FlushError> {
    let mut changes = split_bulks(mapping, changes);
    let causes = changes.causes;
    let others = changes.rows.len() + changes.links.len() + changes.sets.len();
    if changes.bulks.len() + others <= 1 && changes.rows.is_empty() {
        let bulk = changes.bulks.pop().map(Item::Bulk);
        let link = changes.links.pop().map(Item::Link);
        let set = changes.sets.pop().map(Item::Set);
        let items = bulk.or(link).or(set).into_iter().collect();
        return Ok(Ordered { items, causes, ring_unless_drawn: None });
    }
    let bulks = changes.bulks.into_iter().map(Item::Bulk);
    let rows = changes.rows.into_iter().map(Item::Row);
    let links = changes.links.into_iter().map(Item::Link);
    let sets = changes.sets.into_iter().map(Item::Set);
    let mut groups: BTreeMap<Group, Vec<Item>> = BTreeMap::new();
    let mut last: Option<(Group, Vec<Item>)> = None;
    for item in bulks.chain(rows).chain(links).chain(sets) {
        let rank = mapping.table(item.table()).rank;
        let group = Group { class: item.class(), table: item.table(), rank };
        match &mut last {
            Some((known, items)) if *known == group => items.push(item),
            _ => {
                if let Some((known, items)) = last.take() {
                    groups.entry(known).or_default().extend(items);
                }
                last = Some((group, vec![item]));
            }
        }
    }
    if let Some((known, items)) = last {
        groups.entry(known).or_default().extend(items);
    }
    for (group, items) in &mut groups {
        sort(group.class, items);
    }
    let unique = unique_edges(mapping, &groups);
    let edges = group_edges(mapping, &groups, &unique);
    let mut ordered = Vec::new();
    let mut ring_unless_drawn = None;
    for component in components(&groups, &edges) {
        let alone = matches!(component.as_slice(), [one] if !edges.contains(&(*one, *one)));
        let taken = component.into_iter().filter_map(|group| Some((group, groups.remove(&group)?)));
        if alone {
            taken.for_each(|(_, items)| append(&mut ordered, items));
        } else {
            let taken = taken.map(|(group, items)| (group, one_by_one(group, items)));
            let sorted = row::sort_rows(mapping, taken.collect(), &unique, &edges, &causes)?;
            ring_unless_drawn = ring_unless_drawn.or(sorted.ring_unless_drawn);
            append(&mut ordered, sorted.items);
        }
    }
    Ok(Ordered { items: ordered, causes, ring_unless_drawn })
}

/// Takes bulks apart whose rows may wait for each other or for other rows of their table, and puts the
/// others into the order in which they are written: inserts as they came, all else by key.
fn split_bulks(mapping: &Mapping, mut changes: ChangeSet) -> ChangeSet {
    let bulks = std::mem::take(&mut changes.bulks);
    let mut shapes: FxHashMap<TableId, usize> = FxHashMap::default();
    if bulks.len() > 1 {
        for bulk in bulks.iter().filter(|bulk| bulk.operation == Operation::Update) {
            *shapes.entry(bulk.table).or_default() += 1;
        }
    }
    let ChangeSet { rows, links, .. } = &mut changes;
    let stays_whole = |mut bulk: Bulk| {
        let others = rows.iter().any(|row| row.table == bulk.table);
        let several = bulk.operation == Operation::Update
            && shapes.get(&bulk.table).is_some_and(|&shapes| shapes > 1);
        if !(several || others || refers_to_itself(mapping, bulk.table)) {
            if bulk.operation != Operation::Insert {
                bulk.sort_by_keys();
            }
            return Some(bulk);
        }
        if bulk.of == Of::Links {
            links.extend(bulk.into_links());
        } else {
            rows.extend(bulk.into_rows());
        }
        None
    };
    changes.bulks = bulks.into_iter().filter_map(stays_whole).collect();
    changes
}

/// Takes the bulks of a group apart, and puts its rows into their order.
fn one_by_one(group: Group, items: Vec<Item>) -> Vec<Item> {
    if !items.iter().any(|item| matches!(item, Item::Bulk(_))) {
        return items;
    }
    let mut rows = Vec::new();
    for item in items {
        match item {
            Item::Bulk(bulk) if bulk.of == Of::Links => {
                rows.extend(bulk.into_links().into_iter().map(Item::Link));
            }
            Item::Bulk(bulk) => rows.extend(bulk.into_rows().into_iter().map(Item::Row)),
            item => rows.push(item),
        }
    }
    sort(group.class, &mut rows);
    rows
}

/// Appends changes; the first ones stay where they are.
fn append(ordered: &mut Vec<Item>, items: Vec<Item>) {
    if ordered.is_empty() {
        *ordered = items;
    } else {
        ordered.extend(items);
    }
}

/// Inserts go in the order in which the objects were added, everything else by key, so that two
/// sessions touch rows in one order.
fn sort(class: Class, items: &mut [Item]) {
    fn key(item: &Item) -> &[(usize, Param)] {
        match item {
            Item::Row(row) => &row.key,
            Item::Link(link) => &link.values,
            Item::Bulk(_) | Item::Set(_) => &[],
        }
    }
    fn compare(one: &[(usize, Param)], other: &[(usize, Param)]) -> Ordering {
        let pairs = one.iter().zip(other).map(|((_, a), (_, b))| a.as_ref().compare(b.as_ref()));
        pairs.fold(Ordering::Equal, Ordering::then)
    }
    match class {
        Class::Insert => {
            let order = |item: &Item| match item {
                Item::Row(row) => row.order,
                Item::Bulk(bulk) => bulk.rows.first().map_or(0, |row| row.order),
                Item::Link(_) | Item::Set(_) => 0,
            };
            if !items.is_sorted_by_key(order) {
                items.sort_by_key(order);
            }
        }
        Class::Detached | Class::Reached | Class::Link => {}
        _ => {
            if !items.is_sorted_by(|one, other| compare(key(one), key(other)).is_le()) {
                items.sort_by(|one, other| compare(key(one), key(other)));
            }
        }
    }
}

// --- Edges between groups ------------------------------------------------------------------------

/// Which group must go before which.
pub(super) type Edges = BTreeSet<(Group, Group)>;

fn group_edges(
    mapping: &Mapping,
    groups: &BTreeMap<Group, Vec<Item>>,
    unique: &[UniqueEdge],
) -> Edges {
    let mut edges = Edges::new();
    for (&child, items) in groups {
        for key in &mapping.table(child.table).foreign_keys {
            for &parent in groups.keys().filter(|group| group.table == key.parent) {
                if waits(child, parent, key, groups) && (child != parent || points(items, key)) {
                    edges.insert((parent, child));
                }
                let lets_go = !matches!(child.class, Class::Insert | Class::Link);
                let parent_goes = matches!(parent.class, Class::Delete | Class::Reached);
                if lets_go && parent_goes && may_hold(items, key, child == parent) {
                    edges.insert((child, parent));
                }
            }
        }
        for &other in groups.keys().filter(|group| group.table == child.table) {
            if follows_in_table(child.class, other.class) {
                edges.insert((child, other));
            }
        }
    }
    edges.extend(unique.iter().map(|edge| (edge.giver_group, edge.taker_group)));
    edges
}

/// Whether rows of `child` may refer to what `parent` writes.
fn waits(
    child: Group,
    parent: Group,
    key: &ForeignKey,
    groups: &BTreeMap<Group, Vec<Item>>,
) -> bool {
    let writes = !matches!(
        child.class,
        Class::Delete | Class::Unlink | Class::Detached | Class::Reached | Class::BeforeDelete
    );
    let provides = match parent.class {
        Class::Insert => true,
        Class::Update => groups[&parent]
            .iter()
            .any(|item| key.references.iter().any(|&column| item.writes(column).is_some())),
        _ => false,
    };
    writes && provides && !(child == parent && child.class == Class::Update)
}

/// Whether a row of the group has a foreign key to another row of its own table.
fn points(items: &[Item], key: &ForeignKey) -> bool {
    items.iter().any(|item| {
        let mut columns = key.columns.iter();
        columns.all(|&column| {
            item.writes(column)
                .is_some_and(|param| *param != Param::Value(crate::value::Value::Null))
        })
    })
}

/// Whether a row may have had a foreign key, in its own table or in another one. Of rows that go all is
/// known; of others in another table it is taken for granted.
fn may_hold(items: &[Item], key: &ForeignKey, in_one_table: bool) -> bool {
    items.iter().any(|item| match item {
        Item::Row(row) if in_one_table || row.operation == Operation::Delete => {
            row::may_have_held(row, key, !in_one_table)
        }
        _ => !in_one_table,
    })
}

/// The fixed order of some operations on one table.
fn follows_in_table(one: Class, other: Class) -> bool {
    use Class::*;
    matches!(
        (one, other),
        (Insert | Update, After)
            | (Update | After, BeforeDelete)
            | (BeforeDelete, Delete)
            | (Unlink, Relink | Link | Detached | Reached)
            | (Relink, Link)
    )
}

// --- Unique values ---------------------------------------------------------------------------------

/// Finds unique values that one row gives up and another takes.
fn unique_edges(mapping: &Mapping, groups: &BTreeMap<Group, Vec<Item>>) -> Vec<UniqueEdge> {
    let mut edges = Vec::new();
    for table in mapping.tables() {
        let of_table: Vec<_> = groups.iter().filter(|(group, _)| group.table == table.id).collect();
        let gives = |group: &Group| matches!(group.class, Class::Update | Class::Delete);
        let takes = |group: &Group| matches!(group.class, Class::Update | Class::Insert);
        let pairs = of_table.iter().any(|(group, _)| gives(group))
            && of_table.iter().any(|(group, _)| takes(group));
        if !pairs {
            continue;
        }
        for (set, columns) in table.uniques.iter().enumerate() {
            let nulls = if table.uniques_nulls_not_distinct.contains(columns) {
                Nulls::NotDistinct
            } else {
                Nulls::Distinct
            };
            let mut givers = FxHashMap::default();
            let written = |(group, items): &(&Group, &Vec<Item>)| {
                group.class == Class::Delete
                    || items.iter().any(|item| columns.iter().any(|&c| item.writes(c).is_some()))
            };
            let giving = of_table.iter().filter(|(group, _)| gives(group));
            for (group, items) in giving.filter(|one| written(one)) {
                for (place, item) in items.iter().enumerate() {
                    if let Some(value) = row::unique_given_up(item, columns, nulls) {
                        givers.insert(value, (**group, place));
                    }
                }
            }
            if givers.is_empty() {
                continue;
            }
            for (group, items) in of_table.iter().filter(|(group, _)| takes(group)) {
                for (place, item) in items.iter().enumerate() {
                    let taken = row::unique_taken(item, columns, nulls);
                    if let Some(&(giver_group, giver)) = taken.and_then(|value| givers.get(&value))
                        && (giver_group, giver) != (**group, place)
                    {
                        let (taker_group, taker) = (**group, place);
                        edges.push(UniqueEdge { giver_group, giver, taker_group, taker, set });
                    }
                }
            }
        }
    }
    edges
}

// --- Components --------------------------------------------------------------------------------------

/// The groups in an order that the edges allow; groups that form a ring come together.
fn components(groups: &BTreeMap<Group, Vec<Item>>, edges: &Edges) -> Vec<Vec<Group>> {
    let nodes: Vec<Group> = groups.keys().copied().collect();
    let place: FxHashMap<Group, usize> = nodes.iter().enumerate().map(|(i, &g)| (g, i)).collect();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (from, to) in edges {
        after[place[from]].push(place[to]);
    }
    let reach: Vec<Vec<bool>> = (0..nodes.len()).map(|node| reachable(&after, node)).collect();
    // A component is named by the first of its groups, which comes first where nothing decides.
    let component: Vec<usize> = (0..nodes.len())
        .map(|node| {
            (0..node).find(|&other| reach[node][other] && reach[other][node]).unwrap_or(node)
        })
        .collect();
    let between: BTreeSet<(usize, usize)> = edges
        .iter()
        .map(|(from, to)| (component[place[from]], component[place[to]]))
        .filter(|(from, to)| from != to)
        .collect();
    let mut waiting = vec![0; nodes.len()];
    for &(_, to) in &between {
        waiting[to] += 1;
    }
    let mut ready: BinaryHeap<Reverse<usize>> = (0..nodes.len())
        .filter(|&node| component[node] == node && waiting[node] == 0)
        .map(Reverse)
        .collect();
    let mut sorted = Vec::new();
    while let Some(Reverse(id)) = ready.pop() {
        sorted.push((0..nodes.len()).filter(|&n| component[n] == id).map(|n| nodes[n]).collect());
        for &(_, to) in between.range((id, 0)..(id + 1, 0)) {
            waiting[to] -= 1;
            if waiting[to] == 0 {
                ready.push(Reverse(to));
            }
        }
    }
    sorted
}

/// The nodes that can be reached from a node by at least one edge.
fn reachable(after: &[Vec<usize>], from: usize) -> Vec<bool> {
    let mut reached = vec![false; after.len()];
    let mut stack = after[from].clone();
    while let Some(node) = stack.pop() {
        if !std::mem::replace(&mut reached[node], true) {
            stack.extend(&after[node]);
        }
    }
    reached
}
