//! SeaORM does one work: `peer-seaorm WORK URL`, and prints what it took as a line of JSON.
//!
//! Inserts are `insert_many` with the keys returned, loads use `load_many`, deletes `delete_many`;
//! a changed model is saved by `update`, as SeaORM's guides have it.

mod data;
mod entities;
mod works;

use std::env;
use std::error::Error;

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database};
use serde_json::json;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(work), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("peer-seaorm WORK URL".into());
    };
    let mut options = ConnectOptions::new(url.replacen("sqlite:", "sqlite://", 1));
    options.max_connections(1).min_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    if url.starts_with("sqlite:") {
        for pragma in ["foreign_keys = ON", "journal_mode = WAL", "synchronous = NORMAL"] {
            db.execute_unprepared(&format!("PRAGMA {pragma}")).await?;
        }
    }
    let line = match works::run(&work, &db).await? {
        Some((took, objects, sum)) => {
            json!({"ms": took.as_secs_f64() * 1e3, "objects": objects, "sum": sum})
        }
        None => json!({"unable": "it does not know this work"}),
    };
    db.close().await?;
    println!("{line}");
    Ok(())
}
