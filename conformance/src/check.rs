//! Checking: a scenario is run on entail, and its answers are compared with recorded ones.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Mutex;

use serde_json::Value as Json;

use crate::report::Verdict;
use crate::runner::DeletesLoad;
use crate::scenario::Scenario;
use crate::{Failed, compare, runner};

/// What the last panic said, and where.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// The scenario of a document, which may be a recording.
///
/// # Errors
///
/// If it is not of the format.
pub fn scenario_of(document: &Json) -> Result<Scenario, Failed> {
    let plain = document.get("scenario").unwrap_or(document);
    serde_json::from_value(plain.clone())
        .map_err(|error| format!("the scenario {}: {error}", plain["name"]).into())
}

/// Keeps panics to itself while something runs; they become verdicts.
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let hook = take_hook();
    set_hook(Box::new(|panic| {
        if let Ok(mut last) = PANIC.lock() {
            *last = panic.to_string();
        }
    }));
    let result = work();
    set_hook(hook);
    result
}

/// Runs a scenario, and compares it with what is expected.
pub fn check(
    scenario: &Scenario,
    expected: &Json,
    url: &str,
    deletes_load: DeletesLoad,
) -> Verdict {
    match catch_unwind(AssertUnwindSafe(|| runner::run(scenario, url, deletes_load))) {
        Ok(Ok(got)) => {
            let comparison = compare::compare(scenario, expected, &got);
            match comparison.difference {
                None => Verdict::Agreed { explained: comparison.explained },
                Some(difference) => Verdict::Differed(difference),
            }
        }
        Ok(Err(error)) => Verdict::Failed(error.to_string()),
        Err(_) => {
            Verdict::Failed(PANIC.lock().map_or_else(|_| "a panic".to_owned(), |last| last.clone()))
        }
    }
}
