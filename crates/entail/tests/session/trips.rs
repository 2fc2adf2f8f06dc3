//! What each verb costs: trips and statements, as snapshots.

use entail::blocking::{Database, Session};
use entail::prelude::*;
use expect_test::{Expect, expect};

use super::database::{Kind, Place};
use super::shop::*;

/// Compares with what is expected on SQLite, PostgreSQL and MariaDB.
fn check(session: &Session, before: entail::Statistics, [sqlite, postgres, mariadb]: [Expect; 3]) {
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

/// A node of a tree, whose keys the database makes.
#[derive(Entity)]
#[entity(table = "nodes")]
struct Node {
    #[key]
    id: Auto<i64>,
    name: String,
    #[has_many(Node::PARENT, cascade = "all")]
    children: HasMany<Node>,
    #[belongs_to(column = "parent_id", back_populates = Node::CHILDREN)]
    parent: BelongsTo<Option<Node>>,
}

/// Commits a chain of so many new nodes; answers the trips that it took, and the nodes.
fn commit_chain(session: &mut Session, depth: usize) -> (u64, Vec<Handle<Node>>) {
    let node = |depth: usize| Node {
        id: auto(),
        name: format!("node {depth}"),
        children: unset(),
        parent: unset(),
    };
    let mut nodes = vec![session.add(node(0))];
    for depth in 1..depth {
        let next = session.hold(node(depth));
        session.push(nodes[depth - 1], Node::CHILDREN, next);
        nodes.push(next);
    }
    let before = session.statistics().trips;
    session.commit().unwrap();
    (session.statistics().trips - before, nodes)
}

/// Whether each node of a chain has its row, and points at the one before.
fn check_chain(session: &mut Session, nodes: &[Handle<Node>]) {
    let sql = "select count(*) from nodes child join nodes parent on child.parent_id = parent.id";
    assert_eq!(count(session, sql), nodes.len() as i64 - 1);
    for pair in nodes.windows(2) {
        let parent = session[pair[0]].id;
        assert!(parent.get().is_some());
        assert_eq!(session.one(pair[1], Node::PARENT).unwrap(), Some(pair[0]));
    }
}

#[test]
fn keys_of_a_deep_tree_are_drawn_ahead_where_there_are_sequences() {
    let place = Place::small();
    let db = Database::connect(&place.url, mapping![Node].unwrap()).unwrap();
    db.create_all().unwrap();
    let mut session = db.session();
    let (trips, nodes) = commit_chain(&mut session, 12);
    let drawn = u64::from(crate::DATABASE == Kind::Postgres);
    assert_eq!(trips, 1 + drawn);
    check_chain(&mut session, &nodes);
    // A few levels are no tree that is worth it, and keys go on behind those that were drawn.
    let (trips, more) = commit_chain(&mut session, 2);
    assert_eq!(trips, 1);
    assert!(session[more[0]].id.get() > session[nodes[11]].id.get());
    session.clear();
    let named = session.query::<Node>().filter(Node::NAME.eq("node 11")).one().unwrap();
    assert!(session[named].id.get().is_some());
}

#[test]
fn keys_are_left_to_a_database_that_changes_them() {
    if crate::DATABASE != Kind::Postgres {
        return;
    }
    let place = Place::small();
    let db = Database::connect(&place.url, mapping![Node].unwrap()).unwrap();
    db.create_all().unwrap();
    let mut session = db.session();
    let trigger = [
        "create function other_key() returns trigger language plpgsql as \
         $$ begin new.id := new.id + 1000; return new; end $$",
        "create trigger other before insert on nodes for each row execute function other_key()",
    ];
    for sql in trigger {
        session.execute(sql, []).unwrap();
    }
    session.commit().unwrap();
    let (_, nodes) = commit_chain(&mut session, 6);
    check_chain(&mut session, &nodes);
    assert!(session[nodes[0]].id.get() > Some(&1000));

    // Nor are they given to one that takes none from others.
    let always = [
        "drop trigger other on nodes",
        "delete from nodes",
        "alter table nodes alter column id set generated always",
    ];
    for sql in always {
        session.execute(sql, []).unwrap();
    }
    session.commit().unwrap();
    session.clear();
    let (_, nodes) = commit_chain(&mut session, 6);
    check_chain(&mut session, &nodes);
}
