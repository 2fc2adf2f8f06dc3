//! Objects outside of the session.

use super::super::Case;
use super::super::look::{all_states, attaches, changes, has_fewer_rows, has_single_parent, names};
use super::super::refusal::{CANNOT_LOAD, NOT_PRESENT, is_refused_delete};
use crate::scenario::Step;

/// SQLAlchemy must load before it changes an attribute, and cannot.
pub fn cannot_load(case: &Case<'_>) -> bool {
    let says = |text| case.expected.error() == "invalid_request" && case.expected.may_say(text);
    let cannot = says("is not bound to a Session") || says(NOT_PRESENT);
    changes(case.step) && cannot && case.got.is_ok()
}

/// Of an object with one parent alone its flush has loaded who that is, while it was in the session, and of
/// others a merge; if that left, it does not go along with an orphan.
pub fn loaded_before_it_left(case: &Case<'_>) -> bool {
    let uses = changes(case.step) || matches!(case.step, Step::View { .. });
    let is_known = case.expected.is_ok() && case.got.detail() == CANNOT_LOAD;
    let is_left = case.past.let_go && has_fewer_rows(case);
    let is_single = has_single_parent(case);
    let may_know = is_single || case.past.merged;
    case.past.expunged && (may_know && uses && is_known || is_single && is_left)
}

/// It must load to show what a detached object leads to or holds; entail's has it in memory.
pub fn shown_without_loading(case: &Case<'_>) -> bool {
    let shows = matches!(case.step, Step::View { .. } | Step::Read { .. });
    let cannot = case.expected.may_say("is not bound to a Session");
    shows && case.expected.error() == "invalid_request" && cannot && case.got.is_ok()
}

/// An object that SQLAlchemy has loaded, and nobody refers to any more, is gone from its session;
/// entail's session owns what it has loaded.
pub fn still_there(case: &Case<'_>) -> bool {
    case.expected.is_ok() && case.got.is_code("E0207")
}

/// A second object of a row has come into SQLAlchemy's session, and its row is deleted.
pub fn deleted_its_row(case: &Case<'_>) -> bool {
    case.past.expunged && is_refused_delete(case, |_| true)
}

/// Without expiry SQLAlchemy's deleted objects stay in the session after the commit; one that is deleted
/// once more counts as persistent after a rollback, although it has no row.
pub fn deleted_twice(case: &Case<'_>) -> bool {
    if case.scenario.session.expire_on_commit || !case.past.committed || !case.past.has_deleted() {
        return false;
    }
    all_states(case, |_, expected, got| {
        got == "detached" && matches!(expected, "persistent" | "deleted")
    })
}

/// Whether somebody of the step was brought to whom one that was deleted was brought as well.
fn is_joined_with_the_gone(case: &Case<'_>) -> bool {
    let past = case.past;
    let shares = |name: &str, other: &str| {
        past.names().any(|one| past.were_joined(name, one) && past.were_joined(other, one))
    };
    names(case.step).any(|name| past.deleted().any(|deleted| shares(name, deleted)))
}

/// It comes into SQLAlchemy's session again, and what its delete cascade reaches does.
pub fn in_again_by_a_delete(case: &Case<'_>) -> bool {
    let needs_it =
        matches!(case.step, Step::Expunge { .. } | Step::Expire { .. } | Step::Refresh { .. });
    let is_gone = |name: &str| case.past.was_deleted(name) || case.past.gone.contains(name);
    let both = |name: &str, expected: &str, got: &str| {
        is_gone(name) && expected == "persistent" && matches!(got, "deleted" | "detached")
    };
    let loads = changes(case.step) && case.got.detail() == CANNOT_LOAD;
    let cannot = needs_it && case.got.is_code("E0205")
        || attaches(case.step) && case.got.is_code("E0206") && is_joined_with_the_gone(case)
        || loads;
    let used = case.expected.is_ok() && cannot;
    case.past.deleted_again && (used || all_states(case, both))
}
