//! Grouping: neighbours of one shape become one step.

use std::sync::Arc;

use crate::batch::{Expect, Operation, Param, ParamList, ParamRef};
use crate::change::{Bulk, LinkChange, Of};

use super::{Item, PlannedRow, Step, StepAction};

/// Groups rows that stand next to each other and have one shape. Their order stays.
pub(super) fn group(ordered: Vec<Item>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut params = ParamList::new();
    for item in ordered {
        let item = match item {
            Item::Bulk(bulk) => {
                close(&mut steps, &mut params);
                params = ParamList::new();
                steps.push(whole(bulk));
                continue;
            }
            item => item,
        };
        if !steps.last().is_some_and(|step| fits(step, &item)) {
            close(&mut steps, &mut params);
            steps.push(shape(&item));
        }
        if let Some(step) = steps.last_mut() {
            step.rows.push(take(item, &mut params));
        }
    }
    close(&mut steps, &mut params);
    steps
}

/// The step that a bulk is.
pub(super) fn whole(bulk: Bulk) -> Step {
    let action = match (bulk.of, bulk.operation) {
        (Of::Objects, Operation::Insert) => StepAction::Insert,
        (Of::Objects, Operation::Update) => StepAction::Update,
        (Of::Objects, Operation::Delete) => StepAction::Delete,
        (Of::Links, Operation::Insert) => StepAction::Link,
        (Of::Links, Operation::Update) => StepAction::Relink,
        (Of::Links, Operation::Delete) => StepAction::Unlink,
    };
    let expect = bulk.expect();
    // They take the places of those that they are made of.
    let rows = bulk.rows.into_iter();
    Step {
        action,
        table: bulk.table,
        columns: bulk.columns,
        keys: bulk.keys,
        generated: bulk.generated.to_vec(),
        params: Arc::new(bulk.params),
        rows: rows
            .map(|row| PlannedRow { object: row.object, slot: row.slot, cause: row.cause })
            .collect(),
        expect,
        hops: Vec::new(),
    }
}

/// Gives the collected parameters to the last step, unless it has its own.
fn close(steps: &mut [Step], params: &mut ParamList) {
    if let Some(step) = steps.last_mut()
        && !params.is_empty()
    {
        step.params = Arc::new(std::mem::take(params));
    }
}

fn action(item: &Item) -> StepAction {
    match item {
        Item::Row(row) => match row.operation {
            Operation::Insert => StepAction::Insert,
            Operation::Update => StepAction::Update,
            Operation::Delete => StepAction::Delete,
        },
        Item::Link(link) => match link.operation {
            Operation::Insert => StepAction::Link,
            Operation::Update => StepAction::Relink,
            Operation::Delete => StepAction::Unlink,
        },
        Item::Set(set) => match set.operation {
            Operation::Update => StepAction::DetachReached,
            Operation::Insert | Operation::Delete => StepAction::DeleteReached,
        },
        Item::Bulk(bulk) => match bulk.operation {
            Operation::Insert => StepAction::Insert,
            Operation::Update => StepAction::Update,
            Operation::Delete => StepAction::Delete,
        },
    }
}

/// Columns with their parameters.
type Pairs = [(usize, Param)];

/// The columns that an association row writes, and those that find it. A DELETE finds it by all.
fn link_parts(link: &LinkChange) -> (&Pairs, &Pairs) {
    match link.operation {
        Operation::Delete => (&[], &link.values),
        Operation::Insert | Operation::Update => (&link.values, &link.key),
    }
}

fn expected(item: &Item) -> Expect {
    match item {
        Item::Row(row) => row.expect,
        Item::Link(link) if link.operation != Operation::Insert => Expect::Exactly(1),
        Item::Bulk(bulk) => bulk.expect(),
        Item::Link(_) | Item::Set(_) => Expect::Any,
    }
}

/// Whether the change has the shape of the step.
fn fits(step: &Step, item: &Item) -> bool {
    let same = |columns: &[usize], pairs: &[(usize, Param)]| {
        columns.len() == pairs.len()
            && columns.iter().zip(pairs).all(|(one, (other, _))| one == other)
    };
    if step.table != item.table() || step.action != action(item) || step.expect != expected(item) {
        return false;
    }
    match item {
        Item::Row(row) => {
            let generated = row.generated.as_ref().map_or(&[][..], |(_, columns)| columns);
            same(&step.columns, &row.values)
                && same(&step.keys, &row.key)
                && step.generated == generated
        }
        Item::Link(link) => {
            let (values, key) = link_parts(link);
            same(&step.columns, values) && same(&step.keys, key)
        }
        Item::Bulk(_) | Item::Set(_) => false,
    }
}

/// A step of the shape of the change, without rows.
fn shape(item: &Item) -> Step {
    let columns = |pairs: &[(usize, Param)]| pairs.iter().map(|(column, _)| *column).collect();
    let step = Step { expect: expected(item), ..empty(action(item), item.table()) };
    match item {
        Item::Row(row) => Step {
            columns: columns(&row.values),
            keys: columns(&row.key),
            generated: row
                .generated
                .as_ref()
                .map_or_else(Vec::new, |(_, columns)| columns.to_vec()),
            ..step
        },
        Item::Link(link) => {
            let (values, key) = link_parts(link);
            Step { columns: columns(values), keys: columns(key), ..step }
        }
        Item::Bulk(_) => step,
        Item::Set(set) => Step { keys: set.columns.clone(), hops: set.hops.clone(), ..step },
    }
}

/// The row of the change; its parameters go to the others.
fn take(item: Item, params: &mut ParamList) -> PlannedRow {
    match item {
        Item::Row(row) => {
            params.extend(row.values.iter().chain(&row.key).map(|(_, param)| param.as_ref()));
            let slot = row.generated.map_or(0, |(slot, _)| slot);
            PlannedRow { object: Some(row.object), slot, cause: row.cause }
        }
        Item::Link(link) => {
            params.extend(link.values.iter().chain(&link.key).map(|(_, param)| param.as_ref()));
            PlannedRow { object: None, slot: 0, cause: link.cause }
        }
        Item::Bulk(bulk) => {
            params.extend(bulk.params.as_slice().iter());
            PlannedRow { object: None, slot: 0, cause: 0 }
        }
        Item::Set(set) => {
            params.extend(set.keys.iter().flatten().map(|value| ParamRef::Value(value.as_ref())));
            PlannedRow { object: None, slot: 0, cause: set.cause }
        }
    }
}

fn empty(action: StepAction, table: crate::mapping::TableId) -> Step {
    Step {
        action,
        table,
        columns: Vec::new(),
        keys: Vec::new(),
        generated: Vec::new(),
        params: Arc::default(),
        rows: Vec::new(),
        expect: Expect::Any,
        hops: Vec::new(),
    }
}
