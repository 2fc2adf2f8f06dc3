//! Tables of the sql station's schemas: the CREATE TABLE statement and what stands in it.

use crate::mapping::{Action, Deferrable, ForeignKey, Mapping, Table};
use crate::sql::{Dialect, identifier, table_name};
use crate::value::ColumnType;

use super::index;
use super::name::Names;
use super::words::{self, Indexed, Role};

/// Writes CREATE TABLE with these of the table's foreign keys.
pub(super) fn create(
    mapping: &Mapping,
    table: &Table,
    foreign_keys: &[&ForeignKey],
    dialect: Dialect,
    names: &mut Names,
) -> String {
    let mut items = columns(table, dialect);
    items.extend(uniques(table, dialect, names));
    items.extend(foreign_keys.iter().map(|key| foreign_key(mapping, table, key, dialect, names).1));
    items.extend(checks(table, dialect, names));
    items.extend(inline_indexes(table, dialect, names));
    let name = table_name(dialect, table);
    let options = words::table_options(dialect);
    format!("CREATE TABLE IF NOT EXISTS {name} (\n  {}\n){options}", items.join(",\n  "))
}

/// The indexes, where the dialect has them within CREATE TABLE.
fn inline_indexes(table: &Table, dialect: Dialect, names: &mut Names) -> Vec<String> {
    if words::inline_index(dialect, "", &[]).is_none() {
        return Vec::new();
    }
    let indexes = index::indexes(table).into_iter();
    indexes
        .filter_map(|columns| {
            let columns = column_names(table, &columns);
            words::inline_index(dialect, &names.take("ix", &table.name, &columns), &columns)
        })
        .collect()
}

/// The names of columns.
pub(super) fn column_names<'t>(table: &'t Table, columns: &[usize]) -> Vec<&'t str> {
    columns.iter().map(|&column| &*table.columns[column].name).collect()
}

/// The columns, and the primary key if it has several.
fn columns(table: &Table, dialect: Dialect) -> Vec<String> {
    let columns = table.columns.iter().enumerate();
    let mut items: Vec<_> = columns
        .map(|(index, column)| {
            let role = match table.primary_key.as_slice() {
                [key] if *key != index => Role::Plain,
                [_] if column.generated && column.server_default.is_none() => Role::GeneratedKey,
                [_] => Role::NaturalKey,
                _ => Role::Plain,
            };
            words::column(dialect, column, role, indexed(table, index))
        })
        .collect();
    if table.primary_key.len() > 1 {
        items.push(words::primary_key(dialect, &column_names(table, &table.primary_key)));
    }
    items
}

/// Whether anything needs a lookup by the column.
fn indexed(table: &Table, column: usize) -> Indexed {
    let lists = table.uniques.iter().chain(&table.indexes);
    let keys = table.foreign_keys.iter().map(|key| &key.columns);
    let mut all = lists.chain(keys).chain([&table.primary_key]);
    if all.any(|columns| columns.contains(&column)) { Indexed::Yes } else { Indexed::No }
}

/// The unique constraints, each set of columns in its order once.
fn uniques(table: &Table, dialect: Dialect, names: &mut Names) -> Vec<String> {
    let mut seen = vec![&table.primary_key];
    let mut items = Vec::new();
    for unique in &table.uniques {
        if unique.is_empty() || seen.contains(&unique) {
            continue;
        }
        seen.push(unique);
        let columns = column_names(table, unique);
        let name = names.take("uq", &table.name, &columns);
        let nulls_not_distinct = table.uniques_nulls_not_distinct.contains(unique);
        items.push(words::unique(dialect, &name, &columns, nulls_not_distinct));
    }
    items
}

/// The name and the clause of a foreign key, which fits CREATE TABLE and ALTER TABLE ADD alike.
///
/// It is our own text, since sea-query has no word for DEFERRABLE.
pub(super) fn foreign_key(
    mapping: &Mapping,
    table: &Table,
    key: &ForeignKey,
    dialect: Dialect,
    names: &mut Names,
) -> (String, String) {
    let parent = mapping.table(key.parent);
    let list = |table: &Table, columns: &[usize]| {
        let columns = column_names(table, columns).into_iter();
        columns.map(|column| identifier(dialect, column)).collect::<Vec<_>>().join(", ")
    };
    let mysql = matches!(dialect, Dialect::MariaDb | Dialect::MySql);
    let never_null = key.columns.iter().any(|&column| !table.columns[column].nullable);
    let name = names.take("fk", &table.name, &column_names(table, &key.columns));
    let mut sql = format!(
        "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})",
        identifier(dialect, &name),
        list(table, &key.columns),
        table_name(dialect, parent),
        list(parent, &key.references),
    );
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        // MySQL refuses SET NULL for a column that cannot be NULL when the table is made; the others
        // refuse the delete. Without an action it does so too.
        let kept = mysql && action == Action::SetNull && never_null;
        if action != Action::NoAction && !kept {
            sql.push_str(&format!(" ON {event} {}", action.sql()));
        }
    }
    sql.push_str(match key.deferrable {
        Deferrable::No => "",
        Deferrable::InitiallyImmediate => " DEFERRABLE INITIALLY IMMEDIATE",
        Deferrable::InitiallyDeferred => " DEFERRABLE INITIALLY DEFERRED",
    });
    (name, sql)
}

/// The CHECK constraints of the columns, of texts whose type does not hold their length, and of
/// the table.
fn checks(table: &Table, dialect: Dialect, names: &mut Names) -> Vec<String> {
    let mut items = Vec::new();
    for column in &table.columns {
        if let Some(check) = &column.check {
            let name = names.take("ck", &table.name, &[&column.name]);
            items.push(words::check(dialect, &name, check));
        }
        if let ColumnType::Text { length: Some(length) } = column.ty
            && let Some(check) = words::length_check(dialect, &column.name, length)
        {
            let name = names.take("ck", &table.name, &[&column.name, "length"]);
            items.push(words::check(dialect, &name, &check));
        }
    }
    for (index, check) in table.checks.iter().enumerate() {
        let name = names.take("ck", &table.name, &[&(index + 1).to_string()]);
        items.push(words::check(dialect, &name, check));
    }
    items
}
