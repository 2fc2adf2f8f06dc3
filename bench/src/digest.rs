//! Digests: what a run has left in the database, to be compared between contenders.

use crate::Failure;
use crate::database::Database;
use crate::place::Ground;
use crate::template::Template;

/// Counts and sums. They do not depend on the keys that the database made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest(Vec<i64>);

/// `TENTH` stands for the quotient by ten.
const SHOP: &[&str] = &[
    "SELECT count(*), sum(length(name)), sum(CASE WHEN name LIKE 'renamed %' THEN 1 ELSE 0 END), \
     sum(length(email)) FROM users",
    "SELECT count(*), sum(number), count(DISTINCT user_id) FROM orders",
    "SELECT count(*), sum(quantity), sum(price), sum(length(name)) FROM items",
    "SELECT count(*), sum(o.number * i.quantity), \
     sum(CASE WHEN i.name LIKE concat('item ', o.number, '/%') THEN 1 ELSE 0 END), \
     sum(CASE WHEN u.email LIKE concat('user.', TENTH(o.number), '@%') THEN 1 ELSE 0 END) \
     FROM items i JOIN orders o ON o.id = i.order_id JOIN users u ON u.id = o.user_id",
];
/// Here the keys were there before.
const BASKETS: &[&str] = &[
    "SELECT count(*), sum(id * number), sum(id * user_id) FROM orders",
    "SELECT count(*), sum(id * quantity), sum(id * price), sum(id * order_id), \
     sum(id * length(name)) FROM items",
];
const LABELS: &[&str] = &[
    "SELECT count(*) FROM items",
    "SELECT count(*) FROM tags",
    "SELECT count(*), sum(item_id * tag_id), sum(item_id * item_id), sum(tag_id * tag_id) \
     FROM item_tags",
];

impl Digest {
    /// Reads a database.
    pub fn of(
        template: Template,
        database: Database,
        ground: &mut dyn Ground,
        url: &str,
    ) -> Result<Self, Failure> {
        let queries = match template {
            Template::Labels => LABELS,
            Template::Baskets => BASKETS,
            Template::EmptyShop | Template::Shop { .. } | Template::Users => SHOP,
        };
        let tenth = match database {
            Database::Mariadb => "(o.number DIV 10)",
            Database::Sqlite | Database::Postgres => "(o.number / 10)",
        };
        let mut numbers = Vec::new();
        for query in queries {
            numbers.extend(ground.numbers(url, &query.replace("TENTH(o.number)", tenth))?);
        }
        Ok(Self(numbers))
    }
}
