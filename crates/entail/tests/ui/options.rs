//! Options that there are not, and those that are there twice.

use entail::Entity;
use entail::__private::entity::Auto;

#[derive(Entity)]
#[entity(table = "users", unique(nam))]
struct User {
    #[key]
    id: Auto<i64>,
    #[column(uniqe, index, index)]
    name: String,
}

fn main() {}
