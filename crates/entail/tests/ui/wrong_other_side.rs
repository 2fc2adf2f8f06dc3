//! A many_to_many that is none.

use entail::Entity;
use entail::__private::entity::{Auto, HasMany, ManyToMany};

#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[has_many(column = "user_id")]
    addresses: HasMany<Address>,
}

#[derive(Entity)]
#[entity(table = "addresses")]
struct Address {
    #[key]
    id: Auto<i64>,
    #[many_to_many(
        table = "user_address",
        local = "address_id",
        remote = "user_id",
        back_populates = User::ADDRESSES
    )]
    users: ManyToMany<User>,
}

fn main() {}
