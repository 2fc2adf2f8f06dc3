//! W2 by hand: three SELECTs in one trip, whose rows become structs as they come in.

use std::pin::Pin;
use std::time::Instant;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join3;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, RowStream};

use crate::Failure;
use crate::contender::Run;
use crate::hand::{Item, Order, Parents, User, nest, seen};

pub async fn graph(db: &Client) -> Result<Run, Failure> {
    let start = Instant::now();
    let users = users(db).await?;
    let took = start.elapsed();
    Ok(Run { seen: seen(users), ..took.into() })
}

/// The three are asked for together, but each is read to its end before the next one comes.
pub async fn users(db: &Client) -> Result<Vec<User>, Failure> {
    let users = async {
        let mut users = Vec::new();
        let mut rows = rows(db, "SELECT id, name, email FROM users ORDER BY id").await?;
        while let Some(row) = rows.try_next().await? {
            let orders = Vec::new();
            users.push(User { id: row.get(0), name: row.get(1), email: row.get(2), orders });
        }
        Ok::<_, Failure>(users)
    };
    let orders = async {
        let (mut orders, mut owners) = (Vec::new(), Vec::new());
        let mut rows = rows(db, "SELECT id, number, user_id FROM orders ORDER BY id").await?;
        while let Some(row) = rows.try_next().await? {
            orders.push(Order { id: row.get(0), number: row.get(1), items: Vec::new() });
            owners.push(row.get(2));
        }
        Ok::<_, Failure>((orders, owners))
    };
    let items = async {
        let mut items = Vec::new();
        let query = "SELECT id, name, quantity, price, order_id FROM items";
        let mut rows = rows(db, query).await?;
        while let Some(row) = rows.try_next().await? {
            let item =
                Item { id: row.get(0), name: row.get(1), quantity: row.get(2), price: row.get(3) };
            items.push((row.get(4), item));
        }
        Ok::<_, Failure>(items)
    };
    let (mut users, (mut orders, owners), items) = try_join3(users, orders, items).await?;

    let mut parents = Parents::default();
    for (order, item) in items {
        let owner = parents.find(&orders, order, |order: &Order| order.id)?;
        orders[owner].items.push(item);
    }
    let mut parents = Parents::default();
    let owners = owners.into_iter().map(|user| parents.find(&users, user, |user: &User| user.id));
    let owners = owners.collect::<Result<_, _>>()?;
    nest(&mut users, orders, owners);
    Ok(users)
}

async fn rows(db: &Client, query: &str) -> Result<Pin<Box<RowStream>>, Failure> {
    let none = std::iter::empty::<(i64, Type)>();
    Ok(Box::pin(db.query_typed_raw(query, none).await?))
}
