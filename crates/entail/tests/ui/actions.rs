//! Actions that there are not.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo};

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
    #[belongs_to(on_update = "cascades")]
    user: BelongsTo<User>,
    #[column(references = User::ID, deferrable = "yes")]
    owner_id: i64,
}

fn main() {}
