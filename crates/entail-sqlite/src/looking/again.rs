//! Again: the refused statement with its foreign keys deferred, then SQLite's own check.

use entail_engine::value::Value;
use rusqlite::{Connection, Result, params_from_iter};

use super::{Broken, key_of, missing, referenced, repeat};
use crate::schema::{self, ForeignKey, list, pairs, quoted};
use crate::violation::Refused;

/// A row whose parent is missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Orphan {
    /// The place of the foreign key in the list of all.
    pub key: usize,
    /// None in a table without rowids.
    rowid: Option<i64>,
}

/// Looks within the savepoint of the caller.
pub(super) fn look(db: &Connection, refused: &Refused<'_>) -> Result<Option<Broken>> {
    let deferred: bool = db.query_row("PRAGMA defer_foreign_keys", [], |row| row.get(0))?;
    let found = with_deferred_keys(db, refused);
    if !deferred {
        db.execute_batch("PRAGMA defer_foreign_keys = OFF")?;
    }
    found
}

fn with_deferred_keys(db: &Connection, refused: &Refused<'_>) -> Result<Option<Broken>> {
    let keys = schema::foreign_keys(db)?;
    let mut before = violations(db, &keys)?;
    db.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    repeat(db, refused)?;
    let new =
        violations(db, &keys)?.into_iter().find(|orphan| match before.binary_search(orphan) {
            Ok(known) => {
                before.remove(known);
                false
            }
            Err(_) => true,
        });
    let Some(orphan) = new else { return Ok(None) };
    let key = &keys[orphan.key];
    let Some(values) = values(db, key, &orphan)? else { return Ok(None) };
    let rows = count(db, &key.child, &key.columns, &values)?;

    // If the parent was there before, then the statement took it away.
    db.execute_batch("ROLLBACK TO entail_looking")?;
    let was_there = count(db, &key.parent, &key.parent_columns, &values)? > 0;
    Ok(Some(if was_there { referenced(key, values, rows) } else { missing(key, values) }))
}

/// All rows whose parent is missing, in the order of the foreign keys, then of the rows.
pub(super) fn violations(db: &Connection, keys: &[ForeignKey]) -> Result<Vec<Orphan>> {
    let mut statement = db.prepare("PRAGMA main.foreign_key_check")?;
    let mut rows = statement.query([])?;
    let mut orphans = Vec::new();
    while let Some(row) = rows.next()? {
        let (table, rowid, id): (String, Option<i64>, i64) =
            (row.get(0)?, row.get(1)?, row.get(3)?);
        let place = keys.iter().position(|key| key.is_of(&table) && key.id == id);
        orphans.extend(place.map(|key| Orphan { key, rowid }));
    }
    orphans.sort();
    Ok(orphans)
}

/// The values by which an orphan refers to its parent.
pub(super) fn values(
    db: &Connection,
    key: &ForeignKey,
    orphan: &Orphan,
) -> Result<Option<Vec<Value>>> {
    let child = quoted(&key.child);
    let columns = list("c.", &key.columns);
    let condition = match orphan.rowid {
        Some(rowid) => format!("c.rowid = {rowid}"),
        // Without a rowid, the first row without a parent is as good as any.
        None => {
            let parent = quoted(&key.parent);
            let set: Vec<String> =
                key.columns.iter().map(|name| format!("c.{} IS NOT NULL", quoted(name))).collect();
            let same = pairs(("p", &key.parent_columns), "=", ("c", &key.columns));
            format!(
                "{} AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {same})",
                set.join(" AND ")
            )
        }
    };
    let sql = format!("SELECT {columns} FROM {child} AS c WHERE {condition} LIMIT 1");
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    rows.next()?.map(|row| key_of(row, key.columns.len())).transpose()
}

/// How many rows of a table have these values.
fn count(db: &Connection, table: &str, columns: &[String], values: &[Value]) -> Result<u64> {
    let conditions: Vec<String> =
        columns.iter().map(|column| format!("{} = ?", quoted(column))).collect();
    let sql = format!("SELECT count(*) FROM {} WHERE {}", quoted(table), conditions.join(" AND "));
    let values = values.iter().map(|value| match value {
        Value::Int(value) => rusqlite::types::Value::Integer(*value),
        Value::Float(value) => rusqlite::types::Value::Real(*value),
        Value::Text(value) => rusqlite::types::Value::Text(value.to_string()),
        Value::Bytes(value) => rusqlite::types::Value::Blob(value.to_vec()),
        _ => rusqlite::types::Value::Null,
    });
    let rows: i64 = db.prepare(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(rows.unsigned_abs())
}
