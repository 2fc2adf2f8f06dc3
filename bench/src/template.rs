//! Templates: databases as the works find them. Every run gets a copy of its own.

use std::fs;
use std::path::{Path, PathBuf};

use entail::blocking::Database;
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
}

impl Templates {
    /// Makes the directory.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self { directory: tempfile::Builder::new().prefix("entail-bench-").tempdir()? })
    }

    /// A fresh copy of a template, in place of the one before it.
    pub fn copy(&self, template: Template) -> Result<PathBuf, Failure> {
        let original = self.directory.path().join(format!("{template:?}.db"));
        if !original.exists() {
            fill(template, &original)?;
        }
        let copy = self.directory.path().join("run.db");
        for remains in ["run.db-wal", "run.db-shm"] {
            let remains = self.directory.path().join(remains);
            if remains.exists() {
                fs::remove_file(remains)?;
            }
        }
        fs::copy(original, &copy)?;
        Ok(copy)
    }
}

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
    drop(session);
    drop(db);
    // The last connection has written the log back and removed it.
    match path.with_extension("db-wal").exists() {
        true => Err(format!("{} is still open", path.display()).into()),
        false => Ok(()),
    }
}
