//! Pools: turns, limits, and what a connection forgets on its way back.

use std::time::{Duration, Instant};

use entail_engine::batch::Request;
use entail_engine::error::DriverError;

use crate::database::check;
use crate::requests::{fail, insert, int, one, raw, run};

const T: &str = "CREATE TABLE t (id int8 PRIMARY KEY)";

#[test]
fn who_waits_too_long_is_told_that_the_pool_is_busy() {
    check("", async |place| {
        let pool = place.pool("pool_size=1&acquire_timeout=50");
        let first = pool.take().await.expect("a connection");
        let before = Instant::now();
        let error = pool.take().await.expect_err("it is taken");
        assert!(matches!(error, DriverError::Busy { .. }) && error.is_retryable(), "{error}");
        assert!(before.elapsed() >= Duration::from_millis(50));
        drop(first);
        pool.take().await.expect("it is back");
    });
}

#[test]
fn who_waits_long_enough_gets_a_turn() {
    check("", async |place| {
        let pool = place.pool("pool_size=1");
        let first = pool.take().await.expect("a connection");
        let other = pool.clone();
        let waiting = tokio::spawn(async move { other.take().await.map(drop) });
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(first);
        waiting.await.expect("no panic").expect("a turn");
    });
}

#[test]
fn an_open_transaction_is_rolled_back_when_its_connection_comes_back() {
    check(T, async |place| {
        let pool = place.pool("pool_size=1");
        let row = || insert("t", &["id"], &[int(1)]);
        let mut other = place.connection("lock_timeout=2s").await;
        let mut db = pool.take().await.expect("a connection");
        let process = one(&mut db, "SELECT pg_backend_pid()").await;
        run(&mut db, vec![Request::Begin, row()]).await;
        drop(db);
        // Nobody needs to take it for that: the row is free.
        run(&mut other, vec![row()]).await;
        let mut db = pool.take().await.expect("the connection");
        assert!(!db.in_transaction());
        assert_eq!(one(&mut db, "SELECT pg_backend_pid()").await, process);
        // An aborted one, too, and one that was begun past the driver.
        run(&mut db, vec![Request::Begin]).await;
        fail(&mut db, vec![row()]).await;
        drop(db);
        let mut db = pool.take().await.expect("the connection");
        run(&mut db, vec![raw("BEGIN", &[]), raw("DELETE FROM t", &[])]).await;
        drop(db);
        let mut db = pool.take().await.expect("the connection");
        assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(1));
    });
}

#[test]
fn a_closed_pool_gives_nothing_and_leaves_no_connection() {
    check("", async |place| {
        let pool = place.pool("application_name=entail_closing");
        let in_use = pool.take().await.expect("a connection");
        drop(pool.take().await.expect("a connection"));
        pool.close().await;
        let error = pool.take().await.expect_err("it is closed");
        assert!(matches!(error, DriverError::Connect { .. }), "{error}");
        drop(in_use);
        let mut other = place.connection("").await;
        let left =
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'entail_closing'";
        for _ in 0..100 {
            if one(&mut other, left).await == int(0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("a connection is left");
    });
}
