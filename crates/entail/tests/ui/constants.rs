//! Fields that make one constant.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo};

#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<i64>,
}

#[derive(Entity)]
#[entity(table = "addresses")]
struct Address {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "user")]
    user: BelongsTo<User>,
    #[column(rename = "uid")]
    table: i64,
}

fn main() {}
