//! Grouping: neighbours of one shape become one step.

use std::sync::Arc;

use crate::batch::{Expect, Operation, Param};

use super::{Ordered, PlannedRow, Step, StepAction};

/// Groups rows that stand next to each other and have one shape. Their order stays.
pub(super) fn group(ordered: Vec<Ordered>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut params: Vec<Param> = Vec::new();
    for one in ordered {
        let (shape, row, values) = split(one);
        let fits = steps.last().is_some_and(|step| fits(step, &shape));
        if !fits {
            close(&mut steps, &mut params);
            steps.push(shape);
        }
        if let Some(step) = steps.last_mut() {
            step.rows.push(row);
            params.extend(values);
        }
    }
    close(&mut steps, &mut params);
    steps
}

/// Gives the collected parameters to the last step.
fn close(steps: &mut [Step], params: &mut Vec<Param>) {
    if let Some(step) = steps.last_mut() {
        step.params = Arc::new(std::mem::take(params));
    }
}

fn fits(step: &Step, shape: &Step) -> bool {
    !matches!(shape.action, StepAction::DeleteReached | StepAction::DetachReached)
        && step.action == shape.action
        && step.table == shape.table
        && step.expect == shape.expect
        && step.columns == shape.columns
        && step.keys == shape.keys
        && step.generated == shape.generated
}

/// The shape of a change as a step without rows, its row and its parameters.
fn split(one: Ordered) -> (Step, PlannedRow, Vec<Param>) {
    match one {
        Ordered::Row(row) => {
            let (slot, generated) = row.generated.unwrap_or_default();
            let action = match row.operation {
                Operation::Insert => StepAction::Insert,
                Operation::Update => StepAction::Update,
                Operation::Delete => StepAction::Delete,
            };
            let (columns, mut params): (Vec<_>, Vec<_>) = row.values.into_iter().unzip();
            let (keys, key_params): (Vec<_>, Vec<_>) = row.key.into_iter().unzip();
            params.extend(key_params);
            let shape =
                Step { columns, keys, generated, expect: row.expect, ..empty(action, row.table) };
            (shape, PlannedRow { object: Some(row.object), slot, cause: row.cause }, params)
        }
        Ordered::Link(link) => {
            let action = match link.operation {
                Operation::Insert => StepAction::Link,
                Operation::Update => StepAction::Relink,
                Operation::Delete => StepAction::Unlink,
            };
            let (mut columns, mut params): (Vec<_>, Vec<_>) = link.values.into_iter().unzip();
            let (mut keys, key_params): (Vec<_>, Vec<_>) = link.key.into_iter().unzip();
            params.extend(key_params);
            let mut expect = Expect::Exactly(1);
            match action {
                StepAction::Link => expect = Expect::Any,
                StepAction::Unlink => std::mem::swap(&mut columns, &mut keys),
                _ => {}
            }
            let shape = Step { columns, keys, expect, ..empty(action, link.table) };
            (shape, PlannedRow { object: None, slot: 0, cause: link.cause }, params)
        }
        Ordered::Set(set) => {
            let action = match set.operation {
                Operation::Update => StepAction::DetachReached,
                Operation::Insert | Operation::Delete => StepAction::DeleteReached,
            };
            let params = set.keys.into_iter().flatten().map(Param::Value).collect();
            let shape = Step { keys: set.columns, hops: set.hops, ..empty(action, set.table) };
            (shape, PlannedRow { object: None, slot: 0, cause: set.cause }, params)
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
