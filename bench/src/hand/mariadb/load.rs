//! W2 by hand: three SELECTs in the binary protocol, whose rows become structs as they come in.

use std::time::Instant;

use futures_util::TryStreamExt as _;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

use super::column;
use crate::Failure;
use crate::contender::Run;
use crate::hand::{Item, Order, Parents, User, nest, seen};

pub async fn graph(db: &mut Conn) -> Result<Run, Failure> {
    let start = Instant::now();
    let users = users(db).await?;
    let took = start.elapsed();
    Ok(Run { seen: seen(users), ..took.into() })
}

pub async fn users(db: &mut Conn) -> Result<Vec<User>, Failure> {
    let mut users = Vec::new();
    let mut rows = db.exec_stream("SELECT id, name, email FROM users ORDER BY id", ()).await?;
    while let Some(mut row) = rows.try_next().await? {
        users.push(User {
            id: column(&mut row, 0)?,
            name: column(&mut row, 1)?,
            email: column(&mut row, 2)?,
            orders: Vec::new(),
        });
    }
    drop(rows);

    let (mut orders, mut owners) = (Vec::new(), Vec::new());
    let mut parents = Parents::default();
    let mut rows = db.exec_stream("SELECT id, number, user_id FROM orders ORDER BY id", ()).await?;
    while let Some(mut row) = rows.try_next().await? {
        owners.push(parents.find(&users, column(&mut row, 2)?, |user| user.id)?);
        let (id, number) = (column(&mut row, 0)?, column(&mut row, 1)?);
        orders.push(Order { id, number, items: Vec::new() });
    }
    drop(rows);

    let mut parents = Parents::default();
    let mut rows =
        db.exec_stream("SELECT id, name, quantity, price, order_id FROM items", ()).await?;
    while let Some(mut row) = rows.try_next().await? {
        let owner = parents.find(&orders, column(&mut row, 4)?, |order: &Order| order.id)?;
        orders[owner].items.push(Item {
            id: column(&mut row, 0)?,
            name: column(&mut row, 1)?,
            quantity: column(&mut row, 2)?,
            price: column(&mut row, 3)?,
        });
    }
    drop(rows);
    nest(&mut users, orders, owners);
    Ok(users)
}
