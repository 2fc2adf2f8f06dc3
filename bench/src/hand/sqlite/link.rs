//! W7 by hand: INSERTs of 100 links, and a reused DELETE.

use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior};

use crate::contender::Run;
use crate::{Failure, data};

/// Links of one INSERT. The number of links in W7 is a multiple of it.
const ROWS: usize = 100;

/// The keys are read before the clock starts, as entail's items and tags are.
pub fn tags(db: &mut Connection) -> Result<Run, Failure> {
    let items = keys(db, "SELECT id FROM items ORDER BY id")?;
    let tags = keys(db, "SELECT id FROM tags ORDER BY id")?;

    let start = Instant::now();
    let links: Vec<(i64, i64)> = items
        .iter()
        .enumerate()
        .flat_map(|(index, &item)| data::tags_of(index).map(|tag| (item, tags[tag])))
        .collect();
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let rows = ["(?, ?)"; ROWS].join(", ");
        let mut insert = transaction
            .prepare_cached(&format!("INSERT INTO item_tags (item_id, tag_id) VALUES {rows}"))?;
        for chunk in links.chunks(ROWS) {
            for (row, (item, tag)) in chunk.iter().enumerate() {
                insert.raw_bind_parameter(row * 2 + 1, item)?;
                insert.raw_bind_parameter(row * 2 + 2, tag)?;
            }
            insert.raw_execute()?;
        }
    }
    transaction.commit()?;

    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut delete =
            transaction.prepare_cached("DELETE FROM item_tags WHERE item_id = ? AND tag_id = ?")?;
        for (index, item) in items.iter().enumerate() {
            for tag in data::unlinked_tags_of(index) {
                delete.execute((item, tags[tag]))?;
            }
        }
    }
    transaction.commit()?;
    Ok(start.elapsed().into())
}

fn keys(db: &Connection, query: &str) -> Result<Vec<i64>, Failure> {
    let mut select = db.prepare_cached(query)?;
    let keys = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(keys)
}
