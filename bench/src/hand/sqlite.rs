//! SQLite by hand: rusqlite with cached statements.

mod delete;
mod insert;
mod link;
mod load;
mod merge;
mod update;

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::User;
use crate::contender::Run;
use crate::place::Place;
use crate::work::{Job, Work};
use crate::{Failure, data};

/// Does a work on a database.
pub fn run(job: Job, place: &Place) -> Result<Run, Failure> {
    let mut db = open(place.path())?;
    match job.work {
        Work::W1 => insert::graph(&mut db, job.users),
        Work::W2 => load::graph(&db),
        Work::W3 => update::items(&mut db, 1),
        Work::W4 => update::items(&mut db, data::CHANGED_EVERY),
        Work::W5 => delete::users(&mut db),
        Work::W6 => update::one_by_one(&db),
        Work::W7 => link::tags(&mut db),
        Work::W8 => merge::orders(&mut db),
        Work::W9 => Err("there is no network before a file".into()),
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

/// Opens a database, says so, and loads the graph.
pub fn load_for_memory(place: &Place, opened: impl FnOnce()) -> Result<Vec<User>, Failure> {
    let db = open(place.path())?;
    opened();
    load::users(&db)
}
