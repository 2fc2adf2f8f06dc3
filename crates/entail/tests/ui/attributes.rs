//! Attributes and types that do not fit each other.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo, HasMany};

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
    lodgers: HasMany<User>,
    #[has_many(User::HOME)]
    owner: BelongsTo<User>,
    #[belongs_to]
    user: i64,
}

fn main() {}
