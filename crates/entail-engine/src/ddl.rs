//! The sql station's schemas: from a mapping to the statements that create and drop its tables.
//!
//! Everything is written in one order, and every constraint and index has a name that follows
//! from its table and columns, so that one mapping always gives one text:
//!
//! | name | what |
//! |---|---|
//! | `uq_<table>_<columns>` | a unique constraint |
//! | `fk_<table>_<columns>` | a foreign key |
//! | `ck_<table>_<column>` | the check of a column |
//! | `ck_<table>_<column>_length` | the length of a text, where the type does not hold it |
//! | `ck_<table>_<number>` | a check of the table |
//! | `ix_<table>_<columns>` | an index: asked for, or for a foreign key that no other index serves |
//!
//! A name above 63 bytes, and one that is taken, ends in a hash of its parts.

mod index;
mod name;
mod postgres;
mod table;
#[cfg(test)]
mod tests;
mod words;

use crate::mapping::{Action, Deferrable, ForeignKey, Mapping, Table};
use crate::sql::Dialect;

use name::Names;

/// Writes the statements that create the tables of a mapping, parents before children, and then
/// their indexes. What exists already stays as it is.
///
/// Where tables refer to each other in a ring, SQLite takes the foreign keys within CREATE TABLE,
/// because it looks for the parent only when rows are written; PostgreSQL is given those that
/// close the ring by ALTER TABLE afterwards; MySQL and MariaDB are told not to look meanwhile.
///
/// ```
/// use entail_engine::ddl;
/// use entail_engine::mapping::{ColumnDefinition, Mapping, MappingDefinition, TableDefinition};
/// use entail_engine::sql::Dialect;
/// use entail_engine::value::ColumnType;
///
/// let users = TableDefinition {
///     name: "users".into(),
///     columns: vec![
///         ColumnDefinition::new("id", ColumnType::BigInt).generated(),
///         ColumnDefinition::new("username", ColumnType::Text { length: Some(50) }),
///     ],
///     primary_key: vec!["id".into()],
///     uniques: vec![vec!["username".into()]],
///     ..TableDefinition::default()
/// };
/// let mapping = Mapping::new(MappingDefinition { tables: vec![users], entities: vec![] })?;
///
/// let statements = ddl::create_all(&mapping, Dialect::Sqlite);
/// assert_eq!(
///     ddl::script(&statements),
///     r#"CREATE TABLE IF NOT EXISTS "users" (
///   "id" integer NOT NULL PRIMARY KEY,
///   "username" varchar(50) NOT NULL,
///   CONSTRAINT "uq_users_username" UNIQUE ("username"),
///   CONSTRAINT "ck_users_username_length" CHECK (length("username") <= 50)
/// );
/// "#
/// );
/// # Ok::<(), entail_engine::mapping::MappingErrors>(())
/// ```
pub fn create_all(mapping: &Mapping, dialect: Dialect) -> Vec<String> {
    let mut names = Names::new(mapping);
    let tables = mapping.tables_by_rank();
    match dialect {
        Dialect::Sqlite => {
            let mut statements = create_tables(mapping, &tables, dialect, &mut names, |_, _| true);
            statements.extend(create_indexes(&tables, dialect, &mut names));
            statements
        }
        Dialect::Postgres => {
            let later = |place: usize, key: &ForeignKey| !comes_before(&tables, place, key);
            let mut statements: Vec<String> =
                schemas(&tables).into_iter().map(postgres::create_schema).collect();
            let within = |place: usize, key: &ForeignKey| !later(place, key);
            statements.extend(create_tables(mapping, &tables, dialect, &mut names, within));
            for (place, table) in tables.iter().enumerate() {
                for key in table.foreign_keys.iter().filter(|key| later(place, key)) {
                    let (name, clause) =
                        table::foreign_key(mapping, table, key, dialect, &mut names);
                    statements.push(postgres::add_foreign_key(table, &name, &clause));
                }
            }
            statements.extend(create_indexes(&tables, dialect, &mut names));
            statements
        }
        Dialect::MariaDb | Dialect::MySql => {
            let statements = create_tables(mapping, &tables, dialect, &mut names, |_, _| true);
            let create = |schema| words::create_database(dialect, schema);
            let mut all: Vec<String> = schemas(&tables).into_iter().map(create).collect();
            all.extend(unchecked_in_rings(&tables, statements));
            all
        }
    }
}

/// The schemas of the tables, each once.
fn schemas<'t>(tables: &[&'t Table]) -> Vec<&'t str> {
    let mut schemas = Vec::new();
    for schema in tables.iter().filter_map(|table| table.schema.as_deref()) {
        if !schemas.contains(&schema) {
            schemas.push(schema);
        }
    }
    schemas
}

/// Writes CREATE TABLE for each table, with those of its foreign keys that `within` takes.
fn create_tables(
    mapping: &Mapping,
    tables: &[&Table],
    dialect: Dialect,
    names: &mut Names,
    within: impl Fn(usize, &ForeignKey) -> bool,
) -> Vec<String> {
    let create = |(place, table): (usize, &&Table)| {
        let keys: Vec<_> = table.foreign_keys.iter().filter(|key| within(place, key)).collect();
        table::create(mapping, table, &keys, dialect, names)
    };
    tables.iter().enumerate().map(create).collect()
}

fn create_indexes(tables: &[&Table], dialect: Dialect, names: &mut Names) -> Vec<String> {
    let mut statements = Vec::new();
    for table in tables {
        for columns in index::indexes(table) {
            let columns = table::column_names(table, &columns);
            let name = names.take("ix", &table.name, &columns);
            statements.push(words::create_index(dialect, &name, table, &columns));
        }
    }
    statements
}

/// Whether the parent of a key of the table at `place` is that table or comes before it.
fn comes_before(tables: &[&Table], place: usize, key: &ForeignKey) -> bool {
    tables[..=place].iter().any(|table| table.id == key.parent)
}

/// Statements that MySQL runs without looking at foreign keys, if there is a ring among them.
fn unchecked_in_rings(tables: &[&Table], mut statements: Vec<String>) -> Vec<String> {
    let ring = tables.iter().enumerate().any(|(place, table)| {
        table.foreign_keys.iter().any(|key| !comes_before(tables, place, key))
    });
    if ring {
        statements.insert(0, "SET FOREIGN_KEY_CHECKS = 0".to_owned());
        statements.push("SET FOREIGN_KEY_CHECKS = 1".to_owned());
    }
    statements
}

/// Writes the statements that drop the tables of a mapping, children before parents. What does
/// not exist is passed over.
///
/// Run them in one transaction. On SQLite with `PRAGMA foreign_keys = ON`, a DROP TABLE deletes
/// all rows first and fails where other rows refer to them; the first statement puts that check
/// off to the COMMIT, by which time the rows on both ends are gone. Outside a transaction it has
/// no effect. If rows of a table that is not in the mapping still refer to a dropped one, the
/// COMMIT fails, as it should.
///
/// Where tables refer to each other in a ring, SQLite needs one more step, because it does not
/// even prepare a cascade over a table whose parent is gone (`no such table`). So a table that is
/// dropped before one that refers to it is put back without foreign keys, and dropped again at
/// the end:
///
/// ```text
/// folder <--- file        DROP file; CREATE file (no foreign keys); DROP folder; DROP file
///    `----------^
/// ```
///
/// SQLite refuses two things even so: to drop a table that has rows and refers to itself (or round
/// a ring) with ON DELETE SET NULL or SET DEFAULT, where NOT NULL or a CHECK forbids that value;
/// and to drop one of a schema from which a parent has vanished. Then turn `foreign_keys` off
/// before the transaction; the statements are the same.
pub fn drop_all(mapping: &Mapping, dialect: Dialect) -> Vec<String> {
    let by_rank = mapping.tables_by_rank();
    let tables: Vec<_> = by_rank.iter().rev().copied().collect();
    let drops = tables.iter().map(|table| words::drop_table(dialect, table));
    match dialect {
        Dialect::Sqlite => drop_deferred(mapping, &tables, dialect),
        Dialect::Postgres => {
            let mut names = Names::new(mapping);
            let within = |place: usize, key: &ForeignKey| comes_before(&by_rank, place, key);
            // The names follow each other as they do when the tables are created.
            create_tables(mapping, &by_rank, dialect, &mut names, within);
            let mut statements = Vec::new();
            for (place, table) in by_rank.iter().enumerate() {
                for key in table.foreign_keys.iter().filter(|key| !within(place, key)) {
                    let (name, _) = table::foreign_key(mapping, table, key, dialect, &mut names);
                    statements.push(postgres::drop_foreign_key(table, &name));
                }
            }
            statements.extend(drops);
            statements
        }
        Dialect::MariaDb | Dialect::MySql => unchecked_in_rings(&by_rank, drops.collect()),
    }
}

/// What a mapping asks for and the database of a dialect does not have.
pub fn unsupported(mapping: &Mapping, dialect: Dialect) -> Vec<String> {
    let mut missing = Vec::new();
    for table in mapping.tables() {
        if dialect == Dialect::Sqlite && table.schema.is_some() {
            missing.push(format!(
                "the table `{}` lies in a schema: leave `schema` out",
                table.full_name
            ));
        }
        for unique in &table.uniques_nulls_not_distinct {
            if dialect != Dialect::Postgres {
                let columns = table::column_names(table, unique).join(", ");
                missing.push(format!(
                    "the unique constraint of `{}` ({columns}) takes NULLs for equal: \
                     write `unique` instead, or make the columns NOT NULL",
                    table.full_name
                ));
            }
        }
        if !matches!(dialect, Dialect::MariaDb | Dialect::MySql) {
            continue;
        }
        for &column in table.primary_key.iter().filter(|_| dialect == Dialect::MySql) {
            let column = &table.columns[column];
            if column.server_default.is_some() {
                missing.push(format!(
                    "the key column `{}` of `{}` has a default, of which only RETURNING could say \
                     what it came to: leave `server_default` out, and make the key in the program",
                    column.name, table.full_name
                ));
            }
        }
        for key in &table.foreign_keys {
            let columns = table::column_names(table, &key.columns).join(", ");
            let place = format!("the foreign key `{}` ({columns})", table.full_name);
            if key.deferrable != Deferrable::No {
                missing.push(format!("{place} is deferrable: leave `deferrable` out"));
            }
            if [key.on_delete, key.on_update].contains(&Action::SetDefault) {
                missing.push(format!("{place} has the action SET DEFAULT: choose another one"));
            }
        }
    }
    missing
}

/// Drops tables in this order with their foreign keys deferred.
fn drop_deferred(mapping: &Mapping, tables: &[&Table], dialect: Dialect) -> Vec<String> {
    let mut names = Names::new(mapping);
    let mut statements = vec!["PRAGMA defer_foreign_keys = ON".to_owned()];
    let mut put_back = Vec::new();
    for (place, table) in tables.iter().enumerate() {
        statements.push(words::drop_table(dialect, table));
        let refers = |other: &Table| other.foreign_keys.iter().any(|key| key.parent == table.id);
        if tables[place + 1..].iter().any(|later| refers(later)) {
            statements.push(table::create(mapping, table, &[], dialect, &mut names));
            put_back.push(words::drop_table(dialect, table));
        }
    }
    statements.append(&mut put_back);
    statements
}

/// Writes statements as one script, each ended by a semicolon and a new line.
pub fn script(statements: &[String]) -> String {
    statements.iter().map(|statement| format!("{statement};\n")).collect()
}
