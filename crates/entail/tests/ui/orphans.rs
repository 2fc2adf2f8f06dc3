//! The word delete-orphan where nothing is an orphan.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo, HasMany};

#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[has_many(Address::USER, cascade = "save-update, delete-orphan")]
    addresses: HasMany<Address>,
}

#[derive(Entity)]
#[entity(table = "addresses")]
struct Address {
    #[key]
    id: Auto<i64>,
    #[belongs_to(back_populates = User::ADDRESSES, cascade = "all, delete-orphan")]
    user: BelongsTo<User>,
}

fn main() {}
