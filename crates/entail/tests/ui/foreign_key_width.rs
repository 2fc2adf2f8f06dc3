//! A foreign key of another width than its key.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo};

#[derive(Entity)]
#[entity(table = "rooms")]
struct Room {
    #[key]
    house: i32,
    #[key]
    number: i32,
}

#[derive(Entity)]
#[entity(table = "addresses")]
struct Address {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "room_number")]
    room: BelongsTo<Room>,
}

fn main() {}
