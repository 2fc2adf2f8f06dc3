//! W2 by hand: three queries into nested structs.

use std::time::Instant;

use rusqlite::Connection;

use crate::Failure;
use crate::contender::{Run, Seen};

use super::{Item, Order, User};

pub fn graph(db: &Connection) -> Result<Run, Failure> {
    let start = Instant::now();
    let users = users(db)?;
    let took = start.elapsed();

    let mut seen = Seen::default();
    for user in users {
        seen.count(user.name.len() as i64 + user.email.len() as i64);
        for order in user.orders {
            seen.count(order.number);
            for item in order.items {
                seen.count(item.name.len() as i64 + item.quantity + item.price);
            }
        }
    }
    Ok(Run { took, seen })
}

/// All three queries run in one read transaction, as entail's do.
fn users(db: &Connection) -> Result<Vec<User>, Failure> {
    let snapshot = db.unchecked_transaction()?;
    let mut users = Vec::new();
    let mut select = db.prepare_cached("SELECT id, name, email FROM users ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        users.push(User {
            id: row.get(0)?,
            name: row.get(1)?,
            email: row.get(2)?,
            orders: Vec::new(),
        });
    }

    let mut orders: Vec<Order> = Vec::new();
    let mut owners = Vec::new();
    let mut owner = 0;
    let mut select = db.prepare_cached("SELECT id, number, user_id FROM orders ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        owner = place(&users, row.get(2)?, owner, |user| user.id)?;
        owners.push(owner);
        orders.push(Order { id: row.get(0)?, number: row.get(1)?, items: Vec::new() });
    }

    let mut owner = 0;
    let mut select = db.prepare_cached("SELECT id, name, quantity, price, order_id FROM items")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        owner = place(&orders, row.get(4)?, owner, |order| order.id)?;
        orders[owner].items.push(Item {
            id: row.get(0)?,
            name: row.get(1)?,
            quantity: row.get(2)?,
            price: row.get(3)?,
        });
    }
    drop(rows);
    snapshot.commit()?;

    for (order, owner) in orders.into_iter().zip(owners) {
        users[owner].orders.push(order);
    }
    Ok(users)
}

/// Finds a parent by its key: mostly it is the one of the row before.
fn place<T>(
    parents: &[T],
    key: i64,
    before: usize,
    key_of: impl Fn(&T) -> i64,
) -> Result<usize, Failure> {
    if parents.get(before).is_some_and(|parent| key_of(parent) == key) {
        return Ok(before);
    }
    parents.binary_search_by_key(&key, key_of).map_err(|_| "a parent is missing".into())
}
