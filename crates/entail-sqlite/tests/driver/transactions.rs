//! Transactions: who holds the lock, what a failure rolls back, what readers see.

use entail_engine::batch::Request;
use entail_engine::error::DriverError;
use entail_sqlite::{Connection, Options};
use tempfile::TempDir;

use crate::requests::{batch, fail, insert, int, memory, one, query, raw, run, violation};

const T: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY)";

/// Two connections to one file with the table `t`.
fn two(options: &str) -> (TempDir, Connection, Connection) {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite:{}/a.db?{options}", directory.path().display());
    let options = Options::parse(&url).expect("the URL is right");
    let mut one = Connection::open(&options).expect("it opens");
    one.run_script(&[T.to_owned()]).expect("the schema is right");
    let two = Connection::open(&options).expect("it opens again");
    (directory, one, two)
}

fn row(id: i64) -> Request {
    insert("t", &["id"], &[int(id)])
}

#[test]
fn a_second_writer_waits_and_is_then_told_that_the_database_is_busy() {
    let (_directory, mut one_, mut two_) = two("busy_timeout=20");
    run(&mut one_, vec![Request::Begin, row(1)]);
    let failure = fail(&mut two_, vec![Request::Begin, row(2)]);
    assert_eq!((failure.request, failure.in_transaction), (Some(0), false));
    assert!(matches!(failure.error, DriverError::Busy { .. }), "{:?}", failure.error);
    run(&mut one_, vec![Request::Commit]);
    run(&mut two_, vec![Request::Begin, row(2), Request::Commit]);
    assert_eq!(one(&mut one_, "SELECT count(*) FROM t"), int(2));
}

#[test]
fn a_writer_that_waits_long_enough_gets_its_turn() {
    let (_directory, mut one_, mut two_) = two("busy_timeout=20000");
    run(&mut one_, vec![Request::Begin, row(1)]);
    let second =
        std::thread::spawn(move || run(&mut two_, vec![Request::Begin, row(2), Request::Commit]));
    run(&mut one_, vec![Request::Commit]);
    assert_eq!(second.join().expect("no panic").written, [0, 1, 0]);
}

#[test]
fn readers_go_on_beside_a_writer() {
    let (_directory, mut one_, mut two_) = two("busy_timeout=0");
    run(&mut one_, vec![Request::Begin, row(1)]);
    assert_eq!(one(&mut two_, "SELECT count(*) FROM t"), int(0));
    run(&mut one_, vec![Request::Commit]);
    assert_eq!(one(&mut two_, "SELECT count(*) FROM t"), int(1));
}

#[test]
fn several_queries_of_a_batch_see_one_snapshot() {
    let (_directory, mut reader, mut writer) = two("busy_timeout=1000");
    let writing = std::thread::spawn(move || {
        for id in 1..300 {
            run(&mut writer, vec![row(id)]);
        }
    });
    while !writing.is_finished() {
        let counts = vec![query("SELECT count(*) FROM t", &[]); 20];
        let outcome = run(&mut reader, counts);
        let first = &outcome.rows[0];
        assert!(outcome.rows.iter().all(|rows| rows == first), "{:?}", outcome.rows);
        assert!(!reader.in_transaction());
    }
    writing.join().expect("no panic");
    assert_eq!(one(&mut reader, "SELECT count(*) FROM t"), int(299));
}

#[test]
fn a_failed_snapshot_is_closed() {
    let mut db = memory(T);
    let failure = fail(&mut db, vec![query("SELECT 1", &[]), query("SELECT nothing", &[])]);
    assert_eq!((failure.request, failure.in_transaction), (Some(1), false));
    assert!(!db.in_transaction());
}

#[test]
fn a_failure_rolls_back_what_the_batch_began() {
    let mut db = memory(T);
    let failure = fail(&mut db, vec![Request::Begin, row(1), row(1), Request::Commit]);
    assert_eq!((failure.request, failure.execution, failure.in_transaction), (Some(2), 0, false));
    assert_eq!(one(&mut db, "SELECT count(*) FROM t"), int(0));
}

#[test]
fn a_failure_leaves_an_older_transaction_open() {
    let mut db = memory(T);
    run(&mut db, vec![Request::Begin, row(1)]);
    let failure = fail(&mut db, vec![row(2), row(2)]);
    assert!(failure.in_transaction);
    run(&mut db, vec![Request::Commit]);
    assert_eq!(one(&mut db, "SELECT count(*) FROM t"), int(2));
}

#[test]
fn a_begin_that_fails_does_not_end_the_open_transaction() {
    let mut db = memory(T);
    run(&mut db, vec![Request::Begin, row(1)]);
    let failure = fail(&mut db, vec![Request::Begin]);
    assert!(failure.in_transaction && matches!(failure.error, DriverError::Statement { .. }));
    run(&mut db, vec![Request::Commit]);
    assert_eq!(one(&mut db, "SELECT count(*) FROM t"), int(1));
}

#[test]
fn a_transaction_that_sqlite_itself_rolls_back_is_reported_as_gone() {
    let mut db = memory(T);
    run(&mut db, vec![Request::Begin, row(1)]);
    let failure = fail(&mut db, vec![raw("INSERT OR ROLLBACK INTO t VALUES (1)", &[])]);
    assert!(!failure.in_transaction && !db.in_transaction());
}

#[test]
fn savepoints_nest_and_are_gone_after_their_end() {
    let mut db = memory(T);
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
    );
    let failure = fail(&mut db, vec![Request::RollbackTo(1)]);
    assert!(failure.in_transaction && matches!(failure.error, DriverError::Statement { .. }));
    run(&mut db, vec![Request::Commit]);
    assert_eq!(one(&mut db, "SELECT group_concat(id) FROM t"), crate::requests::text("1,4"));
}

#[test]
fn a_violation_inside_a_savepoint_leaves_the_savepoint() {
    let mut db = memory(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
                         CREATE TABLE c (p INTEGER REFERENCES p);",
    );
    let parent = insert("p", &["id"], &[int(1)]);
    run(&mut db, vec![Request::Begin, parent, Request::Savepoint(7)]);
    violation(&mut db, vec![insert("c", &["p"], &[int(9)])]);
    run(&mut db, vec![insert("c", &["p"], &[int(1)]), Request::Release(7), Request::Commit]);
    assert_eq!(one(&mut db, "SELECT count(*) FROM c"), int(1));
}

#[test]
fn a_rollback_without_a_transaction_does_nothing() {
    let mut db = memory(T);
    assert_eq!(run(&mut db, vec![Request::Rollback, Request::Rollback]).written, [0, 0]);
    let failure = fail(&mut db, vec![Request::Commit]);
    assert!(matches!(failure.error, DriverError::Statement { .. }));
}

#[test]
fn a_script_is_all_or_nothing() {
    let mut db = memory(T);
    let script = ["CREATE TABLE a (x)".to_owned(), "INSERT INTO t VALUES (1), (1)".to_owned()];
    let failure = db.run_script(&script).expect_err("the second fails");
    assert_eq!((failure.request, failure.in_transaction), (Some(1), false));
    assert!(matches!(failure.error, DriverError::Integrity(_)));
    assert_eq!(one(&mut db, "SELECT count(*) FROM sqlite_schema WHERE name = 'a'"), int(0));
    run(&mut db, vec![Request::Begin, row(5)]);
    db.run_script(&script[..1]).expect("it runs in the open transaction");
    assert!(db.in_transaction());
    db.run_script(&script).expect_err("`a` is there already");
    assert!(db.in_transaction());
    run(&mut db, vec![Request::Commit]);
    assert_eq!(one(&mut db, "SELECT count(*) FROM a"), int(0));
    assert_eq!(batch(vec![]).slots, 0);
}
