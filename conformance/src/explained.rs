//! Differences that are explained: each rule stands for a line of DEVIATIONS.md, which it names.

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::scenario::{Scenario, Step};

/// What follows from a difference that is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explained {
    /// From here on the two sessions are in different states: nothing more is compared.
    FromHere,
    /// Only this answer is not compared.
    Here,
}

/// What happened so far in a scenario, as far as the rules need it.
#[derive(Debug, Default)]
pub struct Past {
    committed: bool,
    /// Whether a flush failed before.
    failed: bool,
    /// The names that were given to `delete`.
    deleted: HashSet<String>,
}

impl Past {
    /// Notes what SQLAlchemy answered to a step.
    pub fn note(&mut self, step: &Step, expected: &Json) {
        let ok = expected.get("ok").is_some();
        match step {
            Step::Commit => self.committed |= ok,
            Step::Delete { object } if ok => {
                self.deleted.insert(object.clone());
            }
            _ => {}
        }
        self.failed |= error(expected).is_some_and(is_of_a_flush);
    }

    /// Whether a commit succeeded.
    pub fn committed(&self) -> bool {
        self.committed
    }

    /// Why two answers may differ; none if they may not.
    pub fn explains(
        &self,
        scenario: &Scenario,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        if error(expected).is_some() && error(expected) == error(got) {
            return failed_without_rollback(step, expected);
        }
        let rules = [
            planned_past(expected, got),
            self.row_not_needed(step, expected),
            key_not_given(expected, got),
            self.kept_from_a_failed_flush(step, expected, got),
            self.deleted_twice(scenario, step, expected, got),
            self.not_loaded_by_a_delete(step, got),
        ];
        rules.into_iter().flatten().next()
    }

    /// RB-01: after a failed flush SQLAlchemy's objects keep keys and foreign keys that it had given
    /// them, so that the next one is refused, or refused for another reason, and a key is known by
    /// which somebody looks.
    fn kept_from_a_failed_flush(
        &self,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        let of_flush = |answer: &Json| error(answer).is_some_and(is_of_a_flush);
        let passes = |answer: &Json| of_flush(answer) || answer.get("ok").is_some();
        let refused = of_flush(expected) || of_flush(got);
        let otherwise = refused && passes(expected) && passes(got);
        let found = matches!(step, Step::Get { .. }) && expected.get("found") != got.get("found");
        (self.failed && (otherwise || found)).then_some(Explained::FromHere)
    }

    /// RB-03: a rollback has expired SQLAlchemy's objects, and it must read one whose row is gone, to
    /// flush it or to delete it; entail's have their values.
    fn row_not_needed(&self, step: &Step, expected: &Json) -> Option<Explained> {
        let reads = match step {
            Step::Flush | Step::Commit => true,
            Step::Delete { .. } => self.failed,
            _ => false,
        };
        (reads && error(expected)? == "invalid_request").then_some(Explained::FromHere)
    }

    /// STATE-04: without expiry SQLAlchemy's deleted objects stay in the session after the commit; one
    /// that is deleted once more counts as persistent after a rollback, although it has no row.
    fn deleted_twice(
        &self,
        scenario: &Scenario,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        let Step::States = step else { return None };
        if scenario.session.expire_on_commit || !self.committed || self.deleted.is_empty() {
            return None;
        }
        let (expected, got) =
            (expected.get("states")?.as_object()?, got.get("states")?.as_object()?);
        let mut differing = expected.iter().filter(|(name, word)| {
            let found = got.get(*name);
            found != Some(word) && !(*word == "deleted" && found == Some(&Json::from("detached")))
        });
        let lives_on = |(name, word): (&String, &Json)| {
            *word == "persistent" && got.get(name) == Some(&Json::from("detached"))
        };
        differing.clone().next()?;
        differing.all(lives_on).then_some(Explained::FromHere)
    }

    /// CASC-DEL-01, NULLIFY-01: SQLAlchemy has loaded what a deleted object led to; entail has reached
    /// it without loading it.
    fn not_loaded_by_a_delete(&self, step: &Step, got: &Json) -> Option<Explained> {
        let Step::View { owner, .. } = step else { return None };
        let view = got.get("view");
        let empty =
            view.is_some_and(|view| view.is_null() || view.as_array().is_some_and(Vec::is_empty));
        (self.deleted.contains(owner) && empty).then_some(Explained::Here)
    }
}

/// ORDER-05, ORDER-09: where SQLAlchemy cannot order the statements, or trips over a unique value,
/// entail plans past it. The database may still refuse what SQLAlchemy never came to (RB-06).
fn planned_past(expected: &Json, got: &Json) -> Option<Explained> {
    let later = error(got).is_some_and(|error| error.starts_with("integrity."));
    let passed = got.get("ok").is_some() || later;
    (matches!(error(expected)?, "cycle" | "integrity.unique") && passed)
        .then_some(Explained::FromHere)
}

/// DBFK-02, RB-06: after a flush that failed within a step that does not roll back, SQLAlchemy's objects
/// are transient and its session refuses all use, while entail's are as before.
fn failed_without_rollback(step: &Step, error_of_both: &Json) -> Option<Explained> {
    let rolls_back = matches!(step, Step::Flush | Step::Commit | Step::Release | Step::Sql { .. });
    (is_of_a_flush(error(error_of_both)?) && !rolls_back).then_some(Explained::FromHere)
}

/// SYNC-07: an object without a value for a key that the database does not make is refused before
/// anything is sent. SQLAlchemy leaves it to the database, and SQLite makes up an integer.
fn key_not_given(expected: &Json, got: &Json) -> Option<Explained> {
    let refused = got["detail"].as_str().is_some_and(|detail| detail.starts_with("E0304"));
    (error(expected)?.starts_with("integrity.") && refused).then_some(Explained::FromHere)
}

fn error(answer: &Json) -> Option<&str> {
    answer.get("error").and_then(Json::as_str)
}

/// Whether an error is one that a flush gives.
fn is_of_a_flush(error: &str) -> bool {
    error.starts_with("integrity.")
        || matches!(error, "stale_data" | "flush" | "key_blanked" | "cycle")
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn scenario() -> Scenario {
        let session = json!({"autoflush": false, "expire_on_commit": false});
        let scenario =
            json!({"name": "a-1", "session": session, "tables": [], "entities": [], "steps": []});
        from_value(scenario).expect("the scenario is well-formed")
    }

    fn explains(past: &Past, step: Json, expected: Json, got: Json) -> Option<Explained> {
        let step: Step = from_value(step).expect("the step is well-formed");
        past.explains(&scenario(), &step, &expected, &got)
    }

    #[test]
    fn a_ring_that_entail_cuts_is_explained_and_one_that_it_refuses_is_not() {
        let past = Past::default();
        let flush = || json!({"op": "flush"});
        let cycle = || json!({"error": "cycle"});
        let ok = || json!({"ok": true});
        assert_eq!(explains(&past, flush(), cycle(), ok()), Some(Explained::FromHere));
        assert_eq!(explains(&past, flush(), ok(), cycle()), None);
        assert_eq!(explains(&past, flush(), cycle(), json!({"error": "stale_data"})), None);
    }

    #[test]
    fn a_failed_autoflush_ends_the_comparison_only_if_both_failed_alike() {
        let past = Past::default();
        let view = || json!({"op": "view", "owner": "a", "rel": "b"});
        let unique = || json!({"error": "integrity.unique"});
        let null = || json!({"error": "integrity.not_null"});
        assert_eq!(explains(&past, view(), null(), null()), Some(Explained::FromHere));
        assert_eq!(explains(&past, view(), null(), unique()), None);
        assert_eq!(explains(&past, json!({"op": "flush"}), null(), null()), None);
    }

    #[test]
    fn other_refusals_are_explained_only_after_a_failed_flush() {
        let mut past = Past::default();
        let refusals =
            || (json!({"error": "integrity.foreign_key"}), json!({"error": "integrity.not_null"}));
        let (expected, got) = refusals();
        assert_eq!(explains(&past, json!({"op": "commit"}), expected, got), None);
        past.note(&Step::Flush, &json!({"error": "integrity.not_null"}));
        let (expected, got) = refusals();
        let explained = explains(&past, json!({"op": "commit"}), expected, got);
        assert_eq!(explained, Some(Explained::FromHere));
    }

    #[test]
    fn a_deleted_object_may_live_on_without_expiry_and_shows_no_lists() {
        let mut past = Past::default();
        let states = |word: &str| json!({"ok": true, "states": {"a": word}});
        let step = || json!({"op": "states"});
        assert_eq!(explains(&past, step(), states("persistent"), states("detached")), None);
        let delete = from_value(json!({"op": "delete", "ref": "a"})).expect("a step");
        past.note(&delete, &json!({"ok": true}));
        past.note(&Step::Commit, &json!({"ok": true}));
        let explained = explains(&past, step(), states("persistent"), states("detached"));
        assert_eq!(explained, Some(Explained::FromHere));
        assert_eq!(explains(&past, step(), states("persistent"), states("transient")), None);
        let view = |owner: &str| json!({"op": "view", "owner": owner, "rel": "r"});
        let (full, empty) = (json!({"ok": true, "view": ["b"]}), json!({"ok": true, "view": []}));
        assert_eq!(explains(&past, view("a"), full.clone(), empty.clone()), Some(Explained::Here));
        assert_eq!(explains(&past, view("c"), full, empty), None);
    }
}
