//! Merge: a detached graph onto the session's objects.

use entail::prelude::*;

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
    let before = session.statistics().statements;
    let merged = session.merge_all([detached(1, 1, 1), detached(2, 2, 3)]).unwrap();
    // Rows by key level by level, and the lists of users and of orders.
    assert!(session.statistics().statements - before <= 5);
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
