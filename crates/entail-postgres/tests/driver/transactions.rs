//! Transactions: what a failure rolls back, what savepoints keep, what readers see.

use entail_engine::batch::Request;
use entail_engine::error::{BatchFailure, DriverError};
use entail_engine::value::Value;
use entail_postgres::PooledConnection;

use crate::database::check;
use crate::requests::{delete, fail, insert, int, one, query, raw, run, text, update};

const T: &str = "CREATE TABLE t (id int8 PRIMARY KEY, n int8)";

fn row(id: i64) -> Request {
    insert("t", &["id"], &[int(id)])
}

async fn count(db: &mut PooledConnection) -> Value {
    one(db, "SELECT count(*) FROM t").await
}

fn is_statement(failure: &BatchFailure, expected: &str) -> bool {
    matches!(&failure.error, DriverError::Statement { code: Some(code), .. } if code == expected)
}

#[test]
fn a_wrong_count_never_commits() {
    check(T, async |place| {
        for options in ["", "statement_cache=0"] {
            let mut db = place.connection(options).await;
            for wrong in
                [update("t", &["n"], &["id"], &[int(1), int(7)]), delete("t", &["id"], &[int(7)])]
            {
                let requests = vec![Request::Begin, row(1), wrong, row(2), Request::Commit];
                let failure = fail(&mut db, requests).await;
                let expected =
                    DriverError::RowCount { table: "t".to_owned(), expected: 1, written: 0 };
                assert_eq!(failure.error, expected);
                assert_eq!((failure.request, failure.in_transaction), (Some(2), false));
                assert_eq!(count(&mut db).await, int(0));
            }
        }
    });
}

#[test]
fn the_number_of_the_execution_is_told() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        let rows = insert("t", &["id"], &[int(1), int(2), int(1), int(3)]);
        let failure = fail(&mut db, vec![Request::Begin, rows, Request::Commit]).await;
        assert_eq!((failure.request, failure.execution), (Some(1), 2));
        assert_eq!(count(&mut db).await, int(0));
    });
}

#[test]
fn a_statement_that_fails_anywhere_leaves_nothing() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        let rows = 5;
        for broken in 0..rows {
            let mut requests = vec![Request::Begin];
            for id in 0..rows {
                requests.push(if id == broken { raw("SELECT 1 / 0", &[]) } else { row(id) });
            }
            requests.push(Request::Commit);
            let failure = fail(&mut db, requests).await;
            assert_eq!(failure.request, Some(1 + broken as usize));
            assert!(is_statement(&failure, "22012") && !failure.in_transaction, "{failure}");
            assert!(!db.in_transaction());
            assert_eq!(count(&mut db).await, int(0));
        }
        let failure =
            fail(&mut db, vec![Request::Begin, row(1), raw("nonsense", &[]), Request::Commit])
                .await;
        assert_eq!(failure.request, Some(2));
        assert!(is_statement(&failure, "42601"), "{failure}");
        assert_eq!(count(&mut db).await, int(0));
    });
}

#[test]
fn an_older_transaction_is_left_to_be_rolled_back() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        run(&mut db, vec![Request::Begin, row(1)]).await;
        let failure = fail(&mut db, vec![row(1)]).await;
        assert!(failure.in_transaction && db.in_transaction());
        // The server would call this COMMIT a success, and roll back.
        let failure = fail(&mut db, vec![Request::Commit]).await;
        assert!(failure.in_transaction && is_statement(&failure, "25P02"), "{failure}");
        let failure = fail(&mut db, vec![row(2)]).await;
        assert!(failure.in_transaction && is_statement(&failure, "25P02"), "{failure}");
        run(&mut db, vec![Request::Rollback]).await;
        assert!(!db.in_transaction());
        assert_eq!(count(&mut db).await, int(0));
    });
}

#[test]
fn a_transaction_with_a_wrong_count_takes_nothing_but_its_end() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        run(&mut db, vec![Request::Begin, row(1), Request::Savepoint(1)]).await;
        let failure = fail(&mut db, vec![delete("t", &["id"], &[int(9)]), row(2)]).await;
        assert_eq!((failure.request, failure.in_transaction), (Some(0), true));
        for request in [row(3), Request::Commit, Request::Release(1)] {
            assert!(fail(&mut db, vec![request]).await.in_transaction);
        }
        run(&mut db, vec![Request::RollbackTo(1), Request::Commit]).await;
        assert_eq!(count(&mut db).await, int(1));
    });
}

#[test]
fn a_value_that_cannot_be_sent_leaves_the_transaction_as_it_was() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        run(&mut db, vec![Request::Begin, row(1)]).await;
        let failure = fail(&mut db, vec![query("SELECT $1::int2", &[int(99_999)])]).await;
        assert!(failure.in_transaction);
        run(&mut db, vec![row(2), Request::Commit]).await;
        assert_eq!(count(&mut db).await, int(2));
    });
}

#[test]
fn savepoints_nest_and_are_gone_after_their_end() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        run(
            &mut db,
            vec![
                Request::Begin,
                row(1),
                Request::Savepoint(1),
                row(2),
                Request::Savepoint(2),
                row(3),
                Request::Release(2),
                Request::RollbackTo(1),
                Request::Savepoint(1),
                row(4),
                Request::Release(1),
            ],
        )
        .await;
        let failure = fail(&mut db, vec![Request::RollbackTo(1)]).await;
        assert!(failure.in_transaction && is_statement(&failure, "3B001"), "{failure}");
        let failure = fail(&mut db, vec![Request::Commit]).await;
        assert!(failure.in_transaction && is_statement(&failure, "25P02"), "{failure}");
        run(&mut db, vec![Request::Rollback]).await;
        assert_eq!(count(&mut db).await, int(0));
    });
}

#[test]
fn a_savepoint_saves_the_transaction() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        run(&mut db, vec![Request::Begin, row(1), Request::Savepoint(1)]).await;
        let failure = fail(&mut db, vec![row(2), row(1), row(3), Request::Release(1)]).await;
        assert_eq!((failure.request, failure.in_transaction), (Some(1), true));
        run(&mut db, vec![Request::RollbackTo(1)]).await;
        run(&mut db, vec![row(5), Request::Savepoint(1)]).await;
        // A COMMIT does not follow a failure that a savepoint can mend.
        let failure = fail(&mut db, vec![row(6), row(1), Request::Commit]).await;
        assert_eq!((failure.request, failure.in_transaction), (Some(1), true));
        run(&mut db, vec![Request::RollbackTo(1), Request::Commit]).await;
        let ids = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM t";
        assert_eq!(one(&mut db, ids).await, text("1 5"));
    });
}

#[test]
fn begin_and_commit_have_their_places() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        run(&mut db, vec![Request::Rollback, Request::Rollback]).await;
        let failure = fail(&mut db, vec![Request::Commit]).await;
        assert!(is_statement(&failure, "25P01") && !failure.in_transaction, "{failure}");
        run(&mut db, vec![Request::Begin, row(1)]).await;
        let failure = fail(&mut db, vec![Request::Begin]).await;
        assert!(is_statement(&failure, "25001") && failure.in_transaction, "{failure}");
        run(&mut db, vec![Request::Commit, Request::Begin, row(2), Request::Rollback]).await;
        assert_eq!(count(&mut db).await, int(1));
    });
}

#[test]
fn outside_of_a_transaction_each_statement_stands_for_itself() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        let failure = fail(&mut db, vec![row(1), row(1), row(2)]).await;
        assert_eq!((failure.request, failure.in_transaction), (Some(1), false));
        assert_eq!(count(&mut db).await, int(1));
        // A statement may need what an earlier one makes.
        run(
            &mut db,
            vec![raw("CREATE TABLE s (a int)", &[]), raw("INSERT INTO s VALUES (1)", &[])],
        )
        .await;
    });
}

#[test]
fn several_queries_of_a_batch_see_one_snapshot() {
    check(T, async |place| {
        let pool = place.pool("");
        let mut reader = pool.take().await.expect("a connection");
        let mut writer = pool.take().await.expect("a connection");
        let writing = tokio::spawn(async move {
            for id in 1..200 {
                run(&mut writer, vec![row(id)]).await;
            }
        });
        while !writing.is_finished() {
            let counts = vec![query("SELECT count(*) FROM t", &[]); 20];
            let outcome = run(&mut reader, counts).await;
            let first = &outcome.rows[0];
            assert!(outcome.rows.iter().all(|rows| rows == first), "{:?}", outcome.rows);
            assert!(!reader.in_transaction());
        }
        writing.await.expect("no panic");
        let failure =
            fail(&mut reader, vec![query("SELECT 1", &[]), query("SELECT 1/0", &[])]).await;
        assert_eq!((failure.request, failure.in_transaction), (Some(1), false));
        assert_eq!(count(&mut reader).await, int(199));
    });
}

#[test]
fn a_script_is_all_or_nothing() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        let script = vec![
            "CREATE TABLE a (x int); CREATE TABLE b (x int)".to_owned(),
            "INSERT INTO t VALUES (1), (1)".to_owned(),
        ];
        let failure = db.run_script(script.clone()).await.expect_err("the second fails");
        assert_eq!((failure.request, failure.in_transaction), (Some(1), false));
        assert!(matches!(failure.error, DriverError::Integrity(_)));
        assert_eq!(one(&mut db, "SELECT to_regclass('a') IS NULL").await, Value::Bool(true));
        run(&mut db, vec![Request::Begin, row(5)]).await;
        db.run_script(script[..1].to_vec()).await.expect("it runs in the open transaction");
        assert!(db.in_transaction());
        assert!(db.run_script(script).await.expect_err("`a` is there").in_transaction);
        run(&mut db, vec![Request::Rollback]).await;
        assert_eq!(one(&mut db, "SELECT to_regclass('a') IS NULL").await, Value::Bool(true));
    });
}

#[test]
fn the_isolation_of_the_url_is_that_of_transactions() {
    check(T, async |place| {
        for level in ["read committed", "repeatable read", "serializable"] {
            let mut db = place.connection(&format!("isolation={}", level.replace(' ', "-"))).await;
            run(&mut db, vec![Request::Begin]).await;
            assert_eq!(one(&mut db, "SHOW transaction_isolation").await, text(level));
        }
    });
}

#[test]
fn conflicts_of_transactions_are_told_apart() {
    check(T, async |place| {
        let pool =
            place.pool("isolation=repeatable-read&lock_timeout=100&options=-c deadlock_timeout=50");
        let mut one_ = pool.take().await.expect("a connection");
        let mut two_ = pool.take().await.expect("a connection");
        run(&mut one_, vec![row(1), row(2)]).await;
        let change = |id: i64| update("t", &["n"], &["id"], &[int(1), int(id)]);

        run(&mut one_, vec![Request::Begin, query("SELECT * FROM t", &[])]).await;
        run(&mut two_, vec![change(1)]).await;
        let failure = fail(&mut one_, vec![change(1)]).await;
        assert!(matches!(failure.error, DriverError::Serialization { .. }), "{failure}");
        assert!(failure.in_transaction && failure.error.is_retryable());
        run(&mut one_, vec![Request::Rollback, Request::Begin, change(1)]).await;

        let failure = fail(&mut two_, vec![Request::Begin, change(1)]).await;
        assert!(matches!(failure.error, DriverError::LockTimeout { .. }), "{failure}");

        run(&mut two_, vec![raw("SET lock_timeout = 0", &[]), Request::Begin, change(2)]).await;
        run(&mut one_, vec![raw("SET lock_timeout = 0", &[])]).await;
        let (failed, other) = tokio::join!(
            one_.run(crate::requests::batch(vec![change(2)])),
            two_.run(crate::requests::batch(vec![change(1)])),
        );
        let failure = failed.err().or(other.err()).expect("one of them is ended");
        assert!(matches!(failure.error, DriverError::Deadlock { .. }), "{failure}");
    });
}

#[test]
fn other_failures_of_statements_are_told_apart() {
    check(T, async |place| {
        let mut db = place.connection("statement_timeout=50").await;
        let failure = fail(&mut db, vec![query("SELECT pg_sleep(5)", &[])]).await;
        assert!(matches!(failure.error, DriverError::Cancelled { .. }), "{failure}");
        let read_only = raw("SET default_transaction_read_only = on", &[]);
        let failure = fail(&mut db, vec![read_only, Request::Begin, row(1)]).await;
        assert!(matches!(failure.error, DriverError::ReadOnly { .. }), "{failure}");
        let failure = fail(&mut db, vec![query("SELECT * FROM nothing", &[])]).await;
        assert!(is_statement(&failure, "42P01"), "{failure}");
        assert!(failure.to_string().contains("SELECT * FROM nothing"), "{failure}");
    });
}

#[test]
fn a_transaction_that_raw_sql_ends_is_ended() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        run(&mut db, vec![Request::Begin, row(1), raw("ROLLBACK", &[])]).await;
        assert!(!db.in_transaction());
        let failure = fail(&mut db, vec![row(2), Request::Commit]).await;
        assert!(is_statement(&failure, "25P01"), "{failure}");
        run(&mut db, vec![raw("BEGIN", &[])]).await;
        assert!(db.in_transaction());
        run(&mut db, vec![row(3), Request::Rollback]).await;
        assert_eq!(count(&mut db).await, int(1));
    });
}
