//! Words that sea-query has no builder for, or that stand in texts of our own: names and types.

use sea_query::{
    Alias, ColumnRef, IntoColumnRef, IntoTableRef, MysqlQueryBuilder, PostgresQueryBuilder,
    QuotedBuilder, SqliteQueryBuilder, TableRef,
};

use crate::mapping::Table;
use crate::value::ColumnType;

use super::Dialect;

/// Writes a name in quotes.
pub(crate) fn identifier(dialect: Dialect, name: &str) -> String {
    let mut sql = String::new();
    let name = Alias::new(name).into();
    match dialect {
        Dialect::Sqlite => SqliteQueryBuilder.prepare_iden(&name, &mut sql),
        Dialect::Postgres => PostgresQueryBuilder.prepare_iden(&name, &mut sql),
        Dialect::MariaDb | Dialect::MySql => MysqlQueryBuilder.prepare_iden(&name, &mut sql),
    }
    sql
}

/// Writes a text as a value of a statement, as PostgreSQL has them.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Writes the name of a table in quotes, behind that of its schema if it has one.
pub(crate) fn table_name(dialect: Dialect, table: &Table) -> String {
    let name = identifier(dialect, &table.name);
    match &table.schema {
        Some(schema) => format!("{}.{name}", identifier(dialect, schema)),
        None => name,
    }
}

/// A table as the builder takes it.
pub(crate) fn table_ref(table: &Table) -> TableRef {
    let name = Alias::new(&*table.name);
    match &table.schema {
        Some(schema) => (Alias::new(&**schema), name).into_table_ref(),
        None => name.into_table_ref(),
    }
}

/// A column with its table ahead, as the builder takes it.
pub(super) fn column_ref(table: &Table, index: usize) -> ColumnRef {
    let (name, column) = (Alias::new(&*table.name), Alias::new(&*table.columns[index].name));
    match &table.schema {
        Some(schema) => (Alias::new(&**schema), name, column).into_column_ref(),
        None => (name, column).into_column_ref(),
    }
}

/// Writes a name in quotes, as PostgreSQL has them.
pub(super) fn quoted(name: &str) -> String {
    identifier(Dialect::Postgres, name)
}

/// PostgreSQL's word for a type.
pub(crate) fn postgres_type(ty: ColumnType) -> String {
    match ty {
        ColumnType::SmallInt => "smallint",
        ColumnType::Integer => "integer",
        ColumnType::BigInt => "bigint",
        ColumnType::Real => "real",
        ColumnType::Double => "double precision",
        ColumnType::Boolean => "boolean",
        ColumnType::Text { length: None } => "text",
        ColumnType::Text { length: Some(length) } => return format!("varchar({length})"),
        ColumnType::Bytes => "bytea",
        ColumnType::Date => "date",
        ColumnType::Time => "time",
        ColumnType::DateTime => "timestamp",
        ColumnType::Timestamp => "timestamptz",
        ColumnType::Uuid => "uuid",
    }
    .to_owned()
}

/// A placeholder for an array of values of a column. A text is one of any length: a cast to
/// `varchar(3)` would cut it off without a word, where an assignment refuses it.
fn array(place: usize, ty: ColumnType) -> String {
    let ty = match ty {
        ColumnType::Text { .. } => ColumnType::Text { length: None },
        other => other,
    };
    format!("${place}::{}[]", postgres_type(ty))
}

/// Writes `unnest` over arrays of the values of columns: a table with a row for each row.
pub(super) fn unnest(table: &Table, columns: impl Iterator<Item = usize>) -> String {
    let arrays = columns.enumerate().map(|(at, column)| array(at + 1, table.columns[column].ty));
    format!("unnest({})", arrays.collect::<Vec<_>>().join(", "))
}

/// Writes `ANY` over an array of the values of a column.
pub(super) fn any(table: &Table, column: usize) -> String {
    format!("ANY({})", array(1, table.columns[column].ty))
}
