//! The works by hand: rusqlite with cached statements, in the forms that are fastest on SQLite.

mod delete;
mod insert;
mod link;
mod load;
mod update;

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::contender::Run;
use crate::work::Work;
use crate::{Failure, data};

/// A row of the table of users, with its orders where they are loaded.
#[derive(Debug)]
struct User {
    id: i64,
    name: String,
    email: String,
    orders: Vec<Order>,
}

/// A row of the table of orders, with its items where they are loaded.
#[derive(Debug)]
struct Order {
    id: i64,
    number: i64,
    items: Vec<Item>,
}

/// A row of the table of items.
#[derive(Debug)]
struct Item {
    id: i64,
    name: String,
    quantity: i64,
    price: i64,
}

/// Does a work on a database.
pub fn run(work: Work, path: &Path) -> Result<Run, Failure> {
    let mut db = open(path)?;
    match work {
        Work::W1 => insert::graph(&mut db),
        Work::W2 => load::graph(&db),
        Work::W3 => update::items(&mut db, 1),
        Work::W4 => update::items(&mut db, data::CHANGED_EVERY),
        Work::W5 => delete::users(&mut db),
        Work::W6 => update::one_by_one(&db),
        Work::W7 => link::tags(&mut db),
    }
}

/// Opens a database as entail does.
fn open(path: &Path) -> Result<Connection, Failure> {
    let db = Connection::open(path)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.set_prepared_statement_cache_capacity(256);
    db.pragma_update(None, "foreign_keys", 1)?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "normal")?;
    Ok(db)
}
