//! Digests: what a run has left in the database, to be compared between contenders.

use std::path::Path;

use rusqlite::Connection;

use crate::Failure;
use crate::template::Template;

/// Counts and sums. They do not depend on the keys that the database made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest(Vec<i64>);

const SHOP: &[&str] = &[
    "SELECT count(*), sum(length(name)), sum(name LIKE 'renamed %'), sum(length(email)) FROM users",
    "SELECT count(*), sum(number), count(DISTINCT user_id) FROM orders",
    "SELECT count(*), sum(quantity), sum(price), sum(length(name)) FROM items",
    "SELECT count(*), sum(o.number * i.quantity), \
     sum(i.name LIKE 'item ' || o.number || '/%'), \
     sum(u.email LIKE 'user.' || o.number / 10 || '@%') \
     FROM items i JOIN orders o ON o.id = i.order_id JOIN users u ON u.id = o.user_id",
];
const LABELS: &[&str] = &[
    "SELECT count(*) FROM items",
    "SELECT count(*) FROM tags",
    "SELECT count(*), sum(item_id * tag_id), sum(item_id * item_id), sum(tag_id * tag_id) \
     FROM item_tags",
];

impl Digest {
    /// Reads a database.
    pub fn of(template: Template, path: &Path) -> Result<Self, Failure> {
        let queries = match template {
            Template::Labels => LABELS,
            Template::EmptyShop | Template::Shop | Template::Users => SHOP,
        };
        let db = Connection::open(path)?;
        let mut numbers = Vec::new();
        for query in queries {
            let mut statement = db.prepare(query)?;
            let columns = statement.column_count();
            statement.query_row([], |row| {
                for column in 0..columns {
                    numbers.push(row.get::<_, Option<i64>>(column)?.unwrap_or(0));
                }
                Ok(())
            })?;
        }
        Ok(Self(numbers))
    }
}
