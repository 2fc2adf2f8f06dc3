//! Failures of the server, sorted into the engine's terms.
//!
//! The table is in the documentation of the crate. A refusal by a constraint needs a look at the
//! database before it can be told; [`crate::violation`] does that.

use entail_engine::error::DriverError;
use mysql_async::{DriverError as ClientError, Error, ServerError};

use crate::message;

/// What stopped a statement.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server refused it.
    Server(ServerError),
    /// The way to the server is gone, or is no more to be trusted.
    Lost(String),
    /// This driver refuses it; the server is as it was.
    Driver(DriverError),
}

impl From<DriverError> for Fault {
    fn from(error: DriverError) -> Self {
        Fault::Driver(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Server(error) => Fault::Server(error),
            Error::Driver(ClientError::MixedParams) => Fault::Driver(DriverError::Statement {
                reason: "a parameter is written `?`; a name behind a colon is none".to_owned(),
                sql: String::new(),
                code: None,
            }),
            // Whatever else the client says, it has closed the connection.
            other => Fault::Lost(other.to_string()),
        }
    }
}

impl Fault {
    /// Sorts the failure of a statement. Constraints come out as refused statements.
    pub(crate) fn sorted(self, sql: &str) -> DriverError {
        match self {
            Fault::Server(error) => of_server(&error, sql),
            Fault::Lost(reason) => DriverError::ConnectionLost { reason },
            Fault::Driver(DriverError::Statement { reason, sql: none, code })
                if none.is_empty() =>
            {
                DriverError::Statement { reason, sql: sql.to_owned(), code }
            }
            Fault::Driver(error) => error,
        }
    }

    /// What it was on a connection that is gone by now: of one that is killed MySQL says that its statement
    /// was interrupted, as it does where the statement alone is stopped.
    pub(crate) fn on_lost_connection(self) -> Self {
        match self {
            Fault::Server(error) if error.code == INTERRUPTED => Fault::Lost(error.message),
            other => other,
        }
    }

    /// Whether the connection must not be used any more.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Fault::Server(error) => is_lost(error.code) || error.code == NOT_READY,
            Fault::Lost(_) => true,
            Fault::Driver(_) => false,
        }
    }
}

/// Somebody has stopped the statement.
const INTERRUPTED: u16 = 1317;

/// A member of a Galera cluster that cannot serve at the moment.
const NOT_READY: u16 = 1047;

/// Whether the server has ended the connection, or is about to.
fn is_lost(code: u16) -> bool {
    matches!(code, 1053 | 1080 | 1152..=1161 | 1184 | 1927 | 2006 | 2013 | 3169 | 4031)
}

/// Sorts what the server says about a statement.
pub(crate) fn of_server(error: &ServerError, sql: &str) -> DriverError {
    let reason = error.message.clone();
    match error.code {
        1213 => DriverError::Deadlock { reason },
        1205 | 3572 => DriverError::LockTimeout { reason },
        1020 => DriverError::Serialization { reason },
        1792 | 1836 => DriverError::ReadOnly { reason },
        1290 if is_about_reading(&reason) => DriverError::ReadOnly { reason },
        1021 | 1041 | 1114 => DriverError::Full { reason },
        INTERRUPTED | 1969 | 3024 => DriverError::Cancelled { reason },
        1040 | 1203 | 1226 | NOT_READY => DriverError::Busy { reason },
        1034 | 1035 | 1194 | 1195 | 1712 => DriverError::Corrupt { reason },
        code if is_lost(code) => DriverError::ConnectionLost { reason },
        1264 | 1265 | 1292 | 1366 | 1406 => match message::column(&reason) {
            Some(column) => {
                let column = format!("`{column}`");
                DriverError::Value { column, reason: format!("{reason} (code {})", error.code) }
            }
            None => statement(error, sql),
        },
        _ => statement(error, sql),
    }
}

fn statement(error: &ServerError, sql: &str) -> DriverError {
    DriverError::Statement {
        reason: error.message.clone(),
        sql: sql.to_owned(),
        code: Some(error.code.to_string()),
    }
}

/// The option that stops a statement may be `read_only`, or one that has nothing to do with it.
fn is_about_reading(message: &str) -> bool {
    ["read-only", "read_only", "read only"].iter().any(|word| message.contains(word))
}

/// Sorts a failure of connecting to `to`.
pub(crate) fn connecting(error: Error, to: &str) -> DriverError {
    match error {
        Error::Server(error) => match of_server(&error, "") {
            busy @ DriverError::Busy { .. } => busy,
            _ => refused(to, format!("{} (code {})", error.message, error.code)),
        },
        Error::Io(error) => refused(to, root(&error)),
        other => refused(to, root(&other)),
    }
}

/// The failure of a connection that does not come about.
pub(crate) fn refused(to: &str, reason: String) -> DriverError {
    DriverError::Connect { to: to.to_owned(), reason }
}

/// What is at the bottom of a chain of errors, which each repeat those below.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(code: u16, message: &str) -> DriverError {
        let error = ServerError { code, message: message.to_owned(), state: "HY000".to_owned() };
        of_server(&error, "SELECT 1")
    }

    #[test]
    fn codes_become_what_the_table_says() {
        assert!(matches!(sorted(1213, ""), DriverError::Deadlock { .. }));
        assert!(matches!(sorted(1205, ""), DriverError::LockTimeout { .. }));
        assert!(matches!(sorted(1047, ""), DriverError::Busy { .. }));
        assert!(matches!(sorted(1158, ""), DriverError::ConnectionLost { .. }));
        assert!(matches!(sorted(1114, ""), DriverError::Full { .. }));
        assert!(matches!(sorted(1969, ""), DriverError::Cancelled { .. }));
        let by_option = "running with the --read-only option so it cannot execute this statement";
        assert!(matches!(sorted(1290, by_option), DriverError::ReadOnly { .. }));
        assert!(matches!(sorted(1290, "--secure-file-priv"), DriverError::Statement { .. }));
        let DriverError::Value { column, .. } =
            sorted(1264, "Out of range value for column 'age' at row 1")
        else {
            panic!("it names a column");
        };
        assert_eq!(column, "`age`");
        let DriverError::Statement { code, .. } = sorted(1146, "no such table") else {
            panic!("it is a statement");
        };
        assert_eq!(code.as_deref(), Some("1146"));
    }

    #[test]
    fn only_a_connection_that_works_is_used_again() {
        let server = |code| {
            Fault::Server(ServerError { code, message: String::new(), state: String::new() })
        };
        assert!(server(1927).is_fatal() && server(1047).is_fatal() && server(2013).is_fatal());
        assert!(!server(1213).is_fatal() && !server(1062).is_fatal());
        assert!(Fault::Lost(String::new()).is_fatal());
    }
}
