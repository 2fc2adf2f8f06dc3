//! Looking: which foreign key refused a statement, since SQLite only says that one did.
//!
//! Three ways, in this order:
//!
//! 1. *Rows* ([`rows`]): triggers note the rows that the statement would write, and keep it from
//!    writing them; then each foreign key of and to the table is held against these rows.
//! 2. *Again* ([`again`]): the statement runs again with its foreign keys deferred, and what
//!    `PRAGMA foreign_key_check` finds afterwards, but not before, is the reason. It costs a
//!    pass over all referring tables, but sees what triggers and actions do.
//! 3. At COMMIT the transaction is still open, and `PRAGMA foreign_key_check` is the answer.
//!
//! All of it happens inside a savepoint that is rolled back, and a failure to find out leaves
//! the reason unknown; it is never an error of its own.

mod again;
mod rows;

use entail_engine::error::ForeignKeyViolation;
use entail_engine::value::{Value, ValueRef};
use rusqlite::{Connection, Result, Row};

use crate::bind::bind;
use crate::decode;
use crate::failure::Fault;
use crate::schema::{self, ForeignKey};
use crate::token;
use crate::violation::Refused;

/// A foreign key that does not hold.
#[derive(Debug)]
pub(crate) struct Broken {
    /// The referring table.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
    pub violation: ForeignKeyViolation,
}

/// When SQLite saw the violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// At the end of the statement.
    AtEnd,
    /// At the moment the row was to go: RESTRICT.
    AtOnce,
}

/// Looks for the foreign key that refused a statement.
pub(crate) fn at_statement(
    db: &Connection,
    refused: &Refused<'_>,
    timing: Timing,
) -> Option<Broken> {
    let written = match refused.target {
        Some(target) => Some((target.operation, target.table.to_string())),
        None => token::written(refused.sql),
    };
    let by_rows = written.and_then(|(operation, table)| {
        aside(db, || rows::look(db, refused, operation, &table, timing))
    });
    match timing {
        Timing::AtEnd => by_rows.or_else(|| aside(db, || again::look(db, refused))),
        // Deferring does not reach RESTRICT.
        Timing::AtOnce => by_rows,
    }
}

/// Looks for the foreign key that refused a COMMIT.
pub(crate) fn at_commit(db: &Connection) -> Option<Broken> {
    let first = |db| -> Result<Option<Broken>> {
        let keys = schema::foreign_keys(db)?;
        match again::violations(db, &keys)?.first() {
            Some(orphan) => {
                let key = &keys[orphan.key];
                Ok(again::values(db, key, orphan)?.map(|values| missing(key, values)))
            }
            None => Ok(None),
        }
    };
    first(db).unwrap_or(None)
}

/// Runs `look` so that nothing of what it does stays.
fn aside<T>(db: &Connection, look: impl FnOnce() -> Result<Option<T>>) -> Option<T> {
    db.execute_batch("SAVEPOINT entail_looking").ok()?;
    let found = look();
    if db.execute_batch("ROLLBACK TO entail_looking; RELEASE entail_looking").is_err()
        && !db.is_autocommit()
    {
        // Losing the transaction is better than keeping what the look has written.
        let _ = db.execute_batch("ROLLBACK");
    }
    found.unwrap_or_else(|error| {
        tracing::debug!(%error, "could not find out which foreign key was violated");
        None
    })
}

/// Runs the refused statement again and drops the rows it gives.
fn repeat(db: &Connection, refused: &Refused<'_>) -> Result<()> {
    let mut statement = db.prepare(refused.sql)?;
    bind(&mut statement, refused.params, refused.slots).map_err(|fault| match fault {
        Fault::Sqlite(error) => error,
        Fault::Driver(error) => rusqlite::Error::ToSqlConversionFailure(Box::new(error)),
    })?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

fn missing(key: &ForeignKey, values: Vec<Value>) -> Broken {
    Broken {
        table: key.child.clone(),
        columns: key.columns.clone(),
        violation: ForeignKeyViolation::MissingParent {
            parent: key.parent.clone(),
            parent_columns: key.parent_columns.clone(),
            key: values,
        },
    }
}

fn referenced(key: &ForeignKey, values: Vec<Value>, rows: u64) -> Broken {
    Broken {
        table: key.child.clone(),
        columns: key.columns.clone(),
        violation: ForeignKeyViolation::StillReferenced {
            child: key.child.clone(),
            child_columns: key.columns.clone(),
            key: values,
            rows,
        },
    }
}

/// The first `width` values of a row, as they are stored.
fn key_of(row: &Row<'_>, width: usize) -> Result<Vec<Value>> {
    (0..width)
        .map(|index| {
            let stored = row.get_ref(index)?;
            decode::stored(stored).map(ValueRef::to_value).ok_or(
                rusqlite::Error::InvalidColumnType(index, "a key".to_owned(), stored.data_type()),
            )
        })
        .collect()
}
