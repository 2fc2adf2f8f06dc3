//! W7 by hand: an INSERT and a DELETE of links from arrays, each a transaction of its own.

use std::time::Instant;

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::keys;
use crate::Failure;
use crate::contender::Run;
use crate::hand::{links, unlinks};

const INSERT: &str = "INSERT INTO item_tags (item_id, tag_id) SELECT item, tag FROM unnest($1, $2) AS new (item, tag)";
const DELETE: &str = "DELETE FROM item_tags USING unnest($1, $2) AS old (item, tag) \
    WHERE item_id = old.item AND tag_id = old.tag";

/// The keys are read before the clock starts, as entail's items and tags are.
pub async fn tags(db: &Client) -> Result<Run, Failure> {
    let items = keys(db, "SELECT id FROM items ORDER BY id").await?;
    let tags = keys(db, "SELECT id FROM tags ORDER BY id").await?;

    let start = Instant::now();
    let (of, to) = links(&items, &tags);
    db.execute_typed(INSERT, &[(&of, Type::INT8_ARRAY), (&to, Type::INT8_ARRAY)]).await?;
    let (of, to) = unlinks(&items, &tags);
    db.execute_typed(DELETE, &[(&of, Type::INT8_ARRAY), (&to, Type::INT8_ARRAY)]).await?;
    Ok(start.elapsed().into())
}
