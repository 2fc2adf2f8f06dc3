//! PostgreSQL in the sql station's schemas: foreign keys that close a ring come and go by themselves.

use crate::sql::{Dialect, identifier};

/// Writes ALTER TABLE ADD for a foreign key, which PostgreSQL has no IF NOT EXISTS for.
pub(super) fn add_foreign_key(table: &str, name: &str, clause: &str) -> String {
    let table = identifier(Dialect::Postgres, table);
    format!(
        "DO $entail$ BEGIN\n  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = {} AND conrelid = \
         {}::regclass) THEN\n    ALTER TABLE {table} ADD {clause};\n  END IF;\nEND $entail$",
        literal(name),
        literal(&table),
    )
}

/// Writes ALTER TABLE DROP for a foreign key.
pub(super) fn drop_foreign_key(table: &str, name: &str) -> String {
    let [table, name] = [table, name].map(|name| identifier(Dialect::Postgres, name));
    format!("ALTER TABLE IF EXISTS {table} DROP CONSTRAINT IF EXISTS {name}")
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
