//! W8 by hand: two SELECTs by keys in one trip, and one UPDATE from arrays.

use std::cell::RefCell;
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

// A tenth faster than `= ANY($1)`.
const ORDERS: &str = "SELECT id, number FROM orders WHERE id IN (SELECT unnest($1))";
const ITEMS: &str =
    "SELECT id, name, quantity, price, order_id FROM items WHERE order_id IN (SELECT unnest($1))";

pub async fn orders(db: &Client) -> Result<Run, Failure> {
    let orders = baskets();

    let start = Instant::now();
    let comparison = RefCell::new(Comparison::new(&orders));
    let keys = comparison.borrow().keys();
    let compare_orders = async {
        let mut rows = pin!(db.query_typed_raw(ORDERS, [(&keys, Type::INT8_ARRAY)]).await?);
        while let Some(row) = rows.try_next().await? {
            comparison.borrow_mut().order(row.get(0), row.get(1))?;
        }
        Ok::<_, Failure>(())
    };
    let compare_items = async {
        let mut rows = pin!(db.query_typed_raw(ITEMS, [(&keys, Type::INT8_ARRAY)]).await?);
        while let Some(row) = rows.try_next().await? {
            let (id, name, order) = (row.get(0), row.get(1), row.get(4));
            comparison.borrow_mut().item(id, name, row.get(2), row.get(3), order)?;
        }
        Ok(())
    };
    try_join(compare_orders, compare_items).await?;
    let comparison = comparison.into_inner();
    let (keys, quantities) = comparison.changed;
    db.execute_typed(QUANTITIES, &[(&keys, Type::INT8_ARRAY), (&quantities, Type::INT8_ARRAY)])
        .await?;
    Ok(start.elapsed().into())
}
