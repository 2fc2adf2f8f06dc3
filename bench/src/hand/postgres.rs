//! PostgreSQL by hand: tokio-postgres with prepared statements, arrays and pipelining.

mod delete;
mod insert;
mod link;
mod load;
mod merge;
mod update;

use futures_util::future::try_join;
use tokio_postgres::{Client, NoTls};

use super::User;
use crate::contender::Run;
use crate::place::Place;
use crate::work::{Job, Work};
use crate::{Failure, data};

/// Does a work on a database.
pub fn run(job: Job, place: &Place) -> Result<Run, Failure> {
    place.threads.start()?.block_on(async {
        let (db, connection) = tokio_postgres::connect(&place.url, NoTls).await?;
        let closed = tokio::spawn(connection);
        // The server sets a connection up when it is first used.
        db.batch_execute("SELECT 1").await?;
        let run = match job.work {
            Work::W1 | Work::W9 => insert::graph(&db, job.users, place).await,
            Work::W2 => load::graph(&db).await,
            Work::W3 => update::items(&db, 1).await,
            Work::W4 => update::items(&db, data::CHANGED_EVERY).await,
            Work::W5 => delete::users(&db).await,
            Work::W6 => update::one_by_one(&db).await,
            Work::W7 => link::tags(&db).await,
            Work::W8 => merge::orders(&db).await,
        };
        drop(db);
        closed.await??;
        run
    })
}

/// Opens a database, says so, and loads the graph.
pub fn load_for_memory(place: &Place, opened: impl FnOnce()) -> Result<Vec<User>, Failure> {
    place.threads.start()?.block_on(async {
        let (db, connection) = tokio_postgres::connect(&place.url, NoTls).await?;
        tokio::spawn(connection);
        opened();
        load::users(&db).await
    })
}

/// The keys of two tables in their order.
async fn keys(db: &Client, query: &str) -> Result<Vec<i64>, Failure> {
    let rows = db.query(query, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Runs statements of one transaction in one trip: the first begins it, the last commits it.
async fn begin_and<T>(
    db: &Client,
    first: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Failure> {
    let (_, answer) = try_join(db.batch_execute("BEGIN"), first).await?;
    Ok(answer)
}
