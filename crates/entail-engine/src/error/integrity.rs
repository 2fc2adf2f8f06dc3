//! A refused constraint, with what the session knows about it.

use std::fmt;

use super::driver::{Violation, ViolationKind};

/// A constraint of the database refused a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Integrity {
    /// The kind of constraint, and for a foreign key which end of it was violated.
    pub kind: ViolationKind,
    /// The table that has the constraint.
    pub table: Option<String>,
    /// The columns of the constraint.
    pub columns: Vec<String>,
    /// The name of the constraint.
    pub constraint: Option<String>,
    /// The object whose row was written, such as `Address#7`.
    pub entity: Option<String>,
    /// Why it was written, as a chain.
    pub cause: Option<String>,
    /// What the database said.
    pub message: String,
}

impl Integrity {
    pub(crate) fn new(violation: Violation, entity: Option<String>, cause: Option<String>) -> Self {
        Self {
            kind: violation.kind,
            table: violation.table,
            columns: violation.columns,
            constraint: violation.constraint,
            entity,
            cause,
            message: violation.message,
        }
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let violation = Violation {
            kind: self.kind.clone(),
            table: self.table.clone(),
            columns: self.columns.clone(),
            constraint: self.constraint.clone(),
            message: self.message.clone(),
        };
        write!(f, "{violation}")?;
        if let Some(cause) = &self.cause {
            write!(f, " (while writing: {cause})")?;
        } else if let Some(entity) = &self.entity {
            write!(f, " (while writing {entity})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Integrity {}
