//! Words of the sql station's schemas: what each dialect writes for names, types and constraints.
//!
//! Only this file of them knows sea-query, and each dialect answers in each function.

use sea_query::{
    Alias, Check, ColumnDef, ColumnType as SeaType, Expr, Index, IndexBuilder,
    IndexCreateStatement, QuotedBuilder, SqliteQueryBuilder, TableBuilder,
};

use crate::mapping::Column;
use crate::sql::Dialect;
use crate::value::ColumnType;

/// What a column is to its table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// Not the key, or only a part of it.
    Plain,
    /// The whole key, which the client gives.
    NaturalKey,
    /// The whole key, which the database gives.
    GeneratedKey,
}

/// Writes a name in quotes.
pub(super) fn identifier(dialect: Dialect, name: &str) -> String {
    let mut sql = String::new();
    match dialect {
        Dialect::Sqlite => SqliteQueryBuilder.prepare_iden(&Alias::new(name).into(), &mut sql),
    }
    sql
}

/// Writes a column with its type, NOT NULL, DEFAULT and PRIMARY KEY.
pub(super) fn column(dialect: Dialect, column: &Column, role: Role) -> String {
    let ty = match dialect {
        Dialect::Sqlite => sqlite_type(column.ty, role),
    };
    let mut definition = ColumnDef::new_with_type(Alias::new(&*column.name), ty);
    if !column.nullable {
        definition.not_null();
    }
    if let Some(default) = &column.server_default {
        definition.default(Expr::cust(default.clone()));
    }
    if role != Role::Plain {
        definition.primary_key();
    }
    let mut sql = String::new();
    match dialect {
        Dialect::Sqlite => SqliteQueryBuilder.prepare_column_def(&definition, &mut sql),
    }
    sql
}

/// SQLite's word for a type.
///
/// To SQLite the word is a hint: INT in it means that digits are stored as integers, CHAR or TEXT
/// that all is stored as text, REAL or DOUB that integers become floating point numbers. One word
/// is more than that: a single key of the type `integer` is another name for the rowid, and is
/// given a number even when it is NOT NULL and NULL is put in. That is what a generated key wants
/// (without AUTOINCREMENT: the number of the last row may come again once that row is deleted),
/// and what a natural key must not do, so the latter is an `int`.
fn sqlite_type(ty: ColumnType, role: Role) -> SeaType {
    match ty {
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt
            if role == Role::GeneratedKey =>
        {
            SeaType::Integer
        }
        ColumnType::SmallInt => SeaType::SmallInteger,
        ColumnType::Integer if role == Role::NaturalKey => SeaType::custom("int"),
        ColumnType::Integer => SeaType::Integer,
        // sea-query's own words for these two are `integer` and `float`.
        ColumnType::BigInt => SeaType::custom("bigint"),
        ColumnType::Real => SeaType::custom("real"),
        ColumnType::Double => SeaType::Double,
        ColumnType::Boolean => SeaType::Boolean,
        ColumnType::Text { length: None } => SeaType::Text,
        ColumnType::Text { length } => SeaType::string(length),
        ColumnType::Bytes => SeaType::Blob,
        ColumnType::Date => SeaType::Date,
        ColumnType::Time => SeaType::Time,
        ColumnType::DateTime => SeaType::DateTime,
        ColumnType::Timestamp => SeaType::Timestamp,
    }
}

/// Writes PRIMARY KEY over several columns.
pub(super) fn primary_key(dialect: Dialect, columns: &[&str]) -> String {
    let mut key = Index::create();
    key.primary();
    key_constraint(dialect, &with_columns(key, columns))
}

/// Writes a unique constraint.
pub(super) fn unique(dialect: Dialect, name: &str, columns: &[&str]) -> String {
    let mut key = Index::create();
    key.unique().name(index_name(dialect, name));
    key_constraint(dialect, &with_columns(key, columns))
}

fn key_constraint(dialect: Dialect, key: &IndexCreateStatement) -> String {
    let mut sql = String::new();
    match dialect {
        Dialect::Sqlite => SqliteQueryBuilder.prepare_table_index_expression(key, &mut sql),
    }
    sql
}

/// Writes a CHECK constraint.
pub(super) fn check(dialect: Dialect, name: &str, expression: &str) -> String {
    let check = Check::named(Alias::new(name), Expr::cust(expression.to_owned()));
    let mut sql = String::new();
    match dialect {
        Dialect::Sqlite => SqliteQueryBuilder.prepare_check_constraint(&check, &mut sql),
    }
    sql
}

/// The check that holds a text to its length, where the type does not.
pub(super) fn length_check(dialect: Dialect, column: &str, length: u32) -> Option<String> {
    match dialect {
        Dialect::Sqlite => Some(format!("length({}) <= {length}", identifier(dialect, column))),
    }
}

/// Writes CREATE INDEX IF NOT EXISTS.
pub(super) fn create_index(dialect: Dialect, name: &str, table: &str, columns: &[&str]) -> String {
    let mut index = Index::create();
    index.if_not_exists().name(index_name(dialect, name)).table(Alias::new(table));
    let index = with_columns(index, columns);
    match dialect {
        Dialect::Sqlite => index.to_string(SqliteQueryBuilder),
    }
}

fn with_columns(mut index: IndexCreateStatement, columns: &[&str]) -> IndexCreateStatement {
    for column in columns {
        index.col(Alias::new(*column));
    }
    index
}

/// The name of an index as sea-query wants it: it puts quotes around this one, but does not double
/// those within.
fn index_name(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Sqlite => name.replace('"', "\"\""),
    }
}

/// Writes DROP TABLE IF EXISTS.
pub(super) fn drop_table(dialect: Dialect, table: &str) -> String {
    let drop = sea_query::Table::drop().if_exists().table(Alias::new(table)).take();
    match dialect {
        Dialect::Sqlite => drop.to_string(SqliteQueryBuilder),
    }
}
