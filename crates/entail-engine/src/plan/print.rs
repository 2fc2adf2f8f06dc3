//! Printing: a plan as text that people read and tests compare.

use std::fmt;

use crate::batch::{ParamRef, ParamSlice};
use crate::change::{ChangeSet, write_label};
use crate::mapping::{Mapping, Table};

use super::{Plan, Step, StepAction};

/// A plan prints one line a row: what is done, with which values, and why.
///
/// ```text
/// 1. delete from addresses
///      id = 7 -- delete User#1 -> User.addresses (delete) -> Address#7
/// 2. delete from users
///      id = 1 -- delete User#1
/// ```
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(mapping) = &self.mapping else { return f.write_str("nothing to do") };
        if self.steps.is_empty() {
            return f.write_str("nothing to do");
        }
        for (number, step) in self.steps.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}. ", number + 1)?;
            self.write_step(mapping, step, f)?;
        }
        Ok(())
    }
}

impl Plan {
    fn write_step(
        &self,
        mapping: &Mapping,
        step: &Step,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let table = mapping.table(step.table);
        let words = match step.action {
            StepAction::Insert => "insert into",
            StepAction::Update => "update",
            StepAction::Delete | StepAction::DeleteReached => "delete from",
            StepAction::Link => "link in",
            StepAction::Unlink => "unlink in",
            StepAction::Relink => "relink in",
            StepAction::DetachReached => "detach in",
        };
        write!(f, "{words} {}", table.full_name)?;
        if matches!(step.action, StepAction::DeleteReached | StepAction::DetachReached) {
            return self.write_reached(mapping, step, table, f);
        }
        let arity = step.columns.len() + step.keys.len();
        for (number, row) in step.rows.iter().enumerate() {
            f.write_str("\n     ")?;
            let params = step.params.as_slice().part(number * arity, arity);
            let values = params.part(0, step.columns.len());
            let keys = params.part(step.columns.len(), arity);
            if !keys.is_empty() {
                write_pairs(table, &step.keys, keys, " and ", f)?;
                if !values.is_empty() {
                    f.write_str(": ")?;
                }
            }
            write_pairs(table, &step.columns, values, ", ", f)?;
            for (place, &column) in step.generated.iter().enumerate() {
                let comma = if values.is_empty() && place == 0 { "" } else { ", " };
                write!(
                    f,
                    "{comma}{} = new ${}",
                    table.columns[column].name,
                    row.slot as usize + place
                )?;
            }
            f.write_str(" -- ")?;
            ChangeSet::write_cause(&self.causes, mapping, row.cause, f)?;
        }
        Ok(())
    }

    fn write_reached(
        &self,
        mapping: &Mapping,
        step: &Step,
        table: &Table,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        f.write_str("\n     rows with ")?;
        write_names(table, &step.keys, f)?;
        for hop in &step.hops {
            let over = mapping.table(hop.table);
            write!(f, " among {} whose ", over.full_name)?;
            write_names(over, &hop.columns, f)?;
        }
        let width = step.hops.last().map_or(step.keys.len(), |hop| hop.columns.len()).max(1);
        let keys: Vec<String> = step
            .params
            .as_slice()
            .chunks(width)
            .map(|key| key.iter().map(text).collect::<Vec<_>>().join(", "))
            .collect();
        if keys.len() > MAX_KEYS {
            write!(f, " is one of {} keys", keys.len())?;
        } else {
            write!(f, " in ({})", keys.join("; "))?;
        }
        f.write_str(" -- ")?;
        step.rows
            .iter()
            .try_for_each(|row| ChangeSet::write_cause(&self.causes, mapping, row.cause, f))
    }

    /// How an object of the plan is called.
    pub fn label(&self, object: crate::handle::ObjectId) -> String {
        let mut label = String::new();
        let key = self.causes.iter().find(|cause| cause.object == object && cause.key.is_some());
        if let Some(mapping) = &self.mapping {
            // Writing to a String cannot fail.
            let _ =
                write_label(mapping, object, key.and_then(|cause| cause.key.as_ref()), &mut label);
        }
        label
    }

    /// The reason of a row, as a chain.
    pub fn cause(&self, cause: u32) -> String {
        let mut chain = String::new();
        if let Some(mapping) = &self.mapping {
            // Writing to a String cannot fail.
            let _ = ChangeSet::write_cause(&self.causes, mapping, cause, &mut chain);
        }
        chain
    }
}

/// Longer lists of keys are counted instead of printed.
const MAX_KEYS: usize = 8;

fn write_pairs(
    table: &Table,
    columns: &[usize],
    params: ParamSlice<'_>,
    between: &str,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (place, (&column, param)) in columns.iter().zip(params.iter()).enumerate() {
        if place > 0 {
            f.write_str(between)?;
        }
        write!(f, "{} = {}", table.columns[column].name, text(param))?;
    }
    Ok(())
}

fn write_names(table: &Table, columns: &[usize], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, &column) in columns.iter().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        f.write_str(&table.columns[column].name)?;
    }
    Ok(())
}

fn text(param: ParamRef<'_>) -> String {
    match param {
        ParamRef::Value(value) => value.to_string(),
        ParamRef::Slot(slot) => format!("${slot}"),
    }
}
