//! The suite of sessions on SQLite.

#[path = "session/suite.rs"]
mod suite;

const DATABASE: suite::Kind = suite::Kind::Sqlite;

// --- What only SQLite lets in: values of other types than their columns -----------------------------

use suite::queries::many_orders;
use suite::shop::*;

#[test]
fn a_row_that_does_not_fit_its_struct_is_an_error() {
    let db = shop();
    let mut session = db.session();
    session.execute("insert into orders (id, note, user_id) values (1, 'a', 7)", []).unwrap_err();
    session.execute("pragma ignore_check_constraints = on", []).unwrap();
    session.execute("insert into users (id, name) values (1, x'ff')", []).unwrap();
    let error = session.query::<User>().all().unwrap_err();
    assert!(error.to_string().contains("name"), "{error}");
}

#[test]
fn a_bad_row_in_a_long_answer_is_an_error_and_the_session_goes_on() {
    let db = shop();
    let mut session = db.session();
    many_orders(&mut session);
    for (bad, good) in [
        ("users set name = x'00'", "users set name = 'good'"),
        ("orders set note = x'00'", "orders set note = 'good'"),
    ] {
        session.execute(&format!("update {bad} where id = 10"), []).unwrap();
        session.commit().unwrap();
        let failed = session.query::<User>().with(User::ORDERS).all().unwrap_err();
        assert!(failed.to_string().contains("a text"), "{failed}");
        session.execute(&format!("update {good} where id = 10"), []).unwrap();
        session.commit().unwrap();
    }
    assert_eq!(session.query::<User>().with(User::ORDERS).all().unwrap().len(), 20_000);
}

/// Behaviours: WRITE-06.
#[test]
fn a_row_without_a_key_is_refused_when_it_is_read() {
    let db = shop();
    let mut session = db.session();
    session.execute("drop table item_tags", []).unwrap();
    session.execute("drop table tags", []).unwrap();
    session.execute("create table tags (name text primary key)", []).unwrap();
    session.execute("insert into tags values (null)", []).unwrap();
    let error = session.query::<Tag>().all().unwrap_err();
    assert_eq!(error.code(), "E0401", "{error}");
    assert!(error.to_string().contains("name"), "{error}");
}
