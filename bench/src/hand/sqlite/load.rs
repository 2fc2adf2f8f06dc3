//! W2 by hand: three queries into nested structs.

use std::time::Instant;

use rusqlite::Connection;

use crate::Failure;
use crate::contender::Run;
use crate::hand::{Item, Order, Parents, User, nest, seen};

pub fn graph(db: &Connection) -> Result<Run, Failure> {
    let start = Instant::now();
    let users = users(db)?;
    let took = start.elapsed();
    Ok(Run { seen: seen(users), ..took.into() })
}

/// All three queries run in one read transaction, as entail's do.
pub fn users(db: &Connection) -> Result<Vec<User>, Failure> {
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
    let mut parents = Parents::default();
    let mut select = db.prepare_cached("SELECT id, number, user_id FROM orders ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        owners.push(parents.find(&users, row.get(2)?, |user| user.id)?);
        orders.push(Order { id: row.get(0)?, number: row.get(1)?, items: Vec::new() });
    }

    let mut parents = Parents::default();
    let mut select = db.prepare_cached("SELECT id, name, quantity, price, order_id FROM items")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let owner = parents.find(&orders, row.get(4)?, |order| order.id)?;
        orders[owner].items.push(Item {
            id: row.get(0)?,
            name: row.get(1)?,
            quantity: row.get(2)?,
            price: row.get(3)?,
        });
    }
    drop(rows);
    snapshot.commit()?;

    nest(&mut users, orders, owners);
    Ok(users)
}
