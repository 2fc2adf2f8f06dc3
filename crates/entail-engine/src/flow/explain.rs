//! Explaining: which object a failed statement was about, and why its row was written.

use crate::batch::{ParamRef, ParamSlice};
use crate::error::{
    BatchFailure, DriverError, Error, FlushError, ForeignKeyViolation, Integrity, Violation,
    ViolationKind,
};
use crate::mapping::Table;
use crate::plan::{Plan, PlannedRow, Step, StepAction};
use crate::sql::Place;
use crate::unit::Unit;
use crate::value::Value;

/// Says which object a failure is about, and why its row was written.
pub(super) fn explain(
    unit: &Unit,
    plan: &Plan,
    place: Option<&Place>,
    failure: BatchFailure,
) -> Error {
    let step = place.and_then(|place| plan.steps.get(place.step));
    let row = match (place, step) {
        (Some(place), Some(step)) if place.rows == 1 => {
            step.rows.get(place.first + failure.execution)
        }
        (Some(place), Some(step)) => {
            let table = unit.mapping().table(step.table);
            let first = place.first + failure.execution * place.rows;
            one_of(step, table, first, place.rows, &failure.error)
        }
        _ => None,
    };
    let object = row.and_then(|row| row.object).map(|object| unit.arena.label(object));
    match failure.error {
        DriverError::Integrity(violation) => {
            let cause = row.map(|row| plan.cause(row.cause));
            Error::Integrity(Box::new(Integrity::new(*violation, object, cause)))
        }
        DriverError::RowCount { table, expected, written } => {
            let object = object.unwrap_or_else(|| format!("a row of {table}"));
            Error::Flush(miscounted(object, table, step.map(|step| step.action), expected, written))
        }
        error => Error::Driver(error),
    }
}

/// What it means that a statement wrote another number of rows than it should.
fn miscounted(
    object: String,
    table: String,
    action: Option<StepAction>,
    expected: u64,
    written: u64,
) -> FlushError {
    let statement = match action {
        Some(StepAction::Insert | StepAction::Link) => {
            return FlushError::NotInserted { object, table, expected, written };
        }
        Some(StepAction::Update | StepAction::Relink | StepAction::DetachReached) => "UPDATE",
        Some(StepAction::Delete | StepAction::Unlink | StepAction::DeleteReached) => "DELETE",
        None => "a statement",
    };
    FlushError::Stale { object, table, statement, expected, written }
}

/// The row that failed, of several in one statement: the database says so only by the key that it
/// found fault with.
fn one_of<'s>(
    step: &'s Step,
    table: &Table,
    first: usize,
    rows: usize,
    error: &DriverError,
) -> Option<&'s PlannedRow> {
    let DriverError::Integrity(violation) = error else { return None };
    let (columns, key) = fault(violation, step, table)?;
    let written: Vec<usize> = step.columns.iter().chain(&step.keys).copied().collect();
    let places: Vec<usize> = columns
        .iter()
        .map(|column| written.iter().position(|one| one == column))
        .collect::<Option<_>>()?;
    let has_key = |row: ParamSlice<'_>| {
        let values = places.iter().map(|&place| row.get(place));
        values.eq(key.iter().map(|value| Some(ParamRef::Value(value.as_ref()))))
    };
    let params = step.params.as_slice();
    let range = first..(first + rows).min(step.rows.len());
    let mut found = range.filter(|row| has_key(params.part(row * written.len(), written.len())));
    let row = found.next()?;
    // Rows that share the fault cannot be told apart.
    if found.next().is_none() { step.rows.get(row) } else { None }
}

/// The columns of the step's table that hold the key in question, and that key.
fn fault<'v>(
    violation: &'v Violation,
    step: &Step,
    table: &Table,
) -> Option<(Vec<usize>, &'v [Value])> {
    match &violation.kind {
        ViolationKind::ForeignKey(ForeignKeyViolation::MissingParent { key, .. })
            if violation.table.as_deref() == Some(&*table.name) =>
        {
            let columns = violation.columns.iter().map(|name| table.column_named(name));
            Some((columns.collect::<Option<_>>()?, key))
        }
        // The rows of the step are parents: they are found by what is referred to, their key.
        ViolationKind::ForeignKey(ForeignKeyViolation::StillReferenced { key, .. })
            if step.keys == table.primary_key =>
        {
            Some((step.keys.clone(), key))
        }
        _ => None,
    }
}
