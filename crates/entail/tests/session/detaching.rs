//! Detached graphs: trees that leave a session as values, and come back by merge.

use entail::StateError;
use entail::blocking::Session;
use entail::prelude::*;

use super::shop::*;

/// A user with two orders of three items, in the database.
fn ann(session: &mut Session) -> Handle<User> {
    let orders = many![order("first", &["nut", "bolt"]), order("second", &["cog"])];
    let ann = session.add(User { id: auto(), name: "ann".into(), orders, profile: unset() });
    session.commit().unwrap();
    ann
}

/// The same, loaded by a session that had not seen her.
fn loaded_ann(session: &mut Session) -> Handle<User> {
    ann(session);
    session.clear();
    session.query::<User>().with(User::ORDERS.then(Order::ITEMS)).all().unwrap()[0]
}

#[test]
fn a_tree_leaves_the_session_and_comes_back_without_a_change() {
    let db = shop();
    let mut session = db.session();
    let handle = loaded_ann(&mut session);
    let orders = session.many(handle, User::ORDERS).unwrap();
    let tree = session.detach(handle, User::ORDERS.then(Order::ITEMS)).unwrap();
    assert!(matches!(session.get(handle), Err(StateError::StaleHandle { .. })));
    assert!(session.get(orders[0]).is_err());
    let items: usize = tree.orders.values().map(|order| order.items.values().count()).sum();
    assert_eq!((tree.name.as_str(), tree.orders.values().count(), items), ("ann", 2, 3));
    assert!(!tree.profile.is_given());

    let merged = session.merge(tree).unwrap();
    assert_eq!(session.plan().unwrap().to_string(), "nothing to do");
    assert_eq!(session.many(merged, User::ORDERS).unwrap().len(), 2);
}

#[test]
fn several_trees_leave_together_or_none_does() {
    let db = shop();
    let mut session = db.session();
    let ann = loaded_ann(&mut session);
    let bob = session.add(user("bob"));
    let way = || User::ORDERS.then(Order::ITEMS);
    let refused = session.detach_all([ann, bob], way());
    assert!(matches!(refused, Err(StateError::WrongState { .. })));
    assert_eq!(session[ann].name, "ann");
    session.commit().unwrap();
    session.load(bob, way()).unwrap();
    let trees = session.detach_all([bob, ann, bob], way()).unwrap();
    let names: Vec<_> = trees.iter().map(|tree| tree.name.as_str()).collect();
    assert_eq!(names, ["bob", "ann", "bob"]);
    assert_eq!(trees[1].orders.values().count(), 2);
    assert!([ann, bob].iter().all(|&one| session.get(one).is_err()));
    assert!(session.detach_all([], way()).unwrap().is_empty());
    session.merge_all(trees).unwrap();
    assert_eq!(session.plan().unwrap().to_string(), "nothing to do");
}

#[test]
fn what_was_changed_in_the_tree_is_written_by_the_merge() {
    let db = shop();
    let mut session = db.session();
    let handle = loaded_ann(&mut session);
    let mut tree = session.detach(handle, User::ORDERS.then(Order::ITEMS)).unwrap();
    tree.name = "anna".into();
    for order in tree.orders.values_mut() {
        order.note = Some("seen".into());
        order.items = order.items.take().unwrap_or_default().into_iter().take(1).collect();
    }
    let before = session.statistics();
    session.merge(tree).unwrap();
    // The user, the orders and the items: one SELECT each, and one trip.
    let after = session.statistics();
    assert_eq!((after.trips - before.trips, after.statements - before.statements), (1, 3));
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from users where name = 'anna'"), 1);
    assert_eq!(count(&mut session, "select count(*) from orders where note = 'seen'"), 2);
    assert_eq!(count(&mut session, "select count(*) from items"), 2);
}

#[test]
fn several_paths_are_followed_and_what_is_shared_is_there_several_times() {
    let db = shop();
    let mut session = db.session();
    let user = ann(&mut session);
    session.load(user, User::PROFILE).unwrap();
    let order = session.many(user, User::ORDERS).unwrap()[0];
    let red = session.add(Tag { name: "red".into(), items: unset() });
    for item in session.many(order, Order::ITEMS).unwrap() {
        session.push(item, Item::TAGS, red);
    }
    session.commit().unwrap();
    let paths = User::ORDERS.then(Order::ITEMS).then(Item::TAGS).and(User::PROFILE);
    session.load(user, User::ORDERS.then(Order::ITEMS).then(Item::TAGS)).unwrap();
    let tree = session.detach(user, paths).unwrap();
    assert!(tree.profile.is_given() && tree.profile.value().is_none());
    let orders = tree.orders.values().flat_map(|order| order.items.values());
    let tags = orders.flat_map(|item| item.tags.values()).filter(|tag| tag.name == "red").count();
    assert_eq!(tags, 2);
    session.merge(tree).unwrap();
    assert_eq!(session.plan().unwrap().to_string(), "nothing to do");
}

#[test]
fn a_tree_can_lead_back_to_its_root() {
    let db = shop();
    let mut session = db.session();
    let handle = loaded_ann(&mut session);
    let tree = session.detach(handle, User::ORDERS.then(Order::USER)).unwrap();
    let names: Vec<_> = tree.orders.values().map(|one| &one.user.value().unwrap().name).collect();
    assert_eq!(names, ["ann", "ann"]);
    session.merge(tree).unwrap();
    assert_eq!(session.plan().unwrap().to_string(), "nothing to do");
}

#[test]
fn what_cannot_leave_stays_where_it_is() {
    let db = shop();
    let mut session = db.session();
    ann(&mut session);
    session.clear();
    let user = session.get_by_key::<User>(1).unwrap().unwrap();
    let error = session.detach(user, User::ORDERS).err().unwrap();
    assert!(matches!(error, StateError::NotLoaded { .. }), "{error}");

    session.load(user, User::ORDERS.then(Order::ITEMS)).unwrap();
    let order = session.many(user, User::ORDERS).unwrap()[0];
    let item = session.push(order, Order::ITEMS, Item::new("new"));
    let error = session.detach(user, User::ORDERS.then(Order::ITEMS)).err().unwrap();
    assert!(matches!(error, StateError::WrongState { .. }), "{error}");
    assert!(session.get(user).is_ok() && session.get(order).is_ok() && session.get(item).is_ok());

    session.rollback().unwrap();
    session.refresh(user).unwrap();
    session.expire(user).unwrap();
    let error = session.detach(user, User::ORDERS).err().unwrap();
    assert!(matches!(error, StateError::Expired { .. }), "{error}");
}
