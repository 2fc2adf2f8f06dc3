//! Scenarios: one that was made at random, with its steps torn apart. Whatever is asked of a session,
//! it answers or refuses; it does not panic, and the next scenario finds the database in order.

#![no_main]

use conformance::check::scenario_of;
use conformance::runner::DeletesLoad;
use conformance::{generate, runner};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value as Json, json};

/// Steps that can come at any time.
const PLAIN: [&str; 8] = [
    "flush",
    "commit",
    "rollback",
    "expunge_all",
    "begin_nested",
    "release",
    "rollback_to",
    "states",
];

/// Steps that need an object alone.
const OF_ONE: [&str; 5] = ["add", "delete", "expunge", "refresh", "expire"];

fuzz_target!(|data: &[u8]| {
    let Some((head, edits)) = data.split_at_checked(3) else { return };
    let number = u64::from(head[0]) << 8 | u64::from(head[1]);
    let mut made = generate::scenario(u64::from(head[2]), number, None);
    let Some(steps) = made["steps"].as_array_mut() else { return };
    for edit in edits.chunks_exact(3).take(40) {
        tear(steps, edit);
    }
    let Ok(scenario) = scenario_of(&made) else { return };
    let deletes_load = if number % 2 == 0 { DeletesLoad::AtOnce } else { DeletesLoad::InTheFlush };
    let Ok(result) = runner::run(&scenario, "sqlite::memory:", deletes_load) else {
        panic!("the database cannot be used for {made}");
    };
    let detail = |answer: &Json| answer["detail"].as_str().unwrap_or_default().to_owned();
    let end = result["results"].as_array().into_iter().flatten().map(detail);
    for detail in end {
        assert!(!detail.contains("please report"), "{detail} in {made}");
    }
});

/// Changes one thing about the steps.
fn tear(steps: &mut Vec<Json>, edit: &[u8]) {
    if steps.is_empty() {
        return;
    }
    let (at, from) = (usize::from(edit[1]) % steps.len(), usize::from(edit[2]) % steps.len());
    match edit[0] % 6 {
        0 => drop(steps.remove(at)),
        1 => steps.swap(at, from),
        2 => steps.insert(at, steps[from].clone()),
        3 => steps.insert(at, json!({"op": PLAIN[usize::from(edit[2]) % PLAIN.len()]})),
        4 => {
            let name =
                ["as", "ref", "owner", "value"].iter().find_map(|key| steps[from][key].as_str());
            if let Some(name) = name {
                let op = OF_ONE[usize::from(edit[1]) % OF_ONE.len()];
                let step = json!({"op": op, "ref": name});
                steps.insert(at, step);
            }
        }
        _ => {
            let value = steps[from]["value"].clone();
            if steps[at]["value"].is_string() && value.is_string() {
                steps[at]["value"] = value;
            }
        }
    }
}
