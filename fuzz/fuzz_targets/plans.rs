//! Plans: random changes are flushed, and the naive database of the models carries the plans out. No
//! constraint may be in the way of one, and the rows must be what the objects hold.

#![no_main]

#[path = "../../crates/entail-engine/tests/model/choice.rs"]
mod choice;
#[path = "../../crates/entail-engine/tests/model/database.rs"]
mod database;
#[path = "../../crates/entail-engine/tests/model/world.rs"]
mod world;

use choice::{Bytes, Choice};
use libfuzzer_sys::fuzz_target;
use world::{Flushed, World, mapping};

fuzz_target!(|data: &[u8]| {
    let mut choice = Bytes(data);
    let mut world = World::new(mapping(&mut choice));
    while !choice.is_over() {
        for _ in 0..2 + choice.below(14) {
            world.act(&mut choice);
        }
        // What was refused would need a rollback, after which not all is in memory.
        if world.flush() != Flushed::Done {
            return;
        }
    }
});
