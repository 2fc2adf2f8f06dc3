//! W8 by hand: two SELECTs by keys, and one UPDATE that joins a list of values.

use std::time::Instant;

use futures_util::TryStreamExt as _;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

use super::update::set_quantities;
use super::{column, list, number};
use crate::Failure;
use crate::contender::Run;
use crate::hand::merge::{Comparison, baskets};

pub async fn orders(db: &mut Conn) -> Result<Run, Failure> {
    let orders = baskets();

    let start = Instant::now();
    let mut comparison = Comparison::new(&orders);
    let mut keys = String::new();
    list(&mut keys, comparison.keys(), number);
    let select = format!("SELECT id, number FROM orders WHERE id IN ({keys})");
    let mut rows = db.exec_stream(select, ()).await?;
    while let Some(mut row) = rows.try_next().await? {
        comparison.order(column(&mut row, 0)?, column(&mut row, 1)?)?;
    }
    drop(rows);
    let select =
        format!("SELECT id, name, quantity, price, order_id FROM items WHERE order_id IN ({keys})");
    let mut rows = db.exec_stream(select, ()).await?;
    while let Some(mut row) = rows.try_next().await? {
        let name: String = column(&mut row, 1)?;
        let (id, quantity) = (column(&mut row, 0)?, column(&mut row, 2)?);
        comparison.item(id, &name, quantity, column(&mut row, 3)?, column(&mut row, 4)?)?;
    }
    drop(rows);
    let (keys, quantities) = comparison.changed;
    db.query_drop(set_quantities(&keys, &quantities)).await?;
    Ok(start.elapsed().into())
}
