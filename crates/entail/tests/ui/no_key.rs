//! An entity without a key and without a table.

use entail::Entity;
use entail::__private::entity::Auto;

#[derive(Entity)]
struct User {
    id: Auto<i64>,
}

fn main() {}
