//! W2 by hand: three SELECTs in one trip, whose rows become structs as they come in.

use std::pin::pin;
use std::time::Instant;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join3;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::Failure;
use crate::contender::Run;
use crate::hand::{Item, Order, Parents, User, nest, seen};

pub async fn graph(db: &Client) -> Result<Run, Failure> {
    let start = Instant::now();
    let users = users(db).await?;
    let took = start.elapsed();
    Ok(Run { seen: seen(users), ..took.into() })
}

pub async fn users(db: &Client) -> Result<Vec<User>, Failure> {
    let none = || std::iter::empty::<(i64, Type)>();
    let (user_rows, order_rows, item_rows) = try_join3(
        db.query_typed_raw("SELECT id, name, email FROM users ORDER BY id", none()),
        db.query_typed_raw("SELECT id, number, user_id FROM orders ORDER BY id", none()),
        db.query_typed_raw("SELECT id, name, quantity, price, order_id FROM items", none()),
    )
    .await?;

    let mut users = Vec::new();
    let mut rows = pin!(user_rows);
    while let Some(row) = rows.try_next().await? {
        let orders = Vec::new();
        users.push(User { id: row.get(0), name: row.get(1), email: row.get(2), orders });
    }

    let (mut orders, mut owners) = (Vec::new(), Vec::new());
    let mut parents = Parents::default();
    let mut rows = pin!(order_rows);
    while let Some(row) = rows.try_next().await? {
        owners.push(parents.find(&users, row.get(2), |user: &User| user.id)?);
        orders.push(Order { id: row.get(0), number: row.get(1), items: Vec::new() });
    }

    let mut parents = Parents::default();
    let mut rows = pin!(item_rows);
    while let Some(row) = rows.try_next().await? {
        let owner = parents.find(&orders, row.get(4), |order| order.id)?;
        orders[owner].items.push(Item {
            id: row.get(0),
            name: row.get(1),
            quantity: row.get(2),
            price: row.get(3),
        });
    }
    nest(&mut users, orders, owners);
    Ok(users)
}
