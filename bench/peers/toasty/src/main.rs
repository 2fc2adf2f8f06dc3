//! Toasty does one work: `peer-toasty WORK URL`, and prints what it took as a line of JSON.
//!
//! Inserts are `create_many`, loads use `include`, deletes are by filter, and rows are updated one
//! by one, as Toasty's guide has it.

mod data;
mod models;
mod works;

use std::env;
use std::error::Error;

use serde_json::json;
use toasty::Db;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(work), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("peer-toasty WORK URL".into());
    };
    let models = match work.as_str() {
        "W7" => toasty::models!(models::labels::Item, models::labels::ItemTag, models::labels::Tag),
        _ => toasty::models!(models::User, models::Order, models::Item),
    };
    let is_sqlite = url.starts_with("sqlite:");
    let url = url.replacen("mysql:", "mariadb:", 1);
    let mut db = Db::builder().models(models).max_pool_size(1).connect(&url).await?;
    if is_sqlite {
        // Foreign keys are on in the SQLite that is built in, and the file is in WAL mode.
        toasty::sql::query("PRAGMA synchronous = NORMAL").exec(&mut db).await?;
    }
    let line = match works::run(&work, &mut db).await? {
        Some((took, objects, sum)) => {
            json!({"ms": took.as_secs_f64() * 1e3, "objects": objects, "sum": sum})
        }
        None => json!({"unable": "it does not know this work"}),
    };
    println!("{line}");
    Ok(())
}
