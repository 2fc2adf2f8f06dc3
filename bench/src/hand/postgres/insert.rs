//! W1 and W9 by hand: an INSERT a table from arrays, with the keys returned.
//!
//! The statements are sent with the types of their parameters instead of being prepared, because
//! each runs once. The keys come in the order of the arrays; WITH ORDINALITY, which would say so,
//! takes a tenth longer, and keys that are reserved before a quarter.

use futures_util::future::try_join;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::begin_and;
use crate::Failure;
use crate::contender::{Clock, Run};
use crate::hand::{items_of, new_users, orders_of};
use crate::place::Place;

const USERS: &str = "INSERT INTO users (name, email) SELECT * FROM unnest($1, $2) RETURNING id";
const ORDERS: &str =
    "INSERT INTO orders (number, user_id) SELECT * FROM unnest($1, $2) RETURNING id";
const ITEMS: &str = "INSERT INTO items (name, quantity, price, order_id) \
    SELECT * FROM unnest($1, $2, $3, $4) RETURNING id";

pub async fn graph(db: &Client, users: i64, place: &Place) -> Result<Run, Failure> {
    let mut users = new_users(users);

    let clock = Clock::start(place);
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    let emails: Vec<&str> = users.iter().map(|user| user.email.as_str()).collect();
    let new: [(&(dyn ToSql + Sync), Type); 2] =
        [(&names, Type::TEXT_ARRAY), (&emails, Type::TEXT_ARRAY)];
    let keys = begin_and(db, db.query_typed(USERS, &new)).await?;
    for (user, key) in users.iter_mut().zip(keys) {
        user.id = key.get(0);
    }

    let mut orders = orders_of(&mut users);
    let numbers: Vec<i64> = orders.iter().map(|(_, order)| order.number).collect();
    let owners: Vec<i64> = orders.iter().map(|(user, _)| *user).collect();
    let new: [(&(dyn ToSql + Sync), Type); 2] =
        [(&numbers, Type::INT8_ARRAY), (&owners, Type::INT8_ARRAY)];
    let keys = db.query_typed(ORDERS, &new).await?;
    for ((_, order), key) in orders.iter_mut().zip(keys) {
        order.id = key.get(0);
    }

    let mut items = items_of(&mut orders);
    let names: Vec<&str> = items.iter().map(|(_, item)| item.name.as_str()).collect();
    let quantities: Vec<i64> = items.iter().map(|(_, item)| item.quantity).collect();
    let prices: Vec<i64> = items.iter().map(|(_, item)| item.price).collect();
    let owners: Vec<i64> = items.iter().map(|(order, _)| *order).collect();
    let new: [(&(dyn ToSql + Sync), Type); 4] = [
        (&names, Type::TEXT_ARRAY),
        (&quantities, Type::INT8_ARRAY),
        (&prices, Type::INT8_ARRAY),
        (&owners, Type::INT8_ARRAY),
    ];
    let (keys, ()): (Vec<Row>, ()) =
        try_join(db.query_typed(ITEMS, &new), db.batch_execute("COMMIT")).await?;
    for ((_, item), key) in items.iter_mut().zip(keys) {
        item.id = key.get(0);
    }
    let run = clock.stop();
    drop(users);
    Ok(run)
}
