//! Violations: which constraint refused a statement, from the server's message and a look at the
//! database.

use std::borrow::Cow;

use entail_engine::batch::{Call, Target};
use entail_engine::error::{DriverError, ForeignKeyViolation, Violation, ViolationKind};
use mysql_async::ServerError;

use crate::bind::Slots;
use crate::failure::{self, Fault};
use crate::link::Link;
use crate::looking;
use crate::message;

/// A statement that was refused.
pub(crate) struct Refused<'a> {
    pub sql: Cow<'a, str>,
    /// The call it is an execution of, and the number of that.
    pub call: Option<(&'a Call, usize)>,
    pub slots: Slots,
}

impl<'a> Refused<'a> {
    /// An execution of a call.
    pub(crate) fn call(call: &'a Call, execution: usize, slots: Slots) -> Self {
        Self { sql: Cow::Borrowed(&call.sql), call: Some((call, execution)), slots }
    }

    /// A request that is no call.
    pub(crate) fn control(sql: String) -> Self {
        Self { sql: Cow::Owned(sql), call: None, slots: Slots::default() }
    }

    /// A statement of a script.
    pub(crate) fn script(sql: &'a str) -> Self {
        Self { sql: Cow::Borrowed(sql), call: None, slots: Slots::default() }
    }

    /// What it writes, if that is known.
    pub(crate) fn target(&self) -> Option<&'a Target> {
        self.call.and_then(|(call, _)| call.target.as_deref())
    }
}

/// Sorts a failure, looking at the database where a constraint refused the statement. What the
/// statement did must be undone, and its transaction still be open.
#[cold]
pub(crate) async fn of_fault(link: &mut Link, fault: Fault, refused: &Refused<'_>) -> DriverError {
    match fault {
        Fault::Server(error) if !link.is_broken() => of_server(link, error, refused).await,
        fault => fault.sorted(&refused.sql),
    }
}

async fn of_server(link: &mut Link, error: ServerError, refused: &Refused<'_>) -> DriverError {
    match error.code {
        1452 | 1216 => foreign_key(link, error.message, refused, End::Child).await,
        1451 | 1217 => foreign_key(link, error.message, refused, End::Parent).await,
        1062 | 1586 | 1169 | 1859 => unique(link, error.message, refused).await,
        1048 | 1364 => {
            let columns = message::column(&error.message).map(str::to_owned).into_iter().collect();
            integrity(Violation {
                kind: ViolationKind::NotNull,
                table: table_of(refused),
                columns,
                constraint: None,
                message: error.message,
            })
        }
        3819 | 4025 => {
            let (constraint, table) = match message::check(&error.message) {
                Some((constraint, table)) => (Some(constraint), table.map(|name| name.table)),
                None => (None, None),
            };
            integrity(Violation {
                kind: ViolationKind::Check,
                table: table.or_else(|| table_of(refused)),
                columns: Vec::new(),
                constraint,
                message: error.message,
            })
        }
        _ => failure::of_server(&error, &refused.sql),
    }
}

/// The end of a foreign key at which a statement was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Child,
    Parent,
}

async fn foreign_key(
    link: &mut Link,
    message: String,
    refused: &Refused<'_>,
    end: End,
) -> DriverError {
    let Some(key) = message::foreign_key(&message) else {
        let table = if end == End::Child { table_of(refused) } else { None };
        let kind = ViolationKind::ForeignKey(ForeignKeyViolation::Unknown);
        return integrity(Violation { kind, table, columns: vec![], constraint: None, message });
    };
    let found = match end {
        End::Child => looking::missing_parent(link, &key, refused).await,
        End::Parent => looking::still_referenced(link, &key, refused).await,
    };
    integrity(Violation {
        kind: ViolationKind::ForeignKey(found.unwrap_or(ForeignKeyViolation::Unknown)),
        table: Some(key.table.table),
        columns: key.columns,
        constraint: key.constraint,
        message,
    })
}

async fn unique(link: &mut Link, message: String, refused: &Refused<'_>) -> DriverError {
    let table = table_of(refused);
    let schema = refused.target().and_then(|target| target.schema.as_deref());
    let named = message::duplicate_key(&message).map(str::to_owned);
    let mut violation = Violation {
        kind: ViolationKind::Unique,
        table: table.clone(),
        columns: Vec::new(),
        constraint: named.clone(),
        message,
    };
    if let Some(named) = named {
        // MySQL puts the table before the name of the key.
        let prefixed = named.split_once('.').map(|(table, index)| (table.to_owned(), index));
        let places = [Some((table, &*named)), prefixed.map(|(table, index)| (Some(table), index))];
        for (table, index) in places.into_iter().flatten() {
            if let Some((table, columns)) =
                looking::unique(link, schema, table.as_deref(), index).await
            {
                violation.table = Some(table);
                violation.columns = columns;
                violation.constraint = Some(index.to_owned());
                break;
            }
        }
    }
    integrity(violation)
}

fn table_of(refused: &Refused<'_>) -> Option<String> {
    refused.target().map(|target| target.table.to_string())
}

fn integrity(violation: Violation) -> DriverError {
    DriverError::Integrity(Box::new(violation))
}
