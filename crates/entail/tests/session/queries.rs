//! Queries: filters, orders, limits, counts, and relationships loaded along.

use entail::prelude::*;

use super::shop::*;

fn names(session: &entail::blocking::Session, users: &[Handle<User>]) -> Vec<String> {
    users.iter().map(|&user| session[user].name.clone()).collect()
}

#[test]
fn filters_combine() {
    let db = shop();
    let mut session = db.session();
    session.add_all(["ann", "bob", "cid", "dan"].map(user));
    session.commit().unwrap();
    let found = session
        .query::<User>()
        .filter(User::NAME.gt("a").and(!User::NAME.eq("bob")).or(User::ID.one_of([2])))
        .filter(User::NAME.ne("dan"))
        .order_by(User::NAME.desc())
        .all()
        .unwrap();
    assert_eq!(names(&session, &found), ["cid", "bob", "ann"]);
    let found = session
        .query::<User>()
        .filter(User::NAME.like("%n%"))
        .order_by(User::ID.asc())
        .all()
        .unwrap();
    assert_eq!(names(&session, &found), ["ann", "dan"]);
    let found = session.query::<User>().order_by(User::ID.asc()).limit(2).offset(1).all().unwrap();
    assert_eq!(names(&session, &found), ["bob", "cid"]);
    assert_eq!(session.query::<User>().filter(User::ID.le(3)).count().unwrap(), 3);
    assert_eq!(session.query::<User>().limit(2).count().unwrap(), 2);
    assert_eq!(session.query::<User>().offset(3).count().unwrap(), 1);
    assert_eq!(
        session.query::<User>().filter(User::ID.one_of(Vec::<i64>::new())).count().unwrap(),
        0
    );
}

#[test]
fn null_is_compared_as_people_expect() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    session.push(ed, User::ORDERS, order("a", &[]));
    session.push(ed, User::ORDERS, Order { id: auto(), note: None, user: unset(), items: unset() });
    session.commit().unwrap();
    assert_eq!(session.query::<Order>().filter(Order::NOTE.is_null()).count().unwrap(), 1);
    assert_eq!(session.query::<Order>().filter(Order::NOTE.eq(None)).count().unwrap(), 1);
    assert_eq!(session.query::<Order>().filter(Order::NOTE.ne("a")).count().unwrap(), 1);
    assert_eq!(session.query::<Order>().filter(Order::NOTE.is_not_null()).count().unwrap(), 1);
}

#[test]
fn one_wants_exactly_one() {
    let db = shop();
    let mut session = db.session();
    assert_eq!(session.query::<User>().one().unwrap_err().code(), "E0402");
    assert_eq!(session.query::<User>().first().unwrap(), None);
    let ed = session.add(user("ed"));
    assert_eq!(session.query::<User>().one().unwrap(), ed);
    session.add(user("wendy"));
    assert_eq!(session.query::<User>().one().unwrap_err().code(), "E0403");
    assert_eq!(session.query::<User>().order_by(User::ID.asc()).first().unwrap(), Some(ed));
}

#[test]
fn one_row_is_one_object() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    session[ed].name = "edward".into();
    session.set_autoflush(false);
    let found = session.query::<User>().filter(User::NAME.eq("ed")).one().unwrap();
    assert_eq!(found, ed);
    assert_eq!(session[ed].name, "edward");
    assert_eq!(session.get_by_key::<User>(1).unwrap(), Some(ed));
}

#[test]
fn autoflush_shows_pending_work_to_queries() {
    let db = shop();
    let mut session = db.session();
    session.add(user("ed"));
    session.set_autoflush(false);
    assert_eq!(session.query::<User>().count().unwrap(), 0);
    session.set_autoflush(true);
    assert_eq!(session.query::<User>().count().unwrap(), 1);
}

#[test]
fn relationships_come_along_for_all_or_for_some() {
    let db = shop();
    let mut session = db.session();
    for name in ["ed", "wendy"] {
        session.add(User {
            id: auto(),
            name: name.into(),
            orders: many![order("a", &["x", "y"]), order("b", &[])],
            profile: unset(),
        });
    }
    session.commit().unwrap();
    for filtered in [false, true] {
        session.clear();
        let mut query =
            session.query::<User>().with(User::ORDERS.then(Order::ITEMS)).with(User::PROFILE);
        if filtered {
            query = query.filter(User::NAME.eq("wendy"));
        }
        let users = query.all().unwrap();
        assert_eq!(users.len(), if filtered { 1 } else { 2 });
        for user in users {
            let orders = session.many(user, User::ORDERS).unwrap();
            assert_eq!(orders.len(), 2);
            assert_eq!(session.many(orders[0], Order::ITEMS).unwrap().len(), 2);
            assert_eq!(session.many(orders[1], Order::ITEMS).unwrap(), []);
            assert_eq!(session.one(user, User::PROFILE).unwrap(), None);
        }
    }
}

/// More rows than come in one part: users with one order each.
pub fn many_orders(session: &mut entail::blocking::Session) {
    session.add_all((1..=20_000).map(|number| User {
        id: auto(),
        name: format!("user {number}"),
        orders: many![order(&format!("of {number}"), &[])],
        profile: unset(),
    }));
    session.commit().unwrap();
    session.clear();
}

#[test]
fn answers_in_many_parts_become_the_same_objects() {
    let db = shop();
    let mut session = db.session();
    many_orders(&mut session);
    let present = session.get_by_key::<User>(19_000).unwrap().unwrap();
    session[present].name = "changed".into();
    session.set_autoflush(false);
    let users = session.query::<User>().order_by(User::ID.asc()).with(User::ORDERS).all().unwrap();
    assert_eq!(users.len(), 20_000);
    assert_eq!(users[18_999], present);
    assert_eq!(session[present].name, "changed");
    for (place, &user) in users.iter().enumerate() {
        assert_eq!(session[user].id, place as i64 + 1);
        let [order] = session.many(user, User::ORDERS).unwrap()[..] else { panic!("one order") };
        assert_eq!(session[order].note, Some(format!("of {}", place + 1)));
    }
}
