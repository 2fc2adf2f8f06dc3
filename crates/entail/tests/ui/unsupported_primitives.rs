//! Types that no column can hold on all databases.

use entail::Entity;
use entail::__private::entity::Auto;

#[derive(Entity)]
#[entity(table = "cars")]
struct Car {
    #[key]
    id: Auto<u64>,
    name: &'static str,
    wheels: Option<Vec<i64>>,
}

fn main() {}
