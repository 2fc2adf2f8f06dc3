//! Answers that agree, and after which the sessions may differ.

use super::super::Case;
use super::super::look::{attaches, names};
use super::super::refusal::{IN_THE_WAY, NOT_PERSISTED, NOT_PRESENT, ROLLED_BACK};
use crate::scenario::{Step, Target};

/// After a flush that failed within a step that does not roll back, SQLAlchemy's objects are transient
/// and its session refuses all use, while entail's are as before. So it is where that flush had to read a
/// row that is gone, or to delete one once more.
pub fn failed_without_rollback(case: &Case<'_>) -> bool {
    let rolls_back =
        matches!(case.step, Step::Flush | Step::Commit | Step::Release | Step::Sql { .. });
    let says = |text| case.expected.detail().contains(text);
    let flushes = case.scenario.session.autoflush || matches!(case.step, Step::BeginNested);
    let of_a_read = flushes
        && case.expected.error() == "invalid_request"
        && (says(NOT_PRESENT)
            || says(ROLLED_BACK)
            || case.past.deleted_again && says(NOT_PERSISTED));
    (case.expected.is_of_a_flush() || of_a_read) && !rolls_back
}

/// SQLAlchemy refuses to attach an object after part of its graph has come in, or other members of its
/// list have. A merge that is refused has copied in part, in another order here and there.
pub fn refused_in_part(case: &Case<'_>) -> bool {
    let is_list = matches!(case.step, Step::SetRel { value: Target::Many(_), .. });
    let says = |text| case.expected.may_say(text);
    let of_a_list = is_list && says(NOT_PRESENT);
    let of_a_merge = matches!(case.step, Step::Merge { .. });
    let comes_in = attaches(case.step) || matches!(case.step, Step::Delete { .. });
    let in_the_way = comes_in && says(IN_THE_WAY);
    let is_itself = names(case.step).last().is_some_and(|name| case.past.was_deleted(name));
    let leads_there =
        attaches(case.step) && says("has been deleted.  Use") && (is_list || !is_itself);
    let in_part = in_the_way || leads_there || of_a_list || of_a_merge;
    case.expected.error() == "invalid_request" && in_part
}
