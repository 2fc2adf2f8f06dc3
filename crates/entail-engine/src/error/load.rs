//! What can go wrong when rows become objects.

/// Why rows could not become objects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum LoadError {
    #[error(
        "E0401: the row {key} of `{entity}` does not fit: column `{column}`: {reason}; change the field's type or the data"
    )]
    Row { entity: String, key: String, column: String, reason: String },
    #[error("E0402: no `{entity}` was found where one was asked for")]
    NotFound { entity: String },
    #[error("E0403: several rows of `{entity}` were found where one was asked for")]
    SeveralFound { entity: String },
    #[error("E0404: the row of {object} is gone from the database")]
    RowGone { object: String },
}
