//! Merge: a detached graph onto the session's objects.

use entail::blocking::Database;
use entail::prelude::*;

use super::database::Place;
use super::shop::*;

#[test]
fn a_merged_graph_updates_adds_and_orphans() {
    let db = shop();
    let mut session = db.session();
    ed(&mut session);
    session.clear();
    let merged = session
        .merge(User {
            id: Auto::of(1),
            name: "edward".into(),
            orders: many![
                Order {
                    id: Auto::of(1),
                    note: Some("changed".into()),
                    user: unset(),
                    items: unset()
                },
                order("new", &["cog"]),
            ],
            profile: unset(),
        })
        .unwrap();
    session.commit().unwrap();
    assert_eq!(session[merged].name, "edward");
    assert_eq!(session.many(merged, User::ORDERS).unwrap().len(), 2);
    assert_eq!(count(&mut session, "select count(*) from orders where note = 'changed'"), 1);
    assert_eq!(count(&mut session, "select count(*) from items"), 3);
    let again = session
        .merge(User { id: Auto::of(1), name: "edward".into(), orders: many![], profile: unset() })
        .unwrap();
    assert_eq!(again, merged);
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from orders"), 0);
    assert_eq!(count(&mut session, "select count(*) from items"), 0);
}

#[test]
fn merging_what_is_unchanged_writes_nothing() {
    let db = shop();
    let mut session = db.session();
    ed(&mut session);
    let before = session.statistics();
    session
        .merge(User { id: Auto::of(1), name: "ed".into(), orders: unset(), profile: unset() })
        .unwrap();
    assert_eq!(session.plan().unwrap().to_string(), "nothing to do");
    assert_eq!(session.statistics(), before);
}

/// Somebody who may lead to himself.
#[derive(Entity)]
#[entity(table = "people")]
struct Person {
    #[key]
    id: i64,
    name: String,
    #[belongs_to(column = "friend_id")]
    friend: BelongsTo<Option<Person>>,
}

#[test]
fn of_two_values_with_one_key_the_outer_one_has_the_last_word() {
    let (_place, db) = open(mapping![Person].unwrap());
    let mut session = db.session();
    let person = |name: &str| Person { id: 1, name: name.to_owned(), friend: unset() };
    session.add(person("as it is"));
    session.commit().unwrap();
    for (outer, inner) in [("as it is", "other"), ("other", "as it is"), ("third", "fourth")] {
        session.clear();
        let friend = BelongsTo::of(person(inner));
        let merged = session.merge(Person { friend, ..person(outer) }).unwrap();
        assert_eq!(session[merged].name, outer);
        assert_eq!(session.one(merged, Person::FRIEND).unwrap(), Some(merged));
        session.commit().unwrap();
        assert_eq!(
            count(&mut session, &format!("select count(*) from people where name = '{outer}'")),
            1
        );
        session[merged].name = "as it is".to_owned();
        session.commit().unwrap();
    }
}

#[test]
fn more_graphs_may_be_merged_than_a_statement_takes_keys() {
    // The most that a database takes is 65,535.
    let count = 65_600;
    let db = shop();
    let mut session = db.session();
    ed(&mut session);
    session.clear();
    let tag = |number: i64| Tag { name: format!("tag {number}"), items: unset() };
    let tags = (0..count).map(tag);
    let merged = session.merge_all(tags).unwrap();
    assert_eq!((merged.len(), session.new_objects().len()), (65_600, 65_600));
    session.rollback().unwrap();
}

#[test]
fn merging_another_version_is_refused() {
    let db = shop();
    let mut session = db.session();
    ed(&mut session);
    let old = Item {
        id: Auto::of(1),
        name: "new name".into(),
        version: Auto::of(7),
        order: unset(),
        tags: unset(),
    };
    assert_eq!(session.merge(old).unwrap_err().code(), "E0307");
}

#[test]
fn a_key_without_a_row_becomes_a_new_object_with_that_key() {
    let db = shop();
    let mut session = db.session();
    let tag = session.merge(Tag { name: "red".into(), items: unset() }).unwrap();
    assert_eq!(session.state(tag), State::Pending);
    session.commit().unwrap();
    assert_eq!(session.get_by_key::<Tag>("red").unwrap(), Some(tag));
}

#[test]
fn many_graphs_are_merged_with_a_select_a_level() {
    let db = shop();
    let mut session = db.session();
    for name in ["ann", "bob", "cid"] {
        let orders = many![order("first", &["nut", "bolt"])];
        session.add(User { id: auto(), name: name.into(), orders, profile: unset() });
    }
    session.commit().unwrap();
    session.clear();
    let detached = |id: i64, order: i64, item: i64| User {
        id: Auto::of(id),
        name: format!("user {id}"),
        orders: many![Order {
            id: Auto::of(order),
            note: Some("merged".into()),
            user: unset(),
            items: many![Item { id: Auto::of(item), version: auto(), ..Item::new("screw") }],
        }],
        profile: unset(),
    };
    let before = session.statistics();
    let merged = session.merge_all([detached(1, 1, 1), detached(2, 2, 3)]).unwrap();
    // The users by their keys, their orders by theirs, and the items of those.
    let after = session.statistics();
    assert_eq!((after.trips - before.trips, after.statements - before.statements), (1, 3));
    assert_eq!(session[merged[1]].name, "user 2");
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from items"), 4);
    assert_eq!(count(&mut session, "select count(*) from items where name = 'screw'"), 2);
}

#[test]
fn of_many_graphs_none_is_merged_if_a_version_differs() {
    let db = shop();
    let mut session = db.session();
    ed(&mut session);
    let order = |id: i64, version: i64| Order {
        id: Auto::of(1),
        note: Some("merged".into()),
        user: unset(),
        items: many![Item { id: Auto::of(id), version: Auto::of(version), ..Item::new("screw") }],
    };
    let error = session.merge_all([order(1, 1), order(2, 7)]).unwrap_err();
    assert_eq!(error.code(), "E0307");
    assert!(session.dirty_objects().is_empty());
}

#[test]
fn a_member_that_came_from_elsewhere_is_found_by_its_key() {
    let db = shop();
    let mut session = db.session();
    for name in ["ann", "bob"] {
        let orders = many![order("first", &["nut"])];
        session.add(User { id: auto(), name: name.into(), orders, profile: unset() });
    }
    session.commit().unwrap();
    session.clear();
    let item = |id: i64| Item { id: Auto::of(id), version: auto(), ..Item::new("moved") };
    let merged = session
        .merge(Order {
            id: Auto::of(1),
            note: Some("first".to_owned()),
            user: unset(),
            items: many![item(1), item(2), item(7)],
        })
        .unwrap();
    session.commit().unwrap();
    assert_eq!(session.many(merged, Order::ITEMS).unwrap().len(), 3);
    assert_eq!(count(&mut session, "select count(*) from items where order_id = 1"), 3);
    assert_eq!(count(&mut session, "select count(*) from items where id = 7"), 1);
    assert_eq!(count(&mut session, "select count(*) from items where name = 'moved'"), 3);
}

/// A node of a tree, for graphs that are deeper than a stack.
#[derive(Entity)]
#[entity(table = "nodes")]
struct Node {
    #[key]
    id: i64,
    #[has_many(Node::PARENT, cascade = "all")]
    children: HasMany<Node>,
    #[belongs_to(column = "parent_id", back_populates = Node::CHILDREN)]
    parent: BelongsTo<Option<Node>>,
}

fn open(mapping: Mapping) -> (Place, Database) {
    let place = Place::small();
    let db = Database::connect(&place.url, mapping).unwrap();
    db.create_all().unwrap();
    (place, db)
}

fn nodes() -> (Place, Database) {
    open(mapping![Node].unwrap())
}

fn node(id: i64) -> Node {
    Node { id, children: unset(), parent: unset() }
}

#[test]
fn lists_that_lead_back_are_not_loaded() {
    let (_place, db) = nodes();
    let mut session = db.session();
    session.add_all([node(1), node(2), node(3)]);
    session.commit().unwrap();
    // The other sides of these are lists that lead back to whom they came from.
    let [child, parent, above] = [1, 2, 3].map(|id| session.hold(node(id)));
    session.set(child, Node::PARENT, parent);
    session.set(parent, Node::PARENT, above);
    let before = session.statistics();
    let merged = session.merge_held(child).unwrap();
    assert_eq!(session.statistics(), before);
    let target = session.one(merged, Node::PARENT).unwrap().unwrap();
    assert_eq!(session[target].id, 2);
    assert!(!session.is_loaded(target, Node::CHILDREN).unwrap());
}

#[test]
fn a_graph_may_be_deeper_than_a_stack() {
    const DEPTH: i64 = 20_000;
    let (_place, db) = nodes();
    let mut session = db.session();
    let root = session.hold(node(0));
    let mut last = root;
    for id in 1..DEPTH {
        let next = session.hold(node(id));
        session.push(last, Node::CHILDREN, next);
        last = next;
    }
    let mut merged = session.merge_held(root).unwrap();
    let mut depth = 1;
    while let Some(&child) = session.many(merged, Node::CHILDREN).unwrap().first() {
        merged = child;
        depth += 1;
    }
    assert_eq!((depth, session[merged].id), (DEPTH, DEPTH - 1));
    assert_eq!(session.state(merged), State::Pending);
}

#[test]
fn a_new_object_may_be_deeper_than_a_stack() {
    const DEPTH: i64 = 20_000;
    let (_place, db) = nodes();
    let mut session = db.session();
    let whole = (0..DEPTH).rev().fold(None, |below: Option<Node>, id| {
        let children = below.map_or_else(unset, |below| many![below]);
        Some(Node { id, children, parent: unset() })
    });
    let root = session.add(whole.unwrap());
    session.commit().unwrap();
    let sum = "select count(*) from nodes n join nodes p on p.id = n.parent_id and n.id = p.id + 1";
    assert_eq!(count(&mut session, sum), DEPTH - 1);
    assert_eq!(session.many(root, Node::CHILDREN).unwrap().len(), 1);
}
