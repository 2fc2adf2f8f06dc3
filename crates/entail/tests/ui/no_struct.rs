//! What cannot be an entity.

use entail::Entity;
use entail::__private::entity::Auto;

#[derive(Entity)]
struct Tuple(i64);

#[derive(Entity)]
enum Enum {}

#[derive(Entity)]
#[entity(table = "generics")]
struct Generic<T> {
    #[key]
    id: Auto<T>,
}

fn main() {}
