//! What grows with what: operations on many objects, and on eight times as many. What takes much more
//! than eight times as long then grows with the square of something.

use std::time::{Duration, Instant};

use entail::blocking::{Database, Session};
use entail::prelude::*;

use crate::Failure;
use crate::schema::shop::{self, Order, User};

/// How many objects there are, and how many more times.
const FEW: usize = 1_000;
const TIMES: usize = 8;

/// How often each is measured; the shortest time counts.
const RUNS: usize = 3;

/// What takes less than this is measured too roughly.
const LEAST: Duration = Duration::from_millis(1);

/// From here on it is marked: caches alone account for twice as much as in proportion.
const TOO_MUCH: f64 = 2.0 * TIMES as f64;

/// A session, and what of its objects an operation is about.
struct Setting {
    session: Session,
    /// How many users there are, or are to be.
    count: usize,
    users: Vec<Handle<User>>,
    orders: Vec<Handle<Order>>,
}

/// Something that is done to many objects.
struct Operation {
    title: &'static str,
    prepare: fn(usize) -> Result<Setting, Failure>,
    run: fn(&mut Setting) -> Result<(), Failure>,
}

const OPERATIONS: &[Operation] = &[
    Operation { title: "add users with an order each", prepare: nobody, run: add },
    Operation { title: "add them, and flush", prepare: nobody, run: add_and_flush },
    Operation { title: "load the orders of each", prepare: users, run: load },
    Operation { title: "change each, and plan", prepare: users, run: change_and_plan },
    Operation { title: "change each, and commit", prepare: users, run: change_and_commit },
    Operation { title: "change each, and roll back", prepare: users, run: change_and_roll_back },
    Operation { title: "change one since a savepoint, and go back", prepare: users, run: go_back },
    Operation { title: "get each by its key", prepare: users, run: get },
    Operation { title: "expire each, and read all", prepare: users, run: expire },
    Operation { title: "mark each, and add it again", prepare: families, run: mark_and_add },
    Operation { title: "delete each, with an order in memory", prepare: families, run: delete },
    Operation { title: "delete each, with an order that is not", prepare: users, run: delete },
    Operation { title: "expunge each, with an order", prepare: families, run: expunge },
    Operation { title: "detach all, with their orders", prepare: families, run: detach },
    Operation { title: "merge what is in memory", prepare: families, run: merge },
    Operation { title: "merge what is not", prepare: stored, run: merge },
    Operation { title: "give each order to the next user", prepare: families, run: pass_on },
    Operation { title: "put orders into a list that is not loaded", prepare: shut, run: push },
    Operation { title: "put orders into a long list", prepare: open, run: push },
    Operation { title: "put one order into a long list", prepare: open, run: push_one },
    Operation { title: "take all orders out of a long list", prepare: open, run: remove },
    Operation { title: "empty a long list", prepare: open, run: empty },
    Operation { title: "turn a long list round", prepare: open, run: turn_round },
];

/// Runs them on SQLite in memory, and prints a table.
pub fn show() -> Result<(), Failure> {
    let many = FEW * TIMES;
    println!("SQLite in memory, the shortest of {RUNS} in ms; `!` grows faster than in proportion");
    println!();
    println!("| {:<43} | {FEW:>8} | {many:>8} | times |", "");
    println!("|{:-<45}|---------:|---------:|------:|", "");
    for operation in OPERATIONS {
        let (few, many) = (shortest(operation, FEW)?, shortest(operation, many)?);
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        let mark = if ratio > TOO_MUCH && many > LEAST { " !" } else { "" };
        let [few, many] = [few, many].map(|time| time.as_secs_f64() * 1e3);
        println!("| {:<43} | {few:>8.2} | {many:>8.2} | {ratio:>5.1} |{mark}", operation.title);
    }
    Ok(())
}

fn shortest(operation: &Operation, count: usize) -> Result<Duration, Failure> {
    let mut shortest = Duration::MAX;
    for _ in 0..RUNS {
        let mut setting = (operation.prepare)(count)?;
        let start = Instant::now();
        (operation.run)(&mut setting)?;
        shortest = shortest.min(start.elapsed());
    }
    Ok(shortest)
}

// --- Settings ------------------------------------------------------------------------------------

/// Nobody is there yet.
fn nobody(count: usize) -> Result<Setting, Failure> {
    let database = Database::connect("sqlite::memory:", shop::mapping()?)?;
    database.create_all()?;
    let session = database.session();
    Ok(Setting { session, count, users: Vec::new(), orders: Vec::new() })
}

/// Users with an order each are in the database, and in memory.
fn families(count: usize) -> Result<Setting, Failure> {
    let mut setting = nobody(count)?;
    add_and_flush(&mut setting)?;
    setting.session.commit()?;
    Ok(setting)
}

/// They are in the database alone.
fn stored(count: usize) -> Result<Setting, Failure> {
    let mut setting = families(count)?;
    setting.session.clear();
    Ok(setting)
}

/// The users are in memory, their orders are not.
fn users(count: usize) -> Result<Setting, Failure> {
    let mut setting = stored(count)?;
    setting.users = setting.session.query::<User>().all()?;
    setting.orders.clear();
    Ok(setting)
}

/// One user has many orders in memory, and as many are nobody's.
fn open(count: usize) -> Result<Setting, Failure> {
    let mut setting = shut(count)?;
    setting.session.load(setting.users[0], User::ORDERS)?;
    Ok(setting)
}

/// One user has many orders that are not loaded, and as many are nobody's.
fn shut(count: usize) -> Result<Setting, Failure> {
    let mut setting = nobody(count)?;
    let orders = (0..count as i64).map(order).collect();
    setting.session.add(User { orders, ..user(0) });
    setting.session.commit()?;
    setting.session.clear();
    setting.users = setting.session.query::<User>().all()?;
    setting.orders = (0..count as i64).map(|number| setting.session.hold(order(number))).collect();
    Ok(setting)
}

fn user(number: i64) -> User {
    let name = format!("user {number}");
    let email = format!("user{number}@example.org");
    User { id: auto(), name, email, orders: many![] }
}

fn order(number: i64) -> Order {
    Order { id: auto(), number, user: unset(), items: many![] }
}

// --- Operations ----------------------------------------------------------------------------------

fn add(setting: &mut Setting) -> Result<(), Failure> {
    for number in 0..setting.count as i64 {
        let orders = many![order(number)];
        setting.users.push(setting.session.add(User { orders, ..user(number) }));
    }
    Ok(())
}

fn add_and_flush(setting: &mut Setting) -> Result<(), Failure> {
    add(setting)?;
    setting.session.flush()?;
    for &user in &setting.users {
        setting.orders.extend(setting.session.many(user, User::ORDERS)?);
    }
    Ok(())
}

fn load(setting: &mut Setting) -> Result<(), Failure> {
    Ok(setting.session.load_all(&setting.users, User::ORDERS)?)
}

fn change(setting: &mut Setting) {
    for &user in &setting.users {
        setting.session[user].name.push('!');
    }
}

fn change_and_plan(setting: &mut Setting) -> Result<(), Failure> {
    change(setting);
    setting.session.plan()?;
    Ok(())
}

fn change_and_commit(setting: &mut Setting) -> Result<(), Failure> {
    change(setting);
    Ok(setting.session.commit()?)
}

fn change_and_roll_back(setting: &mut Setting) -> Result<(), Failure> {
    change(setting);
    setting.session.flush()?;
    Ok(setting.session.rollback()?)
}

fn go_back(setting: &mut Setting) -> Result<(), Failure> {
    for _ in 0..100 {
        setting.session.savepoint()?;
        setting.session[setting.users[0]].name.push('!');
        setting.session.flush()?;
        setting.session.rollback_to_savepoint()?;
        setting.session.refresh(setting.users[0])?;
    }
    Ok(())
}

fn get(setting: &mut Setting) -> Result<(), Failure> {
    for key in 1..=setting.users.len() as i64 {
        setting.session.get_by_key::<User>(key)?;
    }
    Ok(())
}

fn expire(setting: &mut Setting) -> Result<(), Failure> {
    for &user in &setting.users {
        setting.session.expire(user)?;
    }
    setting.session.query::<User>().all()?;
    Ok(())
}

fn mark_and_add(setting: &mut Setting) -> Result<(), Failure> {
    for &user in &setting.users {
        setting.session.delete(user)?;
    }
    for &user in &setting.users {
        setting.session.add(user);
    }
    Ok(())
}

fn delete(setting: &mut Setting) -> Result<(), Failure> {
    for &user in &setting.users {
        setting.session.delete(user)?;
    }
    Ok(setting.session.commit()?)
}

fn expunge(setting: &mut Setting) -> Result<(), Failure> {
    for &user in &setting.users {
        setting.session.expunge(user)?;
    }
    Ok(())
}

fn detach(setting: &mut Setting) -> Result<(), Failure> {
    let users = std::mem::take(&mut setting.users);
    setting.session.detach_all(users, User::ORDERS)?;
    Ok(())
}

fn merge(setting: &mut Setting) -> Result<(), Failure> {
    let detached = |key| {
        let order = Order { id: Auto::of(key), items: unset(), ..order(-key) };
        User { id: Auto::of(key), orders: many![order], ..user(-key) }
    };
    setting.session.merge_all((1..=setting.count as i64).map(detached))?;
    Ok(setting.session.commit()?)
}

fn pass_on(setting: &mut Setting) -> Result<(), Failure> {
    let next = setting.users.iter().cycle().skip(1);
    for (&order, &user) in setting.orders.iter().zip(next) {
        setting.session.set(order, Order::USER, user);
    }
    Ok(setting.session.commit()?)
}

fn push(setting: &mut Setting) -> Result<(), Failure> {
    for &order in &setting.orders {
        setting.session.push(setting.users[0], User::ORDERS, order);
    }
    Ok(setting.session.commit()?)
}

fn push_one(setting: &mut Setting) -> Result<(), Failure> {
    for &order in setting.orders.iter().take(10) {
        setting.session.push(setting.users[0], User::ORDERS, order);
        setting.session.flush()?;
    }
    Ok(())
}

fn remove(setting: &mut Setting) -> Result<(), Failure> {
    for order in setting.session.many(setting.users[0], User::ORDERS)? {
        setting.session.remove(setting.users[0], User::ORDERS, order);
    }
    Ok(setting.session.commit()?)
}

fn empty(setting: &mut Setting) -> Result<(), Failure> {
    setting.session.clear_relationship(setting.users[0], User::ORDERS)?;
    Ok(setting.session.commit()?)
}

fn turn_round(setting: &mut Setting) -> Result<(), Failure> {
    let mut orders = setting.session.many(setting.users[0], User::ORDERS)?;
    orders.reverse();
    setting.session.set_all(setting.users[0], User::ORDERS, orders)?;
    Ok(setting.session.commit()?)
}
