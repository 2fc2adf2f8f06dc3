//! Expired objects, and those whose rows are gone.

use serde_json::Value as Json;

use super::super::look::{
    all_relationships, all_states, cascades_below, changes, deletes_orphans, has_given_key,
    has_post_update, has_version, is_gone_here, may_be_stale, names, same_but_references,
};
use super::super::refusal::{NOT_PERSISTED, NOT_PRESENT, ROW_IS_GONE};
use super::super::{Answer, Case};
use crate::scenario::{Step, Target};

/// SQLAlchemy must read an expired object whose row is gone, to flush it, to delete it, to merge onto it
/// or to show a column; entail knows enough without that.
pub fn row_not_needed(case: &Case<'_>) -> bool {
    let says = |text| case.expected.error() == "invalid_request" && case.expected.may_say(text);
    let flushes =
        matches!(case.step, Step::Flush | Step::Commit | Step::BeginNested | Step::Release);
    let needs = flushes
        || case.scenario.session.autoflush
        || matches!(case.step, Step::Delete { .. } | Step::Merge { .. });
    let was_new = says("cannot be refreshed - it's not  persistent");
    let outside = says("attribute refresh operation cannot proceed");
    let is_gone = says(NOT_PRESENT) || outside || needs && (was_new || says(NOT_PERSISTED));
    let knows = case.got.is_ok() || case.got.is_of_a_flush();
    (is_gone || was_new && matches!(case.step, Step::Read { .. })) && knows
}

/// To show a column of an expired object, or that it leads to nobody, entail reads it, and flushes
/// before; SQLAlchemy may know that from a flush that has read it, or from the change of a key, which reads
/// what was there.
pub fn read_to_show(case: &Case<'_>) -> bool {
    let shows = match case.step {
        Step::View { .. } => case.expected.view().is_some_and(Json::is_null),
        Step::Read { .. } => case.expected.is_ok(),
        _ => false,
    };
    let has_flushed =
        all_states(case, |_, expected, got| expected == "pending" && got == "persistent");
    let refused = shows && case.got.is_of_a_flush();
    let both = case.expected.tables().is_some() && case.got.tables().is_some();
    let is_written = both && may_be_stale(case) && case.past.read_what_was_set;
    case.scenario.session.autoflush && (refused || has_flushed || is_written)
}

/// Reading an expired object whose row is gone leaves it where it is; entail has asked for it by its key,
/// which says that it is gone.
pub fn lost_by_reading(case: &Case<'_>) -> bool {
    all_states(case, |name, expected, got| {
        case.past.was_lost(name)
            && expected == "persistent"
            && matches!(got, "deleted" | "detached")
    })
}

/// Where SQLAlchemy has looked for the row of an expired object, to show who leads there, it has found
/// that it is gone. It takes it for gone, too, where the flush before that look has changed its key.
pub fn found_gone(case: &Case<'_>) -> bool {
    let mut entities = case.scenario.entities.iter();
    let may_change = case.scenario.session.autoflush
        && may_be_stale(case)
        && entities.any(|entity| has_given_key(case.scenario, &entity.name));
    let may_be_gone = case.past.raw_delete || case.past.rolled_back || may_change;
    may_be_gone
        && all_states(case, |_, expected, got| match expected {
            "deleted" => matches!(got, "persistent" | "detached"),
            "detached" => case.past.committed && got == "persistent",
            _ => false,
        })
}

/// So it can still be used there, and not here, nor can what leads to it come in.
pub fn used_though_lost(case: &Case<'_>) -> bool {
    let comes_in = matches!(case.step, Step::Add { .. });
    let is_lost =
        |name: &str| case.past.was_lost(name) || comes_in && case.past.joined_the_lost(name);
    names(case.step).any(is_lost) && case.expected.is_ok() && case.got.error() == "invalid_request"
}

/// SQLAlchemy shows an empty list of an expired object whose row is gone, if it asks by a column that it
/// cannot read any more, or what it held before, or what the row that has got its number holds; entail says
/// that the row is gone.
pub fn gone_behind_it(case: &Case<'_>) -> bool {
    let is_second = case.past.expunged && case.past.has_deleted();
    let may_be_gone = case.past.rolled_back || case.past.raw_delete || is_second;
    let shows = may_be_gone && case.expected.view().is_some();
    let is_shown = (case.expected.shows_nobody() || shows) && case.got.is_code("E0404");
    let reads = matches!(case.step, Step::Read { .. }) && case.expected.is_ok();
    is_shown || may_be_gone && reads && case.got.detail() == ROW_IS_GONE
}

/// So it does where a list is changed, or the row is read afresh, which may be that of the one who has taken
/// the key of an orphan or a deleted one.
pub fn changed_though_gone(case: &Case<'_>) -> bool {
    let reads_afresh = matches!(case.step, Step::Refresh { .. });
    let is_given = |name: &str| {
        case.past.entity(name).is_some_and(|entity| has_given_key(case.scenario, entity))
    };
    let is_deleted = names(case.step).any(|name| case.past.was_deleted(name));
    let may_be_taken = reads_afresh
        && case.scenario.session.autoflush
        && names(case.step).any(is_given)
        && (is_deleted || all_relationships(case).any(deletes_orphans));
    let may_be_gone = case.past.rolled_back || case.past.raw_delete || may_be_taken;
    let reads = changes(case.step) || reads_afresh;
    reads && may_be_gone && case.expected.is_ok() && case.got.is_code("E0404")
}

/// A version that is not to be trusted is read before anything is written; SQLAlchemy comes to another
/// refusal first.
pub fn read_for_its_version(case: &Case<'_>) -> bool {
    let may_be_gone = case.past.rolled_back || case.past.raw_delete;
    may_be_gone
        && has_version(case.scenario)
        && case.expected.is_of_a_flush()
        && case.got.is_code("E0404")
}

/// A column of an expired object was set to what its row has, as comes to light when that is read:
/// SQLAlchemy takes it for changed.
pub fn set_before_it_was_read(case: &Case<'_>) -> bool {
    let (Some(expected), Some(got)) = (case.expected.dirty(), case.got.dirty()) else {
        return false;
    };
    let was_set = |name: &str| case.past.columns_set(name).next().is_some();
    let mut more = expected.iter().filter(|name| !got.contains(name));
    may_be_stale(case)
        && got.iter().all(|name| expected.contains(name))
        && more.all(|name| name.as_str().is_some_and(was_set))
}

/// An object that is merged onto is read afresh, and if its row is gone, another takes its place.
pub fn merged_anew(case: &Case<'_>) -> bool {
    let changed = case.expected.dirty().is_some() && case.got.dirty().is_some();
    let may_be_gone = case.past.raw_delete || case.past.has_deleted() && cascades_below(case);
    let is_new = all_states(case, |name, expected, got| match expected {
        "persistent" => got == "pending" || is_gone_here(name, expected, got),
        _ => false,
    });
    case.past.merged && may_be_gone && may_be_stale(case) && (changed || is_new)
}

/// What a flush before a read has given to an object that the read was for, it keeps through a rollback,
/// or to one outside; SQLAlchemy had read it already, and has not flushed.
pub fn flushed_to_read(case: &Case<'_>) -> bool {
    let kept = case.got.error() == "integrity.foreign_key"
        && case.got.detail().contains("while writing: add ");
    let flushes = case.scenario.session.autoflush && may_be_stale(case);
    let is_new = case.past.expired && case.past.rolled_back;
    let is_blanked = case.past.let_go && case.got.error() == "key_blanked";
    flushes && case.expected.is_ok() && (is_new && kept || is_blanked)
}

/// A reference that is written afterwards SQLAlchemy forgets if its object was expired before the flush,
/// though the list that let go of it was not.
pub fn expired_before_its_update(case: &Case<'_>) -> bool {
    let tables = &case.scenario.tables;
    let is_written_later = tables.iter().any(|table| has_post_update(case.scenario, &table.name));
    case.past.expired && is_written_later && same_but_references(case)
}

/// What SQLAlchemy's flush has loaded of such an object goes on to show the owner that let go of it, or
/// nobody where the list of an owner that was outside has it. To set what is shown changes nothing, even
/// if it was deleted since.
pub fn goes_on_to_show(case: &Case<'_>) -> bool {
    if let Step::SetRel { owner, value: Target::One(Some(shown)), .. } = case.step {
        let is_refused = case.expected.is_ok() && case.got.is_code("E0206");
        return case.past.refreshed && case.past.were_joined(owner, shown) && is_refused;
    }
    let Step::View { owner, .. } = case.step else { return false };
    let shows = |one: Answer<'_>, other: Answer<'_>| {
        let shown = one.view().and_then(Json::as_str);
        let were_joined = shown.is_some_and(|shown| case.past.were_joined(owner, shown));
        were_joined && other.view().is_some_and(Json::is_null)
    };
    let (expected, got) = (case.expected, case.got);
    let may_have_read = case.past.refreshed || may_be_stale(case);
    may_have_read && (shows(expected, got) || shows(got, expected))
}

/// The list of a former owner lets go of an object, though that was read afresh since, so that it leads to
/// nobody; entail's object has the word.
pub fn let_go_of_though_refreshed(case: &Case<'_>) -> bool {
    let shows = |owner: &str| {
        let had = case.got.view().and_then(Json::as_str);
        let is_former = had.is_some_and(|former| case.past.were_joined(owner, former));
        is_former && case.expected.view().is_some_and(Json::is_null)
    };
    let is_shown = match case.step {
        Step::View { owner, .. } => case.past.expired && shows(owner),
        _ => same_but_references(case),
    };
    (may_be_stale(case) || case.past.refreshed) && is_shown
}
