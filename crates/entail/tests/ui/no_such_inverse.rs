//! An inverse that there is not.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo, HasMany};

#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[has_many(Address::OWNER)]
    addresses: HasMany<Address>,
}

#[derive(Entity)]
#[entity(table = "addresses")]
struct Address {
    #[key]
    id: Auto<i64>,
    #[belongs_to]
    user: BelongsTo<User>,
}

fn main() {}
