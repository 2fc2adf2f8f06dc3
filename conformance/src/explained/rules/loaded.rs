//! What one side has loaded, and the other has not.

use serde_json::Value as Json;

use super::super::Case;
use super::super::look::{
    additions, all_relationships, all_states, cascades_below, deletes_orphans, has_fewer_rows,
    has_single_parent, has_version, is_gone_here, may_be_stale, members,
};
use super::super::refusal::{failed_on, is_refused_autoflush};
use crate::scenario::{Scenario, Step, Target};

/// The list of an object that was new, and that nobody has touched, SQLAlchemy reads, and so it flushes;
/// entail knows that it is empty, and comes to the flush, or to its refusal, later.
pub fn flushed_by_a_new_list(case: &Case<'_>) -> bool {
    let owner = match case.step {
        Step::Append { owner, .. }
        | Step::Remove { owner, .. }
        | Step::ClearRel { owner, .. }
        | Step::SetRel { owner, value: Target::Many(_), .. }
        | Step::View { owner, .. } => owner,
        _ => return false,
    };
    let sooner = is_refused_autoflush(case);
    let may_know = case.past.made_lists || case.past.is_made(owner);
    let later = may_know && case.expected.is_ok() && case.got.is_of_a_flush();
    case.scenario.session.autoflush && (sooner && case.past.is_made(owner) || later)
}

/// So it is with an object whose row is not known, or whose reference is to no key, and that leads to
/// nobody: who was new is persistent after that.
pub fn flushed_to_read_nobody(case: &Case<'_>) -> bool {
    let sooner = |_: &str, expected: &str, got: &str| (expected, got) == ("persistent", "pending");
    let needs_it =
        matches!(case.step, Step::Delete { .. } | Step::Refresh { .. } | Step::Expire { .. });
    let used = needs_it && case.expected.is_ok() && case.got.is_code("E0205");
    let may_read = may_be_stale(case) || refers_to_no_key(case.scenario);
    case.scenario.session.autoflush && may_read && (used || all_states(case, sooner))
}

/// SQLAlchemy loads what a relationship held before it was set; entail asks nothing, and takes it for
/// changed.
pub fn former_unknown(case: &Case<'_>) -> bool {
    let (Some(expected), Some(got)) = (case.expected.dirty(), case.got.dirty()) else {
        return false;
    };
    got.len() > expected.len() && expected.iter().all(|name| got.contains(name))
}

/// So an object may be refused as a second parent although it is the one; or SQLAlchemy refuses it, after a
/// rollback has expired what it leads to.
pub fn is_the_one(case: &Case<'_>) -> bool {
    let may_be_unknown = may_be_stale(case) || case.past.has_deleted();
    let Step::SetRel { owner, value: Target::One(Some(value)), .. } = case.step else {
        return false;
    };
    let were_joined = case.past.were_joined(owner, value);
    let refused_here = case.expected.is_ok() && case.got.is_code("E0208");
    let refused_there = case.expected.may_say("is already associated with") && case.got.is_ok();
    may_be_unknown && were_joined && (refused_here || refused_there)
}

/// So the list that held it before lets go of it in the flush, which asks; or it has let go, where
/// SQLAlchemy's does not hear of it.
pub fn former_list_unknown(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else { return false };
    let has_moved =
        |member: &String| case.past.companions(member) > 1 || case.past.was_deleted(owner);
    let (expected, got) = (case.expected.view(), case.got.view());
    let differ = additions(got, expected).or_else(|| additions(expected, got));
    may_be_stale(case) && differ.is_some_and(|differ| differ.iter().all(has_moved))
}

/// What a reference to a column that is no key held, SQLAlchemy asks before it is set: an object that is
/// set to what it leads to, which goes, then leads to nobody. entail's is set to the one that goes, or has
/// not changed, and the database takes its row along.
pub fn set_to_the_one_that_goes(case: &Case<'_>) -> bool {
    let refused = case.expected.is_ok() && case.got.error() == "integrity.foreign_key";
    let goes_along = cascades_below(case) && has_fewer_rows(case);
    let may_be = may_be_stale(case) && case.past.has_deleted();
    (refused || goes_along) && may_be && refers_to_no_key(case.scenario)
}

/// Whether a foreign key refers to a column that is not of the primary key.
fn refers_to_no_key(scenario: &Scenario) -> bool {
    let keys = scenario.tables.iter().flat_map(|table| &table.foreign_keys);
    keys.into_iter().any(|key| {
        let table = scenario.table(&key.references.table);
        let column = |name: &String| table.and_then(|table| table.column(name));
        key.references.columns.iter().filter_map(column).any(|column| !column.primary_key)
    })
}

/// Who is let go of so, may be an orphan.
pub fn orphan_of_an_unknown(case: &Case<'_>) -> bool {
    let is_gone = all_states(case, is_gone_here) || has_fewer_rows(case);
    case.past.expired && has_single_parent(case) && is_gone
}

/// A merge reads the row of an expired object that it copies onto, and so knows what that led to;
/// SQLAlchemy takes the relationship for changed, or the list that held it does not hear of it.
pub fn read_by_a_merge(case: &Case<'_>) -> bool {
    let changed = match (case.expected.dirty(), case.got.dirty()) {
        (Some(expected), Some(got)) => got.iter().all(|name| expected.contains(name)),
        _ => additions(case.expected.view(), case.got.view()).is_some(),
    };
    case.past.merged && may_be_stale(case) && changed
}

/// A column that was never set, and that is not given to a merge, SQLAlchemy reads from then on, and so it
/// flushes.
pub fn flushed_to_read_what_was_not_merged(case: &Case<'_>) -> bool {
    case.scenario.session.autoflush && case.past.read_after_a_merge && has_fewer_rows(case)
}

/// What it takes for changed so, it takes in: an object that was to be deleted is kept.
pub fn kept_by_a_merge(case: &Case<'_>) -> bool {
    case.past.merged && may_be_stale(case) && case.past.has_deleted() && has_fewer_rows(case)
}

/// What a delete has loaded SQLAlchemy knows, and so whose list hears of a change.
pub fn former_found_by_a_delete(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else { return false };
    let names = [case.expected, case.got].map(|one| one.view().and_then(Json::as_str));
    let were_joined =
        |name: &Option<&str>| name.is_some_and(|name| case.past.were_joined(owner, name));
    may_be_stale(case) && case.past.has_deleted() && names.iter().all(were_joined)
}

/// Such a list is asked for in SQLAlchemy by a number that SQLite may have given to another row, and so is
/// a reference that was never set.
pub fn known_to_be_empty(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else { return false };
    let is_found = !case.expected.shows_nobody() && case.expected.view().is_some();
    let is_new = case.past.is_made(owner) || case.past.merged;
    is_new && case.past.raw_delete && case.got.shows_nobody() && is_found
}

/// And who was set to its owner twice, because an expire has dropped the first time, is in it twice;
/// SQLAlchemy has queued him once.
pub fn known_twice(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else { return false };
    let shown = members(case.expected.view()).unwrap_or_default();
    let twice = additions(case.got.view(), case.expected.view());
    let is_one = |name: &String| shown.contains(name) && case.past.were_joined(owner, name);
    let may_be = case.past.expired && case.past.is_made(owner);
    may_be && twice.is_some_and(|twice| twice.iter().all(is_one))
}

/// And who is taken out of it goes by its version, though the row is gone.
pub fn known_though_gone(case: &Case<'_>) -> bool {
    let counts = has_version(case.scenario) && all_relationships(case).any(deletes_orphans);
    let lets_go = case.past.let_go_of_by_made && case.past.raw_delete;
    counts && lets_go && case.expected.is_ok() && case.got.is_code("E0305")
}

/// A list is asked for by the key that the row has; in SQLAlchemy by the changed one, in the flush
/// itself, too, whose view remains.
pub fn asked_by_the_changed_key(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else {
        // So a delete cascade finds nobody.
        return case.past.deleted().any(|owner| is_key_changed(case, owner))
            && has_fewer_rows(case);
    };
    let is_found = additions(case.got.view(), case.expected.view()).is_some();
    is_key_changed(case, owner) && is_found
}

/// So those who refer to the former one are not let go of, and the database refuses the change.
pub fn refused_by_the_changed_key(case: &Case<'_>) -> bool {
    let refused = case.expected.error() == "integrity.foreign_key" && case.got.is_ok();
    let changed = |table: &str| {
        let lives_there = |name: &&str| {
            let entity = case.past.entity(name);
            entity.and_then(|one| case.scenario.table_of(one)).is_some_and(|one| one.name == table)
        };
        case.past.names().filter(lives_there).any(|name| is_key_changed(case, name))
    };
    refused && failed_on(case, "[SQL: UPDATE", changed)
}

/// Whether a column of an object was set that others may refer to.
fn is_key_changed(case: &Case<'_>, owner: &str) -> bool {
    let table = case.past.entity(owner).and_then(|entity| case.scenario.table_of(entity));
    let is_key = |column: &str| {
        let column = table.and_then(|table| table.column(column));
        column.is_some_and(|column| column.primary_key || column.unique)
    };
    case.past.columns_set(owner).any(is_key)
}

/// An object that was let go of comes back under its old key in SQLAlchemy, if a rollback gives that back,
/// or its delete has loaded what it leads to; entail loads another of the row. Or the delete has loaded
/// another of the row of one that is outside, and that comes back when the delete does.
pub fn another_of_the_row(case: &Case<'_>) -> bool {
    let (Some(expected), Some(got)) = (case.expected.view(), case.got.view()) else { return false };
    let strangers = |view: &Json| {
        let names = view.as_array().map_or(std::slice::from_ref(view), Vec::as_slice);
        (names.len(), names.iter().filter(|name| *name == "?").count())
    };
    let ((known, before), (there, now)) = (strangers(expected), strangers(got));
    let may_be = case.past.has_deleted() || case.past.rolled_back && case.past.expunged;
    let entity = |view: &Json| case.past.entity(view.as_str()?).map(str::to_owned);
    let named = entity(expected).is_some_and(|one| Some(one) == entity(got));
    let may_have_loaded = case.past.has_deleted() && case.past.expunged;
    known == there && (may_be && now > before || may_have_loaded && before > now)
        || may_have_loaded && named
}
