//! What each verb costs: trips and statements, as snapshots.

use entail::prelude::*;
use expect_test::{Expect, expect};

use super::database::Kind;
use super::shop::*;

/// Compares with what is expected on SQLite, PostgreSQL and MariaDB.
fn check(
    session: &entail::blocking::Session,
    before: entail::Statistics,
    [sqlite, postgres, mariadb]: [Expect; 3],
) {
    let expected = match crate::DATABASE {
        Kind::Sqlite => sqlite,
        Kind::Postgres => postgres,
        Kind::MariaDb => mariadb,
    };
    let after = session.statistics();
    expected.assert_eq(&format!(
        "{} trip(s), {} statement(s)",
        after.trips - before.trips,
        after.statements - before.statements
    ));
}

#[test]
fn a_graph_is_inserted_in_one_trip() {
    let db = shop();
    let mut session = db.session();
    for number in 0..1_000 {
        let orders = (0..2).map(|_| order("o", &["a", "b", "c", "d", "e"])).collect();
        session.add(User { id: auto(), name: format!("user {number}"), orders, profile: unset() });
    }
    let before = session.statistics();
    session.commit().unwrap();
    check(
        &session,
        before,
        [
            expect!["1 trip(s), 130 statement(s)"],
            expect!["1 trip(s), 13 statement(s)"],
            expect!["1 trip(s), 13 statement(s)"],
        ],
    );
    session.clear();
    let before = session.statistics();
    let users = session.query::<User>().with(User::ORDERS.then(Order::ITEMS)).all().unwrap();
    assert_eq!(users.len(), 1_000);
    check(
        &session,
        before,
        [
            expect!["3 trip(s), 3 statement(s)"],
            expect!["3 trip(s), 3 statement(s)"],
            expect!["3 trip(s), 3 statement(s)"],
        ],
    );
}

#[test]
fn changes_go_in_one_trip() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    let items: Vec<String> = (0..1_000).map(|number| format!("item {number}")).collect();
    let names: Vec<&str> = items.iter().map(String::as_str).collect();
    session.push(ed, User::ORDERS, order("o", &names));
    session.commit().unwrap();
    let items = session.query::<Item>().all().unwrap();
    for &item in &items {
        session[item].name.push('!');
    }
    let before = session.statistics();
    session.commit().unwrap();
    check(
        &session,
        before,
        [
            expect!["1 trip(s), 1000 statement(s)"],
            expect!["1 trip(s), 2 statement(s)"],
            expect!["1 trip(s), 1 statement(s)"],
        ],
    );
    let before = session.statistics();
    session.commit().unwrap();
    check(
        &session,
        before,
        [
            expect!["0 trip(s), 0 statement(s)"],
            expect!["0 trip(s), 0 statement(s)"],
            expect!["0 trip(s), 0 statement(s)"],
        ],
    );
}

#[test]
fn a_cascade_over_unloaded_children_is_a_statement_a_table() {
    let db = shop();
    let mut session = db.session();
    for number in 0..500 {
        let library = Library { id: auto(), name: format!("{number}"), books: unset() };
        let library = session.add(library);
        session.push(
            library,
            Library::BOOKS,
            Book { id: auto(), title: "t".into(), library: unset() },
        );
    }
    session.commit().unwrap();
    session.clear();
    let libraries = session.query::<Library>().all().unwrap();
    for library in libraries {
        session.delete(library).unwrap();
    }
    let before = session.statistics();
    session.commit().unwrap();
    check(
        &session,
        before,
        [
            expect!["1 trip(s), 2 statement(s)"],
            expect!["1 trip(s), 3 statement(s)"],
            expect!["1 trip(s), 2 statement(s)"],
        ],
    );
}

#[test]
fn get_change_commit_are_two_trips() {
    let db = shop();
    let mut session = db.session();
    session.add(user("ed"));
    session.commit().unwrap();
    session.clear();
    let before = session.statistics();
    let ed = session.get_by_key::<User>(1).unwrap().unwrap();
    session[ed].name = "edward".into();
    session.commit().unwrap();
    check(
        &session,
        before,
        [
            expect!["2 trip(s), 2 statement(s)"],
            expect!["2 trip(s), 2 statement(s)"],
            expect!["2 trip(s), 2 statement(s)"],
        ],
    );
}

#[test]
fn links_go_in_bulk() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    let order = session.push(ed, User::ORDERS, order("o", &["a", "b", "c"]));
    let tags = session
        .add_all((0..50).map(|number| Tag { name: format!("tag {number}"), items: unset() }));
    session.commit().unwrap();
    let items = session.many(order, Order::ITEMS).unwrap();
    for &item in &items {
        for &tag in &tags {
            session.push(item, Item::TAGS, tag);
        }
    }
    let before = session.statistics();
    session.commit().unwrap();
    check(
        &session,
        before,
        [
            expect!["1 trip(s), 2 statement(s)"],
            expect!["1 trip(s), 1 statement(s)"],
            expect!["1 trip(s), 1 statement(s)"],
        ],
    );
    for &item in &items {
        session.remove(item, Item::TAGS, tags[0]);
    }
    let before = session.statistics();
    session.commit().unwrap();
    check(
        &session,
        before,
        [
            expect!["1 trip(s), 3 statement(s)"],
            expect!["1 trip(s), 2 statement(s)"],
            expect!["1 trip(s), 1 statement(s)"],
        ],
    );
}
