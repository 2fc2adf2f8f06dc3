//! Misuse of a session: a call that makes no sense in the object's state.

use crate::arena::State;

/// Why a call on an object was refused. Nothing changed by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum StateError {
    #[error("E0201: {object} is a handle of another session; use the session that gave it")]
    ForeignHandle { object: String },
    #[error(
        "E0202: {object} is no longer in this session: it was taken out or the session was cleared; load it again"
    )]
    StaleHandle { object: String },
    #[error("E0203: {object} is expired; call `refresh` before reading it")]
    Expired { object: String },
    #[error(
        "E0204: {relationship} of {object} is not loaded; call `load`, or load it along with the query (`with`)"
    )]
    NotLoaded { object: String, relationship: String },
    #[error("E0205: {object} is {state}, but {call} needs {needs}")]
    WrongState { object: String, state: State, call: &'static str, needs: &'static str },
    #[error("E0206: {object} was deleted and cannot be added again; hold a new object instead")]
    Deleted { object: String },
    #[error(
        "E0207: {object} cannot be added: the session has another object with the key {key}; edit that one, or merge"
    )]
    DuplicateKey { object: String, key: String },
    #[error(
        "E0208: {object} already has a parent by {relationship}, which allows one; remove it there first"
    )]
    SecondParent { object: String, relationship: String },
    #[error("E0209: `{entity}` is not in this session's mapping; add it to `mapping![...]`")]
    NotMapped { entity: String },
    #[error("E0210: {object} has no relationship of that name")]
    NoRelationship { object: String },
    #[error("E0212: no savepoint is open")]
    NoSavepoint,
    #[error(
        "E0213: the transaction has failed and was rolled back ({reason}); call `rollback` to go on"
    )]
    RollbackNeeded { reason: String },
    #[error("E0214: the two handles name the same object, {object}")]
    SameObject { object: String },
    #[error("E0215: a value does not fit {object}: column `{column}`: {reason}")]
    Value { object: String, column: String, reason: String },
    #[error("E0216: {object} is not in {relationship}, so it cannot be removed from it")]
    NotAMember { object: String, relationship: String },
    #[error("E0217: the key has {found} value(s), but the key of `{entity}` has {expected}")]
    KeyWidth { entity: String, found: usize, expected: usize },
}
