//! W3, W4 and W6 by hand: rows are read into structs, and written by a reused UPDATE.

use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior};

use crate::contender::Run;
use crate::hand::{Item, User};
use crate::{Failure, data};

/// Reads before the transaction, as entail does.
pub fn items(db: &mut Connection, every: usize) -> Result<Run, Failure> {
    let start = Instant::now();
    let mut items = Vec::new();
    {
        let mut select = db.prepare_cached("SELECT id, name, quantity, price FROM items")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            items.push(Item {
                id: row.get(0)?,
                name: row.get(1)?,
                quantity: row.get(2)?,
                price: row.get(3)?,
            });
        }
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut update =
            transaction.prepare_cached("UPDATE items SET quantity = ? WHERE id = ?")?;
        for item in items.iter_mut().step_by(every) {
            item.quantity += 1;
            update.execute((item.quantity, item.id))?;
        }
    }
    transaction.commit()?;
    let took = start.elapsed();
    drop(items);
    Ok(took.into())
}

/// Each UPDATE is a transaction of its own, without BEGIN and COMMIT around it.
pub fn one_by_one(db: &Connection) -> Result<Run, Failure> {
    let mut users = Vec::new();

    let start = Instant::now();
    for key in data::fetched_keys() {
        let mut select = db.prepare_cached("SELECT id, name, email FROM users WHERE id = ?")?;
        let mut user = select.query_row([key], |row| {
            Ok(User { id: row.get(0)?, name: row.get(1)?, email: row.get(2)?, orders: Vec::new() })
        })?;
        user.name = data::new_name(key);
        let mut update = db.prepare_cached("UPDATE users SET name = ? WHERE id = ?")?;
        update.execute((&user.name, user.id))?;
        users.push(user);
    }
    Ok(start.elapsed().into())
}
