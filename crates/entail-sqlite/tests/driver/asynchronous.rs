//! The async connection, and what a dropped future leaves behind: nothing.

use std::time::Duration;

use entail_engine::batch::{Request, Rows};
use entail_engine::error::DriverError;
use entail_engine::value::{Value, ValueRef};
use entail_sqlite::{AsyncConnection, Options};

use crate::requests::{batch, insert, int, query, raw};

const T: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY)";
/// Runs until it is interrupted.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";

async fn memory() -> AsyncConnection {
    let options = Options::parse("sqlite::memory:").expect("the URL is right");
    let mut connection = AsyncConnection::open(options).await.expect("it opens");
    connection.run_script(vec![T.to_owned()]).await.expect("the schema is right");
    connection
}

async fn count(connection: &mut AsyncConnection) -> Value {
    let outcome = connection.run(batch(vec![query("SELECT count(*) FROM t", &[])])).await;
    outcome.expect("it counts").rows[0].value(0, 0).expect("a value").to_value()
}

/// Drops the future of a batch while it runs.
async fn abandon(connection: &mut AsyncConnection, requests: Vec<Request>) {
    let run = connection.run(batch(requests));
    tokio::time::timeout(Duration::from_millis(30), run).await.expect_err("it runs endlessly");
}

fn row(id: i64) -> Request {
    insert("t", &["id"], &[int(id)])
}

#[test]
fn a_connection_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    let options = Options::parse("sqlite::memory:").expect("the URL is right");
    is_send(&AsyncConnection::open(options));
}

#[tokio::test]
async fn batches_run_and_fail_as_on_a_blocking_connection() {
    let mut db = memory().await;
    db.run(batch(vec![Request::Begin, row(1)])).await.expect("it runs");
    assert!(db.in_transaction());
    let failure = db.run(batch(vec![row(1)])).await.expect_err("the row is there");
    assert!(failure.in_transaction && matches!(failure.error, DriverError::Integrity(_)));
    db.run(batch(vec![Request::Commit])).await.expect("it commits");
    assert!(!db.in_transaction());
    assert_eq!(count(&mut db).await, int(1));
    db.close().await;
}

#[tokio::test]
async fn a_database_that_does_not_open_is_an_error() {
    let options = Options::parse("sqlite:/nowhere/at/all.db").expect("the URL is right");
    let error = AsyncConnection::open(options).await.expect_err("there is no such directory");
    assert!(matches!(error, DriverError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn a_dropped_batch_is_rolled_back_and_the_next_one_runs() {
    let mut db = memory().await;
    abandon(&mut db, vec![Request::Begin, row(1), query(ENDLESS, &[])]).await;
    // No transaction was open before, so nobody can miss one.
    assert!(!db.was_interrupted() && !db.in_transaction());
    assert_eq!(count(&mut db).await, int(0));
    db.run(batch(vec![Request::Begin, row(1), Request::Commit])).await.expect("it runs");
    assert_eq!(count(&mut db).await, int(1));
}

#[tokio::test]
async fn a_transaction_that_a_dropped_batch_took_along_is_missed_once() {
    let mut db = memory().await;
    db.run(batch(vec![Request::Begin, row(1)])).await.expect("it runs");
    abandon(&mut db, vec![query(ENDLESS, &[])]).await;
    assert!(db.was_interrupted());
    // Outside of the transaction this row would stay.
    let failure = db.run(batch(vec![row(2), Request::Commit])).await.expect_err("it is gone");
    assert!(matches!(failure.error, DriverError::ConnectionLost { .. }));
    assert_eq!((failure.request, failure.in_transaction), (None, false));
    assert!(!db.was_interrupted());
    assert_eq!(count(&mut db).await, int(0));
}

#[tokio::test]
async fn a_new_transaction_or_a_rollback_need_no_apology() {
    for first in [Request::Begin, Request::Rollback] {
        let mut db = memory().await;
        db.run(batch(vec![Request::Begin, row(1)])).await.expect("it runs");
        abandon(&mut db, vec![query(ENDLESS, &[])]).await;
        db.run(batch(vec![first, row(2), Request::Rollback])).await.expect("it runs");
        assert!(!db.was_interrupted());
    }
}

/// Many rows of one number each.
const MANY: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
                    SELECT i, 'row ' || i FROM n";

#[tokio::test]
async fn long_answers_come_in_parts_and_whole_to_those_who_want_that() {
    let mut db = memory().await;
    let two = || batch(vec![query(MANY, &[]), query("SELECT 7", &[])]);
    let mut parts = Vec::new();
    let outcome = db
        .run_into(two(), &mut |query, rows| {
            parts.push((query, rows.len(), rows.value(0, 0).map(|value| value.to_value())));
        })
        .await
        .expect("it runs");
    assert!(parts.len() > 2 && parts.iter().all(|(query, ..)| *query == 0), "{parts:?}");
    assert_eq!(parts[1].2, Some(int(parts[0].1 as i64 + 1)));
    let early: usize = parts.iter().map(|(_, rows, _)| rows).sum();
    assert_eq!((early + outcome.rows[0].len(), outcome.rows[1].len()), (10_000, 1));

    let outcome = db.run(two()).await.expect("it runs again");
    let all = &outcome.rows[0];
    assert_eq!((all.len(), all.names()), (10_000, &["i".to_owned(), "'row ' || i".to_owned()][..]));
    let numbers = all.iter().map(|row| row.value(0).to_value());
    assert!(numbers.eq((1..=10_000).map(int)), "in their order");
    assert_eq!(all.value(9_999, 1), Some(ValueRef::Text("row 10000")));
}

#[tokio::test]
async fn a_future_that_is_dropped_between_parts_stops_the_query() {
    let mut db = memory().await;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let mut parts = 0;
    let mut sink = |_: usize, _: &mut Rows| parts += 1;
    let run = db.run_into(batch(vec![Request::Begin, row(1), query(endless, &[])]), &mut sink);
    tokio::time::timeout(Duration::from_millis(30), run).await.expect_err("it has no end");
    assert!(parts > 0);
    assert_eq!(count(&mut db).await, int(0));
}

#[tokio::test]
async fn closing_waits_until_the_file_is_free() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let options = Options::parse(&format!("sqlite:{}", path.display())).expect("the URL is right");
    let mut db = AsyncConnection::open(options).await.expect("it opens");
    db.run_script(vec![T.to_owned()]).await.expect("it runs");
    db.run(batch(vec![raw("INSERT INTO t VALUES (1)", &[]), Request::Begin]))
        .await
        .expect("it runs");
    db.close().await;
    // SQLite removes the log when the last connection closes.
    assert!(!directory.path().join("a.db-wal").exists() && path.exists());
}
