//! Violations: which constraint refused a statement, from SQLite's code, its message and a look
//! at the schema.

use entail_engine::batch::{ParamSlice, Target};
use entail_engine::error::{DriverError, ForeignKeyViolation, Violation, ViolationKind};
use entail_engine::value::Value;
use rusqlite::{Connection, Error, Result, ffi};

use crate::failure;
use crate::looking::{self, Broken, Timing};
use crate::token::{Token, tokens};

/// A statement that was refused, as it can be run again.
#[derive(Clone, Copy)]
pub(crate) struct Refused<'a> {
    pub sql: &'a str,
    pub params: ParamSlice<'a>,
    pub slots: &'a [Value],
    pub target: Option<&'a Target>,
}

/// What SQLite says of a foreign key, whichever it is.
const FOREIGN_KEY: &str = "FOREIGN KEY constraint failed";

/// Sorts the failure of a statement, looking at the database where a constraint refused it.
///
/// The statement must have been reset.
#[cold]
pub(crate) fn of_statement(db: &Connection, error: &Error, refused: &Refused<'_>) -> DriverError {
    let Some((code, message)) = failure::code(error) else {
        return failure::sorted(error, refused.sql);
    };
    match code {
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            foreign_key(looking::at_statement(db, refused, Timing::AtEnd), message)
        }
        // RESTRICT is a trigger inside SQLite. A trigger of the user has its own message.
        ffi::SQLITE_CONSTRAINT_TRIGGER if message == FOREIGN_KEY => {
            foreign_key(looking::at_statement(db, refused, Timing::AtOnce), message)
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => column(db, ViolationKind::NotNull, message),
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => column(db, ViolationKind::Unique, message),
        ffi::SQLITE_CONSTRAINT_CHECK => check(db, refused.target, message),
        _ => failure::sorted(error, refused.sql),
    }
}

/// Sorts the failure of a COMMIT.
#[cold]
pub(crate) fn of_commit(db: &Connection, error: &Error) -> DriverError {
    match failure::code(error) {
        Some((ffi::SQLITE_CONSTRAINT_FOREIGNKEY, message)) => {
            foreign_key(looking::at_commit(db), message)
        }
        _ => failure::sorted(error, "COMMIT"),
    }
}

fn foreign_key(found: Option<Broken>, message: String) -> DriverError {
    let (table, columns, violation) = match found {
        Some(found) => (Some(found.table), found.columns, found.violation),
        None => (None, Vec::new(), ForeignKeyViolation::Unknown),
    };
    integrity(Violation {
        kind: ViolationKind::ForeignKey(violation),
        table,
        columns,
        // SQLite does not keep the names of foreign keys.
        constraint: None,
        message,
    })
}

fn integrity(violation: Violation) -> DriverError {
    DriverError::Integrity(Box::new(violation))
}

/// A violation whose message names columns, as in `UNIQUE constraint failed: t.a, t.b`, or an
/// index on expressions, as in `UNIQUE constraint failed: index 'name'`.
fn column(db: &Connection, kind: ViolationKind, message: String) -> DriverError {
    let place = message.split_once(": ").map_or("", |(_, place)| place);
    let index = place.strip_prefix("index '").and_then(|name| name.strip_suffix('\''));
    let (table, columns, constraint) = match index {
        Some(index) => (table_of_index(db, index).unwrap_or(None), vec![], Some(index.to_owned())),
        None => match columns(db, place) {
            Ok(Some((table, columns))) => {
                let constraint = match kind {
                    ViolationKind::Unique => unique_index(db, &table, &columns).unwrap_or(None),
                    _ => None,
                };
                (Some(table), columns, constraint)
            }
            _ => (None, Vec::new(), None),
        },
    };
    integrity(Violation { kind, table, columns, constraint, message })
}

/// Splits `t.a, t.b`. Names may hold points and commas, so the tables of the schema are tried.
fn columns(db: &Connection, place: &str) -> Result<Option<(String, Vec<String>)>> {
    let mut statement = db.prepare(
        "SELECT name FROM pragma_table_list WHERE substr(?1, 1, length(name) + 1) = name || '.' \
         ORDER BY length(name) DESC",
    )?;
    let mut rows = statement.query([place])?;
    while let Some(row) = rows.next()? {
        let table: String = row.get(0)?;
        let separator = format!(", {table}.");
        let names = place[table.len() + 1..].split(&separator);
        let names: Vec<String> = names.map(str::to_owned).collect();
        let known: i64 = db
            .prepare("SELECT count(*) FROM pragma_table_xinfo(?1) WHERE name = ?2")?
            .query_row((&table, &names[0]), |row| row.get(0))?;
        if known > 0 || names[0] == "rowid" {
            return Ok(Some((table, names)));
        }
    }
    Ok(None)
}

/// The name of the unique index over exactly these columns. The indexes that SQLite makes for
/// constraints have no name of their own.
fn unique_index(db: &Connection, table: &str, columns: &[String]) -> Result<Option<String>> {
    let mut indexes = db.prepare(
        "SELECT name FROM pragma_index_list(?1) WHERE \"unique\" = 1 AND origin = 'c' ORDER BY name",
    )?;
    let mut rows = indexes.query([table])?;
    while let Some(row) = rows.next()? {
        let index: String = row.get(0)?;
        let mut parts = db.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
        let parts: Vec<Option<String>> =
            parts.query_map([&index], |row| row.get(0))?.collect::<Result<_>>()?;
        if parts.iter().map(Option::as_deref).eq(columns.iter().map(|name| Some(name.as_str()))) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn table_of_index(db: &Connection, index: &str) -> Result<Option<String>> {
    db.prepare("SELECT tbl_name FROM sqlite_schema WHERE type = 'index' AND name = ?1")?
        .query_map([index], |row| row.get(0))?
        .next()
        .transpose()
}

/// A failed check, whose message has the constraint's name or its expression, but no table.
fn check(db: &Connection, target: Option<&Target>, message: String) -> DriverError {
    let text = message.split_once(": ").map_or("", |(_, text)| text);
    let (table, constraint) = match owner(db, target, text) {
        Ok(Some((table, Naming::Named))) => (Some(table), Some(text.to_owned())),
        Ok(Some((table, Naming::Expression))) => (Some(table), None),
        _ => (None, None),
    };
    integrity(Violation {
        kind: ViolationKind::Check,
        table,
        columns: Vec::new(),
        constraint,
        message,
    })
}

/// Whether a check has a name or is known by its expression.
enum Naming {
    Named,
    Expression,
}

/// The table that has this check: the target, or else the only table it can be.
fn owner(db: &Connection, target: Option<&Target>, text: &str) -> Result<Option<(String, Naming)>> {
    let mut owners = Vec::new();
    let mut statement =
        db.prepare("SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' ORDER BY rowid")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, sql): (String, String) = (row.get(0)?, row.get(1)?);
        let Some(naming) = naming(&sql, text) else { continue };
        if target.is_some_and(|target| target.table.eq_ignore_ascii_case(&table)) {
            return Ok(Some((table, naming)));
        }
        owners.push((table, naming));
    }
    Ok(if owners.len() == 1 { owners.pop() } else { None })
}

/// How the CREATE TABLE `sql` has the check that SQLite calls `text`, if it does.
fn naming(sql: &str, text: &str) -> Option<Naming> {
    let named = tokens(sql).windows(2).any(|pair| {
        pair[0].is_word("CONSTRAINT") && pair[1].name().is_some_and(|name| name == text)
    });
    if named {
        return Some(Naming::Named);
    }
    let within = |tokens: &[Token], part: &[Token]| {
        !part.is_empty() && tokens.windows(part.len()).any(|window| window == part)
    };
    within(&tokens(sql), &tokens(text)).then_some(Naming::Expression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_told_by_its_name_or_its_expression() {
        let sql = "CREATE TABLE t (a CHECK (a  > 0), b, CONSTRAINT \"b small\" CHECK (b < 9))";
        assert!(matches!(naming(sql, "b small"), Some(Naming::Named)));
        assert!(matches!(naming(sql, "a > 0"), Some(Naming::Expression)));
        assert!(naming(sql, "c > 0").is_none());
    }
}
