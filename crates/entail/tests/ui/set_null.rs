//! An action on a column that cannot be NULL.

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
    #[belongs_to(on_delete = "set null")]
    user: BelongsTo<User>,
    #[column(references = User::ID, on_delete = "set null")]
    owner_id: i64,
}

fn main() {}
