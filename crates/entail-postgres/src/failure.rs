//! Failures of PostgreSQL, sorted into the engine's terms.
//!
//! The table is in the documentation of the crate. A refusal by a constraint needs a look at the
//! database before it can be told; [`crate::violation`] does that.

use std::error::Error as _;
use std::io;

use entail_engine::batch::Target;
use entail_engine::error::DriverError;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity};

use crate::bind::Unsendable;
use crate::url::Options;

/// What stopped a request.
#[derive(Debug)]
pub(crate) enum Fault {
    Postgres(Error),
    Driver(DriverError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Postgres(error)
    }
}

impl From<DriverError> for Fault {
    fn from(error: DriverError) -> Self {
        Fault::Driver(error)
    }
}

/// Sorts a failure of the statement `sql`, which writes `target` where that is known. Constraints
/// come out as refused statements.
pub(crate) fn sorted(error: &Error, sql: &str, target: Option<&Target>) -> DriverError {
    let Some(refusal) = error.as_db_error() else { return unsent(error) };
    let reason = reason(error);
    let code = refusal.code().code();
    if is_end(refusal) {
        return DriverError::ConnectionLost { reason };
    }
    match code {
        "40001" => DriverError::Serialization { reason },
        "40P01" => DriverError::Deadlock { reason },
        "55P03" => DriverError::LockTimeout { reason },
        "57014" => DriverError::Cancelled { reason },
        "25006" => DriverError::ReadOnly { reason },
        "53100" => DriverError::Full { reason },
        "53300" => DriverError::Busy { reason },
        _ => match (code, target) {
            ("22001" | "22003", Some(target)) => {
                DriverError::Value { column: column(target), reason }
            }
            _ => {
                DriverError::Statement { reason, sql: sql.to_owned(), code: Some(code.to_owned()) }
            }
        },
    }
}

/// The column in which a value did not fit. The server does not name it; where only one is
/// written, it is that.
fn column(target: &Target) -> String {
    match &target.columns[..] {
        [column] => format!("`{column}`"),
        _ => format!("of `{}`", target.table),
    }
}

/// Sorts a failure of opening a connection.
pub(crate) fn opening(error: &Error, options: &Options) -> DriverError {
    let reason = reason(error);
    match error.code().map(|code| code.code()) {
        Some("53300") => DriverError::Busy { reason },
        _ => DriverError::Connect { to: options.to(), reason },
    }
}

/// What the server, or else the system, says.
pub(crate) fn reason(error: &Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        let mut reason = refusal.message().to_owned();
        for more in [refusal.detail(), refusal.hint()].into_iter().flatten() {
            reason.push_str(": ");
            reason.push_str(more);
        }
        return reason;
    }
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !reason.contains(&text) {
            reason.push_str(": ");
            reason.push_str(&text);
        }
        source = inner.source();
    }
    reason
}

/// Whether the connection is of no use after the failure.
pub(crate) fn is_lost(error: &Error) -> bool {
    match error.as_db_error() {
        Some(refusal) => is_end(refusal),
        None => matches!(unsent(error), DriverError::ConnectionLost { .. }),
    }
}

/// Whether a prepared statement is no longer what it was: a table has another shape now, or
/// somebody has thrown the statement away.
pub(crate) fn is_stale(error: &Error) -> bool {
    error.as_db_error().is_some_and(|refusal| match refusal.code().code() {
        "26000" => true,
        "0A000" => refusal.routine() == Some("RevalidateCachedQuery"),
        _ => false,
    })
}

/// Whether the server has ended the connection.
fn is_end(refusal: &DbError) -> bool {
    let code = refusal.code().code();
    matches!(refusal.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
        || matches!(code, "57P01" | "57P02" | "57P03" | "57P05")
        || code.starts_with("08")
}

/// A failure that is none of the server's: a value that cannot be sent, or a connection that is
/// gone.
fn unsent(error: &Error) -> DriverError {
    let source = error.source();
    if let Some(unsendable) = source.and_then(|source| source.downcast_ref::<Unsendable>()) {
        return unsendable.error();
    }
    let too_long = source
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| source.kind() == io::ErrorKind::InvalidInput);
    if too_long {
        return DriverError::Value { column: "of a parameter".to_owned(), reason: reason(error) };
    }
    DriverError::ConnectionLost { reason: reason(error) }
}
