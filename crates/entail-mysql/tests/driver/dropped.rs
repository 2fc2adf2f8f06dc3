//! Dropped futures and lost connections: nothing is left behind.

use std::time::Duration;

use entail_engine::batch::Request;
use entail_engine::error::DriverError;
use entail_engine::value::Value;
use entail_mysql::PooledConnection;

use crate::requests::{batch, insert, int, query, raw};
use crate::server::{Scratch, fail, one, run, scratch, scratch_with};

const T: &str = "CREATE TABLE t (id int PRIMARY KEY)";
const LONG: &str = "SELECT SLEEP(30)";

fn row(id: i64) -> Request {
    insert("t", &["id"], &[int(id)])
}

/// Drops the future of a batch while it runs.
async fn abandon(db: &mut PooledConnection, requests: Vec<Request>) {
    let run = db.run(batch(requests));
    tokio::time::timeout(Duration::from_millis(150), run).await.expect_err("it runs for long");
}

/// Waits until the server runs nothing in this database but the asking connection.
async fn settle(scratch: &Scratch) {
    let mut db = scratch.take().await;
    let sql = format!(
        "SELECT count(*) FROM information_schema.processlist WHERE db = '{}' AND id <> \
         CONNECTION_ID() AND command <> 'Sleep'",
        scratch.name()
    );
    for _ in 0..100 {
        if one(&mut db, &sql).await == int(0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a statement still runs");
}

#[tokio::test]
async fn a_connection_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let Some(scratch) = is_send(scratch(&[T])).await else { return };
    let mut db = is_send(scratch.take().await);
    is_send(db.run(batch(vec![row(1)]))).await.expect("it runs");
    is_send(db.run_script(vec![])).await.expect("it runs");
}

#[tokio::test]
async fn a_dropped_batch_is_rolled_back_and_the_next_one_runs() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    abandon(&mut db, vec![Request::Begin, row(1), query(LONG, &[])]).await;
    // No transaction was open before, so nobody can miss one.
    assert!(!db.was_interrupted() && !db.in_transaction());
    settle(&scratch).await;
    run(&mut db, vec![Request::Begin, row(1), Request::Commit]).await;
    assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(1));
}

#[tokio::test]
async fn a_text_that_is_dropped_is_stopped_too() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    let slow = insert("t", &["id"], &[int(1)]);
    let Request::Call(mut call) = slow else { panic!("a call") };
    call.sql = "INSERT INTO `t` (`id`) SELECT ? + SLEEP(30)".into();
    abandon(&mut db, vec![Request::Begin, Request::Call(call), row(2), Request::Commit]).await;
    settle(&scratch).await;
    assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(0));
}

#[tokio::test]
async fn a_transaction_that_a_dropped_batch_took_along_is_missed_once() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![Request::Begin, row(1)]).await;
    abandon(&mut db, vec![query(LONG, &[])]).await;
    assert!(db.was_interrupted() && !db.in_transaction());
    // Outside of the transaction this row would stay.
    let failure = fail(&mut db, vec![row(2), Request::Commit]).await;
    assert!(matches!(failure.error, DriverError::ConnectionLost { .. }));
    assert_eq!((failure.request, failure.in_transaction), (None, false));
    assert!(!db.was_interrupted());
    settle(&scratch).await;
    assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(0));
}

#[tokio::test]
async fn a_new_transaction_or_a_rollback_need_no_apology() {
    let Some(scratch) = scratch(&[T]).await else { return };
    for first in [Request::Begin, Request::Rollback] {
        let mut db = scratch.take().await;
        run(&mut db, vec![Request::Begin, query("SELECT 1", &[])]).await;
        abandon(&mut db, vec![query(LONG, &[])]).await;
        run(&mut db, vec![first, Request::Rollback]).await;
        assert!(!db.was_interrupted());
    }
}

#[tokio::test]
async fn a_future_that_is_dropped_between_parts_stops_the_query() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    let mut parts = 0;
    let sql = "SELECT a.seq FROM seq_1_to_1000000 a JOIN seq_1_to_1000000 b";
    if db.run(batch(vec![query("SELECT seq FROM seq_1_to_2", &[])])).await.is_err() {
        return;
    }
    let mut sink = |_: usize, _: &mut entail_engine::batch::Rows| parts += 1;
    let run_into = db.run_into(batch(vec![Request::Begin, row(1), query(sql, &[])]), &mut sink);
    tokio::time::timeout(Duration::from_millis(300), run_into).await.expect_err("it has no end");
    assert!(parts > 0);
    settle(&scratch).await;
    assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(0));
}

async fn id(db: &mut PooledConnection) -> i64 {
    match one(db, "SELECT CONNECTION_ID()").await {
        Value::Int(id) => id,
        other => panic!("a number: {other:?}"),
    }
}

#[tokio::test]
async fn a_killed_connection_is_lost_and_never_handed_out_again() {
    let Some(scratch) = scratch_with("pool_size=2", &[T]).await else { return };
    let (mut db, mut other) = (scratch.take().await, scratch.take().await);
    let killed = id(&mut db).await;
    run(&mut db, vec![Request::Begin, row(1)]).await;
    run(&mut other, vec![raw(&format!("KILL {killed}"), &[])]).await;
    let failure = fail(&mut db, vec![row(2), Request::Commit]).await;
    assert!(matches!(failure.error, DriverError::ConnectionLost { .. }), "{failure:?}");
    assert!(!failure.in_transaction && !db.in_transaction());
    assert_ne!(id(&mut db).await, killed);
    drop(db);
    let mut db = scratch.take().await;
    assert_ne!(id(&mut db).await, killed);
    assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(0));
}

#[tokio::test]
async fn a_connection_that_dies_in_the_pool_is_not_handed_out() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let (mut db, mut other) = (scratch.take().await, scratch.take().await);
    let killed = id(&mut db).await;
    drop(db);
    run(&mut other, vec![raw(&format!("KILL {killed}"), &[])]).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let mut db = scratch.take().await;
    assert_ne!(id(&mut db).await, killed);
}

#[tokio::test]
async fn a_statement_that_is_killed_is_cancelled() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let (mut db, mut other) = (scratch.take().await, scratch.take().await);
    let id = id(&mut db).await;
    run(&mut db, vec![Request::Begin, row(1)]).await;
    let slow = "SELECT count(*) FROM seq_1_to_1000000 a JOIN seq_1_to_1000000 b";
    let (failed, ()) = tokio::join!(db.run(batch(vec![query(slow, &[])])), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        run(&mut other, vec![raw(&format!("KILL QUERY {id}"), &[])]).await;
    });
    let failure = failed.expect_err("it was stopped");
    let unknown = matches!(&failure.error, DriverError::Statement { .. });
    assert!(unknown || matches!(failure.error, DriverError::Cancelled { .. }), "{failure:?}");
    assert!(failure.in_transaction);
}
