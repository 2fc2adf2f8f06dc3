//! MariaDB by hand: mysql_async, with long statements of literals.

mod delete;
mod insert;
mod link;
mod load;
mod merge;
mod update;

use std::fmt::{Display, Write as _};

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder, Row};

use super::User;
use crate::contender::Run;
use crate::place::Place;
use crate::work::{Job, Work};
use crate::{Failure, data};

/// Does a work on a database.
pub fn run(job: Job, place: &Place) -> Result<Run, Failure> {
    place.threads.start()?.block_on(async {
        let mut db = connect(place).await?;
        db.query_drop("SELECT 1").await?;
        let run = match job.work {
            Work::W1 | Work::W9 => insert::graph(&mut db, job.users, place).await,
            Work::W2 => load::graph(&mut db).await,
            Work::W3 => update::items(&mut db, 1).await,
            Work::W4 => update::items(&mut db, data::CHANGED_EVERY).await,
            Work::W5 => delete::users(&mut db).await,
            Work::W6 => update::one_by_one(&mut db).await,
            Work::W7 => link::tags(&mut db).await,
            Work::W8 => merge::orders(&mut db).await,
        };
        db.disconnect().await?;
        run
    })
}

/// Opens a database, says so, and loads the graph.
pub fn load_for_memory(place: &Place, opened: impl FnOnce()) -> Result<Vec<User>, Failure> {
    place.threads.start()?.block_on(async {
        let mut db = connect(place).await?;
        opened();
        load::users(&mut db).await
    })
}

/// Over TCP, as all others: without being told, mysql_async looks for a socket file.
async fn connect(place: &Place) -> Result<Conn, Failure> {
    let options = OptsBuilder::from_opts(Opts::from_url(&place.url)?).prefer_socket(false);
    Ok(Conn::new(options).await?)
}

/// The keys of a table in their order.
async fn keys(db: &mut Conn, query: &str) -> Result<Vec<i64>, Failure> {
    Ok(db.query(query).await?)
}

/// The column of a row that is there and has the type.
fn column<T: mysql_async::prelude::FromValue>(row: &mut Row, index: usize) -> Result<T, Failure> {
    row.take(index).ok_or_else(|| "a column is missing".into())
}

/// Writes a list: what is in it, with commas between.
fn list<T>(sql: &mut String, items: impl IntoIterator<Item = T>, write: impl Fn(&mut String, T)) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            sql.push(',');
        }
        write(sql, item);
    }
}

/// Writes a number.
fn number(sql: &mut String, number: impl Display) {
    // A String takes everything.
    let _ = write!(sql, "{number}");
}

/// Writes a text as a literal.
fn text(sql: &mut String, text: &str) {
    sql.push('\'');
    for letter in text.chars() {
        if matches!(letter, '\'' | '\\') {
            sql.push('\\');
        }
        sql.push(letter);
    }
    sql.push('\'');
}
