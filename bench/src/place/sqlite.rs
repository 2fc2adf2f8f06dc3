//! Places on SQLite: files that are copied.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, thread};

use entail_engine::sql::Dialect;
use rusqlite::Connection;
use tempfile::TempDir;

use super::Ground;
use crate::Failure;
use crate::template::Template;

/// A directory of database files. It is removed in the end.
pub struct Files {
    directory: TempDir,
    templates: HashMap<Template, PathBuf>,
    copies: u32,
}

/// How long a run may take to close its database.
const PATIENCE: Duration = Duration::from_secs(10);

impl Files {
    /// Makes the directory.
    pub fn new() -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("entail-bench-").tempdir()?;
        Ok(Self { directory, templates: HashMap::new(), copies: 0 })
    }
}

impl Ground for Files {
    fn make(&mut self, template: Template) -> Result<String, Failure> {
        if !self.templates.contains_key(&template) {
            let path = self.directory.path().join(format!("{}.db", template.name()));
            fill(template, &path)?;
            self.templates.insert(template, path);
        }
        self.copies += 1;
        let copy = self.directory.path().join(format!("run-{}.db", self.copies));
        fs::copy(&self.templates[&template], &copy)?;
        Ok(format!("sqlite:{}", copy.display()))
    }

    fn relax(&mut self, _url: &str) -> Result<(), Failure> {
        // With synchronous=NORMAL nobody waits anyway.
        Ok(())
    }

    fn wait_until_closed(&mut self, url: &str) -> Result<(), Failure> {
        let db = Connection::open(path(url))?;
        let until = Instant::now() + PATIENCE;
        loop {
            // SQLite gives up the log of a database for its only connection.
            let mode = db.pragma_update_and_check(None, "journal_mode", "delete", |row| {
                row.get::<_, String>(0)
            });
            match mode {
                Ok(mode) if mode == "delete" => return Ok(()),
                _ if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
                _ => return Err(format!("{url} is still open").into()),
            }
        }
    }

    fn numbers(&mut self, url: &str, query: &str) -> Result<Vec<i64>, Failure> {
        let db = Connection::open(path(url))?;
        let mut statement = db.prepare(query)?;
        let columns = statement.column_count();
        let numbers = statement.query_row([], |row| {
            (0..columns).map(|column| Ok(row.get::<_, Option<i64>>(column)?.unwrap_or(0))).collect()
        })?;
        Ok(numbers)
    }

    fn remove(&mut self, url: &str) -> Result<(), Failure> {
        Ok(fs::remove_file(path(url))?)
    }
}

/// The file of a URL.
pub fn path(url: &str) -> &Path {
    Path::new(url.strip_prefix("sqlite:").unwrap_or(url))
}

/// The log is on as in the runs, and empty again when the connection closes.
fn fill(template: Template, path: &Path) -> Result<(), Failure> {
    let db = Connection::open(path)?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.execute_batch("BEGIN")?;
    for statement in template.schema(Dialect::Sqlite)?.iter().chain(&template.rows()) {
        db.execute_batch(statement)?;
    }
    db.execute_batch("COMMIT")?;
    Ok(())
}
