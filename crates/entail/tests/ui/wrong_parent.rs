//! A has_many that leads elsewhere.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo, HasMany};

#[derive(Entity)]
#[entity(table = "users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[has_many(column = "boss_id")]
    staff: HasMany<User>,
    #[belongs_to]
    boss: BelongsTo<Option<User>>,
}

#[derive(Entity)]
#[entity(table = "addresses")]
struct Address {
    #[key]
    id: Auto<i64>,
    #[belongs_to(back_populates = User::STAFF)]
    user: BelongsTo<User>,
}

fn main() {}
