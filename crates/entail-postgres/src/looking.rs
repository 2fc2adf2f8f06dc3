//! Looking: what the catalog knows of a constraint, and how many rows refer to a key.
//!
//! In a transaction that was aborted no statement can run, so another connection looks then. It
//! waits for no lock: what the failed transaction has locked would not be free before the look
//! has ended. What cannot be found out stays unknown; it is never an error of its own.

use tokio_postgres::types::{FromSqlOwned, Kind, ToSql, Type};
use tokio_postgres::{Client, Error, Row};

use crate::bind::{self, Slot};
use crate::live::Opener;

/// Who looks.
pub(crate) struct Looking<'a> {
    /// The connection itself, if it can.
    pub(crate) here: Option<&'a Client>,
    pub(crate) opener: &'a Opener,
}

/// A foreign key, as the catalog has it.
#[derive(Debug)]
pub(crate) struct ForeignKey {
    pub(crate) child: Table,
    pub(crate) columns: Vec<String>,
    pub(crate) types: Vec<Type>,
    pub(crate) parent: Table,
    pub(crate) parent_columns: Vec<String>,
    pub(crate) parent_types: Vec<Type>,
}

/// A table by its schema and name.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) schema: String,
    pub(crate) name: String,
}

/// A constraint by its name.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    pub(crate) schema: &'a str,
    pub(crate) table: &'a str,
    pub(crate) constraint: &'a str,
}

/// Settings with which a look ends soon.
const HASTE: &str = "-c statement_timeout=5000 -c lock_timeout=200";

impl Looking<'_> {
    /// Has somebody look, if anybody can.
    pub(crate) async fn with<T>(
        &self,
        look: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Option<T> {
        let found = match self.here {
            Some(client) => look(client).await,
            None => {
                let settings = format!("{} {HASTE}", self.opener.options.settings);
                let (live, _task) = self.opener.open_with(settings).await.ok()?;
                look(&live.client).await
            }
        };
        found.inspect_err(|error| tracing::debug!(%error, "could not look at a constraint")).ok()
    }
}

/// The foreign key of this name.
pub(crate) async fn foreign_key(
    client: &Client,
    name: Name<'_>,
) -> Result<Option<ForeignKey>, Error> {
    let params: [(&(dyn ToSql + Sync), Type); 3] =
        [(&name.constraint, Type::TEXT), (&name.table, Type::TEXT), (&name.schema, Type::TEXT)];
    let rows = client.query_typed(FOREIGN_KEY, &params).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(ForeignKey {
        child: Table { schema: row.try_get(0)?, name: row.try_get(1)? },
        columns: list(row, 2)?,
        types: types(row, 3)?,
        parent: Table { schema: row.try_get(4)?, name: row.try_get(5)? },
        parent_columns: list(row, 6)?,
        parent_types: types(row, 7)?,
    }))
}

/// The columns of the unique index or the check of this name.
pub(crate) async fn columns(client: &Client, name: Name<'_>) -> Result<Vec<String>, Error> {
    let params: [(&(dyn ToSql + Sync), Type); 3] =
        [(&name.constraint, Type::TEXT), (&name.table, Type::TEXT), (&name.schema, Type::TEXT)];
    let rows = client.query_typed(COLUMNS, &params).await?;
    rows.first().map_or(Ok(Vec::new()), |row| list(row, 0))
}

/// How many rows of the child refer to a key, which is given as the server wrote it.
pub(crate) async fn referring_rows(
    client: &Client,
    key: &ForeignKey,
    values: &[String],
) -> Result<u64, Error> {
    let conditions: Vec<String> = key
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!("{} = ${}", quoted(column), place + 1))
        .collect();
    let sql = format!(
        "SELECT count(*) FROM {}.{} WHERE {}",
        quoted(&key.child.schema),
        quoted(&key.child.name),
        conditions.join(" AND ")
    );
    let list = values.iter().map(|value| entail_engine::value::Value::from(value.as_str()));
    let list: entail_engine::batch::ParamList = list.collect();
    let slots: [Slot; 0] = [];
    let bounds: Vec<_> = bind::bounds(list.as_slice(), None, &slots).collect();
    let params: Vec<(&(dyn ToSql + Sync), Type)> =
        bounds.iter().map(|bound| (bound as &(dyn ToSql + Sync), bound.announced())).collect();
    let rows = client.query_typed(&sql, &params).await?;
    let count: i64 = match rows.first() {
        Some(row) => row.try_get(0)?,
        None => 0,
    };
    Ok(u64::try_from(count).unwrap_or(0))
}

/// An array, or none for NULL.
fn list<T: FromSqlOwned>(row: &Row, place: usize) -> Result<Vec<T>, Error> {
    Ok(row.try_get::<_, Option<Vec<T>>>(place)?.unwrap_or_default())
}

fn types(row: &Row, place: usize) -> Result<Vec<Type>, Error> {
    let unknown = || Type::new(String::new(), 0, Kind::Simple, String::new());
    let oids: Vec<u32> = list(row, place)?;
    Ok(oids.into_iter().map(|oid| Type::from_oid(oid).unwrap_or_else(unknown)).collect())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Domains count as what they are made of.
const FOREIGN_KEY: &str = "\
SELECT cn.nspname::text, ct.relname::text, \
(SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY k(number, place) \
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number), \
(SELECT array_agg(COALESCE(NULLIF(t.typbasetype, 0), t.oid) ORDER BY k.place) \
FROM unnest(c.conkey) WITH ORDINALITY k(number, place) \
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number \
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid), \
pn.nspname::text, pt.relname::text, \
(SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(c.confkey) WITH ORDINALITY k(number, place) \
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number), \
(SELECT array_agg(COALESCE(NULLIF(t.typbasetype, 0), t.oid) ORDER BY k.place) \
FROM unnest(c.confkey) WITH ORDINALITY k(number, place) \
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number \
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid) \
FROM pg_catalog.pg_constraint c \
JOIN pg_catalog.pg_class ct ON ct.oid = c.conrelid \
JOIN pg_catalog.pg_namespace cn ON cn.oid = ct.relnamespace \
JOIN pg_catalog.pg_class pt ON pt.oid = c.confrelid \
JOIN pg_catalog.pg_namespace pn ON pn.oid = pt.relnamespace \
WHERE c.contype = 'f' AND c.conname = $1 AND ct.relname = $2 AND cn.nspname = $3";

const COLUMNS: &str = "\
SELECT array_agg(a.attname::text ORDER BY k.place) FROM (\
SELECT i.indrelid AS id, i.indkey::int2[] AS keys, i.indnkeyatts::int AS count \
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE x.relname = $1 \
UNION ALL SELECT c.conrelid, c.conkey, cardinality(c.conkey) \
FROM pg_catalog.pg_constraint c WHERE c.conname = $1 AND c.contype = 'c') found \
JOIN pg_catalog.pg_class t ON t.oid = found.id \
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace, \
unnest(found.keys) WITH ORDINALITY k(number, place) \
JOIN pg_catalog.pg_attribute a ON a.attnum = k.number \
WHERE a.attrelid = found.id AND k.place <= found.count AND t.relname = $2 AND n.nspname = $3";
