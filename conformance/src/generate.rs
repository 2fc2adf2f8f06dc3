//! The generator: makes scenarios at random, the same ones for the same seed.

mod schema;
mod steps;

use fastrand::Rng;
use serde_json::{Value as Json, json};

use schema::KINDS;
use steps::Steps;

/// A scenario of a kind, or of any kind.
pub fn scenario(seed: u64, number: u64, kind: Option<&str>) -> Json {
    // Neighbouring seeds must not give neighbouring streams.
    let mixed =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03);
    let mut rng = Rng::with_seed(mixed);
    let all: Vec<_> =
        KINDS.iter().filter(|(name, _)| kind.is_none_or(|kind| kind == *name)).collect();
    let (name, make) = all[rng.usize(..all.len())];
    let schema = make(&mut rng);
    let session = match rng.u32(..10) {
        0..5 => json!({"autoflush": false, "expire_on_commit": false}),
        5..7 => json!({"autoflush": true, "expire_on_commit": false}),
        7 => json!({"autoflush": false, "expire_on_commit": true}),
        _ => json!({"autoflush": true, "expire_on_commit": true}),
    };
    let steps = Steps::new(&mut rng, &schema).all();
    json!({
        "name": format!("{name}-{seed}x{number}"),
        "session": session,
        "tables": schema.tables,
        "entities": schema.entities,
        "steps": steps,
    })
}

/// The kinds of scenarios.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn the_same_seed_gives_the_same_scenario_and_another_one_another() {
        assert_eq!(scenario(1, 7, None), scenario(1, 7, None));
        assert_ne!(scenario(1, 7, None), scenario(1, 8, None));
        assert_ne!(scenario(1, 7, None), scenario(2, 7, None));
    }

    #[test]
    fn scenarios_of_all_kinds_can_be_read_and_name_what_they_have() {
        for kind in kinds() {
            for number in 0..20 {
                let made = scenario(3, number, Some(kind));
                let read: Scenario = serde_json::from_value(made).expect("it is of the format");
                assert_eq!(read.kind(), kind);
                let known = |name: &str| read.entities.iter().any(|one| one.name == name);
                for entity in &read.entities {
                    assert!(read.table(&entity.table).is_some());
                    assert!(entity.relationships.iter().all(|one| known(&one.target)));
                }
                assert!(read.steps.len() > 10, "{kind} has hardly a step");
            }
        }
    }
}
