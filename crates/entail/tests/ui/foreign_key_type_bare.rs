//! A foreign key of another type than its key.

use entail::Entity;
use entail::__private::entity::Auto;

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
    #[column(references = User::ID)]
    owner_id: Option<i32>,
}

fn main() {}
