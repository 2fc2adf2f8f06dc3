//! W1 by hand: INSERTs of 100 rows without RETURNING.
//!
//! SQLite numbers the rows of one statement consecutively where no trigger interferes, so the
//! last key tells the others.

use std::time::Instant;

use rusqlite::{Connection, Statement, TransactionBehavior};

use crate::contender::Run;
use crate::{Failure, data};

use super::{Item, Order, User};

/// Rows of one statement. All numbers of rows in W1 are multiples of it.
const ROWS: usize = 100;

pub fn graph(db: &mut Connection) -> Result<Run, Failure> {
    let mut users: Vec<User> = (1..=data::USERS).map(user).collect();

    let start = Instant::now();
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut insert = transaction.prepare_cached(&many_rows("users (name, email)", "(?, ?)"))?;
        for chunk in users.chunks_mut(ROWS) {
            for (row, user) in chunk.iter().enumerate() {
                insert.raw_bind_parameter(row * 2 + 1, &user.name)?;
                insert.raw_bind_parameter(row * 2 + 2, &user.email)?;
            }
            let first = first_key(&transaction, &mut insert)?;
            for (user, id) in chunk.iter_mut().zip(first..) {
                user.id = id;
            }
        }

        let mut insert =
            transaction.prepare_cached(&many_rows("orders (number, user_id)", "(?, ?)"))?;
        let mut orders: Vec<(i64, &mut Order)> = users
            .iter_mut()
            .flat_map(|user| user.orders.iter_mut().map(|order| (user.id, order)))
            .collect();
        for chunk in orders.chunks_mut(ROWS) {
            for (row, (user, order)) in chunk.iter().enumerate() {
                insert.raw_bind_parameter(row * 2 + 1, order.number)?;
                insert.raw_bind_parameter(row * 2 + 2, *user)?;
            }
            let first = first_key(&transaction, &mut insert)?;
            for ((_, order), id) in chunk.iter_mut().zip(first..) {
                order.id = id;
            }
        }

        let mut insert = transaction.prepare_cached(&many_rows(
            "items (name, quantity, price, order_id)",
            "(?, ?, ?, ?)",
        ))?;
        let mut items: Vec<(i64, &mut Item)> = orders
            .iter_mut()
            .flat_map(|(_, order)| order.items.iter_mut().map(|item| (order.id, item)))
            .collect();
        for chunk in items.chunks_mut(ROWS) {
            for (row, (order, item)) in chunk.iter().enumerate() {
                insert.raw_bind_parameter(row * 4 + 1, &item.name)?;
                insert.raw_bind_parameter(row * 4 + 2, item.quantity)?;
                insert.raw_bind_parameter(row * 4 + 3, item.price)?;
                insert.raw_bind_parameter(row * 4 + 4, *order)?;
            }
            let first = first_key(&transaction, &mut insert)?;
            for ((_, item), id) in chunk.iter_mut().zip(first..) {
                item.id = id;
            }
        }
    }
    transaction.commit()?;
    let took = start.elapsed();
    drop(users);
    Ok(took.into())
}

/// An INSERT of many rows.
fn many_rows(into: &str, row: &str) -> String {
    format!("INSERT INTO {into} VALUES {}", [row; ROWS].join(", "))
}

/// Runs a bound INSERT of many rows, and answers the key of the first.
fn first_key(db: &Connection, insert: &mut Statement<'_>) -> Result<i64, Failure> {
    insert.raw_execute()?;
    Ok(db.last_insert_rowid() - ROWS as i64 + 1)
}

fn user(user: i64) -> User {
    let item = |number, index| Item {
        id: 0,
        name: data::item_name(number, index),
        quantity: data::item_quantity(number, index),
        price: data::item_price(number, index),
    };
    let order = |order| {
        let number = data::order_number(user, order);
        let items = (0..data::ITEMS).map(|index| item(number, index)).collect();
        Order { id: 0, number, items }
    };
    User {
        id: 0,
        name: data::user_name(user),
        email: data::user_email(user),
        orders: (0..data::ORDERS).map(order).collect(),
    }
}
