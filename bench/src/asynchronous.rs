//! The works with entail's async session.

use std::time::Instant;

use entail::PathTo as _;
use entail::{Database, Session};

use crate::contender::{Clock, Run, Seen};
use crate::place::Place;
use crate::schema::shop::{Item, Order, User};
use crate::schema::{labels, shop};
use crate::work::{Job, Work};
use crate::{Failure, data};

/// Does a work on a database.
pub fn run(job: Job, place: &Place) -> Result<Run, Failure> {
    place.threads.start()?.block_on(async {
        let db = Database::connect(&place.url, job.template().mapping()?).await?;
        let mut session = db.session();
        if place.database.is_server() {
            warm(&mut session).await?;
        }
        match job.work {
            Work::W1 | Work::W9 => insert_graph(&mut session, job.users, place).await,
            Work::W2 => load_graph(&mut session).await,
            Work::W3 => change_items(&mut session, 1).await,
            Work::W4 => change_items(&mut session, data::CHANGED_EVERY).await,
            Work::W5 => delete_users(&mut session).await,
            Work::W6 => fetch_and_change(&mut session).await,
            Work::W7 => link_tags(&mut session).await,
            Work::W8 => merge_orders(&mut session).await,
        }
    })
}

/// Opens a database, says so, and loads the graph.
pub fn load_for_memory(place: &Place, opened: impl FnOnce()) -> Result<Session, Failure> {
    place.threads.start()?.block_on(async {
        let db = Database::connect(&place.url, shop::mapping()?).await?;
        let mut session = db.session();
        warm(&mut session).await?;
        opened();
        session.query::<User>().with(User::ORDERS.then(Order::ITEMS)).all().await?;
        Ok(session)
    })
}

/// Sees to it that the pool has an open connection.
async fn warm(session: &mut Session) -> Result<(), Failure> {
    session.execute("SELECT 1", []).await?;
    session.rollback().await?;
    Ok(())
}

async fn insert_graph(session: &mut Session, users: i64, place: &Place) -> Result<Run, Failure> {
    let users: Vec<User> = (1..=users).map(shop::user).collect();

    let clock = Clock::start(place);
    for user in users {
        session.add(user);
    }
    session.commit().await?;
    Ok(clock.stop())
}

async fn load_graph(session: &mut Session) -> Result<Run, Failure> {
    let start = Instant::now();
    let users = session.query::<User>().with(User::ORDERS.then(Order::ITEMS)).all().await?;
    let took = start.elapsed();

    let mut seen = Seen::default();
    for user in users {
        seen.count(session[user].name.len() as i64 + session[user].email.len() as i64);
        for order in session.many(user, User::ORDERS)? {
            seen.count(session[order].number);
            for item in session.many(order, Order::ITEMS)? {
                let item = &session[item];
                seen.count(item.name.len() as i64 + item.quantity + item.price);
            }
        }
    }
    Ok(Run { seen, ..took.into() })
}

async fn change_items(session: &mut Session, every: usize) -> Result<Run, Failure> {
    let start = Instant::now();
    let items = session.query::<Item>().all().await?;
    for &item in items.iter().step_by(every) {
        session[item].quantity += 1;
    }
    session.commit().await?;
    Ok(start.elapsed().into())
}

async fn delete_users(session: &mut Session) -> Result<Run, Failure> {
    let users = session.query::<User>().order_by(User::ID.asc()).all().await?;

    let start = Instant::now();
    for &user in users.iter().step_by(data::DELETED_EVERY) {
        session.delete(user)?;
    }
    session.commit().await?;
    Ok(start.elapsed().into())
}

async fn fetch_and_change(session: &mut Session) -> Result<Run, Failure> {
    let start = Instant::now();
    for key in data::fetched_keys() {
        let user = session.get_by_key::<User>(key).await?.ok_or("a user is missing")?;
        session[user].name = data::new_name(key);
        session.commit().await?;
    }
    Ok(start.elapsed().into())
}

async fn link_tags(session: &mut Session) -> Result<Run, Failure> {
    use labels::{Item, Tag};
    let items = session.query::<Item>().order_by(Item::ID.asc()).all().await?;
    let tags = session.query::<Tag>().order_by(Tag::ID.asc()).all().await?;

    let start = Instant::now();
    for (index, &item) in items.iter().enumerate() {
        for tag in data::tags_of(index) {
            session.push(item, Item::TAGS, tags[tag]);
        }
    }
    session.commit().await?;
    for (index, &item) in items.iter().enumerate() {
        for tag in data::unlinked_tags_of(index) {
            session.remove(item, Item::TAGS, tags[tag]);
        }
    }
    session.commit().await?;
    Ok(start.elapsed().into())
}

async fn merge_orders(session: &mut Session) -> Result<Run, Failure> {
    let orders = shop::baskets();

    let start = Instant::now();
    session.merge_all(orders).await?;
    session.commit().await?;
    Ok(start.elapsed().into())
}
