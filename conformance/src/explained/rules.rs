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
    let after_it =
        case.expected.detail().contains(BY_AUTOFLUSH) && case.got.error() == "invalid_request";
    is_planned_past(case) && (case.got.is_ok() || after_it)
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
    let of_a_link = expected.may_be_of("[SQL: INSERT INTO", links)
        || expected.may_be_of("[SQL: DELETE FROM", linked)
        || expected.may_be_of("[SQL: UPDATE", ring);
    is_refused_delete(case, ring) || refused && of_a_link && case.got.is_ok() && !is_its_own(case)
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
        && case.expected.may_be_of("[SQL: DELETE FROM", is_such)
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
    case.expected.error() == "stale_data" && case.expected.may_be_of(&beginning, is_such)
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
        && case.expected.may_be_of("[SQL: INSERT INTO", is_of_links);
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
    let inserted = is_refused && case.expected.may_be_of("[SQL: INSERT INTO", is_written_later);
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
mod tests {
    use serde_json::{from_value, json};

    use super::super::Past;
    use super::*;
    use crate::scenario::Scenario;

    /// Trees of nodes with names, which own each other by `post_update`, and tags that are linked to them.
    fn scenario(autoflush: bool, expire_on_commit: bool) -> Scenario {
        let id =
            || json!({"name": "id", "type": "integer", "primary_key": true, "autoincrement": true});
        let parent =
            json!({"columns": ["up"], "references": {"table": "nodes", "columns": ["id"]}});
        let link = |column: &str, table: &str| json!({"columns": [column], "references": {"table": table, "columns": ["id"]}});
        let word = json!({"name": "word", "type": "text", "primary_key": true});
        from_value(json!({
            "name": "a-1",
            "session": {"autoflush": autoflush, "expire_on_commit": expire_on_commit},
            "tables": [
                {"name": "nodes", "foreign_keys": [parent], "columns": [
                    id(), {"name": "up", "type": "integer"}, {"name": "label", "type": "text"},
                    {"name": "version", "type": "integer"},
                ]},
                {"name": "tags", "columns": [id()]},
                {"name": "words", "columns": [word]},
                {"name": "links", "columns": [],
                 "foreign_keys": [link("node", "nodes"), link("tag", "tags")]},
            ],
            "entities": [
                {"name": "Node", "table": "nodes", "version_column": "version", "relationships": [
                    {"name": "up", "target": "Node", "kind": "many_to_one", "foreign_key": ["up"],
                     "post_update": true, "single_parent": true, "cascade": "all, delete-orphan"},
                    {"name": "tags", "target": "Tag", "kind": "many_to_many", "secondary": "links"},
                ]},
                {"name": "Tag", "table": "tags"},
                {"name": "Word", "table": "words"},
            ],
            "steps": [],
        }))
        .expect("the scenario is well-formed")
    }

    /// What went before: steps that SQLAlchemy carried out or refused.
    fn past(steps: &[(Json, Json)]) -> Past {
        let mut past = Past::default();
        for (step, answer) in steps {
            past.note(&from_value(step.clone()).expect("the step is well-formed"), answer);
        }
        past
    }

    /// The ids of the rule that explains a difference; empty if none does.
    fn explained(past: &Past, step: Json, expected: Json, got: Json) -> &'static str {
        explained_with(&scenario(true, false), past, step, expected, got)
    }

    fn explained_with(
        scenario: &Scenario,
        past: &Past,
        step: Json,
        expected: Json,
        got: Json,
    ) -> &'static str {
        let step = from_value(step).expect("the step is well-formed");
        let case = Case::new(scenario, past, &step, &expected, &got);
        case.explained().map_or("", |rule| rule.because)
    }

    fn ok() -> Json {
        json!({"ok": true})
    }

    fn error(kind: &str, detail: &str) -> Json {
        json!({"error": kind, "detail": detail})
    }

    fn op(op: &str) -> Json {
        json!({"op": op})
    }

    fn states(word: &str) -> Json {
        json!({"ok": true, "states": {"a": word}})
    }

    fn view(shown: Json) -> Json {
        json!({"ok": true, "view": shown})
    }

    fn node(label: &str, up: Json, version: i64) -> Json {
        json!({"id": 1, "label": label, "up": up, "version": version})
    }

    fn nodes(rows: &[Json]) -> Json {
        json!({"ok": true, "tables": {"nodes": rows}})
    }

    fn of(op: &str, name: &str) -> Json {
        json!({"op": op, "ref": name})
    }

    fn failed() -> Past {
        past(&[(op("flush"), error("integrity.not_null", ""))])
    }

    fn deleted() -> Past {
        past(&[(of("delete", "a"), ok())])
    }

    #[test]
    fn each_rule_has_lines_in_the_page_of_deviations() {
        let page = include_str!("../../../DEVIATIONS.md");
        for rule in OF_DIFFERENCES.iter().chain(OF_AGREEMENTS) {
            for id in rule.because.split(", ") {
                assert!(page.contains(id), "{id} is nowhere in DEVIATIONS.md");
            }
        }
    }

    #[test]
    fn what_nothing_has_led_to_is_explained_by_no_rule() {
        let fresh = Past::default();
        let key = json!({"op": "get", "entity": "Node", "key": {"$key": "a"}});
        let found = |found: bool| json!({"ok": true, "found": found});
        let show = json!({"op": "view", "owner": "a", "rel": "tags"});
        for (step, expected, got) in [
            (op("flush"), ok(), error("cycle", "")),
            (op("flush"), error("cycle", ""), error("stale_data", "E0305")),
            (op("flush"), ok(), error("integrity.not_null", "E0502")),
            (op("flush"), error("stale_data", "UPDATE statement on table 'nodes'"), ok()),
            (op("commit"), error("integrity.foreign_key", "[SQL: DELETE FROM words"), ok()),
            (op("states"), states("persistent"), states("detached")),
            (op("states"), states("deleted"), states("persistent")),
            (op("states"), states("persistent"), states("pending")),
            (key.clone(), found(true), found(false)),
            (key, found(false), found(true)),
            (show.clone(), view(json!(["b"])), view(json!([]))),
            (show.clone(), view(json!([])), view(json!(["b"]))),
            (show, view(json!("b")), view(json!(null))),
            (op("tables"), nodes(&[node("n", json!(1), 1)]), nodes(&[node("n", json!(null), 1)])),
            (op("tables"), nodes(&[node("n", json!(1), 1)]), nodes(&[node("m", json!(1), 1)])),
            (op("tables"), nodes(&[node("n", json!(1), 1)]), nodes(&[])),
            (of("add", "a"), ok(), error("invalid_request", "E0206")),
            (of("refresh", "a"), ok(), error("invalid_request", "E0404")),
            (op("dirty"), json!({"ok": true, "dirty": ["a"]}), json!({"ok": true, "dirty": []})),
        ] {
            let why = explained(&fresh, step.clone(), expected.clone(), got.clone());
            assert_eq!(why, "", "{step}: {expected} and {got}");
        }
    }

    #[test]
    fn a_flush_that_entail_plans_is_explained_by_its_table() {
        let fresh = Past::default();
        let flush = |expected: Json, got: Json| explained(&fresh, op("flush"), expected, got);
        let foreign = |detail: &str| error("integrity.foreign_key", detail);
        assert_eq!(flush(error("cycle", ""), ok()), "ORDER-05, ORDER-09");
        let later = flush(error("integrity.unique", ""), foreign("E0502"));
        assert_eq!(later, "ORDER-05, ORDER-09");
        assert_eq!(flush(foreign("[SQL: DELETE FROM nodes WHERE"), ok()), "ORDER-13, M2M-07");
        assert_eq!(flush(foreign("[SQL: DELETE FROM tags WHERE"), ok()), "ORDER-13, M2M-07");
        assert_eq!(flush(foreign("[SQL: INSERT INTO links ("), ok()), "ORDER-13, M2M-07");
        assert_eq!(flush(foreign("[SQL: INSERT INTO words ("), ok()), "");
        let own = json!({"op": "sql", "sql": "DELETE FROM nodes"});
        assert_eq!(explained(&fresh, own, foreign("[SQL: DELETE FROM nodes]"), ok()), "");
        let given = error("flush", "E0304: no key");
        assert_eq!(flush(error("integrity.not_null", ""), given), "SYNC-07");
        assert_eq!(flush(ok(), error("flush", "E0304: no key")), "");
        let blanked = error("key_blanked", "E0301");
        assert_eq!(flush(foreign(""), blanked.clone()), "NULLIFY-06");
        assert_eq!(flush(ok(), blanked), "");
    }

    #[test]
    fn statements_behind_the_session_explain_stale_rows_and_numbers() {
        let raw = past(&[(json!({"op": "sql", "sql": "DELETE FROM nodes"}), ok())]);
        let stale = |table: &str| {
            error("stale_data", &format!("UPDATE statement on table '{table}' expected"))
        };
        assert_eq!(explained(&raw, op("flush"), stale("nodes"), ok()), "VERS-03");
        assert_eq!(explained(&raw, op("flush"), stale("words"), ok()), "");
        let counted = error("stale_data", "E0305");
        let missing = error("integrity.foreign_key", "");
        assert_eq!(explained(&raw, op("flush"), missing, counted.clone()), "STALE-01");
        assert_eq!(explained(&raw, op("flush"), ok(), counted), "");
        let get = |entity: &str| json!({"op": "get", "entity": entity, "key": 1});
        let found = |found: bool| json!({"ok": true, "found": found});
        assert_eq!(explained(&raw, get("Node"), found(true), found(false)), "IDMAP-02");
        assert_eq!(explained(&raw, get("Word"), found(true), found(false)), "");
        let (null, set) = (nodes(&[node("n", json!(null), 1)]), nodes(&[node("n", json!(1), 1)]));
        assert_eq!(explained(&raw, op("tables"), null, set.clone()), "SYNC-04");
        let counted = nodes(&[node("n", json!(1), 2)]);
        assert_eq!(explained(&Past::default(), op("tables"), counted, set), "VERS-03");
    }

    #[test]
    fn deletes_explain_what_was_loaded_or_flushed_for_them() {
        let deleted = deleted();
        let auto = |table: &str| {
            let text = format!("Query-invoked autoflush [SQL: INSERT INTO {table} (");
            error("integrity.not_null", &text)
        };
        let add = of("add", "b");
        assert_eq!(explained(&Past::default(), add, auto("tags"), ok()), "");
        let set = json!({"op": "set", "ref": "b", "column": "id", "value": 1});
        assert_eq!(explained(&deleted, set, auto("tags"), ok()), "CASC-DEL-01");
        let manual = scenario(false, false);
        let (one, other) = (states("deleted"), states("persistent"));
        let why = explained(&deleted, op("states"), one.clone(), other.clone());
        assert_eq!(why, "CASC-DEL-01");
        assert_eq!(explained_with(&manual, &deleted, op("states"), one, other), "");
        let show = |owner: &str| json!({"op": "view", "owner": owner, "rel": "tags"});
        let (full, empty) = (view(json!(["b"])), view(json!([])));
        let why = explained(&deleted, show("a"), full.clone(), empty.clone());
        assert_eq!(why, "CASC-DEL-01, STATE-11");
        assert_eq!(explained(&deleted, show("c"), full, empty), "");
        let more = view(json!(["a", "b"]));
        let why = explained(&deleted, show("c"), view(json!(["b"])), more.clone());
        assert_eq!(why, "CASC-DEL-21");
        assert_eq!(explained(&deleted, show("c"), view(json!(["a"])), more), "");
    }

    #[test]
    fn what_is_deleted_twice_is_explained_only_then() {
        let once = deleted();
        let twice =
            past(&[(of("delete", "a"), ok()), (op("flush"), ok()), (of("delete", "b"), ok())]);
        let manual = scenario(false, false);
        let gone = || error("invalid_request", "E0206: it was deleted");
        assert_eq!(explained(&once, of("add", "a"), ok(), gone()), "");
        assert_eq!(explained(&twice, of("add", "a"), ok(), gone()), "CASC-DEL-21");
        assert_eq!(explained(&twice, of("add", "c"), ok(), gone()), "");
        let refers = || error("integrity.foreign_key", "E0502: 1 row(s) of `a` still refer by (b)");
        assert_eq!(explained_with(&manual, &twice, op("flush"), ok(), refers()), "CASC-DEL-21");
        let null = || error("integrity.not_null", "E0502: `a` must not be NULL");
        assert_eq!(explained(&twice, op("flush"), ok(), null()), "");
    }

    #[test]
    fn failed_flushes_and_rollbacks_explain_what_was_kept() {
        let (fresh, failed) = (Past::default(), failed());
        let null = || error("integrity.not_null", "E0502");
        let foreign = |detail: &str| error("integrity.foreign_key", detail);
        let insert = || foreign("[SQL: INSERT INTO words (");
        assert_eq!(explained(&fresh, op("flush"), insert(), null()), "");
        assert_eq!(explained(&failed, op("flush"), insert(), null()), "RB-01");
        let stale = error("stale_data", "E0305");
        assert_eq!(explained(&failed, op("flush"), null(), stale), "");
        let get = |key: Json| json!({"op": "get", "entity": "Word", "key": key});
        let found = |found: bool| json!({"ok": true, "found": found});
        let why = explained(&failed, get(json!({"$key": "a"})), found(true), found(false));
        assert_eq!(why, "RB-01");
        assert_eq!(explained(&failed, get(json!("a")), found(true), found(false)), "");
        let back = past(&[(op("rollback"), ok())]);
        let show = json!({"op": "view", "owner": "a", "rel": "up"});
        let (one, nobody) = (view(json!("b")), view(json!(null)));
        assert_eq!(explained(&back, show.clone(), one.clone(), nobody), "RB-03");
        assert_eq!(explained(&back, show, one, view(json!("c"))), "");
        let word = json!({"op": "new", "entity": "Word", "as": "a"});
        let named = past(&[(word, ok()), (op("rollback"), ok())]);
        let (detached, transient) = (states("detached"), states("transient"));
        let why = explained(&named, op("states"), detached.clone(), transient.clone());
        assert_eq!(why, "RB-04");
        assert_eq!(explained(&back, op("states"), detached, transient), "");
    }

    #[test]
    fn without_expiry_a_deleted_object_may_live_on() {
        let committed = past(&[(of("delete", "a"), ok()), (op("commit"), ok())]);
        let (lives, gone) = (states("persistent"), states("detached"));
        let why = explained(&committed, op("states"), lives.clone(), gone.clone());
        assert_eq!(why, "STATE-04");
        let expiring = scenario(false, true);
        assert_eq!(explained_with(&expiring, &committed, op("states"), lives.clone(), gone), "");
        assert_eq!(explained(&committed, op("states"), lives, states("transient")), "");
    }

    #[test]
    fn a_recording_without_details_may_have_said_what_a_rule_asks_for() {
        let fresh = Past::default();
        let bare = json!({"error": "integrity.foreign_key"});
        assert_eq!(explained(&fresh, op("flush"), bare, ok()), "ORDER-13, M2M-07");
        let set = json!({"op": "set_rel", "owner": "a", "rel": "up", "value": null});
        let bare = json!({"error": "invalid_request"});
        assert_eq!(explained(&fresh, set.clone(), bare, ok()), "EXPIRE-03, RB-03");
        let other = error("invalid_request", "it is something else");
        assert_eq!(explained(&fresh, set, other, ok()), "");
    }

    #[test]
    fn after_answers_that_agree_the_sessions_may_differ() {
        let ended = |step: Json, answer: Json| {
            let (scenario, past) = (scenario(true, false), Past::default());
            let step = from_value(step).expect("the step is well-formed");
            let case = Case::new(&scenario, &past, &step, &answer, &answer);
            case.ended().map_or("", |rule| rule.because)
        };
        let show = json!({"op": "view", "owner": "a", "rel": "up"});
        let refused = || error("integrity.not_null", "E0502");
        assert_eq!(ended(show.clone(), refused()), "DBFK-02, RB-06");
        assert_eq!(ended(op("flush"), refused()), "");
        let way = error("invalid_request", "another instance with key (1,)");
        assert_eq!(ended(of("add", "a"), way.clone()), "STATE-09");
        assert_eq!(ended(show, way), "");
    }
}
