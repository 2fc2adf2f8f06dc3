//! Flushes that write in another order, or refuse something else.

use super::super::look::{
    all_relationships, cascades_below, goes_along, has_fewer_rows, has_foreign_key, has_given_key,
    has_more_rows, has_post_update, has_version, is_in_a_ring, is_linked, same_but_references,
    same_rows,
};
use super::super::refusal::{failed_on, is_its_own, is_refused_delete, is_stale, passes};
use super::super::{Answer, Case};
use crate::scenario::{Kind, Relationship, Step, Table};

/// Where SQLAlchemy cannot order the statements, or trips over a unique value, entail plans past it.
/// What comes after an autoflush may then be refused.
pub fn planned_past(case: &Case<'_>) -> bool {
    is_planned_past(case) && passes(case)
}

pub fn is_planned_past(case: &Case<'_>) -> bool {
    matches!(case.expected.error(), "cycle" | "integrity.unique")
}

/// The database refuses what SQLAlchemy never came to, or its row is gone.
pub fn refused_later(case: &Case<'_>) -> bool {
    let by_another = case.past.expunged && case.past.has_deleted();
    let may_be_gone = case.past.raw || case.past.rolled_back || by_another;
    let refused = case.got.is_integrity() || may_be_gone && case.got.error() == "stale_data";
    is_planned_past(case) && refused && case.got.error() != case.expected.error()
}

/// Rows that are deleted refer to each other, or a link is added to one, or a reference in a ring.
pub fn deletes_ordered(case: &Case<'_>) -> bool {
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

/// An object without a value for a key that the database does not make is refused before anything is
/// sent. SQLAlchemy leaves it to the database, and SQLite makes up an integer.
pub fn key_not_given(case: &Case<'_>) -> bool {
    let refused = case.expected.is_integrity() || case.expected.error() == "stale_data";
    refused && case.got.is_code("E0304")
}

/// A key that would be lost is refused before anything is sent. SQLAlchemy may have sent something
/// before that the database refuses.
pub fn refused_beforehand(case: &Case<'_>) -> bool {
    case.expected.is_integrity() && case.got.error() == "key_blanked"
}

/// SQLAlchemy refuses that, too, of an object outside the session, which it would not write.
pub fn not_its_key(case: &Case<'_>) -> bool {
    let is_outside = case.past.expunged || !case.past.gone.is_empty();
    is_outside && case.expected.error() == "key_blanked" && case.got.is_ok()
}

/// SQLAlchemy has given an object a key of NULL, or it is new, and then cannot delete it by that.
pub fn deleted_by_null(case: &Case<'_>) -> bool {
    let by_null = case.expected.may_say("using NULL for primary key value");
    let passes = case.got.is_of_a_flush() || case.got.is_ok() || case.got.is_code("E0404");
    case.expected.error() == "flush" && by_null && passes
}

/// entail counts the rows of every statement as it runs; SQLAlchemy counts those of one shape together,
/// so that another failure may come first where a row was deleted behind it, by a statement or by the
/// database.
pub fn counted_first(case: &Case<'_>) -> bool {
    let (expected, got) = (case.expected, case.got);
    let may_be_gone = case.past.raw || cascades_below(case);
    let other = expected.is_integrity() || expected.error() == "cycle";
    let sooner = other && got.error() == "stale_data";
    let later = expected.error() == "stale_data" && got.is_integrity();
    may_be_gone && (sooner || later)
}

/// References that are written afterwards are counted together in SQLAlchemy, before the deletes; entail
/// lets go of each where its row's turn comes. SQLAlchemy also sends them for rows that are not there yet.
pub fn counted_together(case: &Case<'_>) -> bool {
    let tables = &case.scenario.tables;
    let is_written_later = |table: &str| has_post_update(case.scenario, table);
    let is_one = || tables.iter().any(|table| is_written_later(&table.name));
    let of_nobody = || !case.past.raw && is_stale(case, "UPDATE", is_written_later);
    let refused = case.got.is_integrity() && is_one();
    let is_deleted = case.scenario.session.autoflush && case.got.is_code("E0206");
    let passes = case.got.is_ok() || is_deleted;
    case.expected.error() == "stale_data" && (refused || passes && of_nobody())
}

/// SQLAlchemy counts up the version of a row whose foreign key was never set and is set to nothing;
/// entail does where a column changes, and from there on the numbers are no longer the same.
pub fn version_counted(case: &Case<'_>) -> bool {
    let versions = versions(case);
    !versions.is_empty() && same_rows(case, |table, column| !versions.contains(&(table, column)))
}

/// The columns that hold versions, with their tables.
fn versions<'a>(case: &Case<'a>) -> Vec<(&'a str, &'a str)> {
    let entities = case.scenario.entities.iter();
    entities
        .filter_map(|entity| Some((entity.table.as_str(), entity.version_column.as_deref()?)))
        .collect()
}

/// A reference that was set to what the row had, while that was not known, is written in SQLAlchemy, to one
/// whose row is gone by then.
pub fn written_again(case: &Case<'_>) -> bool {
    let is_refused = case.expected.error() == "integrity.foreign_key" && case.got.is_ok();
    let refers = |table: &str| has_foreign_key(case.scenario, table);
    case.past.raw_delete && is_refused && failed_on(case, "[SQL: UPDATE", refers)
}

/// It also sends that update where the row is gone, and finds that out. entail goes on, and may then be
/// refused.
pub fn nothing_to_write(case: &Case<'_>) -> bool {
    let refers = |table: &str| has_foreign_key(case.scenario, table);
    let passes = case.got.is_ok() || case.got.is_integrity();
    let is_nulled = !case.past.nulled.is_empty();
    case.past.raw_delete && passes && is_stale(case, "UPDATE", |table| is_nulled || refers(table))
}

/// A column that was never set, and that a statement has filled, is set to NULL; SQLAlchemy writes that.
pub fn null_onto_null(case: &Case<'_>) -> bool {
    let nulled = &case.past.nulled;
    let versions = versions(case);
    let counts = |table: &str, column: &str| {
        !nulled.contains(column) && !versions.contains(&(table, column))
    };
    case.past.raw && !nulled.is_empty() && same_rows(case, counts)
}

/// A reference that the database has set to NULL is written again, where it is set to another object with
/// the same key; SQLAlchemy sees no net change.
pub fn same_key_again(case: &Case<'_>) -> bool {
    case.past.raw_delete && same_but_references(case)
}

/// What a flush has given to an object outside stays in its foreign key, though that is set to nobody. If
/// that one is gone by then, the database refuses the object. If it is its key, entail's would lose it.
pub fn set_to_nobody_outside(case: &Case<'_>) -> bool {
    let refers = |table: &str| has_foreign_key(case.scenario, table);
    let is_refused = case.expected.error() == "integrity.foreign_key" && case.got.is_ok();
    let of_a_new_one = is_refused && failed_on(case, "[SQL: INSERT INTO", refers);
    let has_kept = case.expected.is_ok() && case.got.error() == "key_blanked";
    let brings = |cascade: &str| cascade.contains("save-update") || cascade.contains("all");
    let leaves = |one: &Relationship| one.cascade.as_deref().is_some_and(|one| !brings(one));
    let was_outside = case.past.let_go && all_relationships(case).any(leaves);
    case.past.expunged && same_but_references(case) || was_outside && (of_a_new_one || has_kept)
}

/// Where the row is gone as well, or the one that it is set to, entail finds that out.
pub fn same_key_but_gone(case: &Case<'_>) -> bool {
    let detail = case.got.detail();
    let mut tables = case.scenario.tables.iter();
    let mut keys = case.scenario.tables.iter().flat_map(|table| &table.foreign_keys);
    let is_nobody = case.got.error() == "integrity.foreign_key"
        && detail.contains("which does not exist (while writing: change ")
        && (case.past.has_deleted() || case.past.raw_delete)
        && keys.any(|key| key.on_delete.as_deref() == Some("set_null"));
    let takes_it = |table: &Table| {
        let is_named = detail.contains(&format!("UPDATE on `{}`", table.name));
        is_named
            && !table.foreign_keys.is_empty()
            && (case.past.has_deleted() || case.past.raw_delete || goes_along(case, &table.name))
    };
    let is_gone = case.got.error() == "stale_data" && tables.any(takes_it);
    case.expected.is_ok() && (is_nobody || is_gone)
}

/// A row moves away from one that is deleted; SQLAlchemy deletes first, and the database takes it along.
pub fn moved_too_late(case: &Case<'_>) -> bool {
    !case.past.raw && case.got.is_ok() && is_stale(case, "UPDATE", |table| goes_along(case, table))
}

/// The changed key of an object that is deleted goes to its new children in SQLAlchemy, which are then
/// refused for another reason.
pub fn key_of_a_deleted_one(case: &Case<'_>) -> bool {
    case.past.set_after_delete && case.expected.is_integrity() && case.got.is_integrity()
}

/// For a list that holds an object several times, SQLAlchemy expects so many link rows. entail goes on,
/// and may then be refused.
pub fn counted_several_times(case: &Case<'_>) -> bool {
    let is_of_links =
        |table: &str| all_relationships(case).any(|one| one.secondary.as_deref() == Some(table));
    let passes = passes(case) || case.got.is_integrity();
    let refused = case.got.is_integrity() || case.got.error() == "stale_data";
    let inserted = case.expected.is_integrity()
        && refused
        && failed_on(case, "[SQL: INSERT INTO", is_of_links);
    case.past.doubled && (inserted || passes && is_stale(case, "DELETE", is_of_links))
}

/// Of two owners that have an object in their lists, because it was twice in one of them, chance says
/// in SQLAlchemy which one has the last word; or one of them lets go of it, and has it. Or two lists
/// without another side hold it.
pub fn two_owners(case: &Case<'_>) -> bool {
    let (expected, got) = (case.expected, case.got);
    let without =
        |one: Answer<'_>, other: Answer<'_>| one.error() == "integrity.not_null" && other.is_ok();
    let written = without(expected, got) || without(got, expected);
    let has_no_other_side =
        |one: &Relationship| one.kind == Kind::OneToMany && one.back_populates.is_none();
    let shared = case.past.shared && all_relationships(case).any(has_no_other_side);
    case.past.doubled && (same_but_references(case) || written)
        || shared && same_but_references(case)
}

/// A number whose row was deleted or rolled back is given to another row by SQLite, and to which one
/// depends on the order of the inserts. So it is where the object was deleted, and something with its
/// number is merged. A flush that fails may have read the other row before, for an object whose own is gone.
pub fn number_given_again(case: &Case<'_>) -> bool {
    if matches!(case.step, Step::Read { .. }) {
        let both = case.expected.is_ok() && case.got.is_ok();
        return both && case.past.raw_delete && case.past.failed;
    }
    let Step::Get { entity, key, .. } = case.step else {
        let other = case.past.merged_onto_deleted && case.got.tables().is_some();
        let may_be_taken = case.past.merged && case.past.has_deleted();
        let is_taken = may_be_taken && case.got.error() == "integrity.unique";
        return case.expected.is_ok() && (other || is_taken);
    };
    let is_gone = |name: &str| {
        case.past.was_deleted(name) || case.past.rolled_back && case.past.is_made(name)
    };
    let is_free = case.past.raw_delete || key["$key"].as_str().is_some_and(is_gone);
    is_free
        && !has_given_key(case.scenario, entity)
        && case.expected.found().is_some_and(|found| case.got.found() == Some(!found))
}

/// A delete of a row that is gone comes after another row has taken its key, or the number that SQLite
/// gives once more, and meets that. Who gets that number depends on the order of the inserts.
pub fn deleted_who_took_the_key(case: &Case<'_>) -> bool {
    let mut entities = case.scenario.entities.iter();
    let is_given = entities.any(|entity| has_given_key(case.scenario, &entity.name));
    let may_meet = is_given && has_more_rows(case)
        || case.past.has_deleted() && (has_more_rows(case) || has_fewer_rows(case));
    case.past.raw_delete && may_meet
}

/// The delete of a row that is gone meets the row that has just got its number from SQLite; entail passes
/// by that, and misses the one with the version. So it is where another object of the row was deleted.
pub fn missed_by_its_version(case: &Case<'_>) -> bool {
    let by_another = case.past.expunged && case.past.deleted_again;
    let meets = case.expected.is_ok() || case.expected.error() == "integrity.foreign_key";
    (case.past.raw_delete || by_another)
        && case.past.has_deleted()
        && has_version(case.scenario)
        && meets
        && case.got.error() == "stale_data"
}

/// Of several rows in one statement one may violate a unique key before another is found to refer to
/// nothing, or a row may violate two constraints.
pub fn refused_together(case: &Case<'_>) -> bool {
    let other = match case.expected.error() {
        "integrity.foreign_key" => case.past.raw_delete,
        "integrity.not_null" => true,
        _ => false,
    };
    other && case.got.error() == "integrity.unique"
}
