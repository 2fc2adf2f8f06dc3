//! Statements: they are prepared once, thrown out by age, and prepared anew when they are stale.

use entail_engine::batch::Request;
use entail_engine::error::DriverError;
use entail_engine::value::ColumnType;

use crate::database::check;
use crate::requests::{insert, int, one, query, raw, run, text, typed_query};

const T: &str = "CREATE TABLE t (id int8 PRIMARY KEY, name text)";
const PREPARED: &str = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT%'";

#[test]
fn a_statement_is_prepared_once() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        for id in 0..5 {
            run(&mut db, vec![Request::Begin, insert("t", &["id"], &[int(id)]), Request::Commit])
                .await;
        }
        assert_eq!(one(&mut db, PREPARED).await, int(1));
    });
}

#[test]
fn no_more_statements_are_kept_than_allowed() {
    check(T, async |place| {
        let mut db = place.connection("statement_cache=3").await;
        let requests: Vec<Request> = (0..10).map(|n| query(&format!("SELECT {n}"), &[])).collect();
        for _ in 0..2 {
            let outcome = run(&mut db, requests.clone()).await;
            let read = outcome.rows.iter().map(|rows| rows.value(0, 0).map(|v| v.to_value()));
            assert!(read.eq((0..10).map(|n| Some(int(n)))));
        }
        let kept = one(&mut db, "SELECT count(*) FROM pg_prepared_statements").await;
        assert!(kept <= int(4), "{kept}");
    });
}

#[test]
fn a_stale_statement_is_prepared_anew() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        let mut other = place.connection("").await;
        let all = || query("SELECT * FROM t ORDER BY id", &[]);
        run(&mut db, vec![insert("t", &["id", "name"], &[int(1), text("a")]), all()]).await;
        run(&mut db, vec![all(), all()]).await;
        run(&mut other, vec![raw("ALTER TABLE t ADD COLUMN n int4 DEFAULT 3", &[])]).await;
        let outcome = run(&mut db, vec![all()]).await;
        assert_eq!(outcome.rows[0].width(), 3);
        run(&mut other, vec![raw("ALTER TABLE t DROP COLUMN n", &[])]).await;
        let outcome = run(&mut db, vec![all(), all()]).await;
        assert!(outcome.rows.iter().all(|rows| rows.width() == 2));
        run(&mut other, vec![raw("ALTER TABLE t ADD COLUMN m int4", &[])]).await;
        let outcome = run(&mut db, vec![Request::Begin, all(), Request::Commit]).await;
        assert_eq!(outcome.rows[0].width(), 3);
        // In an older transaction it cannot be mended, but the next one runs.
        run(&mut db, vec![Request::Begin]).await;
        run(&mut other, vec![raw("ALTER TABLE t DROP COLUMN m", &[])]).await;
        let failure = crate::requests::fail(&mut db, vec![all()]).await;
        assert!(matches!(failure.error, DriverError::Statement { .. }) && failure.in_transaction);
        run(&mut db, vec![Request::Rollback, Request::Begin, all(), Request::Commit]).await;
        // Somebody throws all of them away.
        run(&mut db, vec![raw("DEALLOCATE ALL", &[])]).await;
        run(&mut db, vec![all()]).await;
    });
}

#[test]
fn raw_queries_tell_the_names_of_their_columns_even_without_rows() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        let outcome = run(&mut db, vec![query("SELECT id, name AS n FROM t", &[])]).await;
        assert_eq!(outcome.rows[0].names(), ["id", "n"]);
        let types = [ColumnType::BigInt, ColumnType::Text { length: None }];
        let outcome = run(&mut db, vec![typed_query("SELECT id, name FROM t", &[], &types)]).await;
        assert_eq!((outcome.rows[0].width(), outcome.rows[0].len()), (2, 0));
        let outcome = run(&mut db, vec![raw("CREATE TABLE s (a int)", &[])]).await;
        assert_eq!(outcome.written, [0]);
        let outcome =
            run(&mut db, vec![raw("INSERT INTO s SELECT generate_series(1, 4)", &[])]).await;
        assert_eq!(outcome.written, [4]);
    });
}
