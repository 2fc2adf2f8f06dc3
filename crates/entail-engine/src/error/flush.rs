//! Why a flush could not be planned or carried out.

/// Why a flush was refused. The session and the database are as before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum FlushError {
    #[error(
        "E0301: {object} would lose its key: its column `{column}` is part of the key and would become NULL because {relationship} lets go of it; give {relationship} delete or delete-orphan, or passive_deletes = \"all\""
    )]
    KeyBlanked { object: String, column: String, relationship: String },
    #[error(
        "E0302: these rows depend on each other in a ring, and no foreign key in it can be NULL: {ring}; make one of them nullable or deferrable, or flush in two steps"
    )]
    Cycle { ring: String },
    #[error(
        "E0303: the generated key of {object} was changed from {old} to {new}; keys that the database gives stay"
    )]
    GeneratedKeyChanged { object: String, old: String, new: String },
    #[error("E0304: {object} has no value for its key column `{column}`; set it before the flush")]
    NoKey { object: String, column: String },
    #[error(
        "E0305: {object} was changed or deleted by someone else since it was loaded ({statement} on `{table}` wrote {written} row(s) instead of {expected}); refresh it and try again"
    )]
    Stale { object: String, table: String, statement: &'static str, expected: u64, written: u64 },
    #[error(
        "E0307: merging {object} with version {given}, but its row has version {found}; load it again"
    )]
    MergeVersion { object: String, given: String, found: String },
    #[error(
        "E0308: flushing did not come to an end after {passes} passes of loading; please report this"
    )]
    NoEnd { passes: usize },
    #[error(
        "E0309: {object} has an initial value in a relationship field, which counts only in `add`; use `push` or `set`"
    )]
    InertField { object: String },
    #[error(
        "E0310: {object} was not inserted: the database took {written} of {expected} row(s) into `{table}` and said nothing; look for a trigger or a rule that leaves rows out"
    )]
    NotInserted { object: String, table: String, expected: u64, written: u64 },
}
