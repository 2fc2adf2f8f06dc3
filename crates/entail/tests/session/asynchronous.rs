//! The async session: the same verbs, and futures that are dropped before they end.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use entail::DriverError;
use entail::prelude::*;

use super::database::{Kind, Place};
use super::shop::{User, mapping, user};

/// A shop, and where it is, which is gone when that is dropped.
async fn shop() -> (Database, Place) {
    open(Place::small()).await
}

async fn open(place: Place) -> (Database, Place) {
    let db = Database::connect(&place.url, mapping()).await.expect("the database is there");
    db.create_all().await.expect("the tables are new");
    (db, place)
}

/// A query that runs for a long time, unless it is stopped.
fn long() -> &'static str {
    match crate::DATABASE {
        Kind::Sqlite => {
            "with recursive n(x) as (select 1 union all select x + 1 from n where x < 1000000000) \
             select count(*) from n"
        }
        Kind::Postgres => "select pg_sleep(100)",
        Kind::MariaDb => "select sleep(100)",
    }
}

/// Polls a future once and drops it, unless it is ready.
fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn size<F: Future>(_: F) -> usize {
    size_of::<F>()
}

/// What a future carries is moved a few times on each call: what is seldom needed, such as opening a
/// connection, must not be part of it.
#[tokio::test]
async fn futures_are_small() {
    let (db, _place) = shop().await;
    let mut session = db.session();
    let sizes = [
        size(session.commit()),
        size(session.rollback()),
        size(session.get_by_key::<User>(1)),
        size(session.query::<User>().all()),
        size(session.merge(user("ed"))),
    ];
    assert!(sizes.iter().all(|&size| size <= 8 * 1024), "{sizes:?} bytes");
}

#[tokio::test]
async fn the_verbs_are_the_same() {
    let (db, _place) = shop().await;
    let mut session = db.session();
    let ed = session.add(user("ed"));
    session.commit().await.unwrap();
    session[ed].name = "edward".into();
    session.savepoint().await.unwrap();
    session.add(user("late"));
    session.flush().await.unwrap();
    session.rollback_to_savepoint().await.unwrap();
    session.commit().await.unwrap();
    let found = session.query::<User>().filter(User::NAME.like("ed%")).one().await.unwrap();
    assert_eq!(found, ed);
    session.delete(ed).unwrap();
    println!("{}", session.plan().await.unwrap());
    session.commit().await.unwrap();
    assert_eq!(session.query::<User>().count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_dropped_flush_leaves_no_trace_and_can_be_repeated() {
    let (db, _place) = open(Place::shared()).await;
    let mut other = db.session();
    other.add(user("other"));
    other.flush().await.unwrap();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    let dropped = poll_once(session.flush());
    assert!(dropped.is_none(), "it must wait for the other session's transaction");
    assert_eq!(session.state(ed), State::Pending);
    other.commit().await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(session.query::<User>().count().await.unwrap(), 2);
}

#[tokio::test]
async fn a_dropped_call_after_flushed_work_asks_for_a_rollback() {
    let (db, _place) = shop().await;
    let mut session = db.session();
    let ed = session.add(user("ed"));
    session.flush().await.unwrap();
    assert!(poll_once(session.execute(long(), [])).is_none());
    assert_eq!(session.flush().await.unwrap_err().code(), "E0213");
    session.rollback().await.unwrap();
    assert_eq!(session.state(ed), State::Transient);
    assert_eq!(session.query::<User>().count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_session_is_send() {
    fn is_send<T: Send>(_: &T) {}
    let (db, _place) = shop().await;
    let mut session = db.session();
    is_send(&session);
    is_send(&session.commit());
}

#[tokio::test]
async fn an_async_transaction_is_tried_again_too() {
    let (db, _place) = shop().await;
    let mut tries = 0;
    db.transaction(async |session| {
        tries += 1;
        session.add(user(&format!("try {tries}")));
        session.flush().await?;
        match tries {
            1 => Err(Error::Driver(DriverError::Serialization { reason: "again".to_owned() })),
            _ => Ok(()),
        }
    })
    .await
    .unwrap();
    assert_eq!(db.session().query::<User>().count().await.unwrap(), 1);
}
