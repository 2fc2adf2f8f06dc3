//! Schema: what the database says about its tables, columns and foreign keys.

use rusqlite::{Connection, OptionalExtension, Result, Row};

/// A table of the main database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    /// Its name as the schema declares it.
    pub name: String,
    pub columns: Vec<String>,
    /// The columns of the primary key in their order; empty if it has none.
    pub primary_key: Vec<String>,
}

impl Table {
    /// Reads a table of the main database; none if there is none of that name.
    pub(crate) fn read(db: &Connection, name: &str) -> Result<Option<Self>> {
        let name: Option<String> = db
            .prepare(
                "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            )?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let Some(name) = name else { return Ok(None) };
        let mut columns = Vec::new();
        let mut keys: Vec<(i64, String)> = Vec::new();
        let mut statement =
            db.prepare("SELECT name, pk FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1")?;
        let mut rows = statement.query([&name])?;
        while let Some(row) = rows.next()? {
            let column: String = row.get(0)?;
            let place: i64 = row.get(1)?;
            if place > 0 {
                keys.push((place, column.clone()));
            }
            columns.push(column);
        }
        keys.sort();
        let primary_key = keys.into_iter().map(|(_, column)| column).collect();
        Ok(Some(Self { name, columns, primary_key }))
    }

    /// The columns that tell one row from another.
    pub(crate) fn identity(&self) -> Vec<String> {
        if self.primary_key.is_empty() {
            vec!["rowid".to_owned()]
        } else {
            self.primary_key.clone()
        }
    }

    fn column(&self, name: &str) -> Option<&String> {
        self.columns.iter().find(|column| column.eq_ignore_ascii_case(name))
    }
}

/// What happens to the referring rows when a key goes or changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Nothing,
    Restrict,
    Cascade,
    /// SET NULL or SET DEFAULT.
    Set,
}

impl Action {
    fn parse(word: &str) -> Self {
        match word {
            "RESTRICT" => Action::Restrict,
            "CASCADE" => Action::Cascade,
            "SET NULL" | "SET DEFAULT" => Action::Set,
            _ => Action::Nothing,
        }
    }
}

/// A foreign key of the main database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ForeignKey {
    /// Its number within the table, as `PRAGMA foreign_key_check` gives it.
    pub id: i64,
    pub child: String,
    pub columns: Vec<String>,
    pub parent: String,
    pub parent_columns: Vec<String>,
    pub on_update: Action,
    pub on_delete: Action,
}

impl ForeignKey {
    pub(crate) fn is_of(&self, table: &str) -> bool {
        self.child.eq_ignore_ascii_case(table)
    }

    pub(crate) fn points_at(&self, table: &str) -> bool {
        self.parent.eq_ignore_ascii_case(table)
    }
}

/// All foreign keys of the main database: by table in the order of creation, then in the order
/// of their declaration, which SQLite numbers backwards.
pub(crate) fn foreign_keys(db: &Connection) -> Result<Vec<ForeignKey>> {
    let mut statement = db.prepare(
        "SELECT t.name, f.id, f.\"table\", f.\"from\", f.\"to\", f.on_update, f.on_delete \
         FROM main.sqlite_schema AS t, pragma_foreign_key_list(t.name, 'main') AS f \
         WHERE t.type = 'table' ORDER BY t.rowid, f.id DESC, f.seq",
    )?;
    let mut keys: Vec<ForeignKey> = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (child, id): (String, i64) = (row.get(0)?, row.get(1)?);
        if !keys.last().is_some_and(|key| key.child == child && key.id == id) {
            keys.push(foreign_key(row, child, id)?);
        }
        if let Some(key) = keys.last_mut() {
            key.columns.push(row.get(3)?);
            key.parent_columns.extend(row.get::<_, Option<String>>(4)?);
        }
    }
    for key in &mut keys {
        if let Some(parent) = Table::read(db, &key.parent)? {
            if key.parent_columns.is_empty() {
                key.parent_columns.clone_from(&parent.primary_key);
            }
            for column in &mut key.parent_columns {
                if let Some(declared) = parent.column(column) {
                    column.clone_from(declared);
                }
            }
            key.parent = parent.name;
        }
    }
    Ok(keys)
}

fn foreign_key(row: &Row<'_>, child: String, id: i64) -> Result<ForeignKey> {
    Ok(ForeignKey {
        id,
        child,
        columns: Vec::new(),
        parent: row.get(2)?,
        parent_columns: Vec::new(),
        on_update: Action::parse(&row.get::<_, String>(5)?),
        on_delete: Action::parse(&row.get::<_, String>(6)?),
    })
}

/// The CREATE TABLE of a table of the main database, if there is such a table.
pub(crate) fn create_table(db: &Connection, table: &str) -> Result<Option<String>> {
    db.prepare(
        "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
    )?
    .query_row([table], |row| row.get(0))
    .optional()
}

/// A name in double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names in double quotes, each after `prefix`, with commas between.
pub(crate) fn list<S: AsRef<str>>(prefix: &str, names: &[S]) -> String {
    let names: Vec<String> =
        names.iter().map(|name| format!("{prefix}{}", quoted(name.as_ref()))).collect();
    names.join(", ")
}

/// Pairs of columns, compared with `operator` and joined by AND.
pub(crate) fn pairs<S: AsRef<str>, T: AsRef<str>>(
    (left, left_columns): (&str, &[S]),
    operator: &str,
    (right, right_columns): (&str, &[T]),
) -> String {
    let pairs: Vec<String> = left_columns
        .iter()
        .zip(right_columns)
        .map(|(a, b)| {
            format!("{left}.{} {operator} {right}.{}", quoted(a.as_ref()), quoted(b.as_ref()))
        })
        .collect();
    pairs.join(" AND ")
}
