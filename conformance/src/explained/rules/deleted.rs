//! Deletes: SQLAlchemy loads and marks at the call, entail in the flush.

use serde_json::Value as Json;

use super::super::Case;
use super::super::look::{
    additions, all_relationships, all_states, attaches, beyond, deletes_orphans, has_fewer_rows,
    has_more_rows, has_single_parent, is_gone_here, may_be_stale, members, names, stays_here,
};
use super::super::refusal::{
    BY_AUTOFLUSH, CANNOT_LOAD, IN_THE_WAY, NOT_PERSISTENT, OUTSIDE, ROW_IS_GONE,
    is_refused_autoflush,
};
use crate::scenario::{Step, Target};

/// Where SQLAlchemy's `delete` or the change of a key loads, it flushes first if autoflush is on, and may
/// be refused.
pub fn flushed_by_a_delete(case: &Case<'_>) -> bool {
    let loads = matches!(case.step, Step::Delete { .. } | Step::Set { .. });
    let flushed = is_refused_autoflush(case) || is_refused_before_it_is_in_the_way(case);
    let shows = matches!(case.step, Step::States) && case.scenario.session.autoflush;
    let inserted = |_: &str, expected: &str, got: &str| {
        matches!(expected, "detached" | "deleted") && got == "transient"
    };
    let lets_go = case.past.has_deleted() && all_relationships(case).any(deletes_orphans);
    let sooner = |name: &str, expected: &str, got: &str| {
        let written =
            matches!((expected, got), ("deleted", "persistent") | ("persistent", "pending"));
        let merged = case.past.merged_onto_deleted && (expected, got) == ("pending", "persistent");
        let is_orphan = lets_go && (expected, got) == ("persistent", "transient");
        written || merged || is_orphan || inserted(name, expected, got)
    };
    let may_have = case.past.may_have_flushed && all_states(case, sooner);
    let has = case.past.has_deleted() && all_states(case, inserted);
    loads && flushed || shows && (may_have || has)
}

/// Of a detached object that another one of the session stands for, entail says so at once.
fn is_refused_before_it_is_in_the_way(case: &Case<'_>) -> bool {
    let in_the_way = matches!(case.step, Step::Delete { .. }) && case.got.is_code("E0207");
    in_the_way && case.expected.is_of_a_flush() && case.expected.may_say(BY_AUTOFLUSH)
}

/// So the rows may be ahead of entail's.
pub fn rows_flushed_by_a_delete(case: &Case<'_>) -> bool {
    let both = case.expected.tables().is_some() && case.got.tables().is_some();
    case.scenario.session.autoflush && case.past.unflushed_delete && both
}

/// So what is let go of afterwards was written.
pub fn flushed_before_it_left(case: &Case<'_>) -> bool {
    let both = case.expected.tables().is_some() && case.got.tables().is_some();
    case.scenario.session.autoflush && case.past.deleted_unflushed && case.past.expunged && both
}

/// And what changes have taken out it does not find. Whom a new owner was given, and what an expire has
/// made forget that, goes along with that owner, which is saved by then; entail's flush saves the owner
/// with what it holds.
pub fn loaded_after_a_flush(case: &Case<'_>) -> bool {
    let flushes = case.scenario.session.autoflush && case.past.deleted_unflushed;
    let is_kept = case.past.expired && has_more_rows(case);
    flushes && (has_fewer_rows(case) || is_kept || all_states(case, is_gone_here))
}

/// And what it has loaded then, entail loads when it is asked for, and flushes before: who was pending is
/// persistent then.
pub fn flushed_to_load(case: &Case<'_>) -> bool {
    let later = |_: &str, expected: &str, got: &str| {
        matches!((expected, got), ("persistent", "deleted") | ("pending", "persistent"))
    };
    let needs_it = matches!(case.step, Step::Expire { .. } | Step::Refresh { .. });
    let is_pending = needs_it && case.expected.may_say(NOT_PERSISTENT) && case.got.is_ok();
    let flushes = case.scenario.session.autoflush && case.past.has_deleted();
    flushes && (is_pending || all_states(case, later))
}

/// What its delete or its flush has loaded leads to what is deleted, and so refuses to be attached, or
/// brings that along.
pub fn leads_to_the_deleted(case: &Case<'_>) -> bool {
    let is_there = case.expected.detail().contains("has been deleted.  Use");
    let some = case.past.has_deleted() || case.past.raw_delete || has_single_parent(case);
    attaches(case.step) && is_there && case.got.is_ok() && some
}

/// Who is given to another afterwards is marked already; entail takes the child for taken out, where it
/// did not know whose it was.
pub fn moved_after_a_delete(case: &Case<'_>) -> bool {
    let stays = has_more_rows(case) || all_states(case, stays_here);
    may_be_stale(case) && case.past.joined_after_delete && stays
}

/// Who is let go of afterwards loses its mark; entail's flush finds the row, and another object of it.
pub fn let_go_of_after_a_delete(case: &Case<'_>) -> bool {
    case.past.expunged_after_delete && has_fewer_rows(case)
}

/// A second delete of its own goes along to whom the first has loaded; entail's flush asks again, and
/// whoever has come in since goes along.
pub fn asked_again(case: &Case<'_>) -> bool {
    let is_gone = all_states(case, is_gone_here) || has_fewer_rows(case);
    case.past.deleted_twice && case.past.expunged && is_gone
}

/// Who led to several is not deleted with one of them.
pub fn held_by_another(case: &Case<'_>) -> bool {
    has_single_parent(case)
        && all_states(case, |name, expected, got| {
            case.past.companions(name) > 1 && stays_here(name, expected, got)
        })
}

/// The mark of one object is taken back; its children keep theirs, and entail has not loaded and marked
/// them all. Who was put into a list that the delete has loaded comes in by the `add`.
pub fn taken_back(case: &Case<'_>) -> bool {
    let cannot = case.expected.may_say("Could not refresh instance")
        || case.expected.may_say(NOT_PERSISTENT);
    let is_gone = matches!(case.step, Step::Refresh { .. }) && cannot && case.got.is_ok();
    let is_brought =
        |_: &str, expected: &str, got: &str| (expected, got) == ("pending", "transient");
    let differs = all_states(case, stays_here) || all_states(case, is_brought);
    case.past.taken_back && (is_gone || has_more_rows(case) || differs)
}

/// After that the next flush may be refused, because what it flushed was half done; entail has flushed
/// nothing yet. Or what it flushed before lets pass what entail flushes at once.
pub fn refused_after_a_delete(case: &Case<'_>) -> bool {
    let needs_it =
        matches!(case.step, Step::Delete { .. } | Step::Refresh { .. } | Step::Expire { .. });
    let is_pending = case.scenario.session.autoflush && needs_it && case.got.is_code("E0205");
    let at_once = case.scenario.session.autoflush && case.got.detail().contains("still refer by");
    let sooner = case.expected.is_ok() && (at_once || is_pending);
    let both = case.scenario.session.autoflush
        && case.past.unflushed_delete
        && case.expected.is_integrity()
        && case.got.is_integrity();
    let is_dropped = case.scenario.session.autoflush
        && matches!(case.step, Step::Expunge { .. })
        && case.expected.may_say("is not present in this Session")
        && case.got.is_ok();
    case.past.may_have_flushed && (is_refused_autoflush(case) || sooner || both || is_dropped)
}

/// It has loaded something, to delete it or to let go of it, that stands in the way of a detached object.
pub fn in_the_way(case: &Case<'_>) -> bool {
    let comes_in = attaches(case.step) || matches!(case.step, Step::Delete { .. });
    let is_there =
        comes_in && case.expected.error() == "invalid_request" && case.expected.may_say(IN_THE_WAY);
    let is_said = !case.expected.detail().is_empty();
    is_there && case.got.is_ok() && (is_said || case.past.has_deleted())
}

/// It has read an expired object, to delete or flush what leads there; entail reads it when it is asked
/// for, and a flush that goes before deletes it, or it is outside by then.
pub fn read_by_a_delete(case: &Case<'_>) -> bool {
    let object = match case.step {
        Step::Read { object, .. } => object,
        Step::Get { key, .. } => return is_found_by_a_delete(case, key),
        _ => return false,
    };
    let outside = case.got.detail() == OUTSIDE;
    let is_gone = case.past.was_deleted(object) && case.got.error() == "invalid_request";
    let is_found_gone = case.scenario.session.autoflush && case.got.detail() == ROW_IS_GONE;
    case.expected.is_ok() && (outside || is_gone || is_found_gone)
}

/// So `get` finds what is marked, where entail must read it, and flushes before.
fn is_found_by_a_delete(case: &Case<'_>, key: &Json) -> bool {
    let is_marked = key["$key"].as_str().is_some_and(|name| case.past.was_deleted(name));
    let flushes = case.scenario.session.autoflush && case.past.unflushed_delete;
    let is_found = case.expected.found() == Some(true) && case.got.found() == Some(false);
    is_marked && flushes && is_found
}

/// It has loaded the list of a deleted object, which can still be changed.
pub fn changed_what_was_loaded(case: &Case<'_>) -> bool {
    let owner = match case.step {
        Step::Remove { owner, .. }
        | Step::Append { owner, .. }
        | Step::ClearRel { owner, .. }
        | Step::SetRel { owner, value: Target::Many(_), .. } => owner,
        _ => return false,
    };
    let cannot =
        case.got.detail() == CANNOT_LOAD || case.got.is_code("E0216") || case.got.is_code("E0404");
    case.past.was_deleted(owner) && case.expected.is_ok() && cannot
}

/// It has loaded what a deleted object led to, or goes on to load it, without those that are not there;
/// entail has reached it without loading it. A list that is loaded may be changed, and its owner dirty.
pub fn not_loaded_by_a_delete(case: &Case<'_>) -> bool {
    if let (Some(expected), Some(got)) = (case.expected.dirty(), case.got.dirty()) {
        let was_deleted = |name: &Json| name.as_str().is_some_and(|one| case.past.was_deleted(one));
        return got.iter().all(|name| expected.contains(name))
            && expected.iter().all(|name| got.contains(name) || was_deleted(name));
    }
    let Step::View { owner, .. } = case.step else { return false };
    let cannot = case.got.detail() == CANNOT_LOAD;
    let nobody = case.got.shows_nobody() || case.expected.shows_nobody() && case.got.is_ok();
    let fewer = additions(case.expected.view(), case.got.view()).is_some();
    let lost = beyond(case.got.view(), case.expected.view());
    let queued = !lost.is_empty() && lost.iter().all(|one| case.past.were_joined(owner, one));
    let unknown = nobody || fewer || queued || cannot && case.expected.is_ok();
    unknown && (case.past.was_deleted(owner) || case.past.gone.contains(owner))
}

/// A list that SQLAlchemy loads after a flush is without the deleted ones; entail's has them, because the
/// delete has reached it before. That of an owner which has gone along with one is empty. The list of a
/// deleted object may have a member once more.
pub fn still_in_the_list(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else { return false };
    let (Some(mut expected), Some(mut got)) =
        (members(case.expected.view()), members(case.got.view()))
    else {
        return false;
    };
    let flushes = case.scenario.session.autoflush && case.past.has_deleted();
    if case.past.was_deleted(owner) || flushes {
        expected.dedup();
        got.dedup();
    }
    let goes_along = case.past.deleted().any(|one| case.past.were_joined(owner, one));
    if flushes && goes_along && expected.is_empty() {
        return true;
    }
    // Who has no name may be one that the delete has reached.
    let stays = |name: &String| !(case.past.was_deleted(name) || flushes && name == "?");
    expected.retain(stays);
    got.retain(stays);
    case.past.has_deleted() && expected == got
}

/// Its flush has loaded what an object led to, and goes on to show that after a delete has set the
/// reference to NULL; or it has set the reference of a deleted row to NULL, so that this leads to nobody.
pub fn shows_who_was_deleted(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else { return false };
    let (Some(expected), Some(got)) = (case.expected.view(), case.got.view()) else { return false };
    let may_be_gone = |name: &str| case.past.was_deleted(name) || case.past.gone.contains(name);
    let is_one = |name: &str| may_be_gone(name) || name == "?" && case.past.has_deleted();
    let shown = expected.as_str().is_some_and(is_one);
    let is_gone = case.past.was_deleted(owner) || case.past.gone.contains(owner);
    let cleared = expected.is_null() && got.is_string() && is_gone;
    shown && got.is_null() || cleared
}

/// SQLAlchemy deletes an object once more that is deleted already, if its owner is deleted: the object is
/// found again, where SQLite has given its number to another row, that row goes, and who has its key now
/// takes the place of a row that is not there.
pub fn deleted_once_more(case: &Case<'_>) -> bool {
    if !(case.past.deleted_again || case.past.doubled && case.past.has_deleted()) {
        return false;
    }
    let (expected, got) = (case.expected, case.got);
    let of_deleted = || names(case.step).any(|name| case.past.was_deleted(name));
    let by_name = names(case.step).next().is_some();
    let found = expected.found() == Some(true) && got.found() == Some(false) && by_name;
    let attached = expected.is_ok() && got.is_code("E0206") && (of_deleted() || case.past.doubled);
    let flushed = match expected.error() {
        "" if expected.is_ok() => {
            let may_be = case.past.committed || case.past.merged_onto_deleted;
            let inserted = may_be && got.error() == "integrity.not_null";
            got.detail().contains("still refer by") || inserted
        }
        "integrity.foreign_key" | "integrity.not_null" | "stale_data" => {
            got.is_ok() || got.is_integrity() || got.is_code("E0206")
        }
        "invalid_request" => matches!(case.step, Step::Rollback),
        _ => false,
    };
    let both_gone = all_states(case, |_, expected, got| {
        expected == "deleted" && matches!(got, "detached" | "pending")
    });
    let read = match case.step {
        Step::Read { object, .. } => case.past.was_deleted(object) && got.detail() == OUTSIDE,
        _ => false,
    };
    found || attached || flushed || read || both_gone || has_more_rows(case)
}

/// An object that is without a parent, and has stayed so far, SQLAlchemy deletes once it is set to what it
/// is already; for entail nothing has changed.
pub fn orphan_once_touched(case: &Case<'_>) -> bool {
    let is_read_afresh = case.past.merged || case.past.refreshed;
    let may_delete = is_read_afresh && all_relationships(case).any(deletes_orphans);
    has_single_parent(case) && has_more_rows(case)
        || may_delete && (has_more_rows(case) || all_states(case, stays_here))
}

/// A deleted object is set to what it leads to, as its delete has found out, so that nothing comes along.
pub fn set_to_what_it_was(case: &Case<'_>) -> bool {
    case.past.has_deleted()
        && case.past.expunged
        && all_states(case, |_, expected, got| (expected, got) == ("detached", "persistent"))
}

/// An expire goes on to what a delete has loaded, and drops what it was set to.
pub fn expired_with_what_was_loaded(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else { return false };
    let led_to = |view: Option<&Json>| {
        view.and_then(Json::as_str).is_some_and(|name| case.past.were_joined(owner, name))
    };
    let both = led_to(case.expected.view()) && led_to(case.got.view());
    case.past.has_deleted() && case.past.expired && both
}
