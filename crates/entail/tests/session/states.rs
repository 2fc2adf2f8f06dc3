//! The five states, and what leads from one to the other.

use entail::prelude::*;
use entail::{Error, StateError};

use super::shop::*;

#[test]
fn an_object_goes_through_all_five_states() {
    let db = shop();
    let mut session = db.session();
    let ed = session.hold(user("ed"));
    assert_eq!(session.state(ed), State::Transient);
    session.add(ed);
    assert_eq!(session.state(ed), State::Pending);
    session.flush().unwrap();
    assert_eq!(session.state(ed), State::Persistent);
    assert_eq!(session[ed].id, 1);
    session.delete(ed).unwrap();
    assert_eq!(session.state(ed), State::Persistent);
    session.flush().unwrap();
    assert_eq!(session.state(ed), State::Deleted);
    session.commit().unwrap();
    assert_eq!(session.state(ed), State::Detached);
}

#[test]
fn a_delete_that_is_refused_marks_nobody() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    session.expunge_all();
    let twin = session.get_by_key::<Order>(1).unwrap().unwrap();
    let refused = session.delete(ed);
    assert!(matches!(refused, Err(StateError::DuplicateKey { .. })), "{refused:?}");
    assert_eq!(session.state(ed), State::Detached);
    assert_eq!(session.deleted_objects(), []);
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from users"), 1);
    session.expunge(twin).unwrap();
    session.delete(ed).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from users"), 0);
    assert_eq!(count(&mut session, "select count(*) from orders"), 0);
}

#[test]
fn handles_print_their_entity_place_and_generation() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    assert_eq!(ed.to_string(), "user#0v1");
    session.clear();
    let wendy = session.add(user("wendy"));
    assert_eq!(wendy.to_string(), "user#0v2");
    assert!(matches!(session.get(ed), Err(StateError::StaleHandle { .. })));
}

#[test]
fn handles_stay_apart_however_often_a_place_is_used() {
    let db = shop();
    let mut session = db.session();
    let mut last = session.hold(user("ed"));
    let first = last;
    for _ in 0..70_000 {
        session.take(last).unwrap();
        let next = session.hold(user("ed"));
        assert!(next != last && next != first);
        assert!(matches!(session.get(last), Err(StateError::StaleHandle { .. })));
        assert!(matches!(session.get(first), Err(StateError::StaleHandle { .. })));
        last = next;
    }
    for _ in 0..70_000 {
        session.clear();
        let next = session.hold(user("wendy"));
        assert!(session.get(last).is_err() && session.get(first).is_err());
        assert_eq!(session.get(next).unwrap().name, "wendy");
        last = next;
    }
}

#[test]
fn a_handle_of_another_session_is_refused() {
    let db = shop();
    let mut one = db.session();
    let other = db.session();
    let ed = one.add(user("ed"));
    let error = other.get(ed).err().unwrap();
    assert!(
        error.to_string().starts_with("E0201: user#0v1 is a handle of another session"),
        "{error}"
    );
}

#[test]
fn indexing_a_stale_handle_panics_with_the_cure() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    session.clear();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| session[ed].name.clone()));
    let message = panic.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("load it again"), "{message}");
}

#[test]
fn what_was_never_saved_cannot_be_deleted_and_what_was_deleted_cannot_be_added() {
    let db = shop();
    let mut session = db.session();
    let new = session.add(user("new"));
    assert!(matches!(session.delete(new), Err(StateError::WrongState { .. })));
    session.flush().unwrap();
    session.delete(new).unwrap();
    session.flush().unwrap();
    assert!(matches!(session.try_add(new), Err(StateError::Deleted { .. })));
}

#[test]
fn taking_moves_an_object_out() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    let first = session.many(ed, User::ORDERS).unwrap()[0];
    let value = session.take(first).unwrap();
    assert_eq!(value.note.as_deref(), Some("first"));
    assert!(session.get(first).is_err());
    assert_eq!(session.many(ed, User::ORDERS).unwrap(), []);
    assert_eq!(session.plan().unwrap().to_string(), "nothing to do");
}

/// Behaviours: PKCHG-12.
#[test]
fn an_object_that_is_taken_out_and_added_with_another_key_is_a_new_row() {
    let db = shop();
    let mut session = db.session();
    let red = session.add(Tag { name: "red".into(), items: unset() });
    let nut = session.add(item("nut"));
    let order = session.add(order("o", &[]));
    session.push(order, Order::ITEMS, nut);
    let ed = session.add(user("ed"));
    session.push(ed, User::ORDERS, order);
    session.push(nut, Item::TAGS, red);
    session.commit().unwrap();
    let mut value = session.take(red).unwrap();
    value.name = "crimson".into();
    value.items = unset();
    session.add(value);
    session.commit().unwrap();
    let tags = ["select count(*) from tags", "select count(*) from item_tags where tag = 'red'"];
    assert_eq!(tags.map(|sql| count(&mut session, sql)), [2, 1]);
}

#[test]
fn expired_objects_are_refreshed_before_they_are_read() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    session.execute("update users set name = 'edward'", []).unwrap();
    assert_eq!(session[ed].name, "ed");
    session.expire(ed).unwrap();
    assert!(matches!(session.get(ed), Err(StateError::Expired { .. })));
    session.refresh(ed).unwrap();
    assert_eq!(session[ed].name, "edward");
}

#[test]
fn refreshing_a_row_that_is_gone_is_an_error() {
    let db = shop();
    let mut session = db.session();
    let lib = session.add(Library { id: auto(), name: "city".into(), books: unset() });
    session.commit().unwrap();
    session.execute("delete from libraries", []).unwrap();
    let error = session.refresh(lib).unwrap_err();
    assert_eq!(error.code(), "E0404");
}

#[test]
fn changes_are_net_changes() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    session[ed].name = "edward".into();
    let changes = session.changes(ed);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (&*changes[0].column, &changes[0].old, &changes[0].new),
        ("name", &Some(Value::from("ed")), &Some(Value::from("edward")))
    );
    assert!(session.is_modified(ed));
    assert_eq!(session.dirty_objects(), [ed.raw()]);
    session[ed].name = "ed".into();
    assert!(!session.is_modified(ed));
    assert_eq!(session.dirty_objects(), []);
}

#[test]
fn several_objects_are_changed_at_once() {
    let db = shop();
    let mut session = db.session();
    let (a, b) = (session.add(user("a")), session.add(user("b")));
    let [one, other] = session.get_disjoint_mut([a, b]).unwrap();
    std::mem::swap(&mut one.name, &mut other.name);
    assert_eq!((session[a].name.as_str(), session[b].name.as_str()), ("b", "a"));
    assert!(matches!(session.get_disjoint_mut([a, a]), Err(StateError::SameObject { .. })));
}

#[test]
fn a_generated_key_cannot_be_changed() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    session[ed].id = Auto::of(77);
    let error = session.flush().unwrap_err();
    assert_eq!(error.code(), "E0303");
    assert!(matches!(error, Error::Flush(_)));
}

#[test]
fn initial_values_assigned_after_add_are_refused_not_lost() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    session[ed].orders = many![order("second", &[])];
    assert_eq!(session.flush().unwrap_err().code(), "E0309");
}

#[test]
fn a_natural_key_that_changes_travels_to_the_links_by_the_database() {
    let db = shop();
    let mut session = db.session();
    let tag = session.add(Tag { name: "red".into(), items: unset() });
    session.commit().unwrap();
    session[tag].name = "crimson".into();
    session.commit().unwrap();
    assert_eq!(session.get_by_key::<Tag>("crimson").unwrap(), Some(tag));
    assert_eq!(session.get_by_key::<Tag>("red").unwrap(), None);
}

#[test]
fn expunged_objects_can_be_read_and_added_again() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    session.expunge(ed).unwrap();
    assert_eq!(session.state(ed), State::Detached);
    session[ed].name = "edward".into();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from users where name = 'ed'"), 1);
    session.add(ed);
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from users where name = 'edward'"), 1);
}

#[test]
fn a_second_delete_does_not_meet_the_row_that_has_got_the_number() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    session.delete(ed).unwrap();
    session.commit().unwrap();
    let wendy = session.add(user("wendy"));
    session.delete(ed).unwrap();
    session.commit().unwrap();
    assert_eq!(session.state(ed), State::Detached);
    assert_eq!(session.state(wendy), State::Persistent);
    assert_eq!(count(&mut session, "select count(*) from users where name = 'wendy'"), 1);
}

#[test]
fn a_second_delete_reaches_no_rows_of_who_has_got_the_number() {
    let db = shop();
    let mut session = db.session();
    let _ = ed(&mut session);
    session.clear();
    let ed = session.get_by_key::<User>(1).unwrap().unwrap();
    session.delete(ed).unwrap();
    session.commit().unwrap();
    let wendy = session.add(user("wendy"));
    session.push(wendy, User::ORDERS, order("o", &["nut"]));
    session.delete(ed).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from orders"), 1);
    assert_eq!(count(&mut session, "select count(*) from items"), 1);
}
