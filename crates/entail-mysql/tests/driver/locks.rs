//! Locks: what becomes of a transaction that others are in the way of.

use entail_engine::batch::Request;
use entail_engine::error::DriverError;

use crate::requests::{insert, int, text, update};
use crate::server::{all, fail, one, run, scratch, scratch_with};

const SCHEMA: &[&str] = &[
    "CREATE TABLE t (id int PRIMARY KEY, v varchar(9))",
    "INSERT INTO t VALUES (1, 'x'), (2, 'x')",
];

fn write(id: i64, value: &str) -> Request {
    update("t", &["v"], &["id"], &[text(value), int(id)])
}

#[tokio::test]
async fn a_lock_that_is_not_given_in_time_leaves_the_transaction_open() {
    let Some(scratch) = scratch_with("lock_timeout=1s", SCHEMA).await else { return };
    let (mut one, mut two) = (scratch.take().await, scratch.take().await);
    run(&mut one, vec![Request::Begin, write(1, "one")]).await;
    run(&mut two, vec![Request::Begin, write(2, "two")]).await;
    let failure = fail(&mut two, vec![write(1, "two"), Request::Commit]).await;
    assert!(matches!(failure.error, DriverError::LockTimeout { .. }), "{failure:?}");
    assert!(failure.error.is_retryable());
    assert_eq!((failure.request, failure.in_transaction), (Some(0), true));
    run(&mut two, vec![Request::Commit]).await;
    run(&mut one, vec![Request::Commit]).await;
    assert_eq!(all(&mut one, "SELECT v FROM t ORDER BY id").await, "'one'; 'two'");

    // What the batch itself began is rolled back.
    run(&mut one, vec![Request::Begin, write(1, "three")]).await;
    let failure = fail(&mut two, vec![Request::Begin, write(2, "four"), write(1, "four")]).await;
    assert!(!failure.in_transaction && !two.in_transaction());
    run(&mut one, vec![write(2, "three"), Request::Commit]).await;
}

#[tokio::test]
async fn a_deadlock_ends_one_of_the_two() {
    let Some(scratch) = scratch(SCHEMA).await else { return };
    let (mut first, mut second) = (scratch.take().await, scratch.take().await);
    run(&mut first, vec![Request::Begin, write(1, "one")]).await;
    run(&mut second, vec![Request::Begin, write(2, "two")]).await;
    let more = crate::requests::batch;
    let (of_first, of_second) = tokio::join!(
        first.run(more(vec![write(2, "one")])),
        second.run(more(vec![write(1, "two"), insert("t", &["id"], &[int(9)])])),
    );
    let failures: Vec<_> = [of_first.err(), of_second.err()].into_iter().flatten().collect();
    let [failure] = &failures[..] else { panic!("exactly one fails: {failures:?}") };
    assert!(matches!(failure.error, DriverError::Deadlock { .. }), "{failure:?}");
    assert!(failure.error.is_retryable());
    // The server has rolled it back, and both sides know.
    assert_eq!((failure.request, failure.in_transaction), (Some(0), false));
    assert_ne!(first.in_transaction(), second.in_transaction());
    run(&mut first, vec![Request::Commit]).await;
    run(&mut second, vec![Request::Commit]).await;
    let v = all(&mut first, "SELECT DISTINCT v FROM t WHERE id < 9").await;
    assert!(v == "'one'" || v == "'two'", "{v}");
    assert_eq!(one(&mut first, "SELECT 1").await, int(1));
}
