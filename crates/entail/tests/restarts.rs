//! A server that is killed, stopped and started again in the middle of flushes.
//!
//! `cargo xtask test` starts a server of its own and runs this while it stops it again and again.
//! Graphs are committed and changed; each worker writes down what was acknowledged. In the end the
//! server must have all of that, every graph whole, and none twice.
#![cfg(any(feature = "postgres", feature = "mysql"))]

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use entail::ViolationKind;
use entail::blocking::{Database, Session};
use entail::prelude::*;

#[derive(Entity)]
#[entity(table = "restarts_users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[column(length = 50, unique)]
    name: String,
    /// Counted up by each acknowledged change.
    changes: i64,
    #[has_many(Order::USER, cascade = "all, delete-orphan")]
    orders: HasMany<Order>,
}

#[derive(Entity)]
#[entity(table = "restarts_orders")]
struct Order {
    #[key]
    id: Auto<i64>,
    /// As many as the changes of its user, who is changed in the same flush.
    changes: i64,
    #[belongs_to(column = "user_id", back_populates = User::ORDERS)]
    user: BelongsTo<User>,
}

const WORKERS: usize = 4;
const ORDERS: usize = 3;

/// What a worker knows of one of its users.
struct Known {
    name: String,
    /// The changes that were acknowledged.
    changes: i64,
    /// Whether one more was sent, of which nobody knows what became of it.
    unsure: bool,
}

fn mapping() -> Mapping {
    mapping![User, Order].expect("the mapping is right")
}

#[test]
fn what_was_acknowledged_is_there_after_every_restart() {
    let Ok(url) = env::var("ENTAIL_RESTARTS_URL") else {
        eprintln!("SKIPPED: `cargo xtask test` starts the server that this test needs");
        return;
    };
    let seconds = env::var("ENTAIL_RESTARTS_SECONDS").ok().and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(10));
    let db = Database::connect(&url, mapping()).expect("the server is there");
    db.create_all().expect("the tables are new");
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let db = db.clone();
            thread::spawn(move || work(&db, worker, end))
        })
        .collect();
    let mut known = Vec::new();
    let mut failures = 0;
    for worker in workers {
        let (more, failed) = worker.join().expect("a worker does not panic");
        known.extend(more);
        failures += failed;
    }
    println!("{} users known, {failures} commits failed", known.len());
    assert!(known.len() > WORKERS && failures > 0, "the server was stopped under load");
    compare(&db, &known);
}

/// One worker: commits new graphs and changes old ones, and goes on when the server is back.
fn work(db: &Database, worker: usize, end: Instant) -> (Vec<Known>, u64) {
    let mut known: Vec<Known> = Vec::new();
    let mut failures = 0;
    while Instant::now() < end {
        let name = format!("user {worker}-{}", known.len());
        let mut session = db.session();
        let orders = many![Order::new(0), Order::new(0), Order::new(0)];
        session.add(User { id: auto(), name: name.clone(), changes: 0, orders });
        // The same flush again, until it is known to be there.
        loop {
            match session.commit() {
                Ok(()) => break,
                Err(error) if is_there_already(&error) => break,
                Err(error) => {
                    check_lost(&error);
                    failures += 1;
                    thread::sleep(Duration::from_millis(20));
                }
            }
        }
        known.push(Known { name, changes: 0, unsure: false });
        let place = known.len() / 2;
        let one = &mut known[place];
        if one.unsure {
            continue;
        }
        match change(&mut db.session(), &one.name) {
            Ok(()) => one.changes += 1,
            Err(error) => {
                check_lost(&error);
                failures += 1;
                one.unsure = true;
            }
        }
    }
    (known, failures)
}

/// Changes a user and all of its orders in one flush.
fn change(session: &mut Session, name: &str) -> Result<(), Error> {
    let user = session.query::<User>().filter(User::NAME.eq(name)).with(User::ORDERS).one()?;
    session[user].changes += 1;
    for order in session.many(user, User::ORDERS)?.to_vec() {
        session[order].changes += 1;
    }
    session.commit()
}

/// An earlier try had been carried out, though nobody said so.
fn is_there_already(error: &Error) -> bool {
    error.integrity().is_some_and(|refused| refused.kind == ViolationKind::Unique)
}

/// The server may be away, and nothing else may be wrong.
fn check_lost(error: &Error) {
    let code = error.code();
    assert!(["E0501", "E0506"].contains(&code.as_str()), "{error}");
}

fn compare(db: &Database, known: &[Known]) {
    let mut session = db.session();
    let users = session.query::<User>().with(User::ORDERS).all().expect("the server is back");
    assert_eq!(users.len(), known.len(), "each user is there once");
    for one in known {
        let user = users.iter().find(|&&user| session[user].name == one.name);
        let &user = user.unwrap_or_else(|| panic!("{} was acknowledged, and is lost", one.name));
        let changes = session[user].changes;
        let possible = one.changes..=one.changes + i64::from(one.unsure);
        assert!(possible.contains(&changes), "{}: {changes} of {possible:?}", one.name);
        let orders = session.many(user, User::ORDERS).expect("they are loaded").to_vec();
        let of_orders: Vec<i64> = orders.iter().map(|&order| session[order].changes).collect();
        assert_eq!(of_orders, [changes; ORDERS], "{} is whole", one.name);
    }
}
