//! Keys: whether SQLite will number the rows of one INSERT consecutively, and so what they are.
//!
//! SQLite gives each new row the greatest rowid plus one. The rows of one statement are therefore
//! numbered consecutively, up to `last_insert_rowid()`, if
//!
//! - the generated column is the alias of the rowid of a plain table of the main database,
//! - no trigger of the table can write rows in between, or take rows out,
//! - the greatest rowid is so small that SQLite need not guess a free one,
//! - and no one else writes meanwhile, which holds inside a transaction.
//!
//! The first two are kept for a table as long as the schema does not change.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Result};

use crate::schema::quoted;
use crate::token::tokens;

/// How the keys of the rows of one INSERT can be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// They are the numbers after this one.
    After(i64),
    /// They are consecutive, and greater than this one: AUTOINCREMENT also skips the keys of
    /// rows that are gone.
    Above(i64),
    /// There is one row, and its key is the last rowid.
    Last,
    /// Only row by row.
    Unknown,
}

impl Numbering {
    /// The key of the first of `rows` rows, when the last has the key `last`. None where they
    /// cannot have been numbered as expected.
    pub(crate) fn first(self, last: i64, rows: i64) -> Option<i64> {
        let before = last.checked_sub(rows);
        match self {
            Numbering::After(newest) => before.filter(|before| *before == newest)?.checked_add(1),
            Numbering::Above(newest) => before.filter(|before| *before >= newest)?.checked_add(1),
            Numbering::Last => (rows == 1).then_some(last),
            Numbering::Unknown => None,
        }
    }

    /// The same for the next statement of the same call, after the key `last`.
    pub(crate) fn after(self, last: i64, rows: i64) -> Self {
        match self {
            Numbering::After(_) if has_room(last, rows) => Numbering::After(last),
            Numbering::Above(_) if has_room(last, rows) => Numbering::Above(last),
            Numbering::Last => Numbering::Last,
            _ => Numbering::Unknown,
        }
    }
}

fn has_room(newest: i64, rows: i64) -> bool {
    newest.checked_add(rows).is_some_and(|last| last < i64::MAX)
}

/// What is known of the tables of a connection.
#[derive(Debug, Default)]
pub(crate) struct KeyGuard {
    tables: HashMap<Box<str>, RowidTable>,
    versions: Option<(i64, i64)>,
    /// Whether the versions were read since something may have changed the schema.
    freshness: Freshness,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Freshness {
    #[default]
    Stale,
    Fresh,
}

/// What is known of a table.
#[derive(Debug, Default)]
struct RowidTable {
    /// The column that is the rowid, if there is one.
    alias: Option<String>,
    triggers: Triggers,
    counting: Counting,
    /// Gives the greatest rowid.
    newest: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Triggers {
    #[default]
    None,
    Some,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Counting {
    #[default]
    FromNewest,
    Autoincrement,
}

impl KeyGuard {
    /// Says that the schema may have changed, which its version will show.
    pub(crate) fn expire(&mut self) {
        self.freshness = Freshness::Stale;
    }

    /// Says that a change of the schema may have been rolled back. The next change would then
    /// get the same version.
    pub(crate) fn forget(&mut self) {
        self.versions = None;
        self.freshness = Freshness::Stale;
    }

    /// How the keys of `rows` rows that one INSERT puts into `table` can be learned.
    pub(crate) fn numbering(
        &mut self,
        db: &Connection,
        table: &str,
        column: &str,
        rows: usize,
    ) -> Result<Numbering> {
        self.refresh(db)?;
        if !self.tables.contains_key(table) {
            self.tables.insert(table.into(), RowidTable::read(db, table)?);
        }
        let known = &self.tables[table];
        if !known.alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(column)) {
            return Ok(Numbering::Unknown);
        }
        if rows == 1 {
            return Ok(Numbering::Last);
        }
        if known.triggers == Triggers::Some || db.is_autocommit() {
            return Ok(Numbering::Unknown);
        }
        let newest: Option<i64> =
            db.prepare_cached(&known.newest)?.query_row([], |row| row.get(0))?;
        Ok(match (known.counting, newest) {
            (_, Some(newest)) if !has_room(newest, rows as i64) => Numbering::Unknown,
            (Counting::FromNewest, newest) => Numbering::After(newest.unwrap_or(0)),
            (Counting::Autoincrement, newest) => Numbering::Above(newest.unwrap_or(0)),
        })
    }

    /// Forgets all if the schema has changed.
    fn refresh(&mut self, db: &Connection) -> Result<()> {
        if self.freshness == Freshness::Fresh {
            return Ok(());
        }
        let version = |sql: &str| db.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
        let main = version("PRAGMA main.schema_version")?;
        let versions = Some((main, version("PRAGMA temp.schema_version")?));
        if self.versions != versions {
            self.tables.clear();
            self.versions = versions;
        }
        self.freshness = Freshness::Fresh;
        Ok(())
    }
}

impl RowidTable {
    fn read(db: &Connection, table: &str) -> Result<Self> {
        // A temporary table or view of the same name would hide the table.
        let name: Option<String> = db
            .prepare(
                "SELECT max(name) FROM pragma_table_list WHERE name = ?1 COLLATE NOCASE \
                 HAVING max(schema) = 'main' AND max(type) = 'table'",
            )?
            .query_row([table], |row| row.get(0))
            .optional()?
            .flatten();
        let Some(name) = name else { return Ok(Self::default()) };
        let Some(alias) = alias(db, &name)? else { return Ok(Self::default()) };
        let triggers: i64 = db
            .prepare(
                "SELECT count(*) FROM (SELECT type, tbl_name FROM main.sqlite_schema \
                 UNION ALL SELECT type, tbl_name FROM temp.sqlite_schema) \
                 WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE",
            )?
            .query_row([&name], |row| row.get(0))?;
        let sql = crate::schema::create_table(db, &name)?.unwrap_or_default();
        let counting = if tokens(&sql).iter().any(|token| token.is_word("AUTOINCREMENT")) {
            Counting::Autoincrement
        } else {
            Counting::FromNewest
        };
        Ok(Self {
            newest: format!("SELECT max({}) FROM main.{}", quoted(&alias), quoted(&name)),
            alias: Some(alias),
            triggers: if triggers > 0 { Triggers::Some } else { Triggers::None },
            counting,
        })
    }
}

/// The column that is the rowid: the only column of the primary key, declared INTEGER, without
/// an index for the key. (The key of a table WITHOUT ROWID has one, and so has a column that is
/// `INTEGER PRIMARY KEY DESC`, which is no alias.)
fn alias(db: &Connection, table: &str) -> Result<Option<String>> {
    db.prepare(
        "SELECT max(name) FROM pragma_table_xinfo(?1, 'main') WHERE pk > 0 \
         HAVING count(*) = 1 AND max(type) = 'INTEGER' COLLATE NOCASE AND NOT EXISTS \
         (SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk')",
    )?
    .query_row([table], |row| row.get(0))
    .optional()
    .map(Option::flatten)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_back_from_the_last() {
        assert_eq!(Numbering::After(4).first(7, 3), Some(5));
        assert_eq!(Numbering::After(4).first(8, 3), None);
        assert_eq!(Numbering::After(-9).first(-7, 2), Some(-8));
        assert_eq!(Numbering::Above(4).first(9, 3), Some(7));
        assert_eq!(Numbering::Above(4).first(6, 3), None);
        assert_eq!(Numbering::Last.first(12, 2), None);
        assert_eq!(Numbering::Last.first(12, 1), Some(12));
        assert_eq!(Numbering::Unknown.first(12, 1), None);
    }

    #[test]
    fn the_end_of_the_numbers_is_near_before_it_is_reached() {
        assert_eq!(Numbering::After(1).after(i64::MAX - 3, 2), Numbering::After(i64::MAX - 3));
        assert_eq!(Numbering::After(1).after(i64::MAX - 2, 2), Numbering::Unknown);
        assert_eq!(Numbering::Above(1).after(i64::MAX, 2), Numbering::Unknown);
    }
}
