//! A foreign key that is no key and has no field.

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
    #[column(unique)]
    street: String,
    #[belongs_to(column = "user_name", references = User::NAME)]
    other: BelongsTo<User>,
}

fn main() {}
