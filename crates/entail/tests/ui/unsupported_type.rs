//! A type that no column can hold.

use entail::Entity;
use entail::__private::entity::Auto;

struct Color(u8);

#[derive(Entity)]
#[entity(table = "cars")]
struct Car {
    #[key]
    id: Auto<i64>,
    color: Color,
}

fn main() {}
