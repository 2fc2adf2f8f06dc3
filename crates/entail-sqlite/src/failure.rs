//! Failures of SQLite, sorted into the engine's terms.
//!
//! The table is in the documentation of the crate. A refusal by a constraint needs a look at the
//! database before it can be told; [`crate::violation`] does that.

use entail_engine::error::DriverError;
use rusqlite::{Error, ffi};

/// What stopped a statement.
#[derive(Debug)]
pub(crate) enum Fault {
    Sqlite(Error),
    Driver(DriverError),
}

impl From<Error> for Fault {
    #[inline]
    fn from(error: Error) -> Self {
        Fault::Sqlite(error)
    }
}

impl From<DriverError> for Fault {
    #[inline]
    fn from(error: DriverError) -> Self {
        Fault::Driver(error)
    }
}

/// SQLite's extended code and message, where the error comes from SQLite.
pub(crate) fn code(error: &Error) -> Option<(i32, String)> {
    match error {
        Error::SqliteFailure(error, message) => {
            let message = message.clone().unwrap_or_else(|| error.to_string());
            Some((error.extended_code, message))
        }
        Error::SqlInputError { error, msg, .. } => Some((error.extended_code, msg.clone())),
        _ => None,
    }
}

/// Sorts a failure of the statement `sql`. Constraints come out as refused statements.
pub(crate) fn sorted(error: &Error, sql: &str) -> DriverError {
    let Some((extended, reason)) = code(error) else { return unsent(error, sql) };
    match extended & 0xff {
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => {
            DriverError::Busy { reason }
        }
        ffi::SQLITE_READONLY => DriverError::ReadOnly { reason },
        ffi::SQLITE_FULL => DriverError::Full { reason },
        ffi::SQLITE_IOERR => DriverError::ConnectionLost { reason },
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => DriverError::Corrupt { reason },
        _ => {
            DriverError::Statement { reason, sql: sql.to_owned(), code: Some(extended.to_string()) }
        }
    }
}

/// Sorts a failure of opening the database `to`.
pub(crate) fn opening(error: &Error, to: &str) -> DriverError {
    match sorted(error, "") {
        DriverError::Statement { reason, .. } => DriverError::Connect { to: to.to_owned(), reason },
        other => other,
    }
}

/// A failure that rusqlite found before SQLite saw the statement.
fn unsent(error: &Error, sql: &str) -> DriverError {
    let reason = match error {
        Error::MultipleStatement => {
            "there is more than one statement in the text; run them one by one".to_owned()
        }
        other => other.to_string(),
    };
    DriverError::Statement { reason, sql: sql.to_owned(), code: None }
}

/// Whether no later statement can be trusted to a connection that failed so.
pub(crate) fn is_fatal(error: &DriverError) -> bool {
    matches!(error, DriverError::ConnectionLost { .. } | DriverError::Corrupt { .. })
}
