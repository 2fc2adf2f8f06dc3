//! W3, W4 and W6 by hand: rows are read into structs; many are written by one UPDATE from arrays,
//! single ones by a prepared UPDATE.

use std::pin::pin;
use std::time::Instant;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::contender::Run;
use crate::hand::{Item, User};
use crate::{Failure, data};

/// An UPDATE by two arrays: keys and quantities. A list of values takes as long.
pub const QUANTITIES: &str = "UPDATE items SET quantity = new.quantity \
    FROM unnest($1, $2) AS new (id, quantity) WHERE items.id = new.id";

/// The UPDATE is a transaction of its own.
pub async fn items(db: &Client, every: usize) -> Result<Run, Failure> {
    let start = Instant::now();
    let mut items = Vec::new();
    let none = std::iter::empty::<(i64, Type)>();
    let mut rows =
        pin!(db.query_typed_raw("SELECT id, name, quantity, price FROM items", none).await?);
    while let Some(row) = rows.try_next().await? {
        items.push(Item {
            id: row.get(0),
            name: row.get(1),
            quantity: row.get(2),
            price: row.get(3),
        });
    }
    let (mut keys, mut quantities) = (Vec::new(), Vec::new());
    for item in items.iter_mut().step_by(every) {
        item.quantity += 1;
        keys.push(item.id);
        quantities.push(item.quantity);
    }
    db.execute_typed(QUANTITIES, &[(&keys, Type::INT8_ARRAY), (&quantities, Type::INT8_ARRAY)])
        .await?;
    let took = start.elapsed();
    drop(items);
    Ok(took.into())
}

/// Each UPDATE is a transaction of its own, without BEGIN and COMMIT around it.
pub async fn one_by_one(db: &Client) -> Result<Run, Failure> {
    let mut users = Vec::new();

    let start = Instant::now();
    let (select, update) = try_join(
        db.prepare("SELECT id, name, email FROM users WHERE id = $1"),
        db.prepare("UPDATE users SET name = $1 WHERE id = $2"),
    )
    .await?;
    for key in data::fetched_keys() {
        let row = db.query_one(&select, &[&key]).await?;
        let mut user =
            User { id: row.get(0), name: row.get(1), email: row.get(2), orders: Vec::new() };
        user.name = data::new_name(key);
        db.execute(&update, &[&user.name, &user.id]).await?;
        users.push(user);
    }
    Ok(start.elapsed().into())
}
