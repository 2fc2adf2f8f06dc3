//! Values that nobody makes.

use entail::Entity;
use entail::__private::entity::Auto;

#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<String>,
    created: Auto<i64>,
    changed: Auto<Option<i64>>,
}

fn main() {}
