//! Commits that deferred foreign keys refuse.

use entail_engine::batch::Request;
use entail_engine::error::DriverError;

use entail_engine::value::Value;

use crate::requests::{
    delete, fail, insert, int, memory, of_one_row, one, raw, run, shown, update,
};

const DEFERRED: &str = "
    CREATE TABLE p (id INTEGER PRIMARY KEY);
    CREATE TABLE c (id INTEGER PRIMARY KEY,
                    p INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE flat (a INTEGER, b INTEGER, p INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED,
                       PRIMARY KEY (a, b)) WITHOUT ROWID;";

fn violated(error: DriverError) -> String {
    match error {
        DriverError::Integrity(violation) => shown(&violation),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_commit_of_its_own_transaction_is_rolled_back() {
    let mut db = memory(DEFERRED);
    let row = insert("c", &["id", "p"], &[int(1), int(5)]);
    let failure = fail(&mut db, vec![Request::Begin, row, Request::Commit]);
    assert_eq!((failure.request, failure.in_transaction), (Some(2), false));
    assert_eq!(violated(failure.error), "c (p) -> no p (id) = (5)");
    assert!(!db.in_transaction());
    assert_eq!(one(&mut db, "SELECT count(*) FROM c"), int(0));
}

#[test]
fn a_commit_of_an_older_transaction_leaves_it_open_to_be_mended() {
    let mut db = memory(DEFERRED);
    run(&mut db, vec![Request::Begin, insert("c", &["id", "p"], &[int(1), int(5)])]);
    let failure = fail(&mut db, vec![Request::Commit]);
    assert_eq!((failure.request, failure.in_transaction), (Some(0), true));
    run(&mut db, vec![insert("p", &["id"], &[int(5)]), Request::Commit]);
    assert_eq!(one(&mut db, "SELECT count(*) FROM c"), int(1));
}

#[test]
fn a_table_without_rowids_is_looked_into() {
    let mut db = memory(DEFERRED);
    let row = raw("INSERT INTO flat VALUES (1, 1, NULL), (1, 2, 8)", &[]);
    let failure = fail(&mut db, vec![Request::Begin, row, Request::Commit]);
    assert_eq!(violated(failure.error), "flat (p) -> no p (id) = (8)");
}

#[test]
fn a_lone_statement_commits_or_leaves_nothing() {
    let mut db = memory(DEFERRED);
    run(
        &mut db,
        vec![insert("p", &["id"], &[int(1)]), insert("c", &["id", "p"], &[int(1), int(1)])],
    );
    let alone = |request| vec![Request::Begin, of_one_row(request), Request::Commit];
    let change = |id, parent| alone(update("c", &["p"], &["id"], &[parent, int(id)]));
    run(&mut db, change(1, Value::Null));
    assert!(!db.in_transaction());
    run(&mut db, change(1, int(1)));

    let failure = fail(&mut db, change(1, int(5)));
    assert_eq!((failure.request, failure.in_transaction), (Some(1), false));
    assert_eq!(violated(failure.error), "c (p) -> no p (id) = (5)");
    let failure = fail(&mut db, alone(delete("p", &["id"], &[int(1)])));
    assert_eq!(violated(failure.error), "c (p) = (1) in 1 row(s)");
    let failure = fail(&mut db, change(9, Value::Null));
    assert!(matches!(failure.error, DriverError::RowCount { .. }), "{failure:?}");
    assert_eq!((failure.in_transaction, db.in_transaction()), (false, false));
    assert_eq!(one(&mut db, "SELECT p FROM c"), int(1));
}
