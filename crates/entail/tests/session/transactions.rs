//! Commit, rollback and savepoints, in the database and in memory.

use entail::blocking::Database;
use entail::prelude::*;
use entail::{DriverError, StateError};

use super::shop::*;

#[test]
fn an_autoflush_that_loads_what_is_asked_for_is_carried_out_all_the_same() {
    let db = shop();
    let mut session = db.session();
    let library = session.add(Library { id: auto(), name: "city".into(), books: unset() });
    session.push(library, Library::BOOKS, Book::new("Emma"));
    session.commit().unwrap();
    session.clear();
    let library = session.get_by_key::<Library>(1).unwrap().unwrap();
    let book = session.add(Book::new("Dune"));
    session.delete(library).unwrap();
    // The flush must know the books of the library, since one of them may be in memory.
    session.load(library, Library::BOOKS).unwrap();
    assert_eq!(session.state(library), State::Deleted);
    assert_eq!(session.state(book), State::Persistent);
    assert_eq!(count(&mut session, "select count(*) from books where library_id is null"), 2);
}

#[test]
fn a_query_whose_autoflush_fails_says_why_even_if_flushed_work_is_lost_with_it() {
    let db = shop();
    let mut session = db.session();
    session.set_autoflush(true);
    session.add(user("ed"));
    session.flush().unwrap();
    session.add(user("ed"));
    let error = session.query::<User>().all().unwrap_err();
    assert_eq!(error.code(), "E0502", "{error}");
    let error = session.query::<User>().all().unwrap_err();
    assert_eq!(error.code(), "E0213", "{error}");
    session.rollback().unwrap();
    assert_eq!(session.query::<User>().all().unwrap().len(), 0);
}

#[test]
fn rollback_puts_values_back_and_new_objects_become_transient() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    let order = session.many(ed, User::ORDERS).unwrap()[0];
    session[ed].name = "edward".into();
    session.flush().unwrap();
    session[ed].name = "jack".into();
    let wendy = session.add(user("wendy"));
    session.flush().unwrap();
    session.delete(order).unwrap();
    session.flush().unwrap();
    session.rollback().unwrap();
    assert_eq!(session[ed].name, "ed");
    assert!(session.is_stale(ed));
    assert_eq!(session.state(wendy), State::Transient);
    assert_eq!(session[wendy].id, 2);
    assert_eq!(session.state(order), State::Persistent);
    assert_eq!(session.many(ed, User::ORDERS).unwrap(), [order]);
    assert_eq!(count(&mut session, "select count(*) from users where name = 'ed'"), 1);
    session.refresh(ed).unwrap();
    assert!(!session.is_stale(ed));
}

#[test]
fn a_change_after_a_rollback_is_written() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    session[ed].name = "edward".into();
    session.flush().unwrap();
    session.rollback().unwrap();
    session[ed].name = "jack".into();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from users where name = 'jack'"), 1);
}

/// Behaviours: TXN-07.
#[test]
fn a_session_says_whether_it_is_in_a_transaction_and_in_how_many_savepoints() {
    let db = shop();
    let mut session = db.session();
    let at = |session: &entail::blocking::Session| (session.in_transaction(), session.savepoints());
    assert_eq!(at(&session), (false, 0));
    session.add(user("ed"));
    assert_eq!(at(&session), (false, 0));
    session.flush().unwrap();
    assert_eq!(at(&session), (true, 0));
    session.savepoint().unwrap();
    session.savepoint().unwrap();
    assert_eq!(at(&session), (true, 2));
    session.rollback_to_savepoint().unwrap();
    assert_eq!(at(&session), (true, 1));
    session.release_savepoint().unwrap();
    assert_eq!(at(&session), (true, 0));
    let no_savepoint = |result| matches!(result, Err(Error::State(StateError::NoSavepoint)));
    assert!(no_savepoint(session.release_savepoint()));
    session.savepoint().unwrap();
    session.commit().unwrap();
    assert_eq!(at(&session), (false, 0));
    session.savepoint().unwrap();
    session.rollback().unwrap();
    assert_eq!(at(&session), (false, 0));
    assert!(no_savepoint(session.rollback_to_savepoint()));
}

#[test]
fn savepoints_nest() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    session[ed].name = "one".into();
    session.savepoint().unwrap();
    session[ed].name = "two".into();
    session.savepoint().unwrap();
    session[ed].name = "three".into();
    let late = session.add(user("late"));
    session.flush().unwrap();
    assert_eq!(session.savepoints(), 2);
    session.rollback_to_savepoint().unwrap();
    assert_eq!(session[ed].name, "two");
    assert_eq!(session.state(late), State::Transient);
    session.release_savepoint().unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from users where name = 'two'"), 1);
    assert!(matches!(session.rollback_to_savepoint(), Err(Error::State(StateError::NoSavepoint))));
}

/// Behaviours: RB-11.
#[test]
fn an_error_within_a_savepoint_leaves_the_rest() {
    let db = shop();
    let mut session = db.session();
    let first = session.add(user("ed"));
    session.savepoint().unwrap();
    let second = session.add(user("ed"));
    assert_eq!(session.flush().unwrap_err().code(), "E0502");
    assert_eq!(session.flush().unwrap_err().code(), "E0213");
    session.rollback_to_savepoint().unwrap();
    assert_eq!(session.state(second), State::Transient);
    session.commit().unwrap();
    assert_eq!(session.state(first), State::Persistent);
    assert_eq!(count(&mut session, "select count(*) from users"), 1);
}

#[test]
fn a_failed_flush_leaves_the_session_as_it_was() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    let twin = session.add(user("ed"));
    session[ed].name = "edward".into();
    session.push(ed, User::ORDERS, order("bad", &[""]));
    let plan = session.plan().unwrap().to_string();
    let error = session.commit().unwrap_err();
    assert_eq!(error.integrity().unwrap().table.as_deref(), Some("items"), "{error}");
    assert_eq!(session.plan().unwrap().to_string(), plan);
    assert_eq!(session.state(twin), State::Pending);
    let bad = session.many(ed, User::ORDERS).unwrap()[1];
    let items = session.many(bad, Order::ITEMS).unwrap();
    session[items[0]].name = "good".into();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from users"), 2);
}

#[test]
fn after_a_failure_that_undid_flushed_work_only_a_rollback_helps() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    session.flush().unwrap();
    session.add(user("ed"));
    assert_eq!(session.flush().unwrap_err().code(), "E0502");
    assert_eq!(session.commit().unwrap_err().code(), "E0213");
    session.rollback().unwrap();
    assert_eq!(session.state(ed), State::Transient);
    session.add(ed);
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from users"), 1);
}

#[test]
fn expire_on_commit_is_a_choice() {
    let db = shop();
    let mut session =
        db.session_with(entail::SessionOptions { autoflush: true, expire_on_commit: true });
    let ed = session.add(user("ed"));
    session.commit().unwrap();
    assert!(matches!(session.get(ed), Err(StateError::Expired { .. })));
    session.refresh(ed).unwrap();
    assert_eq!(session[ed].name, "ed");
}

/// Behaviours: TXN-06.
#[test]
fn sessions_on_one_database_see_what_was_committed() {
    let db = shared_shop();
    let (mut writer, mut reader) = (db.session(), db.session());
    writer.add(user("ed"));
    writer.flush().unwrap();
    assert_eq!(reader.query::<User>().count().unwrap(), 0);
    writer.commit().unwrap();
    assert_eq!(reader.query::<User>().count().unwrap(), 1);
}

/// What a database says to a transaction that others were in the way of.
fn deadlock() -> Error {
    Error::Driver(DriverError::Deadlock { reason: "two waited for each other".to_owned() })
}

#[test]
fn a_transaction_with_others_in_its_way_runs_again_from_its_beginning() {
    let db = shop();
    let mut tries = 0;
    let count: usize = db
        .transaction(|session| {
            tries += 1;
            session.add(user(&format!("try {tries}")));
            session.flush()?;
            if tries < 3 { Err(deadlock()) } else { Ok(tries) }
        })
        .unwrap();
    assert_eq!(count, 3);
    let mut session = db.session();
    let users = session.query::<User>().all().unwrap();
    assert_eq!(users.iter().map(|&user| &*session[user].name).collect::<Vec<_>>(), ["try 3"]);
}

#[test]
fn other_failures_of_a_transaction_are_not_repeated() {
    let db = shop();
    let mut tries = 0;
    let failed: Result<(), Error> = db.transaction(|session| {
        tries += 1;
        session.add_all([user("same"), user("same")]);
        Ok(())
    });
    assert!(failed.unwrap_err().integrity().is_some());
    assert_eq!(tries, 1);
    assert_eq!(db.session().query::<User>().count().unwrap(), 0);
}

/// Changes all users, beginning at one end or the other, many times.
fn change_all(db: &Database, backwards: bool) -> Result<(), Error> {
    for round in 0..40 {
        let mut session = db.session();
        let mut users = session.query::<User>().order_by(User::ID.asc()).all()?;
        if backwards {
            users.reverse();
        }
        for user in users {
            let mark = if backwards { 'b' } else { 'a' };
            session[user].name = format!("{} {mark}{round}", session[user].id);
            let order = session.push(user, User::ORDERS, order("extra", &["nut"]));
            session[order].note = Some(format!("{round}"));
        }
        session.commit()?;
        let mut session = db.session();
        let mut orders = session
            .query::<Order>()
            .filter(Order::NOTE.eq(Some(format!("{round}"))))
            .with(Order::ITEMS)
            .all()?;
        if backwards {
            orders.reverse();
        }
        for order in orders {
            session[order].note = Some("seen".to_owned());
        }
        session.commit()?;
    }
    Ok(())
}

#[test]
fn sessions_that_change_the_same_rows_in_opposite_order_never_wait_for_each_other_in_a_ring() {
    let db = shared_shop();
    let mut session = db.session();
    session.add_all((0..20).map(|number| user(&format!("user {number}"))));
    session.commit().unwrap();
    let (one, other) = (db.clone(), db.clone());
    let first = std::thread::spawn(move || change_all(&one, false));
    let second = std::thread::spawn(move || change_all(&other, true));
    first.join().unwrap().unwrap();
    second.join().unwrap().unwrap();
}

#[test]
fn what_was_deleted_before_a_savepoint_stays_so_when_it_is_deleted_once_more() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    session.commit().unwrap();
    session.delete(ed).unwrap();
    session.savepoint().unwrap();
    session.delete(ed).unwrap();
    session.rollback_to_savepoint().unwrap();
    assert_eq!(session.state(ed), State::Deleted);
    session.rollback().unwrap();
    assert_eq!(session.state(ed), State::Persistent);
}
