//! Pools: connections come back clean, and nobody waits forever.

use std::time::{Duration, Instant};

use entail_engine::batch::Request;
use entail_engine::error::DriverError;

use crate::requests::{insert, int, raw};
use crate::server::{one, run, scratch, scratch_with};

const T: &str = "CREATE TABLE t (id int PRIMARY KEY)";

#[tokio::test]
async fn who_waits_too_long_for_a_connection_is_told() {
    let options = "pool_size=1&acquire_timeout=200ms";
    let Some(scratch) = scratch_with(options, &[T]).await else { return };
    let held = scratch.take().await;
    let started = Instant::now();
    let error = scratch.pool.take().await.expect_err("there is no other");
    assert!(matches!(error, DriverError::Busy { .. }), "{error}");
    assert!(error.to_string().contains("all 1 are in use"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(held);
    scratch.take().await;
}

#[tokio::test]
async fn an_open_transaction_is_rolled_back_at_once() {
    let Some(scratch) = scratch_with("lock_timeout=5s", &[T]).await else { return };
    let mut other = scratch.take().await;
    let mut db = scratch.take().await;
    run(&mut db, vec![Request::Begin, insert("t", &["id"], &[int(1)])]).await;
    drop(db);
    // Nobody takes the connection, and yet its locks are free.
    run(&mut other, vec![insert("t", &["id"], &[int(1)])]).await;
    assert_eq!(one(&mut other, "SELECT count(*) FROM t").await, int(1));
}

#[tokio::test]
async fn the_next_owner_finds_no_transaction() {
    let Some(scratch) = scratch_with("pool_size=1", &[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![Request::Begin, insert("t", &["id"], &[int(1)])]).await;
    run(&mut db, vec![raw("SET @@foreign_key_checks = 0", &[])]).await;
    drop(db);
    let mut db = scratch.take().await;
    assert!(!db.in_transaction());
    assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(0));
    assert_eq!(one(&mut db, "SELECT @@foreign_key_checks").await, int(1));
}

#[test]
fn a_connection_can_be_dropped_where_no_runtime_is() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    let Some(scratch) = runtime.block_on(scratch(&[T])) else { return };
    let mut db = runtime.block_on(scratch.take());
    runtime.block_on(run(&mut db, vec![Request::Begin, insert("t", &["id"], &[int(1)])]));
    drop(db);
    let mut db = runtime.block_on(scratch.take());
    assert_eq!(runtime.block_on(one(&mut db, "SELECT count(*) FROM t")), int(0));
}

#[tokio::test]
async fn a_closed_pool_gives_no_connection() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let pool = scratch.other_pool("application_name=it%27s");
    let db = pool.take().await.expect("a connection");
    pool.close().await;
    let error = pool.take().await.expect_err("it is closed");
    assert!(matches!(error, DriverError::Connect { .. }), "{error}");
    drop(db);
    assert!(!format!("{pool:?}").is_empty());
}
