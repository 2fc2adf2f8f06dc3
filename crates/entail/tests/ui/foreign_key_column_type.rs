//! A foreign key of another type than the column it refers to.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo};

#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[column(unique)]
    name: String,
}

#[derive(Entity)]
#[entity(table = "addresses")]
struct Address {
    #[key]
    id: Auto<i64>,
    name: i64,
    #[belongs_to(column = "name", references = User::NAME)]
    user: BelongsTo<User>,
}

fn main() {}
