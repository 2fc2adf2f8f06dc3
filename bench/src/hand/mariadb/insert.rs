//! W1 and W9 by hand: an INSERT a table with all its rows as literals.
//!
//! InnoDB numbers the rows of one such statement consecutively, so the first key tells the others.

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

use super::{list, number, text};
use crate::Failure;
use crate::contender::{Clock, Run};
use crate::hand::{Item, Order, User, items_of, new_users, orders_of};
use crate::place::Place;

pub async fn graph(db: &mut Conn, users: i64, place: &Place) -> Result<Run, Failure> {
    let mut users = new_users(users);

    let clock = Clock::start(place);
    let mut sql = String::from("BEGIN;INSERT INTO users (name,email) VALUES ");
    list(&mut sql, &users, user);
    let first = first_key(db, &sql).await?;
    for (user, id) in users.iter_mut().zip(first..) {
        user.id = id;
    }

    let mut orders = orders_of(&mut users);
    sql.clear();
    sql.push_str("INSERT INTO orders (number,user_id) VALUES ");
    list(&mut sql, &orders, order);
    let first = first_key(db, &sql).await?;
    for ((_, order), id) in orders.iter_mut().zip(first..) {
        order.id = id;
    }

    let mut items = items_of(&mut orders);
    sql.clear();
    sql.push_str("INSERT INTO items (name,quantity,price,order_id) VALUES ");
    list(&mut sql, &items, item);
    sql.push_str(";COMMIT");
    let first = first_key(db, &sql).await?;
    for ((_, item), id) in items.iter_mut().zip(first..) {
        item.id = id;
    }
    let run = clock.stop();
    drop(users);
    Ok(run)
}

/// Runs statements of which one is an INSERT, and answers the key of its first row.
async fn first_key(db: &mut Conn, sql: &str) -> Result<i64, Failure> {
    let mut key = None;
    let mut answers = db.query_iter(sql).await?;
    loop {
        key = key.or(answers.last_insert_id());
        if answers.is_empty() {
            break;
        }
        answers.for_each(drop).await?;
    }
    drop(answers);
    Ok(i64::try_from(key.ok_or("no key was made")?)?)
}

fn user(sql: &mut String, user: &User) {
    sql.push('(');
    text(sql, &user.name);
    sql.push(',');
    text(sql, &user.email);
    sql.push(')');
}

fn order(sql: &mut String, (user, order): &(i64, &mut Order)) {
    number(sql, format_args!("({},{user})", order.number));
}

fn item(sql: &mut String, (order, item): &(i64, &mut Item)) {
    sql.push('(');
    text(sql, &item.name);
    number(sql, format_args!(",{},{},{order})", item.quantity, item.price));
}
