//! Interruptions: dropped futures and lost connections leave nothing behind.

use std::time::Duration;

use entail_engine::batch::{Request, Rows};
use entail_engine::error::DriverError;
use entail_engine::value::Value;
use entail_postgres::PooledConnection;

use crate::database::check;
use crate::requests::{batch, fail, insert, int, one, query, raw, run, text};

const T: &str = "CREATE TABLE t (id int8 PRIMARY KEY)";
const ENDLESS: &str = "SELECT pg_sleep(600)";

async fn count(db: &mut PooledConnection) -> Value {
    one(db, "SELECT count(*) FROM t").await
}

/// Drops the future of a batch while it runs.
async fn abandon(connection: &mut PooledConnection, requests: Vec<Request>) {
    let run = connection.run(batch(requests));
    tokio::time::timeout(Duration::from_millis(60), run).await.expect_err("it runs endlessly");
}

fn row(id: i64) -> Request {
    insert("t", &["id"], &[int(id)])
}

#[test]
fn calls_can_be_sent_to_other_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    check(T, async |place| {
        let mut db = place.connection("").await;
        is_send(db.run(batch(vec![row(1)]))).await.expect("it runs");
        is_send(db.run_script(vec!["SELECT 1".to_owned()])).await.expect("it runs");
        is_send(place.pool("").take()).await.expect("a connection");
    });
}

#[test]
fn a_dropped_batch_is_rolled_back_and_the_next_one_runs() {
    check(T, async |place| {
        let mut db = place.connection("application_name=dropped").await;
        abandon(&mut db, vec![Request::Begin, row(1), query(ENDLESS, &[]), Request::Commit]).await;
        // No transaction was open before, so nobody can miss one.
        assert!(!db.was_interrupted() && !db.in_transaction());
        assert_eq!(count(&mut db).await, int(0));
        run(&mut db, vec![Request::Begin, row(1), Request::Commit]).await;
        assert_eq!(count(&mut db).await, int(1));
        let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dropped' \
                    AND query LIKE '%pg_sleep%' AND state <> 'idle' AND pid <> pg_backend_pid()";
        for _ in 0..100 {
            if one(&mut db, left).await == int(0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server still runs the statement");
    });
}

#[test]
fn a_transaction_that_a_dropped_batch_took_along_is_missed_once() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        run(&mut db, vec![Request::Begin, row(1)]).await;
        abandon(&mut db, vec![query(ENDLESS, &[])]).await;
        assert!(db.was_interrupted() && !db.in_transaction());
        // Outside of the transaction this row would stay.
        let failure = fail(&mut db, vec![row(2), Request::Commit]).await;
        assert!(matches!(failure.error, DriverError::ConnectionLost { .. }));
        assert_eq!((failure.request, failure.in_transaction), (None, false));
        assert!(!db.was_interrupted());
        assert_eq!(count(&mut db).await, int(0));
        run(&mut db, vec![Request::Begin]).await;
        abandon(&mut db, vec![query(ENDLESS, &[])]).await;
        let failure = db.run_script(vec!["SELECT 1".to_owned()]).await.expect_err("it is gone");
        assert!(matches!(failure.error, DriverError::ConnectionLost { .. }));
    });
}

#[test]
fn a_new_transaction_or_a_rollback_need_no_apology() {
    check(T, async |place| {
        for first in [Request::Begin, Request::Rollback] {
            let mut db = place.connection("").await;
            run(&mut db, vec![Request::Begin, row(1)]).await;
            abandon(&mut db, vec![query(ENDLESS, &[])]).await;
            run(&mut db, vec![first, query("SELECT 1", &[]), Request::Rollback]).await;
            assert!(!db.was_interrupted());
            assert_eq!(count(&mut db).await, int(0));
        }
    });
}

#[test]
fn a_pool_throws_away_what_a_dropped_future_leaves() {
    check(T, async |place| {
        let pool = place.pool("pool_size=1");
        let mut db = pool.take().await.expect("a connection");
        let process = one(&mut db, "SELECT pg_backend_pid()").await;
        abandon(&mut db, vec![Request::Begin, row(1), query(ENDLESS, &[])]).await;
        drop(db);
        let mut db = pool.take().await.expect("another connection");
        assert_ne!(one(&mut db, "SELECT pg_backend_pid()").await, process);
        assert_eq!(count(&mut db).await, int(0));
    });
}

#[test]
fn long_answers_come_in_parts_and_whole_to_those_who_want_that() {
    check("", async |place| {
        for options in ["", "statement_cache=0"] {
            let mut db = place.connection(options).await;
            let many = "SELECT i, 'row ' || i AS name FROM generate_series(1, 10000) i";
            let two = || batch(vec![query(many, &[]), query("SELECT 7", &[])]);
            let mut parts = Vec::new();
            let outcome = db
                .run_into(two(), &mut |query, rows: &mut Rows| {
                    parts.push((query, rows.len()));
                    if parts.len() % 2 == 0 {
                        std::mem::take(rows);
                    }
                })
                .await
                .expect("it runs");
            assert!(parts.len() > 2 && parts.iter().all(|(query, _)| *query == 0), "{parts:?}");
            let early: usize = parts.iter().map(|(_, rows)| rows).sum();
            assert_eq!((early + outcome.rows[0].len(), outcome.rows[1].len()), (10_000, 1));

            let outcome = db.run(two()).await.expect("it runs again");
            let all = &outcome.rows[0];
            assert_eq!(
                (all.len(), all.names()),
                (10_000, &["i".to_owned(), "name".to_owned()][..])
            );
            let numbers = all.iter().map(|row| row.value(0).to_value());
            assert!(numbers.eq((1..=10_000).map(int)), "in their order");
        }
    });
}

#[test]
fn a_future_that_is_dropped_between_parts_stops_the_query() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        let long = "SELECT generate_series(1, 100000000) AS i";
        let part = tokio::sync::Notify::new();
        let mut sink = |_: usize, _: &mut Rows| part.notify_one();
        let requests = vec![Request::Begin, row(1), query(long, &[])];
        tokio::select! {
            _ = db.run_into(batch(requests), &mut sink) => panic!("it is long"),
            () = part.notified() => {}
        }
        assert_eq!(count(&mut db).await, int(0));
    });
}

/// Has another connection end this one.
async fn end(other: &mut PooledConnection, db: &mut PooledConnection) {
    let process = one(db, "SELECT pg_backend_pid()").await;
    run(other, vec![raw("SELECT pg_terminate_backend($1)", std::slice::from_ref(&process))]).await;
    let left = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}");
    while one(other, &left).await != int(0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // What the server said is read by a task.
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[test]
fn a_lost_connection_is_never_handed_out_again() {
    check(T, async |place| {
        let pool = place.pool("pool_size=1");
        let mut other = place.connection("").await;
        let mut db = pool.take().await.expect("a connection");
        end(&mut other, &mut db).await;
        drop(db);
        let mut db = pool.take().await.expect("another connection");
        assert_eq!(count(&mut db).await, int(0));
        // One that is lost while it rests, too.
        let process = one(&mut db, "SELECT pg_backend_pid()").await;
        drop(db);
        run(&mut other, vec![raw("SELECT pg_terminate_backend($1)", &[process])]).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut db = pool.take().await.expect("a third connection");
        assert_eq!(count(&mut db).await, int(0));
    });
}

#[test]
fn a_lost_transaction_is_told_and_the_connection_opened_anew() {
    check(T, async |place| {
        let mut other = place.connection("").await;
        let mut db = place.connection("").await;
        run(&mut db, vec![Request::Begin, row(1)]).await;
        end(&mut other, &mut db).await;
        let failure = fail(&mut db, vec![row(2), Request::Commit]).await;
        assert!(!failure.in_transaction && !db.in_transaction());
        match failure.error {
            DriverError::ConnectionLost { reason } => {
                assert!(reason.contains("terminating connection"), "{reason}");
            }
            other => panic!("{other}"),
        }
        assert_eq!(count(&mut db).await, int(0));
    });
}

#[test]
fn a_connection_that_is_lost_during_a_statement_is_told() {
    check(T, async |place| {
        let mut other = place.connection("").await;
        let mut db = place.connection("").await;
        let process = one(&mut db, "SELECT pg_backend_pid()").await;
        let ending = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            run(&mut other, vec![raw("SELECT pg_terminate_backend($1)", &[process])]).await;
        });
        let requests =
            vec![Request::Begin, row(1), query("SELECT pg_sleep(60)", &[]), Request::Commit];
        let failure = fail(&mut db, requests).await;
        assert_eq!((failure.request, failure.in_transaction), (Some(2), false));
        assert!(matches!(failure.error, DriverError::ConnectionLost { .. }), "{failure}");
        ending.await.expect("no panic");
        assert_eq!(count(&mut db).await, int(0));
        assert_eq!(one(&mut db, "SELECT 'again'").await, text("again"));
    });
}
