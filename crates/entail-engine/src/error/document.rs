//! What can be wrong with a document by which objects are to be changed.

/// Why a document cannot be taken. `at` is the place in it, such as `orders[2].items[0]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum DocumentError {
    #[error("E0601: the document cannot be read: {reason}")]
    Unreadable { reason: String },
    #[error(
        "E0602: `{entity}` has no `{field}` that a document may name, at {at}; it may name {known}"
    )]
    UnknownField { at: String, entity: String, field: String, known: String },
    #[error("E0603: a value does not fit, at {at}: {reason}")]
    WrongValue { at: String, reason: String },
    #[error(
        "E0604: there is no {object}, at {at}; a new `{entity}` comes without a key, which the database gives"
    )]
    UnknownKey { at: String, entity: String, object: String },
    #[error(
        "E0605: {object} does not belong to {owner}, at {at}; a document changes only what its object has"
    )]
    OtherOwner { at: String, object: String, owner: String },
    #[error("E0606: a new `{entity}` needs `{field}`, at {at}")]
    MissingField { at: String, entity: String, field: String },
    #[error("E0607: the document is one of {given}, and the object is {object}")]
    OtherObject { given: String, object: String },
}
