//! PostgreSQL in the sql station's schemas: foreign keys that close a ring come and go by themselves.

use crate::mapping::Table;
use crate::sql::{Dialect, identifier, literal, table_name};

/// Writes ALTER TABLE ADD for a foreign key, which PostgreSQL has no IF NOT EXISTS for.
pub(super) fn add_foreign_key(table: &Table, name: &str, clause: &str) -> String {
    let table = table_name(Dialect::Postgres, table);
    format!(
        "DO $entail$ BEGIN\n  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = {} AND conrelid = \
         {}::regclass) THEN\n    ALTER TABLE {table} ADD {clause};\n  END IF;\nEND $entail$",
        literal(name),
        literal(&table),
    )
}

/// Writes CREATE SCHEMA, where there is none of this name. Who may not create schemas is not asked
/// to where it exists.
pub(super) fn create_schema(schema: &str) -> String {
    format!(
        "DO $entail$ BEGIN\n  IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = {}) THEN\n    \
         CREATE SCHEMA {};\n  END IF;\nEND $entail$",
        literal(schema),
        identifier(Dialect::Postgres, schema),
    )
}

/// Writes ALTER TABLE DROP for a foreign key.
pub(super) fn drop_foreign_key(table: &Table, name: &str) -> String {
    let table = table_name(Dialect::Postgres, table);
    let name = identifier(Dialect::Postgres, name);
    format!("ALTER TABLE IF EXISTS {table} DROP CONSTRAINT IF EXISTS {name}")
}
