//! A relationship to what there is not.

use entail::Entity;
use entail::__private::entity::{Auto, HasMany};



#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[has_many(column = "user_id")]
    addresses: HasMany<Address>,
}

fn main() {}
