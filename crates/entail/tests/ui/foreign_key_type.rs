//! A foreign key of another type than its key.

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
    user_id: String,
    #[belongs_to]
    user: BelongsTo<User>,
}

fn main() {}
