//! Failures of a database or its driver, in one language for all databases.

use std::fmt;

use crate::value::Value;

/// A failure of a batch, with the place where it happened.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct BatchFailure {
    /// The number of the request that failed; none if the failure came before or after them.
    pub request: Option<usize>,
    /// The number of the execution of that request.
    pub execution: usize,
    /// What happened.
    #[source]
    pub error: DriverError,
    /// Whether the connection is still in the transaction in which it was. If not, the driver
    /// has rolled it back or thrown the connection away.
    pub in_transaction: bool,
}

/// What a database or its driver says went wrong.
///
/// Every driver sorts each of its failures into one of these; the table is in the driver's
/// module documentation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The database could not be opened or reached.
    #[error("E0501: cannot connect to {to}: {reason}")]
    Connect {
        /// Where to, without a password.
        to: String,
        /// What the database or the system says.
        reason: String,
    },
    /// A constraint of the database refused the statement.
    #[error("E0502: {0}")]
    Integrity(Box<Violation>),
    /// The database is locked by others, and the timeout is over. Trying the transaction again
    /// may help.
    #[error(
        "E0503: the database is busy: {reason}; try the transaction again, or raise the timeout in the URL"
    )]
    Busy {
        /// What the database says.
        reason: String,
    },
    /// The database, its file or its transaction is read-only.
    #[error("E0504: the database is read-only: {reason}")]
    ReadOnly {
        /// What the database says.
        reason: String,
    },
    /// The disk or the database is full.
    #[error("E0505: no space is left for the database: {reason}")]
    Full {
        /// What the database says.
        reason: String,
    },
    /// The connection is gone.
    #[error("E0506: the connection to the database is lost: {reason}")]
    ConnectionLost {
        /// What the driver says.
        reason: String,
    },
    /// A statement wrote another number of rows than expected: the row was changed or deleted
    /// by someone else.
    #[error(
        "E0507: a statement on `{table}` should have written {expected} row(s), but wrote {written}"
    )]
    RowCount {
        /// The table.
        table: String,
        /// How many rows were expected.
        expected: u64,
        /// How many were written.
        written: u64,
    },
    /// A value could not be read or sent.
    #[error("E0508: column {column}: {reason}")]
    Value {
        /// The column, by name or number.
        column: String,
        /// Why.
        reason: String,
    },
    /// The database refused the statement: bad SQL, a missing table and so on.
    #[error("E0509: the database refused a statement: {reason} (in: {sql})")]
    Statement {
        /// What the database says.
        reason: String,
        /// The statement.
        sql: String,
        /// The database's own code.
        code: Option<String>,
    },
    /// The database file is damaged or is none.
    #[error("E0510: the database file cannot be used: {reason}")]
    Corrupt {
        /// What the database says.
        reason: String,
    },
    /// The transaction cannot be put in an order with others that ran at the same time. Trying it
    /// again may help.
    #[error(
        "E0512: the transaction does not agree with another one: {reason}; try the transaction again"
    )]
    Serialization {
        /// What the database says.
        reason: String,
    },
    /// Two transactions waited for each other, and the database ended this one. Trying it again
    /// may help.
    #[error("E0513: the transaction was ended to undo a deadlock: {reason}; try it again")]
    Deadlock {
        /// What the database says.
        reason: String,
    },
    /// A row or table stayed locked by another transaction for longer than this one waits.
    #[error(
        "E0514: a lock was not given in time: {reason}; try the transaction again, or wait longer"
    )]
    LockTimeout {
        /// What the database says.
        reason: String,
    },
    /// The statement was stopped: by its timeout, or by somebody who cancelled it.
    #[error("E0515: the statement was stopped: {reason}")]
    Cancelled {
        /// What the database says.
        reason: String,
    },
    /// The mapping asks for what this database does not have.
    #[error("E0516: {database} cannot hold this mapping: {}", .missing.join("; "))]
    Unsupported {
        /// The database.
        database: &'static str,
        /// What it lacks, and what to do.
        missing: Vec<String>,
    },
    /// The connection URL has a mistake.
    #[error("E0511: the URL `{url}` cannot be used: {reason}")]
    Url {
        /// The URL, without a password.
        url: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
}

impl DriverError {
    /// Whether the same transaction, run again from its beginning, may succeed: others were in its
    /// way.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            DriverError::Busy { .. }
                | DriverError::Serialization { .. }
                | DriverError::Deadlock { .. }
                | DriverError::LockTimeout { .. }
        )
    }
}

/// The kind of constraint that refused a statement.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ViolationKind {
    /// A foreign key.
    ForeignKey(ForeignKeyViolation),
    /// A unique constraint, a unique index or a primary key.
    Unique,
    /// A NOT NULL column.
    NotNull,
    /// A CHECK constraint.
    Check,
}

/// Which end of a foreign key was violated.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ForeignKeyViolation {
    /// The row refers to a parent that does not exist.
    MissingParent {
        /// The table of the parent.
        parent: String,
        /// The columns of the parent that the key points at.
        parent_columns: Vec<String>,
        /// The key that is missing there.
        key: Vec<Value>,
    },
    /// Rows of another table (or of the same) still refer to the row.
    StillReferenced {
        /// The table whose rows refer to it.
        child: String,
        /// The columns of that table that refer to it.
        child_columns: Vec<String>,
        /// The key they refer to.
        key: Vec<Value>,
        /// How many rows of the child table refer to that key.
        rows: u64,
    },
    /// The database would not say, and it could not be found by looking.
    Unknown,
}

/// A constraint that refused a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The kind of constraint.
    pub kind: ViolationKind,
    /// The table that has the constraint; for a foreign key the referring table.
    pub table: Option<String>,
    /// The columns of the constraint, where they are known.
    pub columns: Vec<String>,
    /// The name of the constraint, where it has one.
    pub constraint: Option<String>,
    /// What the database said.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.as_deref().unwrap_or("?");
        let columns = self.columns.join(", ");
        match &self.kind {
            ViolationKind::ForeignKey(ForeignKeyViolation::MissingParent {
                parent,
                parent_columns,
                key,
            }) => write!(
                f,
                "`{table}` ({columns}) refers to `{parent}` ({}) = {}, which does not exist",
                parent_columns.join(", "),
                Values(key)
            ),
            ViolationKind::ForeignKey(ForeignKeyViolation::StillReferenced {
                child,
                child_columns,
                key,
                rows,
            }) => write!(
                f,
                "{rows} row(s) of `{child}` still refer by ({}) to {}",
                child_columns.join(", "),
                Values(key)
            ),
            ViolationKind::ForeignKey(ForeignKeyViolation::Unknown) => {
                write!(f, "a foreign key was violated: {}", self.message)
            }
            ViolationKind::Unique => {
                write!(f, "`{table}` ({columns}) must be unique: {}", self.message)
            }
            ViolationKind::NotNull => write!(f, "`{table}` ({columns}) must not be NULL"),
            ViolationKind::Check => match &self.constraint {
                Some(name) => write!(f, "the check `{name}` of `{table}` does not hold"),
                None => write!(f, "a check does not hold: {}", self.message),
            },
        }
    }
}

/// A list of values in parentheses.
struct Values<'a>(&'a [Value]);

impl fmt::Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (index, value) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{value}")?;
        }
        f.write_str(")")
    }
}
