//! Opening: what the options set, and every way in which a file is none.

use std::time::Duration;

use entail_engine::batch::Request;
use entail_engine::error::DriverError;
use entail_sqlite::{Connection, Options};
use tempfile::TempDir;

use crate::requests::{fail, insert, int, one, raw, run, text};

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn open(directory: &TempDir, rest: &str) -> Result<Connection, DriverError> {
    let url = format!("sqlite:{}/{rest}", directory.path().display());
    Connection::open(&Options::parse(&url).expect("the URL is right"))
}

#[test]
fn the_options_take_effect() {
    let directory = directory();
    let mut db = open(&directory, "a.db").expect("it opens");
    let defaults = ["foreign_keys", "journal_mode", "synchronous", "busy_timeout"]
        .map(|name| one(&mut db, &format!("PRAGMA {name}")));
    assert_eq!(defaults, [int(1), text("wal"), int(1), int(5000)]);
    let rest = "b.db?journal_mode=truncate&foreign_keys=off&busy_timeout=7&cache_size=-300";
    let mut db = open(&directory, rest).expect("it opens");
    let given = ["foreign_keys", "journal_mode", "synchronous", "busy_timeout", "cache_size"]
        .map(|name| one(&mut db, &format!("PRAGMA {name}")));
    assert_eq!(given, [int(0), text("truncate"), int(2), int(7), int(-300)]);
}

#[test]
fn a_read_only_database_refuses_to_be_written() {
    let directory = directory();
    let mut db = open(&directory, "a.db").expect("it opens");
    db.run_script(&["CREATE TABLE t (id INTEGER PRIMARY KEY)".to_owned()]).expect("it runs");
    let mut reader = open(&directory, "a.db?mode=ro").expect("it opens");
    assert_eq!(one(&mut reader, "SELECT count(*) FROM t"), int(0));
    let error = fail(&mut reader, vec![insert("t", &["id"], &[int(1)])]).error;
    assert!(matches!(error, DriverError::ReadOnly { .. }), "{error}");
    run(&mut db, vec![insert("t", &["id"], &[int(1)])]);
    assert_eq!(one(&mut reader, "SELECT count(*) FROM t"), int(1));
}

#[test]
fn a_file_that_is_no_database_is_not_taken_for_one() {
    let directory = directory();
    std::fs::write(directory.path().join("a.txt"), "just a text, and a long one".repeat(50))
        .expect("it is written");
    for rest in ["a.txt", "a.txt?mode=ro"] {
        let error = open(&directory, rest).expect_err("it is a text");
        assert!(matches!(error, DriverError::Corrupt { .. }), "{rest}: {error}");
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    let directory = directory();
    let cases = [
        ("missing/a.db", "there is no directory"),
        ("none.db?mode=rw", "`mode=rwc` would create it"),
        ("none.db?mode=ro", "there is no such file"),
        (".", "it is a directory"),
    ];
    for (rest, expected) in cases {
        match open(&directory, rest) {
            Err(DriverError::Connect { to, reason }) => {
                assert!(to.contains(rest.split('?').next().unwrap_or("")), "{to}");
                assert!(reason.contains(expected), "{rest}: {reason}");
            }
            other => panic!("{rest}: {other:?}"),
        }
    }
}

#[test]
fn a_damaged_database_is_reported_and_breaks_the_connection() {
    let directory = directory();
    let path = directory.path().join("a.db");
    let mut db = open(&directory, "a.db?journal_mode=delete").expect("it opens");
    db.run_script(&["CREATE TABLE t (v)".to_owned()]).expect("it runs");
    for _ in 0..50 {
        run(&mut db, vec![raw("INSERT INTO t VALUES (randomblob(3000))", &[])]);
    }
    drop(db);
    let mut bytes = std::fs::read(&path).expect("it is read");
    bytes[4096..12_000].fill(0x5a);
    std::fs::write(&path, bytes).expect("it is written");
    let mut db = open(&directory, "a.db?journal_mode=delete").expect("the first page is right");
    let error = fail(&mut db, vec![raw("SELECT sum(length(v)) FROM t", &[])]).error;
    assert!(matches!(error, DriverError::Corrupt { .. }), "{error}");
    assert!(db.is_broken());
}

#[test]
fn a_full_database_is_reported() {
    let directory = directory();
    let mut db = open(&directory, "a.db").expect("it opens");
    db.run_script(&["CREATE TABLE t (v)".to_owned()]).expect("it runs");
    run(&mut db, vec![raw("PRAGMA max_page_count = 3", &[])]);
    let error = fail(&mut db, vec![raw("INSERT INTO t VALUES (randomblob(90000))", &[])]).error;
    assert!(matches!(error, DriverError::Full { .. }), "{error}");
}

#[test]
fn an_encoded_question_mark_belongs_to_the_path() {
    let directory = directory();
    open(&directory, "a%3Fmode=ro.db").expect("it opens");
    assert!(directory.path().join("a?mode=ro.db").is_file());
}

#[test]
fn many_can_open_a_new_file_at_once() {
    let directory = directory();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| open(&directory, "a.db"))).collect();
        for thread in threads {
            thread.join().expect("no panic").expect("it opens");
        }
    });
}

#[test]
fn a_change_of_the_journal_mode_waits_for_a_writer() {
    let directory = directory();
    let mut writer = open(&directory, "a.db?journal_mode=delete").expect("it opens");
    writer.run_script(&["CREATE TABLE t (v)".to_owned()]).expect("it runs");
    run(&mut writer, vec![Request::Begin, raw("INSERT INTO t VALUES (1)", &[])]);
    let error = open(&directory, "a.db?busy_timeout=10").expect_err("the file is locked");
    assert!(matches!(error, DriverError::Busy { .. }), "{error}");
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| open(&directory, "a.db?busy_timeout=20000"));
        std::thread::sleep(Duration::from_millis(50));
        run(&mut writer, vec![Request::Commit]);
        drop(writer);
        opening.join().expect("no panic").expect("it opens in the end");
    });
}
