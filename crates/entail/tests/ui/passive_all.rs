//! Two that take care of the children.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo, HasMany};

#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[has_many(Address::USER, cascade = "all", passive_deletes = "all")]
    addresses: HasMany<Address>,
}

#[derive(Entity)]
#[entity(table = "addresses")]
struct Address {
    #[key]
    id: Auto<i64>,
    #[belongs_to(back_populates = User::ADDRESSES)]
    user: BelongsTo<User>,
}

fn main() {}
