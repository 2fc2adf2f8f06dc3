//! Statements: row counts, parameter counts, the cache, and raw SQL of every kind.

use entail_engine::batch::{Operation, Request};
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, ValueRef};
use entail_sqlite::{Connection, Options};

use crate::requests::{
    batch, delete, fail, insert, int, memory, one, query, raw, run, text, typed_query, update,
    written,
};

const T: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
                 INSERT INTO t VALUES (1, 'a'), (2, 'b');";

#[test]
fn each_execution_is_counted() {
    let mut db = memory(T);
    let changed = update("t", &["v"], &["id"], &[text("x"), int(1), text("y"), int(2)]);
    assert_eq!(run(&mut db, vec![changed, delete("t", &["id"], &[int(2)])]).written, [2, 1]);
    let failure = fail(
        &mut db,
        vec![Request::Begin, update("t", &["v"], &["id"], &[text("z"), int(1), text("z"), int(9)])],
    );
    assert_eq!((failure.request, failure.execution), (Some(1), 1));
    let expected = DriverError::RowCount { table: "t".into(), expected: 1, written: 0 };
    assert_eq!(failure.error, expected);
    assert_eq!(one(&mut db, "SELECT v FROM t WHERE id = 1"), text("x"));
}

#[test]
fn raw_sql_that_writes_nothing_counts_nothing() {
    let mut db = memory(T);
    let outcome = run(
        &mut db,
        vec![
            raw("UPDATE t SET v = 'q'", &[]),
            raw("CREATE TABLE u (a)", &[]),
            raw("SELECT 1", &[]),
            raw("PRAGMA user_version = 3", &[]),
            raw("INSERT INTO u SELECT id FROM t RETURNING a", &[]),
            raw("DELETE FROM u WHERE a > 50", &[]),
        ],
    );
    assert_eq!(outcome.written, [2, 0, 0, 0, 2, 0]);
}

#[test]
fn a_wrong_number_of_parameters_is_not_filled_up_with_null() {
    let mut db = memory(T);
    for request in [query("SELECT ?, ?", &[int(1)]), raw("DELETE FROM t", &[int(1)])] {
        match fail(&mut db, vec![request]).error {
            DriverError::Statement { reason, .. } => {
                assert!(reason.contains("parameter(s)"), "{reason}")
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(one(&mut db, "SELECT count(*) FROM t"), int(2));
}

#[test]
fn a_wrong_number_of_columns_is_refused() {
    let mut db = memory(T);
    let request =
        typed_query("SELECT id, v FROM t WHERE v <> ?", &[text("secret")], &[ColumnType::Integer]);
    let error = fail(&mut db, vec![request]).error.to_string();
    assert!(error.contains("gives 2 column(s), and 1 were expected"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn refused_sql_comes_back_with_the_error() {
    let mut db = memory(T);
    let cases = [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("SELECT 1; SELECT 2", "more than one statement"),
    ];
    for (sql, expected) in cases {
        match fail(&mut db, vec![query(sql, &[])]).error {
            DriverError::Statement { reason, sql: named, .. } => {
                assert!(reason.contains(expected), "{sql}: {reason}");
                assert_eq!(named, sql);
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn cached_statements_follow_the_schema() {
    for size in [0, 1, 256] {
        let url = format!("sqlite::memory:?statement_cache={size}");
        let options = Options::parse(&url).expect("the URL is right");
        let mut db = Connection::open(&options).expect("it opens");
        db.run_script(&[T.to_owned()]).expect("the schema is right");
        let all = || batch(vec![query("SELECT * FROM t ORDER BY id", &[]), query("SELECT 1", &[])]);
        assert_eq!(db.run(&all()).expect("it runs").rows[0].width(), 2);
        run(&mut db, vec![raw("ALTER TABLE t ADD COLUMN w DEFAULT 5", &[])]);
        let rows = db.run(&all()).expect("it runs again").rows.remove(0);
        assert_eq!(
            (rows.width(), rows.value(0, 2), rows.names()[2].as_str()),
            (3, Some(ValueRef::Int(5)), "w")
        );
    }
}

#[test]
fn a_failed_statement_does_not_hold_up_the_next() {
    let mut db = memory(T);
    // The decoding stops in the first of two rows.
    fail(&mut db, vec![typed_query("SELECT v FROM t", &[], &[ColumnType::Integer])]);
    fail(&mut db, vec![insert("t", &["id"], &[int(1)])]);
    run(&mut db, vec![raw("DROP TABLE t", &[])]);
}

#[test]
fn an_empty_batch_and_a_statement_without_parameters_run() {
    let mut db = memory(T);
    assert_eq!(run(&mut db, vec![]).written, []);
    let sql = "INSERT INTO t DEFAULT VALUES";
    let request = written(sql, Operation::Insert, "t", (&[], &[]), &[]);
    assert_eq!(run(&mut db, vec![request]).written, [1]);
}
