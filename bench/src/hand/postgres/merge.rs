//! W8 by hand: two SELECTs by keys in one trip, and one UPDATE from arrays.

use std::pin::pin;
use std::time::Instant;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::update::QUANTITIES;
use crate::Failure;
use crate::contender::Run;
use crate::hand::merge::{Comparison, baskets};

const ORDERS: &str = "SELECT id, number FROM orders WHERE id = ANY($1)";
const ITEMS: &str =
    "SELECT id, name, quantity, price, order_id FROM items WHERE order_id = ANY($1)";

pub async fn orders(db: &Client) -> Result<Run, Failure> {
    let orders = baskets();

    let start = Instant::now();
    let mut comparison = Comparison::new(&orders);
    let keys = comparison.keys();
    let (order_rows, item_rows) = try_join(
        db.query_typed_raw(ORDERS, [(&keys, Type::INT8_ARRAY)]),
        db.query_typed_raw(ITEMS, [(&keys, Type::INT8_ARRAY)]),
    )
    .await?;
    let mut rows = pin!(order_rows);
    while let Some(row) = rows.try_next().await? {
        comparison.order(row.get(0), row.get(1))?;
    }
    let mut rows = pin!(item_rows);
    while let Some(row) = rows.try_next().await? {
        comparison.item(row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))?;
    }
    let (keys, quantities) = comparison.changed;
    db.execute_typed(QUANTITIES, &[(&keys, Type::INT8_ARRAY), (&quantities, Type::INT8_ARRAY)])
        .await?;
    Ok(start.elapsed().into())
}
