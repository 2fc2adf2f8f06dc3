//! The rules. Each is as narrow as the answers let it be; what it does not cover is a difference.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::look::{
    all_relationships, all_states, has_given_key, has_more_rows, has_post_update, is_in_a_ring,
    is_linked, names, same_but_references, same_rows,
};
use super::{Answer, Case, Rule, Then};
use crate::scenario::{Step, Target};

const fn stop(because: &'static str, explains: fn(&Case<'_>) -> bool) -> Rule {
    Rule { because, then: Then::Stop, explains }
}

const fn go_on(because: &'static str, explains: fn(&Case<'_>) -> bool) -> Rule {
    Rule { because, then: Then::GoOn, explains }
}

/// Why nothing can be compared after two answers that agree.
pub const OF_AGREEMENTS: &[Rule] =
    &[stop("DBFK-02, RB-06", failed_without_rollback), stop("STATE-09", refused_in_part)];

/// Why two answers may differ.
pub const OF_DIFFERENCES: &[Rule] = &[
    stop("ORDER-05, ORDER-09", planned_past),
    stop("ORDER-05, ORDER-09", refused_later),
    stop("ORDER-13, M2M-07", deletes_ordered),
    stop("SYNC-07", key_not_given),
    stop("NULLIFY-06", refused_beforehand),
    stop("NULLIFY-06", not_its_key),
    stop("WRITE-06", deleted_by_null),
    stop("STALE-01", counted_first),
    stop("STALE-01", counted_together),
    stop("VERS-03", version_counted),
    stop("VERS-03", nothing_to_write),
    stop("SYNC-04", same_key_again),
    stop("M2M-11", counted_several_times),
    stop("BACKREF-10", two_owners),
    stop("IDMAP-02", number_given_again),
    stop("EXPIRE-03, RB-03", row_not_needed),
    stop("EXPIRE-03", read_to_show),
    stop("EXPIRE-09", lost_by_reading),
    stop("EXPIRE-09", found_gone),
    stop("EXPIRE-09", used_though_lost),
    go_on("EXPIRE-09", gone_behind_it),
    stop("EXPIRE-09", changed_though_gone),
    stop("WRITE-03, STATE-11", cannot_load),
    go_on("STATE-11", shown_without_loading),
    stop("STATE-09", still_there),
    stop("STATE-09", deleted_its_row),
    stop("POSTUPD-02", expired_before_its_update),
    stop("STATE-04", deleted_twice),
    stop("AUTOFL-01", flushed_by_a_new_list),
    stop("CASC-DEL-01", flushed_by_a_delete),
    stop("CASC-DEL-01", refused_after_a_delete),
    stop("CASC-DEL-01", in_the_way),
    stop("CASC-DEL-01", read_by_a_delete),
    stop("CASC-DEL-01", removed_from_what_was_loaded),
    go_on("CASC-DEL-01, STATE-11", not_loaded_by_a_delete),
    go_on("CASC-DEL-21", still_in_the_list),
    go_on("NULLIFY-01", shows_who_was_deleted),
    stop("CASC-DEL-21", deleted_once_more),
    stop("DIRTY-01", orphan_once_touched),
    go_on("DIRTY-02", former_unknown),
    stop("RB-06", refuses_all_use),
    stop("RB-01", kept_and_refused),
    stop("RB-01", kept_and_found),
    stop("RB-01", kept_numbers),
    stop("RB-01", merged_onto_what_was_kept),
    stop("RB-01, POSTUPD-01", left_over),
    go_on("RB-03", known_after_a_rollback),
    stop("RB-04", never_had_the_row),
    stop("RB-06", still_called_deleted),
    stop("ROWSW-02", switched_in_part),
];

// --- After answers that agree ---------------------------------------------------------------------

/// After a flush that failed within a step that does not roll back, SQLAlchemy's objects are transient
/// and its session refuses all use, while entail's are as before.
fn failed_without_rollback(case: &Case<'_>) -> bool {
    let rolls_back =
        matches!(case.step, Step::Flush | Step::Commit | Step::Release | Step::Sql { .. });
    case.expected.is_of_a_flush() && !rolls_back
}

/// SQLAlchemy refuses to attach an object after part of its graph has come in, or other members of its
/// list have. A merge that is refused has copied in part, in another order here and there.
fn refused_in_part(case: &Case<'_>) -> bool {
    let is_list = matches!(case.step, Step::SetRel { value: Target::Many(_), .. });
    let says = |text| case.expected.may_say(text);
    let of_a_list = is_list && (says("has been deleted.  Use") || says(NOT_PRESENT));
    let of_a_merge = matches!(case.step, Step::Merge { .. });
    let in_the_way = attaches(case.step) && says(IN_THE_WAY);
    case.expected.error() == "invalid_request" && (in_the_way || of_a_list || of_a_merge)
}

fn attaches(step: &Step) -> bool {
    matches!(step, Step::SetRel { .. } | Step::Append { .. } | Step::Add { .. })
}

/// What SQLAlchemy says where an object stands for the row already.
const IN_THE_WAY: &str = "another instance with key";

/// What it says where a query began a flush that failed.
const BY_AUTOFLUSH: &str = "Query-invoked autoflush";

/// What it says where a row that it must read is gone.
const NOT_PRESENT: &str = "or its row is otherwise not present";

// --- Flushes --------------------------------------------------------------------------------------

/// Where SQLAlchemy cannot order the statements, or trips over a unique value, entail plans past it.
/// What comes after an autoflush may then be refused.
fn planned_past(case: &Case<'_>) -> bool {
    is_planned_past(case) && passes(case)
}

/// Whether entail's flush passed, though what came after an autoflush may have been refused.
fn passes(case: &Case<'_>) -> bool {
    let after_it =
        case.expected.detail().contains(BY_AUTOFLUSH) && case.got.error() == "invalid_request";
    case.got.is_ok() || after_it
}

fn is_planned_past(case: &Case<'_>) -> bool {
    matches!(case.expected.error(), "cycle" | "integrity.unique")
}

/// The database refuses what SQLAlchemy never came to.
fn refused_later(case: &Case<'_>) -> bool {
    let may_be_gone = case.past.raw || case.past.rolled_back;
    let refused = case.got.is_integrity() || may_be_gone && case.got.error() == "stale_data";
    is_planned_past(case) && refused && case.got.error() != case.expected.error()
}

/// Rows that are deleted refer to each other, or a link is added to one, or a reference in a ring.
fn deletes_ordered(case: &Case<'_>) -> bool {
    let expected = case.expected;
    let links =
        |table: &str| all_relationships(case).any(|one| one.secondary.as_deref() == Some(table));
    let linked = |table: &str| is_linked(case.scenario, table);
    let ring = |table: &str| is_in_a_ring(case.scenario, table);
    let refused = matches!(expected.error(), "integrity.foreign_key" | "integrity.not_null");
    let of_a_link = failed_on(case, "[SQL: INSERT INTO", links)
        || failed_on(case, "[SQL: DELETE FROM", linked)
        || failed_on(case, "[SQL: UPDATE", ring);
    is_refused_delete(case, ring) || refused && of_a_link && passes(case) && !is_its_own(case)
}

/// Whether a statement with this beginning failed on such a table. Without a detail it may have, if the
/// scenario has such a table at all.
fn failed_on(case: &Case<'_>, beginning: &str, is_such: impl Fn(&str) -> bool) -> bool {
    match case.expected.table_behind(beginning) {
        Some(table) => is_such(table),
        None => {
            let mut tables = case.scenario.tables.iter();
            case.expected.detail().is_empty() && tables.any(|table| is_such(&table.name))
        }
    }
}

/// Whether what was refused is a statement of the scenario's own.
fn is_its_own(case: &Case<'_>) -> bool {
    matches!(case.step, Step::Sql { sql } if case.expected.may_say(sql))
}

/// Whether SQLAlchemy's delete from such a table was refused, while entail's flush passed.
fn is_refused_delete(case: &Case<'_>, is_such: impl Fn(&str) -> bool) -> bool {
    case.expected.error() == "integrity.foreign_key"
        && case.got.is_ok()
        && !is_its_own(case)
        && failed_on(case, "[SQL: DELETE FROM", is_such)
}

/// An object without a value for a key that the database does not make is refused before anything is
/// sent. SQLAlchemy leaves it to the database, and SQLite makes up an integer.
fn key_not_given(case: &Case<'_>) -> bool {
    case.expected.is_integrity() && case.got.is_code("E0304")
}

/// A key that would be lost is refused before anything is sent. SQLAlchemy may have sent something
/// before that the database refuses.
fn refused_beforehand(case: &Case<'_>) -> bool {
    case.expected.is_integrity() && case.got.error() == "key_blanked"
}

/// SQLAlchemy refuses that, too, of an object outside the session, which it would not write.
fn not_its_key(case: &Case<'_>) -> bool {
    let is_outside = case.past.expunged || !case.past.gone.is_empty();
    is_outside && case.expected.error() == "key_blanked" && case.got.is_ok()
}

/// SQLAlchemy has given an object a key of NULL, or it is new, and then cannot delete it by that.
fn deleted_by_null(case: &Case<'_>) -> bool {
    let by_null = case.expected.may_say("using NULL for primary key value");
    let passes = case.got.is_of_a_flush() || case.got.is_ok();
    case.expected.error() == "flush" && by_null && passes
}

/// entail counts the rows of every statement as it runs; SQLAlchemy counts those of one shape together,
/// so that another failure may come first where a row was deleted behind it.
fn counted_first(case: &Case<'_>) -> bool {
    let other = case.expected.is_integrity() || case.expected.error() == "cycle";
    case.past.raw && other && case.got.error() == "stale_data"
}

/// References that are written afterwards are counted together in SQLAlchemy, before the deletes; entail
/// lets go of each where its row's turn comes.
fn counted_together(case: &Case<'_>) -> bool {
    let tables = &case.scenario.tables;
    case.expected.error() == "stale_data"
        && case.got.is_integrity()
        && tables.iter().any(|table| has_post_update(case.scenario, &table.name))
}

/// SQLAlchemy counts up the version of a row whose foreign key was never set and is set to nothing;
/// entail does where a column changes, and from there on the numbers are no longer the same.
fn version_counted(case: &Case<'_>) -> bool {
    let entities = case.scenario.entities.iter();
    let versions: Vec<_> = entities
        .filter_map(|entity| Some((entity.table.as_str(), entity.version_column.as_deref()?)))
        .collect();
    !versions.is_empty() && same_rows(case, |table, column| !versions.contains(&(table, column)))
}

/// It also sends that update where the row is gone, and finds that out. entail goes on, and may then be
/// refused.
fn nothing_to_write(case: &Case<'_>) -> bool {
    let refers = |table: &str| {
        case.scenario.table(table).is_some_and(|table| !table.foreign_keys.is_empty())
    };
    let passes = case.got.is_ok() || case.got.is_integrity();
    case.past.raw_delete && passes && is_stale(case, "UPDATE", refers)
}

/// Whether SQLAlchemy says that a row of such a table was not there.
fn is_stale(case: &Case<'_>, verb: &str, is_such: impl Fn(&str) -> bool) -> bool {
    let beginning = format!("{verb} statement on table");
    case.expected.error() == "stale_data" && failed_on(case, &beginning, is_such)
}

/// A reference that the database has set to NULL is written again, where it is set to another object with
/// the same key; SQLAlchemy sees no net change.
fn same_key_again(case: &Case<'_>) -> bool {
    case.past.raw_delete && same_but_references(case)
}

/// For a list that holds an object several times, SQLAlchemy expects so many link rows. entail goes on,
/// and may then be refused.
fn counted_several_times(case: &Case<'_>) -> bool {
    let is_of_links =
        |table: &str| all_relationships(case).any(|one| one.secondary.as_deref() == Some(table));
    let passes = case.got.is_ok() || case.got.is_integrity();
    let inserted = case.expected.is_integrity()
        && case.got.is_integrity()
        && failed_on(case, "[SQL: INSERT INTO", is_of_links);
    case.past.doubled && (inserted || passes && is_stale(case, "DELETE", is_of_links))
}

/// Of two owners that have an object in their lists, because it was twice in one of them, chance says
/// in SQLAlchemy which one has the last word; or one of them lets go of it, and has it.
fn two_owners(case: &Case<'_>) -> bool {
    let (expected, got) = (case.expected, case.got);
    let without =
        |one: Answer<'_>, other: Answer<'_>| one.error() == "integrity.not_null" && other.is_ok();
    let written = without(expected, got) || without(got, expected);
    case.past.doubled && (same_but_references(case) || written)
}

/// A number whose row was deleted by a statement is given to another row by SQLite, and to which one
/// depends on the order of the inserts.
fn number_given_again(case: &Case<'_>) -> bool {
    let Step::Get { entity, .. } = case.step else { return false };
    case.past.raw_delete
        && !has_given_key(case.scenario, entity)
        && case.expected.found().is_some_and(|found| case.got.found() == Some(!found))
}

// --- Expired objects ------------------------------------------------------------------------------

/// SQLAlchemy must read an expired object whose row is gone, to flush it, to delete it, to merge onto it
/// or to show a column; entail knows enough without that.
fn row_not_needed(case: &Case<'_>) -> bool {
    let says = |text| case.expected.error() == "invalid_request" && case.expected.may_say(text);
    let flushes = matches!(case.step, Step::Flush | Step::Commit | Step::BeginNested);
    let needs = flushes
        || case.scenario.session.autoflush
        || matches!(case.step, Step::Delete { .. } | Step::Merge { .. });
    let was_new = says("cannot be refreshed - it's not  persistent");
    let outside = says("attribute refresh operation cannot proceed");
    let is_gone = says(NOT_PRESENT) || outside || needs && (was_new || says("is not persisted"));
    let knows = case.got.is_ok() || case.got.is_of_a_flush();
    (is_gone || was_new && matches!(case.step, Step::Read { .. })) && knows
}

/// To show a column of an expired object, or that it leads to nobody, entail reads it, and flushes
/// before; SQLAlchemy may know that from a flush that has read it.
fn read_to_show(case: &Case<'_>) -> bool {
    let shows = match case.step {
        Step::View { .. } => case.expected.view().is_some_and(Json::is_null),
        Step::Read { .. } => case.expected.is_ok(),
        _ => false,
    };
    let has_flushed =
        all_states(case, |_, expected, got| expected == "pending" && got == "persistent");
    let refused = shows && case.got.is_of_a_flush();
    case.scenario.session.autoflush && (refused || has_flushed)
}

/// Reading an expired object whose row is gone leaves it where it is; entail has asked for it by its key,
/// which says that it is gone.
fn lost_by_reading(case: &Case<'_>) -> bool {
    all_states(case, |name, expected, got| {
        case.past.was_lost(name)
            && expected == "persistent"
            && matches!(got, "deleted" | "detached")
    })
}

/// Where SQLAlchemy has looked for the row of an expired object, to show who leads there, it has found
/// that it is gone.
fn found_gone(case: &Case<'_>) -> bool {
    case.past.raw_delete
        && all_states(case, |_, expected, got| expected == "deleted" && got == "persistent")
}

/// So it can still be used there, and not here.
fn used_though_lost(case: &Case<'_>) -> bool {
    names(case.step).any(|name| case.past.was_lost(name))
        && case.expected.is_ok()
        && case.got.error() == "invalid_request"
}

/// SQLAlchemy shows an empty list of an expired object whose row is gone, if it asks by a column that it
/// cannot read any more, or what it held before a rollback; entail says that the row is gone.
fn gone_behind_it(case: &Case<'_>) -> bool {
    let shows = case.past.rolled_back && case.expected.view().is_some();
    (case.expected.shows_nobody() || shows) && case.got.is_code("E0404")
}

/// So it does where a list is changed, or the row is read afresh.
fn changed_though_gone(case: &Case<'_>) -> bool {
    let reads = changes(case.step) || matches!(case.step, Step::Refresh { .. });
    let may_be_gone = case.past.rolled_back || case.past.raw_delete;
    reads && may_be_gone && case.expected.is_ok() && case.got.is_code("E0404")
}

// --- Objects outside the session ------------------------------------------------------------------

/// SQLAlchemy must load before it changes an attribute, and cannot.
fn cannot_load(case: &Case<'_>) -> bool {
    let says = |text| case.expected.error() == "invalid_request" && case.expected.may_say(text);
    let cannot = says("is not bound to a Session") || says(NOT_PRESENT);
    changes(case.step) && cannot && case.got.is_ok()
}

fn changes(step: &Step) -> bool {
    matches!(
        step,
        Step::Set { .. }
            | Step::SetRel { .. }
            | Step::ClearRel { .. }
            | Step::Append { .. }
            | Step::Remove { .. }
    )
}

/// It must load to show what a detached object leads to or holds; entail's has it in memory.
fn shown_without_loading(case: &Case<'_>) -> bool {
    let shows = matches!(case.step, Step::View { .. } | Step::Read { .. });
    let cannot = case.expected.may_say("is not bound to a Session");
    shows && case.expected.error() == "invalid_request" && cannot && case.got.is_ok()
}

/// An object that SQLAlchemy has loaded, and nobody refers to any more, is gone from its session;
/// entail's session owns what it has loaded.
fn still_there(case: &Case<'_>) -> bool {
    case.expected.is_ok() && case.got.is_code("E0207")
}

/// A second object of a row has come into SQLAlchemy's session, and its row is deleted.
fn deleted_its_row(case: &Case<'_>) -> bool {
    case.past.expunged && is_refused_delete(case, |_| true)
}

/// Without expiry SQLAlchemy's deleted objects stay in the session after the commit; one that is deleted
/// once more counts as persistent after a rollback, although it has no row.
fn deleted_twice(case: &Case<'_>) -> bool {
    if case.scenario.session.expire_on_commit || !case.past.committed || !case.past.has_deleted() {
        return false;
    }
    all_states(case, |_, expected, got| {
        got == "detached" && matches!(expected, "persistent" | "deleted")
    })
}

/// The list of an object that was new, and that nobody has touched, SQLAlchemy reads, and so it flushes;
/// entail knows that it is empty, and comes to the flush, or to its refusal, later.
fn flushed_by_a_new_list(case: &Case<'_>) -> bool {
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

/// A reference that is written afterwards SQLAlchemy forgets if its object was expired before the flush,
/// though the list that let go of it was not.
fn expired_before_its_update(case: &Case<'_>) -> bool {
    let tables = &case.scenario.tables;
    let is_written_later = tables.iter().any(|table| has_post_update(case.scenario, &table.name));
    case.past.expired && is_written_later && same_but_references(case)
}

// --- Deletes --------------------------------------------------------------------------------------

/// Where SQLAlchemy's `delete` or the change of a key loads, it flushes first if autoflush is on, and may
/// be refused.
fn flushed_by_a_delete(case: &Case<'_>) -> bool {
    let loads = matches!(case.step, Step::Delete { .. } | Step::Set { .. });
    let flushed = is_refused_autoflush(case);
    let shows = matches!(case.step, Step::States) && case.scenario.session.autoflush;
    loads && flushed
        || shows
            && case.past.may_have_flushed
            && all_states(case, |_, expected, got| {
                matches!(
                    (expected, got),
                    ("deleted", "persistent")
                        | ("persistent", "pending")
                        | ("detached", "transient")
                )
            })
}

/// After that the next flush may be refused, because what it flushed was half done; entail has flushed
/// nothing yet. Or what it flushed before lets pass what entail flushes at once.
fn refused_after_a_delete(case: &Case<'_>) -> bool {
    let at_once = case.scenario.session.autoflush
        && matches!(case.step, Step::Flush | Step::Commit)
        && case.got.detail().contains("still refer by");
    let is_pending = case.scenario.session.autoflush
        && matches!(case.step, Step::Delete { .. })
        && case.got.is_code("E0205");
    let sooner = case.expected.is_ok() && (at_once || is_pending);
    case.past.may_have_flushed && (is_refused_autoflush(case) || sooner)
}

/// Whether SQLAlchemy flushed by itself and was refused, while entail's step passed.
fn is_refused_autoflush(case: &Case<'_>) -> bool {
    case.scenario.session.autoflush
        && case.expected.is_of_a_flush()
        && case.expected.may_say(BY_AUTOFLUSH)
        && case.got.is_ok()
}

/// It has loaded something, to delete it or to let go of it, that stands in the way of a detached object.
fn in_the_way(case: &Case<'_>) -> bool {
    let comes_in = attaches(case.step) || matches!(case.step, Step::Delete { .. });
    let is_there =
        comes_in && case.expected.error() == "invalid_request" && case.expected.may_say(IN_THE_WAY);
    let is_said = !case.expected.detail().is_empty();
    is_there && case.got.is_ok() && (is_said || case.past.has_deleted())
}

/// It has read an expired object, to delete or flush what leads there; entail reads it when it is asked
/// for, and a flush that goes before deletes it, or it is outside by then.
fn read_by_a_delete(case: &Case<'_>) -> bool {
    let Step::Read { object, .. } = case.step else { return false };
    let outside = case.got.detail() == "an expired object that is detached cannot be read";
    let is_gone = case.past.was_deleted(object) && case.got.error() == "invalid_request";
    case.expected.is_ok() && (outside || is_gone)
}

/// It has loaded the list of a deleted object, from which something can still be taken out.
fn removed_from_what_was_loaded(case: &Case<'_>) -> bool {
    let Step::Remove { owner, .. } = case.step else { return false };
    case.past.was_deleted(owner) && case.expected.is_ok() && case.got.is_code("E0216")
}

/// It has loaded what a deleted object led to, or goes on to load it; entail has reached it without
/// loading it.
fn not_loaded_by_a_delete(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else { return false };
    let cannot = case.got.detail() == "a detached object cannot load its relationships";
    let nobody = case.got.shows_nobody() || case.expected.shows_nobody() && case.got.is_ok();
    let unknown = nobody || cannot && case.expected.is_ok();
    unknown && (case.past.was_deleted(owner) || case.past.gone.contains(owner))
}

/// A list that SQLAlchemy loads after a flush is without the deleted ones; entail's has them, because the
/// delete has reached it before. The list of a deleted object may have a member once more.
fn still_in_the_list(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else { return false };
    let members = |answer: Answer<'_>| -> Option<Vec<String>> {
        let names = answer.view()?.as_array()?.iter().filter_map(Json::as_str);
        Some(names.map(str::to_owned).collect())
    };
    let (Some(mut expected), Some(mut got)) = (members(case.expected), members(case.got)) else {
        return false;
    };
    if case.past.was_deleted(owner) {
        expected.dedup();
        got.dedup();
    }
    expected.retain(|name| !case.past.was_deleted(name));
    got.retain(|name| !case.past.was_deleted(name));
    case.past.has_deleted() && expected == got
}

/// Its flush has loaded what an object led to, and goes on to show that after a delete has set the
/// reference to NULL; or it has set the reference of a deleted row to NULL, so that this leads to nobody.
fn shows_who_was_deleted(case: &Case<'_>) -> bool {
    let Step::View { owner, .. } = case.step else { return false };
    let (Some(expected), Some(got)) = (case.expected.view(), case.got.view()) else { return false };
    let shown = expected.as_str().is_some_and(|name| case.past.was_deleted(name));
    let is_gone = case.past.was_deleted(owner) || case.past.gone.contains(owner);
    let cleared = expected.is_null() && got.is_string() && is_gone;
    shown && got.is_null() || cleared
}

/// SQLAlchemy deletes an object once more that is deleted already, if its owner is deleted: the object is
/// found again, and where SQLite has given its number to another row, that row goes.
fn deleted_once_more(case: &Case<'_>) -> bool {
    if !(case.past.deleted_again || case.past.doubled && case.past.has_deleted()) {
        return false;
    }
    let (expected, got) = (case.expected, case.got);
    let of_deleted = || names(case.step).any(|name| case.past.was_deleted(name));
    let by_name = names(case.step).next().is_some();
    let found = expected.found() == Some(true) && got.found() == Some(false) && by_name;
    let attached = expected.is_ok() && got.is_code("E0206") && (of_deleted() || case.past.doubled);
    let flushed = match expected.error() {
        "" => expected.is_ok() && got.detail().contains("still refer by"),
        "stale_data" => got.is_ok() || got.is_integrity(),
        "invalid_request" => matches!(case.step, Step::Rollback),
        _ => false,
    };
    let both_gone = all_states(case, |_, expected, got| {
        expected == "deleted" && matches!(got, "detached" | "pending")
    });
    found || attached || flushed || both_gone || has_more_rows(case)
}

/// An object that is without a parent, and has stayed so far, SQLAlchemy deletes once it is set to what it
/// is already; for entail nothing has changed.
fn orphan_once_touched(case: &Case<'_>) -> bool {
    let mut all = all_relationships(case);
    let lets_go = all.any(|one| {
        one.single_parent && one.cascade.as_deref().is_some_and(|one| one.contains("delete-orphan"))
    });
    lets_go && has_more_rows(case)
}

/// SQLAlchemy loads what a relationship held before it was set; entail asks nothing, and takes it for
/// changed.
fn former_unknown(case: &Case<'_>) -> bool {
    let (Some(expected), Some(got)) = (case.expected.dirty(), case.got.dirty()) else {
        return false;
    };
    got.len() > expected.len() && expected.iter().all(|name| got.contains(name))
}

// --- After a failed flush or a rollback -----------------------------------------------------------

/// After a flush that failed within a step that does not roll back, SQLAlchemy's session refuses all use.
fn refuses_all_use(case: &Case<'_>) -> bool {
    let says = |text| case.expected.detail().contains(text);
    says("transaction has been rolled back due to a previous exception") && case.got.is_ok()
}

/// After a failed flush SQLAlchemy's objects keep keys and foreign keys that it had given them, or their
/// loss, so that the next one is refused, or refused for another reason. What a rolled back savepoint has
/// expired is without its values.
fn kept_and_refused(case: &Case<'_>) -> bool {
    let (expected, got) = (case.expected, case.got);
    let of_a_value = |answer: Answer<'_>| {
        let detail = answer.detail();
        let refused = answer.is_integrity() || answer.error() == "key_blanked";
        answer.is_code("E0304") || refused && !detail.contains("[SQL: DELETE")
    };
    let either = of_a_value(expected) || of_a_value(got);
    let both = [expected, got].iter().all(|answer| answer.is_ok() || of_a_value(*answer));
    let lost = case.past.rolled_back && expected.error() == "integrity.not_null" && got.is_ok();
    case.past.failed && either && both || lost
}

/// A key that was kept is one by which somebody looks.
fn kept_and_found(case: &Case<'_>) -> bool {
    let differs = case.expected.found().is_some_and(|found| case.got.found() == Some(!found));
    let Step::Get { key, .. } = case.step else { return false };
    case.past.failed && key.get("$key").is_some() && differs
}

/// A foreign key that was kept is written, or its loss.
fn kept_numbers(case: &Case<'_>) -> bool {
    case.past.failed && same_but_references(case)
}

/// Merging finds by keys, too, and what it finds is another object.
fn merged_onto_what_was_kept(case: &Case<'_>) -> bool {
    let shows = matches!(case.step, Step::View { .. } | Step::States);
    case.past.merged_after_failure && case.expected.is_ok() && case.got.is_ok() && shows
}

/// What an insert that was rolled back has left in the columns of a new object, SQLAlchemy inserts if the
/// reference is written afterwards, and deletes by if it is an orphan; the database refuses that.
fn left_over(case: &Case<'_>) -> bool {
    let is_refused = case.expected.error() == "integrity.foreign_key" && case.got.is_ok();
    let is_written_later = |table: &str| has_post_update(case.scenario, table);
    let inserted = is_refused && failed_on(case, "[SQL: INSERT INTO", is_written_later);
    case.past.rolled_back && (inserted || is_refused_delete(case, |_| true))
}

/// After a rollback SQLAlchemy has expired both ends, and the one that is let go of keeps what it leads
/// to, since nobody reads it; entail's objects have their values.
fn known_after_a_rollback(case: &Case<'_>) -> bool {
    let (Some(expected), Some(got)) = (case.expected.view(), case.got.view()) else { return false };
    case.past.rolled_back
        && (expected.is_string() && got.is_null() || expected.is_null() && got.is_string())
}

/// Where a new object's key was changed in the transaction that is rolled back, SQLAlchemy gives it the
/// key back that it had first. It is detached then, although it never had a row.
fn never_had_the_row(case: &Case<'_>) -> bool {
    let is_given = |name: &str| {
        case.past.entity(name).is_some_and(|entity| has_given_key(case.scenario, entity))
    };
    case.past.rolled_back
        && all_states(case, |name, expected, got| {
            expected == "detached" && got == "transient" && is_given(name)
        })
}

/// An object whose delete was rolled back, and that has come in again, is still said to be deleted.
fn still_called_deleted(case: &Case<'_>) -> bool {
    case.past.rolled_back
        && all_states(case, |_, expected, got| expected == "deleted" && got == "persistent")
}

/// Where a new object takes the place of a deleted one, SQLAlchemy writes what has changed since the
/// object's own insert, though that was rolled back; entail writes all that is set, and finds out where
/// there is no row.
fn switched_in_part(case: &Case<'_>) -> bool {
    let labels = |answer: Answer<'_>| -> HashSet<String> {
        let tables = answer.tables().into_iter().flat_map(Map::values);
        let rows = tables.filter_map(Json::as_array).flatten();
        rows.map(|row| row["label"].to_string()).collect()
    };
    let (expected, got) = (labels(case.expected), labels(case.got));
    let one_instead =
        expected.difference(&got).count() == 1 && got.difference(&expected).count() == 1;
    let other_row = one_instead && same_rows(case, |_, _| false);
    let no_row = case.expected.is_ok() && case.got.error() == "stale_data";
    case.past.rolled_back && (other_row || no_row)
}

#[cfg(test)]
mod tests;
