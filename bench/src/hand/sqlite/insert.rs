//! W1 by hand: INSERTs of 100 rows without RETURNING.
//!
//! SQLite numbers the rows of one statement consecutively where no trigger interferes, so the
//! last key tells the others.

use std::time::Instant;

use rusqlite::{CachedStatement, Connection, Statement, TransactionBehavior};

use crate::Failure;
use crate::contender::Run;
use crate::hand::{items_of, new_users, orders_of};

/// Rows of one statement.
const ROWS: usize = 100;

pub fn graph(db: &mut Connection, users: i64) -> Result<Run, Failure> {
    let mut users = new_users(users);

    let start = Instant::now();
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for chunk in users.chunks_mut(ROWS) {
        let mut insert = many_rows(&transaction, "users (name, email)", "(?, ?)", chunk.len())?;
        for (row, user) in chunk.iter().enumerate() {
            insert.raw_bind_parameter(row * 2 + 1, &user.name)?;
            insert.raw_bind_parameter(row * 2 + 2, &user.email)?;
        }
        let first = first_key(&transaction, &mut insert, chunk.len())?;
        for (user, id) in chunk.iter_mut().zip(first..) {
            user.id = id;
        }
    }

    let mut orders = orders_of(&mut users);
    for chunk in orders.chunks_mut(ROWS) {
        let mut insert =
            many_rows(&transaction, "orders (number, user_id)", "(?, ?)", chunk.len())?;
        for (row, (user, order)) in chunk.iter().enumerate() {
            insert.raw_bind_parameter(row * 2 + 1, order.number)?;
            insert.raw_bind_parameter(row * 2 + 2, *user)?;
        }
        let first = first_key(&transaction, &mut insert, chunk.len())?;
        for ((_, order), id) in chunk.iter_mut().zip(first..) {
            order.id = id;
        }
    }

    let mut items = items_of(&mut orders);
    for chunk in items.chunks_mut(ROWS) {
        let into = "items (name, quantity, price, order_id)";
        let mut insert = many_rows(&transaction, into, "(?, ?, ?, ?)", chunk.len())?;
        for (row, (order, item)) in chunk.iter().enumerate() {
            insert.raw_bind_parameter(row * 4 + 1, &item.name)?;
            insert.raw_bind_parameter(row * 4 + 2, item.quantity)?;
            insert.raw_bind_parameter(row * 4 + 3, item.price)?;
            insert.raw_bind_parameter(row * 4 + 4, *order)?;
        }
        let first = first_key(&transaction, &mut insert, chunk.len())?;
        for ((_, item), id) in chunk.iter_mut().zip(first..) {
            item.id = id;
        }
    }
    transaction.commit()?;
    let took = start.elapsed();
    drop(users);
    Ok(took.into())
}

/// An INSERT of many rows. Its text is written again for each of them, which does not show.
fn many_rows<'a>(
    db: &'a Connection,
    into: &str,
    row: &str,
    rows: usize,
) -> Result<CachedStatement<'a>, Failure> {
    Ok(db.prepare_cached(&format!("INSERT INTO {into} VALUES {}", vec![row; rows].join(", ")))?)
}

/// Runs a bound INSERT of many rows, and answers the key of the first.
fn first_key(db: &Connection, insert: &mut Statement<'_>, rows: usize) -> Result<i64, Failure> {
    insert.raw_execute()?;
    Ok(db.last_insert_rowid() - rows as i64 + 1)
}
