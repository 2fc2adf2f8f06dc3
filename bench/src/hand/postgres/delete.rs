//! W5 by hand: one DELETE a table by the keys of the users, all in one trip. Joins with `unnest`
//! take as long.

use std::time::Instant;

use futures_util::future::try_join5;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::keys;
use crate::contender::Run;
use crate::{Failure, data};

const ITEMS: &str = "DELETE FROM items WHERE order_id IN \
    (SELECT id FROM orders WHERE user_id = ANY($1))";
const ORDERS: &str = "DELETE FROM orders WHERE user_id = ANY($1)";
const USERS: &str = "DELETE FROM users WHERE id = ANY($1)";

/// The keys are read before the clock starts, as entail's users are.
pub async fn users(db: &Client) -> Result<Run, Failure> {
    let keys = keys(db, "SELECT id FROM users ORDER BY id").await?;

    let start = Instant::now();
    let keys: Vec<i64> = keys.into_iter().step_by(data::DELETED_EVERY).collect();
    let keys: [(&(dyn ToSql + Sync), Type); 1] = [(&keys, Type::INT8_ARRAY)];
    try_join5(
        db.batch_execute("BEGIN"),
        db.execute_typed(ITEMS, &keys),
        db.execute_typed(ORDERS, &keys),
        db.execute_typed(USERS, &keys),
        db.batch_execute("COMMIT"),
    )
    .await?;
    Ok(start.elapsed().into())
}
