//! Sessions under load: eight threads, each with its own, change overlapping graphs of one database.
//! No update is lost where a version stands, and nobody meets an error but that a row is busy or was
//! changed by another.
//!
//! It runs for `ENTAIL_LOAD_SECONDS` on each database, or for 3.

use std::env;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use entail::blocking::{Database, Session};
use entail::prelude::*;
use entail::{Error, ValueRef};

use database::{Kind, Place};

#[path = "session/database.rs"]
mod database;

/// Places that do not say on which database they are lie on this one.
const DATABASE: Kind = Kind::Sqlite;

#[derive(Entity)]
#[entity(table = "baskets")]
struct Basket {
    #[key]
    id: i64,
    /// The sum of its lines.
    total: i64,
    #[version]
    version: i64,
    #[has_many(Line::BASKET, cascade = "all, delete-orphan")]
    lines: HasMany<Line>,
}

#[derive(Entity)]
#[entity(table = "basket_lines")]
struct Line {
    #[key]
    id: Auto<i64>,
    amount: i64,
    #[belongs_to(column = "basket_id", back_populates = Basket::LINES)]
    basket: BelongsTo<Basket>,
}

const THREADS: u64 = 8;
const BASKETS: i64 = 12;

/// What all threads have done.
#[derive(Default)]
struct Done {
    /// What was added to all baskets, less what was taken out.
    sum: AtomicI64,
    written: AtomicU64,
    read: AtomicU64,
    stale: AtomicU64,
    busy: AtomicU64,
}

fn seconds() -> u64 {
    env::var("ENTAIL_LOAD_SECONDS").ok().and_then(|word| word.parse().ok()).unwrap_or(3)
}

fn number(session: &mut Session, sql: &str) -> i64 {
    let found = session.execute(sql, []).expect("the query is right");
    match found.rows.value(0, 0) {
        Some(ValueRef::Int(number)) => number,
        other => panic!("no number: {other:?}"),
    }
}

/// Reads a basket with its lines. Each level is read by a statement of its own, so that what others
/// commit in between may show in one and not in the other; the version finds that out at the commit.
fn read(session: &mut Session, id: i64) -> Result<Handle<Basket>, Error> {
    session.clear();
    session.query::<Basket>().filter(Basket::ID.eq(id)).with(Basket::LINES).one()
}

/// Puts a line in.
fn add(session: &mut Session, id: i64, amount: i64) -> Result<i64, Error> {
    let basket = read(session, id)?;
    session[basket].total += amount;
    session.push(basket, Basket::LINES, Line { id: auto(), amount, basket: unset() });
    session.commit()?;
    Ok(amount)
}

/// Takes the first line out, which deletes it.
fn take(session: &mut Session, id: i64) -> Result<i64, Error> {
    let basket = read(session, id)?;
    let Some(&line) = session.many(basket, Basket::LINES)?.first() else { return Ok(0) };
    let amount = session[line].amount;
    session[basket].total -= amount;
    session.remove(basket, Basket::LINES, line);
    session.commit()?;
    Ok(-amount)
}

/// Moves a line from one basket to another.
fn pass(session: &mut Session, from: i64, to: i64) -> Result<i64, Error> {
    session.clear();
    let ids = Basket::ID.one_of([from, to]);
    let both = session.query::<Basket>().filter(ids).with(Basket::LINES).all()?;
    let [one, other] = both[..] else { return Ok(0) };
    let (from, to) = if session[one].id == from { (one, other) } else { (other, one) };
    let Some(&line) = session.many(from, Basket::LINES)?.first() else { return Ok(0) };
    let amount = session[line].amount;
    session[from].total -= amount;
    session[to].total += amount;
    session.push(to, Basket::LINES, line);
    session.commit()?;
    Ok(0)
}

fn work(db: &Database, seed: u64, end: Instant, done: &Done) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut session = db.session();
    while Instant::now() < end {
        let id = rng.i64(1..=BASKETS);
        let (result, counter) = match rng.u32(..10) {
            0..3 => (read(&mut session, id).map(|_| 0), &done.read),
            3..6 => (add(&mut session, id, rng.i64(1..100)), &done.written),
            6..8 => (take(&mut session, id), &done.written),
            _ => (pass(&mut session, id, 1 + id % BASKETS), &done.written),
        };
        let counter = match result {
            Ok(added) => {
                done.sum.fetch_add(added, Ordering::Relaxed);
                counter
            }
            Err(error) => {
                session.rollback().expect("a rollback is always possible");
                match error.code().as_str() {
                    "E0305" => &done.stale,
                    "E0503" | "E0514" => &done.busy,
                    _ => panic!("neither busy nor stale: {error}"),
                }
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn load(url: &str, integrity: &[(&str, i64)]) {
    let mapping = mapping![Basket, Line].expect("the mapping is right");
    let db = Database::connect(url, mapping).expect("the database is there");
    db.drop_all().expect("they may be there");
    db.create_all().expect("the tables are new");
    let mut session = db.session();
    session.add_all((1..=BASKETS).map(|id| Basket { id, total: 0, version: 1, lines: unset() }));
    session.commit().expect("the tables are empty");

    let done = Done::default();
    let end = Instant::now() + Duration::from_secs(seconds());
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (db, done) = (&db, &done);
            scope.spawn(move || work(db, seed, end, done));
        }
    });
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{} graphs read, {} written, {} stale, {} busy",
        count(&done.read),
        count(&done.written),
        count(&done.stale),
        count(&done.busy)
    );
    assert!(count(&done.read) > 0 && count(&done.written) > 0, "nothing was done");
    let total = number(
        &mut session,
        if url.starts_with("postgres") {
            "select sum(total)::int8 from baskets"
        } else {
            "select cast(sum(total) as signed) from baskets"
        },
    );
    assert_eq!(total, done.sum.load(Ordering::Relaxed), "an update was lost");
    for id in 1..=BASKETS {
        let basket = read(&mut session, id).expect("it is there");
        let lines = session.many(basket, Basket::LINES).expect("they are loaded");
        let sum: i64 = lines.iter().map(|&line| session[line].amount).sum();
        assert_eq!(sum, session[basket].total, "basket {id} is not the sum of its lines");
    }
    for (sql, expected) in integrity {
        assert_eq!(number(&mut session, sql), *expected, "{sql}");
    }
    db.drop_all().expect("nobody uses them any more");
}

const LOST_LINES: &str =
    "select count(*) from basket_lines where basket_id not in (select id from baskets)";

#[test]
fn eight_threads_on_a_file() {
    let place = Place::on(Kind::Sqlite);
    let corrupt = "select count(*) from pragma_integrity_check where integrity_check <> 'ok'";
    let violated = "select count(*) from pragma_foreign_key_check";
    load(&place.url, &[(LOST_LINES, 0), (corrupt, 0), (violated, 0)]);
}

#[cfg(feature = "postgres")]
#[test]
fn eight_threads_on_postgres() {
    load(&Place::on(Kind::Postgres).url, &[(LOST_LINES, 0)]);
}

#[cfg(feature = "mysql")]
#[test]
fn eight_threads_on_mariadb() {
    load(&Place::on(Kind::MariaDb).url, &[(LOST_LINES, 0)]);
}
