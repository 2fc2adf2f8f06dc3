//! Diesel does one work: `peer-diesel WORK URL`, and prints what it took as a line of JSON.
//!
//! Inserts are batches with the keys returned, loads use `belonging_to` and `grouped_by`, and rows
//! are updated one by one, as Diesel's guides have it.

mod data;
mod schema;
mod works;

use std::env;
use std::error::Error;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use serde_json::{Value, json};

/// What a work answers: the time, the number of objects loaded, and the sum over them.
type Answer = Result<(Duration, i64, i64), Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(work), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("peer-diesel WORK URL".into());
    };
    let answer = if let Some(path) = url.strip_prefix("sqlite:") {
        let mut db = SqliteConnection::establish(path)?;
        db.batch_execute(
            "PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
        )?;
        works::sqlite::run(&work, &mut db)
    } else if url.starts_with("postgres") {
        works::postgres::run(&work, &mut PgConnection::establish(&url)?)
    } else {
        works::mariadb::run(&work, &mut MysqlConnection::establish(&url)?)
    };
    println!("{}", line(answer?));
    Ok(())
}

fn line(answer: Option<(Duration, i64, i64)>) -> Value {
    match answer {
        Some((took, objects, sum)) => {
            json!({"ms": took.as_secs_f64() * 1e3, "objects": objects, "sum": sum})
        }
        None => json!({"unable": "it does not know this work"}),
    }
}
