//! W3, W4 and W6 by hand: rows are read into structs; many are written by one UPDATE that joins a
//! list of values, single ones by a prepared UPDATE.

use std::time::Instant;

use futures_util::TryStreamExt as _;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

use super::{column, list, number};
use crate::contender::Run;
use crate::hand::{Item, User};
use crate::{Failure, data};

/// The UPDATE is a transaction of its own.
pub async fn items(db: &mut Conn, every: usize) -> Result<Run, Failure> {
    let start = Instant::now();
    let mut items = Vec::new();
    let mut rows = db.exec_stream("SELECT id, name, quantity, price FROM items", ()).await?;
    while let Some(mut row) = rows.try_next().await? {
        items.push(Item {
            id: column(&mut row, 0)?,
            name: column(&mut row, 1)?,
            quantity: column(&mut row, 2)?,
            price: column(&mut row, 3)?,
        });
    }
    drop(rows);
    let (mut keys, mut quantities) = (Vec::new(), Vec::new());
    for item in items.iter_mut().step_by(every) {
        item.quantity += 1;
        keys.push(item.id);
        quantities.push(item.quantity);
    }
    db.query_drop(set_quantities(&keys, &quantities)).await?;
    let took = start.elapsed();
    drop(items);
    Ok(took.into())
}

/// An UPDATE of quantities by keys.
///
/// JSON_TABLE, a temporary table and CASE over 200 keys at a time take as long; UNION ALL in the
/// place of VALUES twice, and single UPDATEs in one packet six times as long. INSERT ... ON
/// DUPLICATE KEY UPDATE takes a third more.
pub fn set_quantities(keys: &[i64], quantities: &[i64]) -> String {
    let mut sql = String::from("UPDATE (WITH given (id, quantity) AS (VALUES ");
    let rows = keys.iter().zip(quantities);
    list(&mut sql, rows, |sql, (key, quantity)| number(sql, format_args!("({key},{quantity})")));
    sql.push_str(
        ") SELECT * FROM given) new STRAIGHT_JOIN items ON items.id = new.id \
         SET items.quantity = new.quantity",
    );
    sql
}

/// Each UPDATE is a transaction of its own, without BEGIN and COMMIT around it.
pub async fn one_by_one(db: &mut Conn) -> Result<Run, Failure> {
    let mut users = Vec::new();

    let start = Instant::now();
    let select = db.prep("SELECT id, name, email FROM users WHERE id = ?").await?;
    let update = db.prep("UPDATE users SET name = ? WHERE id = ?").await?;
    for key in data::fetched_keys() {
        let found: Option<(i64, String, String)> = db.exec_first(&select, (key,)).await?;
        let (id, _, email) = found.ok_or("a user is missing")?;
        let user = User { id, name: data::new_name(key), email, orders: Vec::new() };
        db.exec_drop(&update, (&user.name, user.id)).await?;
        users.push(user);
    }
    Ok(start.elapsed().into())
}
