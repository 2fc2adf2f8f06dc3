//! A belongs_to that leads elsewhere.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo, HasMany};

#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[has_many(Address::COMPANY)]
    addresses: HasMany<Address>,
}

#[derive(Entity)]
#[entity(table = "companies")]
struct Company {
    #[key]
    id: Auto<i64>,
}

#[derive(Entity)]
#[entity(table = "addresses")]
struct Address {
    #[key]
    id: Auto<i64>,
    #[belongs_to]
    company: BelongsTo<Company>,
}

fn main() {}
