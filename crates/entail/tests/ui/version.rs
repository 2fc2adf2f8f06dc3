//! Versions that do not count.

use entail::Entity;
use entail::__private::entity::Auto;

#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[version]
    etag: String,
    #[column(version)]
    version: i64,
}

fn main() {}
