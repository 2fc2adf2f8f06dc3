//! Looking: which rows a foreign key refused, since the server names the key but not the rows.
//!
//! A statement without parents is held against the parents' table, key by key; one that took
//! parents away counts the rows that refer to them. Both read what is there now, not what the
//! transaction's snapshot has, because that is what the server checks. A failure to find out
//! leaves the rows unknown; it is never an error of its own.

mod cascade;
mod select;

use std::sync::Arc;

use entail_engine::batch::{Operation, ParamSlice, Target};
use entail_engine::error::ForeignKeyViolation;
use entail_engine::value::{ColumnType, Value, ValueRef};

use crate::decode;
use crate::link::Link;
use crate::literal;
use crate::message::{ForeignKey, TableName};
use crate::packet;
use crate::violation::Refused;
use select::{Found, Lock, select};

/// How many keys are looked for in one statement, which gives a column for each.
const KEYS_AT_ONCE: usize = 1000;

/// Looks for the key that has no parent.
pub(crate) async fn missing_parent(
    link: &mut Link,
    key: &ForeignKey,
    refused: &Refused<'_>,
) -> Option<ForeignKeyViolation> {
    let keys = candidates(link, key, refused).await?;
    for some in keys.chunks(KEYS_AT_ONCE) {
        let sql = |lock: &str| {
            let mut sql = String::from("SELECT ");
            for (index, values) in some.iter().enumerate() {
                sql.push_str(if index == 0 {
                    "EXISTS (SELECT 1 FROM "
                } else {
                    ", EXISTS (SELECT 1 FROM "
                });
                write_table(&mut sql, &key.parent);
                sql.push_str(" WHERE ");
                write_equal(&mut sql, &key.parent_columns, values, link)?;
                sql.push_str(lock);
                sql.push(')');
            }
            Some(sql)
        };
        let lock = Lock::of(link);
        let texts = [sql(lock.words())?, sql("")?];
        let found = select(link, &texts).await?;
        let there = found.rows.first()?;
        let missing = (0..some.len()).find(|&index| Found::number(there, index) == Some(0));
        if let Some(missing) = missing {
            return Some(ForeignKeyViolation::MissingParent {
                parent: key.parent.table.clone(),
                parent_columns: key.parent_columns.clone(),
                key: some[missing].clone(),
            });
        }
    }
    None
}

/// The different keys that the refused statement would write, in the order of its rows.
async fn candidates(
    link: &mut Link,
    key: &ForeignKey,
    refused: &Refused<'_>,
) -> Option<Vec<Vec<Value>>> {
    let target = refused.target()?;
    if !same(&target.table, &key.table.table) || target.operation == Operation::Delete {
        return None;
    }
    let own: Vec<Option<usize>> =
        key.columns.iter().map(|column| place(&target.columns, column)).collect();
    // Rows of one INSERT that come earlier may be parents of those behind them.
    let is_tree = target.operation == Operation::Insert && same(&target.table, &key.parent.table);
    let parents = Some(&key.parent_columns).filter(|_| is_tree);
    let parents: Option<Vec<usize>> = parents
        .and_then(|columns| columns.iter().map(|column| place(&target.columns, column)).collect());
    let mut known: Vec<Vec<Value>> = Vec::new();
    let mut keys = Vec::new();
    for row in rows_of(refused, target)? {
        let value = |place: usize| Some(refused.slots.value(row.get(place)?).to_value());
        if let Some(parents) = &parents {
            known.extend(parents.iter().map(|&place| value(place)).collect::<Option<Vec<_>>>());
        }
        let mut values = Vec::with_capacity(own.len());
        for (place, column) in own.iter().zip(&key.columns) {
            values.push(match *place {
                Some(place) => value(place)?,
                None => kept(link, refused, target, row, column).await?,
            });
        }
        if !values.iter().any(Value::is_null) && !known.contains(&values) {
            known.push(values.clone());
            keys.push(values);
        }
    }
    Some(keys)
}

/// The value of a column that a refused UPDATE leaves as it is.
async fn kept(
    link: &mut Link,
    refused: &Refused<'_>,
    target: &Target,
    row: ParamSlice<'_>,
    column: &str,
) -> Option<Value> {
    if target.operation != Operation::Update {
        return None;
    }
    let mut sql = String::from("SELECT ");
    literal::write_name(&mut sql, column);
    sql.push_str(" FROM ");
    write_target(&mut sql, target);
    sql.push_str(" WHERE ");
    write_keys(&mut sql, link, refused, target, row)?;
    let found = select(link, &[sql]).await?;
    Found::value(found.rows.first()?, found.columns.first()?, 0)
}

/// Looks for the key that rows still refer to.
pub(crate) async fn still_referenced(
    link: &mut Link,
    key: &ForeignKey,
    refused: &Refused<'_>,
) -> Option<ForeignKeyViolation> {
    let target = refused.target()?;
    let mut condition = match target.operation {
        Operation::Insert => return None,
        Operation::Update => by_keys(link, refused, target)?,
        Operation::Delete => match by_text(link, refused, target) {
            Some(condition) => condition,
            None => by_keys(link, refused, target)?,
        },
    };
    let mut kinds = kinds(key, refused, target);
    if !same(&target.table, &key.parent.table) {
        condition = cascade::condition(link, target, &key.parent.table, condition).await?;
        kinds.fill(None);
    }
    let mut parent = String::new();
    write_table(&mut parent, &key.parent);
    let columns: Vec<String> = key
        .parent_columns
        .iter()
        .map(|column| {
            let mut name = format!("{parent}.");
            literal::write_name(&mut name, column);
            name
        })
        .collect();
    let mut refers = String::new();
    for (index, (child, parent)) in key.columns.iter().zip(&columns).enumerate() {
        refers.push_str(if index == 0 { "entail_child." } else { " AND entail_child." });
        literal::write_name(&mut refers, child);
        refers.push_str(&format!(" = {parent}"));
    }
    let mut child = String::new();
    write_table(&mut child, &key.table);
    let columns = columns.join(", ");
    let sql = |lock: &str| {
        format!(
            "SELECT {columns}, (SELECT count(*) FROM {child} AS entail_child WHERE {refers}{lock}) \
             AS entail_rows FROM {parent}{condition} HAVING entail_rows > 0 ORDER BY {columns} LIMIT 1"
        )
    };
    let texts = [sql(Lock::of(link).words()), sql("")];
    let found = select(link, &texts).await?;
    let row = found.rows.first()?;
    let width = key.parent_columns.len();
    let values = (0..width).map(|index| {
        let (value, column) = (row.as_ref(index)?, found.columns.get(index)?);
        if let Some(ty) = kinds.get(index).copied().flatten() {
            return decode::typed(value, column, ty).map(ValueRef::to_value);
        }
        Found::value(row, column, index)
    });
    Some(ForeignKeyViolation::StillReferenced {
        child: key.table.table.clone(),
        child_columns: key.columns.clone(),
        key: values.collect::<Option<_>>()?,
        rows: Found::number(row, width)?,
    })
}

/// The condition of a refused DELETE: all that stands behind its table.
fn by_text(link: &Link, refused: &Refused<'_>, target: &Target) -> Option<String> {
    let (call, execution) = refused.call?;
    let mut start = String::from("DELETE FROM ");
    write_target(&mut start, target);
    let params = call.params.as_slice().part(execution * call.arity, call.arity);
    let mut params = params.iter();
    let mut text = String::new();
    for piece in packet::template(call).ok()?.pieces() {
        text.push_str(piece);
        if let Some(param) = params.next() {
            let value = refused.slots.value(param);
            literal::write_value(&mut text, value, link.backslash()).ok()?;
        }
    }
    text.strip_prefix(&start).map(str::to_owned)
}

/// The condition that finds the rows of a refused statement by their keys.
fn by_keys(link: &Link, refused: &Refused<'_>, target: &Target) -> Option<String> {
    if target.keys.is_empty() {
        return None;
    }
    let mut text = String::from(" WHERE (");
    for (index, row) in rows_of(refused, target)?.into_iter().enumerate() {
        if index > 0 {
            text.push_str(") OR (");
        }
        write_keys(&mut text, link, refused, target, row)?;
    }
    text.push(')');
    Some(text)
}

/// Writes the condition that finds a row of a refused statement by its key.
fn write_keys(
    text: &mut String,
    link: &Link,
    refused: &Refused<'_>,
    target: &Target,
    row: ParamSlice<'_>,
) -> Option<()> {
    let keys = row.part(target.columns.len(), target.keys.len());
    let values: Vec<Value> =
        keys.iter().map(|param| refused.slots.value(param).to_value()).collect();
    if values.is_empty() {
        return None;
    }
    write_equal(text, &target.keys, &values, link)
}

/// The kinds of the parent's columns that a driver alone cannot tell, from the keys by which the
/// refused statement finds its rows: bytes may be a UUID, and a number a truth value.
fn kinds(key: &ForeignKey, refused: &Refused<'_>, target: &Target) -> Vec<Option<ColumnType>> {
    let rows = rows_of(refused, target);
    let first = rows.as_deref().and_then(<[_]>::first).copied();
    let kind = |column: &String| {
        let place = target.keys.iter().position(|known| same(known, column))?;
        match refused.slots.value(first?.get(target.columns.len() + place)?) {
            ValueRef::Bool(_) => Some(ColumnType::Boolean),
            #[cfg(feature = "chrono")]
            ValueRef::Timestamp(_) => Some(ColumnType::Timestamp),
            #[cfg(feature = "uuid")]
            ValueRef::Uuid(_) => Some(ColumnType::Uuid),
            _ => None,
        }
    };
    key.parent_columns.iter().map(kind).collect()
}

/// The parameters of the refused execution, a part for each row.
fn rows_of<'a>(refused: &Refused<'a>, target: &Target) -> Option<Vec<ParamSlice<'a>>> {
    let (call, execution) = refused.call?;
    let width = target.columns.len() + target.keys.len();
    let params = call.params.as_slice().part(execution * call.arity, call.arity);
    let whole = params.len().checked_rem(width) == Some(0);
    Some(params.chunks(width).collect()).filter(|_| whole)
}

/// The place of a column among others.
fn place(among: &[Arc<str>], column: &str) -> Option<usize> {
    among.iter().position(|known| same(known, column))
}

/// Names of columns are equal in any case; those of tables are on some systems.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn write_table(text: &mut String, name: &TableName) {
    write_qualified(text, name.database.as_deref(), &name.table);
}

/// Writes the table of a statement as the statement has it.
fn write_target(text: &mut String, target: &Target) {
    write_qualified(text, target.schema.as_deref(), &target.table);
}

fn write_qualified(text: &mut String, database: Option<&str>, table: &str) {
    if let Some(database) = database {
        literal::write_name(text, database);
        text.push('.');
    }
    literal::write_name(text, table);
}

/// Writes `a = 1 AND b = 2`.
fn write_equal(
    text: &mut String,
    columns: &[impl AsRef<str>],
    values: &[Value],
    link: &Link,
) -> Option<()> {
    for (index, (column, value)) in columns.iter().zip(values).enumerate() {
        if index > 0 {
            text.push_str(" AND ");
        }
        literal::write_name(text, column.as_ref());
        text.push_str(" = ");
        literal::write_value(text, value.as_ref(), link.backslash()).ok()?;
    }
    Some(())
}

/// Writes the name of a database as a text, or what gives that of the connection.
fn in_database(link: &Link, database: Option<&str>) -> Option<String> {
    let Some(database) = database else { return Some("DATABASE()".to_owned()) };
    let mut text = String::new();
    literal::write_value(&mut text, ValueRef::Text(database), link.backslash()).ok()?;
    Some(text)
}

/// The table and the columns of a unique index. Without a table, it is the only one that has an
/// index of this name.
pub(crate) async fn unique(
    link: &mut Link,
    database: Option<&str>,
    table: Option<&str>,
    index: &str,
) -> Option<(String, Vec<String>)> {
    let mut sql = format!(
        "SELECT table_name, column_name FROM information_schema.statistics \
         WHERE table_schema = {} AND non_unique = 0 AND index_name = ",
        in_database(link, database)?
    );
    literal::write_value(&mut sql, ValueRef::Text(index), link.backslash()).ok()?;
    if let Some(table) = table {
        sql.push_str(" AND table_name = ");
        literal::write_value(&mut sql, ValueRef::Text(table), link.backslash()).ok()?;
    }
    sql.push_str(" ORDER BY table_name, seq_in_index");
    let found = select(link, &[sql]).await?;
    let table = Found::text(found.rows.first()?, 0)?;
    let mut columns = Vec::new();
    for row in &found.rows {
        if Found::text(row, 0)? != table {
            return None;
        }
        // A part that is an expression has no column.
        columns.extend(Found::text(row, 1));
    }
    Some((table, columns))
}
