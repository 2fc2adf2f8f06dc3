//! Documents: views of graphs as JSON, and changes by nested JSON.

use entail::blocking::Session;
use entail::prelude::*;
use entail::{Error, StateError};
use serde_json::{Value as Json, json};

use super::shop::*;

/// A user with two orders of three items, in the database.
fn ann(session: &mut Session) -> Handle<User> {
    let orders = many![order("first", &["nut", "bolt"]), order("second", &["cog"])];
    session.add(User { id: auto(), name: "ann".into(), orders, profile: unset() });
    session.commit().unwrap();
    session.clear();
    session.query::<User>().with(User::ORDERS.then(Order::ITEMS)).all().unwrap()[0]
}

/// Patches an object as a new session finds it.
fn patch<T: Entity<Key = i64>>(
    session: &mut Session,
    key: i64,
    document: Json,
) -> Result<Handle<T>, Error> {
    session.rollback().unwrap();
    session.clear();
    let object = session.get_by_key::<T>(key)?.expect("it is there");
    session.patch(object, document)?;
    Ok(object)
}

fn refused(session: &mut Session, key: i64, document: Json) -> String {
    let error = patch::<User>(session, key, document).unwrap_err();
    assert_eq!(session.plan().unwrap().to_string(), "nothing to do", "{error}");
    assert!(session.dirty_objects().is_empty() && session.new_objects().is_empty(), "{error}");
    error.to_string()
}

#[test]
fn a_view_shows_a_graph_where_it_is() {
    let db = shop();
    let mut session = db.session();
    let user = ann(&mut session);
    assert_eq!(json!(session.view(user).unwrap()), json!({"id": 1, "name": "ann"}));
    session.load(user, User::PROFILE).unwrap();
    let paths = User::ORDERS.then(Order::ITEMS).and(User::PROFILE);
    let seen = json!(session.view(user).unwrap().with(paths).unwrap());
    assert_eq!(
        seen,
        json!({"id": 1, "name": "ann", "profile": null, "orders": [
            {"id": 1, "note": "first", "user_id": 1, "items": [
                {"id": 1, "name": "nut", "version": 1, "order_id": 1},
                {"id": 2, "name": "bolt", "version": 1, "order_id": 1},
            ]},
            {"id": 2, "note": "second", "user_id": 1, "items": [
                {"id": 3, "name": "cog", "version": 1, "order_id": 2},
            ]},
        ]})
    );
    assert!(session.get(user).is_ok());
}

#[test]
fn cycles_in_a_view_end_in_keys() {
    let db = shop();
    let mut session = db.session();
    let user = ann(&mut session);
    let back = User::ORDERS.then(Order::USER).then(User::ORDERS);
    let seen = json!(session.view(user).unwrap().with(back).unwrap());
    let orders = [(1, "first"), (2, "second")];
    let orders = orders.map(|(id, note)| json!({"id": id, "note": note, "user_id": 1, "user": 1}));
    assert_eq!(seen, json!({"id": 1, "name": "ann", "orders": orders}));
}

#[test]
fn a_view_needs_what_it_shows() {
    let db = shop();
    let mut session = db.session();
    let user = ann(&mut session);
    let error = session.view(user).unwrap().with(User::PROFILE).unwrap_err();
    assert!(matches!(error, StateError::NotLoaded { .. }), "{error}");
    session.expire(user).unwrap();
    assert!(matches!(session.view(user).unwrap_err(), StateError::Expired { .. }));
}

#[test]
fn absent_fields_stay_and_null_sets_null() {
    let db = shop();
    let mut session = db.session();
    ann(&mut session);
    let user = patch::<User>(&mut session, 1, json!({"name": "anna"})).unwrap();
    session.commit().unwrap();
    assert_eq!(session[user].name, "anna");
    assert_eq!(count(&mut session, "select count(*) from items"), 3);
    let order = patch::<Order>(&mut session, 1, json!({"note": null})).unwrap();
    session.commit().unwrap();
    assert_eq!((session[order].note.as_deref(), session[order].user.has_key()), (None, true));
    patch::<Order>(&mut session, 1, json!({})).unwrap();
    assert_eq!(session.plan().unwrap().to_string(), "nothing to do");
}

#[test]
fn a_list_is_all_that_there_is_to_be() {
    let db = shop();
    let mut session = db.session();
    ann(&mut session);
    let before = session.statistics();
    let document = json!({"orders": [
        {"id": 1, "note": "changed", "items": [{"id": 2, "name": "big bolt"}, {"name": "screw"}]},
        {"items": [{"name": "wheel"}]},
    ]});
    patch::<User>(&mut session, 1, document).unwrap();
    // The user by the test; then the list of orders, that of items, and nothing for single rows.
    let after = session.statistics();
    assert_eq!(after.statements - before.statements, 3);
    session.commit().unwrap();
    let items = "select count(*) from items where order_id = 1 and name in ('big bolt', 'screw')";
    assert_eq!(count(&mut session, items), 2);
    assert_eq!(count(&mut session, "select count(*) from items"), 3);
    assert_eq!(count(&mut session, "select count(*) from orders where id = 2"), 0);
    assert_eq!(count(&mut session, "select count(*) from orders where user_id = 1"), 2);
    assert_eq!(count(&mut session, "select count(*) from orders where note is null"), 1);
    patch::<User>(&mut session, 1, json!({"orders": []})).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from items"), 0);
}

#[test]
fn an_object_without_a_key_is_the_one_that_is_there() {
    let db = shop();
    let mut session = db.session();
    ann(&mut session);
    let profile = "select id from profiles where bio = 'short'";
    patch::<User>(&mut session, 1, json!({"profile": {"bio": "short"}})).unwrap();
    session.commit().unwrap();
    let first = count(&mut session, profile);
    patch::<User>(&mut session, 1, json!({"profile": {"bio": "long"}})).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select id from profiles where bio = 'long'"), first);
    patch::<Order>(&mut session, 2, json!({"user": {"name": "anna"}})).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from users where name = 'anna'"), 1);
    assert_eq!(count(&mut session, "select count(*) from users"), 1);
    patch::<User>(&mut session, 1, json!({"profile": null})).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from profiles"), 0);
}

#[test]
fn bare_keys_name_what_is_there() {
    let db = shop();
    let mut session = db.session();
    ann(&mut session);
    session.add(Tag { name: "red".into(), items: unset() });
    session.commit().unwrap();
    patch::<Item>(&mut session, 1, json!({"tags": ["red", {"name": "new"}]})).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from item_tags where item_id = 1"), 2);
    patch::<Item>(&mut session, 2, json!({"order": 2, "tags": ["red"]})).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from items where order_id = 2"), 2);
    assert_eq!(count(&mut session, "select count(*) from item_tags where tag = 'red'"), 2);
    let library = session.add(Library { id: auto(), name: "city".into(), books: unset() });
    let book = session.push(library, Library::BOOKS, Book::new("Emma"));
    session.commit().unwrap();
    session.patch(book, json!({"library": null})).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from books where library_id is null"), 1);
}

#[test]
fn a_document_changes_only_what_its_object_has() {
    let db = shop();
    let mut session = db.session();
    ann(&mut session);
    let session = &mut session;
    let stolen = refused(session, 1, json!({"orders": [{"id": 1, "items": [{"id": 3}]}]}));
    assert!(stolen.starts_with("E0605: Item#3 does not belong to Order#1, at orders[0].items[0]"));
    let stolen = refused(session, 1, json!({"orders": [{"items": [{"id": 3}]}]}));
    assert!(stolen.contains("does not belong to the new Order"), "{stolen}");
    let given_away = refused(session, 1, json!({"orders": [{"id": 1, "user_id": 2}]}));
    assert!(given_away.starts_with("E0605: Order#1 does not belong to User#1"), "{given_away}");
    let given_away = refused(session, 1, json!({"orders": [{"user_id": 2}]}));
    assert!(given_away.starts_with("E0605: the new Order does not belong to"), "{given_away}");
    let same = json!({"orders": [{"id": 1, "user_id": 1, "note": "same"}, {"id": 2}]});
    patch::<User>(session, 1, same).unwrap();
    session.commit().unwrap();
    let unknown = refused(session, 1, json!({"orders": [{"id": 1}, {"id": 99}]}));
    assert!(unknown.starts_with("E0604: there is no Order#99, at orders[1]"), "{unknown}");
    let unknown = patch::<Item>(session, 1, json!({"order": 99})).unwrap_err();
    assert_eq!(unknown.code(), "E0604", "{unknown}");
    let other = refused(session, 1, json!({"id": 2, "name": "x"}));
    assert!(other.starts_with("E0607: the document is one of User#2, and the object is User#1"));
    let version = patch::<Item>(session, 1, json!({"version": 7, "name": "x"})).unwrap_err();
    assert_eq!(version.code(), "E0307", "{version}");
    patch::<Item>(session, 1, json!({"version": 1, "name": "x"})).unwrap();
    session.commit().unwrap();
    assert_eq!(count(session, "select version from items where id = 1"), 2);
}

#[test]
fn mistakes_are_named_with_their_place_and_change_nothing() {
    let db = shop();
    let mut session = db.session();
    ann(&mut session);
    let long = "x".repeat(51);
    for (document, expected) in [
        (json!({"nam": "x"}), "E0602: `User` has no `nam` that a document may name, at the top"),
        (json!({"orders": [{"id": 1, "items": [{"x": 1}]}]}), "at orders[0].items[0]; it may name"),
        (json!({"name": 7}), "E0603: a value does not fit, at name: expected a text, found an int"),
        (json!({"name": null}), "at name: it cannot be null"),
        (json!({"name": long}), "at name: a text of at most 50 characters, found 51"),
        (json!({"id": 1.5}), "at id: expected an integer, found a number with a fraction"),
        (json!({"orders": [{"id": [1, 2]}]}), "at orders[0].id: expected an integer, found a list"),
        (json!({"orders": [[1, 2]]}), "at orders[0]: expected an object or a key of 1 values, fou"),
        (json!({"name": "x", "orders": [{"items": [{}]}]}), "E0606: a new `Item` needs `name`, at"),
        (json!({"orders": null}), "E0601: the document cannot be read"),
        (json!({"orders": 7}), "E0601: the document cannot be read"),
        (json!({"orders": {}}), "a list for `orders`"),
    ] {
        let error = refused(&mut session, 1, document.clone());
        assert!(error.contains(expected), "{document}: {error}");
    }
    let mut broken = serde_json::Deserializer::from_str("{\"name\": ");
    let user = session.get_by_key::<User>(1).unwrap().unwrap();
    let error = session.patch(user, &mut broken).unwrap_err();
    assert_eq!(error.code(), "E0601", "{error}");
    let new = session.hold(user_named("new"));
    assert_eq!(session.patch(new, json!({})).unwrap_err().code(), "E0205");
}

fn user_named(name: &str) -> User {
    User { id: auto(), name: name.into(), orders: unset(), profile: unset() }
}
