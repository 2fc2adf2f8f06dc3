//! A row that would have to be inserted before its parent is known.

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
    #[belongs_to(post_update)]
    user: BelongsTo<User>,
}

fn main() {}
