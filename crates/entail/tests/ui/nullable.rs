//! Two that disagree on whether a column can be NULL.

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
    user_id: Option<i64>,
    #[belongs_to]
    user: BelongsTo<User>,
    owner_id: i64,
    #[belongs_to]
    owner: BelongsTo<Option<User>>,
}

fn main() {}
