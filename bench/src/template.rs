//! Templates: databases as the works find them. Every run gets a copy of its own.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, thread};

use entail::blocking::Database;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::schema::{labels, shop};
use crate::{Failure, data};

/// What is in a database before a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// The tables of users, orders and items.
    EmptyShop,
    /// The same with the graph of W1 in them.
    Shop,
    /// The same with users only.
    Users,
    /// Items and tags without links.
    Labels,
}

/// The directory of the databases. It is removed in the end.
pub struct Templates {
    directory: TempDir,
    copies: Cell<u32>,
}

impl Templates {
    /// Makes the directory.
    pub fn new() -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("entail-bench-").tempdir()?;
        Ok(Self { directory, copies: Cell::new(0) })
    }

    /// A fresh copy of a template, under a name that no run has had.
    pub fn copy(&self, template: Template) -> Result<Copy, Failure> {
        let original = self.directory.path().join(format!("{template:?}.db"));
        if !original.exists() {
            fill(template, &original)?;
        }
        let number = self.copies.get() + 1;
        self.copies.set(number);
        let path = self.directory.path().join(format!("run-{number}.db"));
        fs::copy(original, &path)?;
        Ok(Copy { path })
    }
}

/// The database of one run. The file goes with it.
pub struct Copy {
    /// Where it lies.
    pub path: PathBuf,
}

impl Copy {
    /// Waits until nobody has it open: an async connection is closed by its own thread, which
    /// must not get in the way of the next contender.
    pub fn wait_until_closed(&self) -> Result<(), Failure> {
        let db = Connection::open(&self.path)?;
        let until = Instant::now() + PATIENCE;
        loop {
            // SQLite gives up the log of a database for its only connection.
            let mode = db.pragma_update_and_check(None, "journal_mode", "delete", |row| {
                row.get::<_, String>(0)
            });
            match mode {
                Ok(mode) if mode == "delete" => return Ok(()),
                _ if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
                _ => return Err(format!("{} is still open", self.path.display()).into()),
            }
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What is left is removed with the directory.
        let _ = fs::remove_file(&self.path);
    }
}

/// How long a run may take to close its database.
const PATIENCE: Duration = Duration::from_secs(10);

/// The URL of a database file, with the options that are the default for files: WAL,
/// synchronous=NORMAL, foreign keys on.
pub fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn fill(template: Template, path: &Path) -> Result<(), Failure> {
    let mapping = match template {
        Template::Labels => labels::mapping()?,
        Template::EmptyShop | Template::Shop | Template::Users => shop::mapping()?,
    };
    let db = Database::connect(&url(path), mapping)?;
    db.create_all()?;
    let mut session = db.session();
    match template {
        Template::EmptyShop => {}
        Template::Shop => {
            session.add_all((1..=data::USERS).map(shop::user));
        }
        Template::Users => {
            session.add_all((1..=data::FETCHES).map(shop::lone_user));
        }
        Template::Labels => {
            let item = |number| labels::Item::new(format!("item {number}"));
            session.add_all((1..=data::LABELLED).map(item));
            let tag = |number| labels::Tag::new(format!("tag {number}"));
            session.add_all((1..=data::TAGS).map(tag));
        }
    }
    session.commit()?;
    Ok(())
}
