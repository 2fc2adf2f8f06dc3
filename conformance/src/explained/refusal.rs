//! Refusals: what a statement that failed was, and in which words.

use super::Case;
use super::look::{attaches, changes};
use crate::scenario::Step;

/// What SQLAlchemy says where an object stands for the row already.
pub const IN_THE_WAY: &str = "another instance with key";

/// What the runner says where entail would have to load what an object outside leads to.
pub const CANNOT_LOAD: &str = "a detached object cannot load its relationships";

/// What the runner says where a column of an expired object outside the session is read.
pub const OUTSIDE: &str = "an expired object that is detached cannot be read";

/// What the runner says where a column of an object without a row is read.
pub const ROW_IS_GONE: &str = "the row of an expired object is gone";

/// What SQLAlchemy says where a query began a flush that failed.
pub const BY_AUTOFLUSH: &str = "Query-invoked autoflush";

/// What it says where a row that it must read is gone.
pub const NOT_PRESENT: &str = "or its row is otherwise not present";

/// What it says where an object is not in the session, or has no row yet.
pub const NOT_PERSISTENT: &str = "is not persistent within this Session";

/// What it says of one without a row to delete.
pub const NOT_PERSISTED: &str = "is not persisted";

/// What it says to every use after a flush that failed.
pub const ROLLED_BACK: &str = "transaction has been rolled back due to a previous exception";

/// Whether entail's flush passed, though what came after an autoflush may have been refused.
pub fn passes(case: &Case<'_>) -> bool {
    let may_flush =
        attaches(case.step) || changes(case.step) || matches!(case.step, Step::Refresh { .. });
    let by_itself = case.expected.detail().contains(BY_AUTOFLUSH)
        || case.scenario.session.autoflush && may_flush;
    case.got.is_ok() || by_itself && case.got.error() == "invalid_request"
}

/// Whether a statement with this beginning failed on such a table. Without a detail it may have, if the
/// scenario has such a table at all.
pub fn failed_on(case: &Case<'_>, beginning: &str, is_such: impl Fn(&str) -> bool) -> bool {
    match case.expected.table_behind(beginning) {
        Some(table) => is_such(table),
        None => {
            let mut tables = case.scenario.tables.iter();
            case.expected.detail().is_empty() && tables.any(|table| is_such(&table.name))
        }
    }
}

/// Whether what was refused is a statement of the scenario's own.
pub fn is_its_own(case: &Case<'_>) -> bool {
    matches!(case.step, Step::Sql { sql } if case.expected.may_say(sql))
}

/// Whether SQLAlchemy's delete from such a table was refused, while entail's flush passed.
pub fn is_refused_delete(case: &Case<'_>, is_such: impl Fn(&str) -> bool) -> bool {
    case.expected.error() == "integrity.foreign_key"
        && passes(case)
        && !is_its_own(case)
        && failed_on(case, "[SQL: DELETE FROM", is_such)
}

/// Whether SQLAlchemy says that a row of such a table was not there.
pub fn is_stale(case: &Case<'_>, verb: &str, is_such: impl Fn(&str) -> bool) -> bool {
    let beginning = format!("{verb} statement on table");
    case.expected.error() == "stale_data" && failed_on(case, &beginning, is_such)
}

/// Whether SQLAlchemy flushed by itself and was refused, while entail's step passed.
pub fn is_refused_autoflush(case: &Case<'_>) -> bool {
    // SQLAlchemy says it of what the database refuses alone.
    let says_so = !case.expected.is_integrity() || case.expected.may_say(BY_AUTOFLUSH);
    case.scenario.session.autoflush && case.expected.is_of_a_flush() && says_so && case.got.is_ok()
}
