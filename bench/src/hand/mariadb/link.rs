//! W7 by hand: an INSERT and a DELETE of links as literals, each a transaction of its own.

use std::time::Instant;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

use super::{keys, list, number};
use crate::Failure;
use crate::contender::Run;
use crate::hand::{links, unlinks};

/// The keys are read before the clock starts, as entail's items and tags are.
pub async fn tags(db: &mut Conn) -> Result<Run, Failure> {
    let items = keys(db, "SELECT id FROM items ORDER BY id").await?;
    let tags = keys(db, "SELECT id FROM tags ORDER BY id").await?;

    let start = Instant::now();
    let mut sql = String::from("INSERT INTO item_tags (item_id,tag_id) VALUES ");
    pairs(&mut sql, links(&items, &tags));
    db.query_drop(sql).await?;
    // A list of tuples after IN takes 60 times as long, and one DELETE a tag twice as long.
    let mut sql = String::from(
        "DELETE FROM item_tags WHERE (item_id,tag_id) IN \
         (SELECT * FROM (WITH given (item_id,tag_id) AS (VALUES ",
    );
    pairs(&mut sql, unlinks(&items, &tags));
    sql.push_str(") SELECT * FROM given) old)");
    db.query_drop(sql).await?;
    Ok(start.elapsed().into())
}

fn pairs(sql: &mut String, (items, tags): (Vec<i64>, Vec<i64>)) {
    list(sql, items.iter().zip(&tags), |sql, (item, tag)| {
        number(sql, format_args!("({item},{tag})"))
    });
}
