//! A foreign key to a column of a third entity.

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
    name: String,
    #[belongs_to(column = "name", references = Address::STREET)]
    user: BelongsTo<User>,
}

fn main() {}
