//! W5 by hand: one DELETE a table by the keys of the users, all in one packet.
//!
//! A join is a little faster than a subquery.

use std::time::Instant;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

use super::{keys, list, number};
use crate::contender::Run;
use crate::{Failure, data};

/// The keys are read before the clock starts, as entail's users are.
pub async fn users(db: &mut Conn) -> Result<Run, Failure> {
    let keys = keys(db, "SELECT id FROM users ORDER BY id").await?;

    let start = Instant::now();
    let mut marks = String::new();
    list(&mut marks, keys.iter().step_by(data::DELETED_EVERY), number);
    let sql = format!(
        "BEGIN;\
         DELETE items FROM items JOIN orders ON orders.id = items.order_id \
         WHERE orders.user_id IN ({marks});\
         DELETE FROM orders WHERE user_id IN ({marks});\
         DELETE FROM users WHERE id IN ({marks});\
         COMMIT"
    );
    db.query_drop(sql).await?;
    Ok(start.elapsed().into())
}
