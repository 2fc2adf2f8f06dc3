//! What a failed flush or a rollback leaves behind.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::super::look::{
    all_states, has_fewer_rows, has_given_key, has_post_update, has_single_parent,
    same_but_references, same_rows,
};
use super::super::refusal::{failed_on, is_refused_delete, is_stale};
use super::super::{Answer, Case};
use crate::scenario::Step;

/// After a flush that failed within a step that does not roll back, SQLAlchemy's session refuses all use.
pub fn refuses_all_use(case: &Case<'_>) -> bool {
    let says = |text| case.expected.detail().contains(text);
    says("transaction has been rolled back due to a previous exception") && case.got.is_ok()
}

/// After a failed flush SQLAlchemy's objects keep keys and foreign keys that it had given them, or their
/// loss, so that the next one is refused, or refused for another reason. What was expired before a
/// rollback is without its values, and a graph with its key has none.
pub fn kept_and_refused(case: &Case<'_>) -> bool {
    let (expected, got) = (case.expected, case.got);
    let of_a_value = |answer: Answer<'_>| {
        let detail = answer.detail();
        let refused = answer.is_integrity() || answer.error() == "key_blanked";
        answer.is_code("E0304") || refused && !detail.contains("[SQL: DELETE")
    };
    let either = of_a_value(expected) || of_a_value(got);
    let both = [expected, got].iter().all(|answer| answer.is_ok() || of_a_value(*answer));
    let passes = got.is_ok() || got.is_integrity();
    let lost = case.past.rolled_back && expected.error() == "integrity.not_null" && passes;
    let of_no_row = is_stale(case, "DELETE", |_| true) && passes;
    let is_merged = case.past.rolled_back && case.past.expired && case.past.merged;
    let has_its_key = is_merged && expected.is_ok() && got.error() == "integrity.unique";
    case.past.failed && (either && both || of_no_row) || lost || has_its_key
}

/// A key that was kept is one by which somebody looks.
pub fn kept_and_found(case: &Case<'_>) -> bool {
    let differs = case.expected.found().is_some_and(|found| case.got.found() == Some(!found));
    let Step::Get { key, .. } = case.step else { return false };
    case.past.failed && key.get("$key").is_some() && differs
}

/// A new object that kept a key is inserted and not deleted, though its delete has reached it.
pub fn kept_and_inserted(case: &Case<'_>) -> bool {
    let lets_go = case.past.has_deleted() || has_single_parent(case);
    case.past.failed && lets_go && has_fewer_rows(case)
}

/// A foreign key that was kept is written, or its loss.
pub fn kept_numbers(case: &Case<'_>) -> bool {
    case.past.failed && same_but_references(case)
}

/// Merging finds by keys, too, and what it finds is another object.
pub fn merged_onto_what_was_kept(case: &Case<'_>) -> bool {
    let shows =
        matches!(case.step, Step::View { .. } | Step::Read { .. } | Step::States | Step::Tables);
    case.past.merged_after_failure && case.expected.is_ok() && case.got.is_ok() && shows
}

/// What an insert that was rolled back has left in the columns of a new object, SQLAlchemy inserts if the
/// reference is written afterwards, and deletes by if it is an orphan; the database refuses that.
pub fn left_over(case: &Case<'_>) -> bool {
    let passes = case.got.is_ok() || case.got.is_of_a_flush();
    let is_refused = case.expected.error() == "integrity.foreign_key" && passes;
    let is_written_later = |table: &str| has_post_update(case.scenario, table);
    let inserted = is_refused && failed_on(case, "[SQL: INSERT INTO", is_written_later);
    case.past.rolled_back && (inserted || is_refused_delete(case, |_| true))
}

/// After a rollback SQLAlchemy has expired both ends, and the one that is let go of keeps what it leads
/// to, since nobody reads it; entail's objects have their values. So setting one to
/// what it was is a change, as it is where one was let go of.
pub fn known_after_a_rollback(case: &Case<'_>) -> bool {
    if let (Some(expected), Some(got)) = (case.expected.dirty(), case.got.dirty()) {
        let may_be = case.past.rolled_back || case.past.expunged;
        return may_be && got.iter().all(|name| expected.contains(name));
    }
    let (Some(expected), Some(got)) = (case.expected.view(), case.got.view()) else { return false };
    let Step::View { owner, .. } = case.step else { return false };
    let is_one = |one: &str| case.past.were_joined(owner, one) || one == "?" && case.past.expunged;
    let were_both = |one: &Json| one.as_str().is_some_and(is_one);
    let moved = were_both(expected) && were_both(got);
    case.past.rolled_back
        && (expected.is_string() && got.is_null() || expected.is_null() && got.is_string() || moved)
}

/// What its flush has loaded, or what an object has let go of after it, comes along when that object is
/// added again.
pub fn came_along_again(case: &Case<'_>) -> bool {
    let pending = |_: &str, expected: &str, got: &str| (expected, got) == ("pending", "transient");
    let is_inserted = case.past.let_go && has_fewer_rows(case);
    case.past.rolled_back && (is_inserted || all_states(case, pending))
}

/// Or whom a list was given that was not loaded does not come along.
pub fn not_brought_by_a_queue(case: &Case<'_>) -> bool {
    let is_pending =
        |_: &str, expected: &str, got: &str| (expected, got) == ("transient", "pending");
    case.past.rolled_back && all_states(case, is_pending)
}

/// Where a new object's key was changed in the transaction that is rolled back, SQLAlchemy gives it the
/// key back that it had first. It is detached then, although it never had a row.
pub fn never_had_the_row(case: &Case<'_>) -> bool {
    let is_given = |name: &str| {
        case.past.entity(name).is_some_and(|entity| has_given_key(case.scenario, entity))
    };
    case.past.rolled_back
        && all_states(case, |name, expected, got| {
            expected == "detached" && got == "transient" && is_given(name)
        })
}

/// An object whose delete was rolled back, and that has come in again, is still said to be deleted, and is
/// found without a flush, in which a pending orphan would leave.
pub fn still_called_deleted(case: &Case<'_>) -> bool {
    let flushes = case.scenario.session.autoflush && case.past.has_deleted();
    case.past.rolled_back
        && all_states(case, |_, expected, got| match (expected, got) {
            ("deleted", "persistent") => true,
            ("pending", "transient") => flushes,
            _ => false,
        })
}

/// Where a new object takes the place of a deleted one, SQLAlchemy writes what has changed since the
/// object's own insert, though that was rolled back, or what is set alone; entail writes the whole row, and
/// finds out where there is none.
pub fn switched_in_part(case: &Case<'_>) -> bool {
    let labels = |answer: Answer<'_>| -> HashSet<String> {
        let tables = answer.tables().into_iter().flat_map(Map::values);
        let rows = tables.filter_map(Json::as_array).flatten();
        rows.map(|row| row["label"].to_string()).collect()
    };
    let (expected, got) = (labels(case.expected), labels(case.got));
    let others_instead = expected != got && expected.len() == got.len();
    let other_row = others_instead && same_rows(case, |_, _| false);
    let no_row = case.expected.is_ok() && case.got.error() == "stale_data";
    let is_mixed = case.past.failed
        && case.past.has_deleted()
        && same_rows(case, |_, column| column == "label");
    case.past.rolled_back && (other_row || no_row || is_mixed)
}

/// An object that counts as one with a row there can be deleted.
pub fn deleted_though_new(case: &Case<'_>) -> bool {
    matches!(case.step, Step::Delete { .. })
        && case.past.rolled_back
        && case.expected.is_ok()
        && case.got.is_code("E0205")
}
