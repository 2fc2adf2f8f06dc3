//! Transactions: what a failure leaves behind, and what counts have to do with it.

use entail_engine::batch::Request;
use entail_engine::error::DriverError;
use entail_engine::value::Value;

use crate::requests::{delete, insert, int, query, raw, text, update};
use crate::server::{all, fail, has_transaction, one, run, scratch};

const T: &str = "CREATE TABLE t (id int PRIMARY KEY, v varchar(9))";

fn row(id: i64) -> Request {
    insert("t", &["id", "v"], &[int(id), text("x")])
}

#[tokio::test]
async fn another_number_of_rows_than_expected_is_never_committed() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![row(1), row(2)]).await;
    let missing = [
        update("t", &["v"], &["id"], &[text("y"), int(1), text("y"), int(9), text("y"), int(2)]),
        delete("t", &["id"], &[int(1), int(9), int(2)]),
    ];
    for request in missing {
        let failure = fail(
            &mut db,
            vec![Request::Begin, row(3), request, row(4), Request::Savepoint(1), Request::Commit],
        )
        .await;
        assert_eq!((failure.request, failure.execution), (Some(2), 1));
        let expected = DriverError::RowCount { table: "t".to_owned(), expected: 1, written: 0 };
        assert_eq!((failure.error, failure.in_transaction), (expected, false));
        assert_eq!(all(&mut db, "SELECT id, v FROM t").await, "1, 'x'; 2, 'x'");
    }
}

#[tokio::test]
async fn a_wrong_count_before_a_failure_is_the_one_that_is_told() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![row(1)]).await;
    let requests =
        vec![Request::Begin, row(2), delete("t", &["id"], &[int(9)]), row(1), Request::Commit];
    let failure = fail(&mut db, requests).await;
    assert!(matches!(failure.error, DriverError::RowCount { .. }), "{failure:?}");
    assert_eq!((failure.request, failure.in_transaction), (Some(2), false));
    assert!(!db.in_transaction());
    assert!(!has_transaction(&scratch, &mut db).await);
    assert_eq!(all(&mut db, "SELECT id FROM t").await, "1");
}

#[tokio::test]
async fn outside_of_a_transaction_nothing_runs_behind_a_wrong_count() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![row(1)]).await;
    let failure = fail(
        &mut db,
        vec![
            row(2),
            update(
                "t",
                &["v"],
                &["id"],
                &[text("y"), int(1), text("y"), int(9), text("y"), int(2)],
            ),
            row(3),
        ],
    )
    .await;
    assert_eq!((failure.request, failure.execution), (Some(1), 1));
    assert_eq!(all(&mut db, "SELECT id, v FROM t").await, "1, 'y'; 2, 'x'");
}

#[tokio::test]
async fn wherever_a_statement_fails_nothing_stays() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![row(100)]).await;
    let good = || {
        vec![
            row(1),
            update("t", &["v"], &["id"], &[text("y"), int(1)]),
            row(2),
            raw("INSERT INTO t VALUES (?, 'raw')", &[int(3)]),
            query("SELECT 1", &[]),
            delete("t", &["id"], &[int(2)]),
        ]
    };
    for place in 0..=good().len() {
        let mut requests = good();
        requests.insert(place, row(100));
        requests.insert(0, Request::Begin);
        requests.push(Request::Commit);
        let failure = fail(&mut db, requests).await;
        assert_eq!((failure.request, failure.execution), (Some(place + 1), 0));
        assert!(matches!(failure.error, DriverError::Integrity(_)), "{failure:?}");
        assert!(!failure.in_transaction && !db.in_transaction());
        assert_eq!(one(&mut db, "SELECT group_concat(id) FROM t").await, text("100"));
    }
}

#[tokio::test]
async fn a_transaction_of_before_stays_open_after_a_failure() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![Request::Begin, row(1)]).await;
    let failure = fail(&mut db, vec![row(2), row(1)]).await;
    assert_eq!((failure.request, failure.in_transaction), (Some(1), true));
    let failure = fail(&mut db, vec![query("SELECT nothing", &[])]).await;
    assert!(failure.in_transaction && db.in_transaction());
    let failure = fail(&mut db, vec![Request::Begin]).await;
    assert!(failure.in_transaction, "it is not committed by the second one");
    run(&mut db, vec![Request::Commit]).await;
    assert_eq!(one(&mut db, "SELECT group_concat(id) FROM t").await, text("1,2"));
}

#[tokio::test]
async fn savepoints_are_set_released_and_gone_back_to() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![Request::Begin, row(1), Request::Savepoint(1), row(2)]).await;
    run(&mut db, vec![Request::Savepoint(2), row(3), Request::RollbackTo(2), row(4)]).await;
    run(&mut db, vec![Request::Release(1), Request::Commit]).await;
    assert_eq!(one(&mut db, "SELECT group_concat(id) FROM t").await, text("1,2,4"));
    run(&mut db, vec![Request::Begin, Request::Savepoint(1), row(5)]).await;
    let failure = fail(&mut db, vec![row(6), row(5)]).await;
    assert!(failure.in_transaction);
    run(&mut db, vec![Request::RollbackTo(1), row(7), Request::Commit]).await;
    assert_eq!(one(&mut db, "SELECT group_concat(id) FROM t").await, text("1,2,4,7"));
    let failure = fail(&mut db, vec![Request::Begin, Request::RollbackTo(1)]).await;
    assert!(matches!(failure.error, DriverError::Statement { .. }) && !failure.in_transaction);
}

#[tokio::test]
async fn a_release_does_not_hide_a_wrong_count() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![Request::Begin, row(1), Request::Savepoint(1)]).await;
    let requests = vec![row(2), delete("t", &["id"], &[int(9)]), Request::Release(1)];
    let failure = fail(&mut db, requests).await;
    assert_eq!((failure.request, failure.in_transaction), (Some(1), true));
    run(&mut db, vec![Request::RollbackTo(1), Request::Commit]).await;
    assert_eq!(one(&mut db, "SELECT group_concat(id) FROM t").await, text("1"));
}

#[tokio::test]
async fn a_rollback_without_a_transaction_is_no_failure() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![Request::Rollback]).await;
    run(&mut db, vec![Request::Begin, row(1), Request::Rollback]).await;
    assert!(!db.in_transaction());
    assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, Value::Int(0));
}

#[tokio::test]
async fn a_read_only_transaction_says_so() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![raw("START TRANSACTION READ ONLY", &[])]).await;
    let failure = fail(&mut db, vec![row(1)]).await;
    assert!(matches!(failure.error, DriverError::ReadOnly { .. }), "{failure:?}");
    assert!(failure.in_transaction);
}
