//! The error families of the engine, and the one type that holds them all.

mod document;
pub mod driver;
mod flush;
mod integrity;
mod load;
mod state;

pub use document::DocumentError;
pub use driver::{BatchFailure, DriverError, ForeignKeyViolation, Violation, ViolationKind};
pub use flush::FlushError;
pub use integrity::Integrity;
pub use load::LoadError;
pub use state::StateError;

use crate::arena::MergeError;
use crate::mapping::MappingErrors;

/// Everything that can go wrong with a session.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The mapping has mistakes.
    #[error(transparent)]
    Mapping(#[from] MappingErrors),
    /// A call makes no sense in the object's state.
    #[error(transparent)]
    State(#[from] StateError),
    /// A flush could not be planned or met rows that others had changed.
    #[error(transparent)]
    Flush(#[from] FlushError),
    /// Rows could not become objects.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A document cannot be taken.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A constraint of the database refused a statement.
    #[error("E0502: {0}")]
    Integrity(#[from] Box<Integrity>),
    /// The database or its driver failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

impl From<MergeError> for Error {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::State(error) => Error::State(error),
            MergeError::Flush(error) => Error::Flush(error),
            MergeError::Document(error) => Error::Document(error),
        }
    }
}

impl Error {
    /// The stable code of the error, such as `E0502`; its page in the documentation says how to
    /// mend it.
    pub fn code(&self) -> String {
        let text = self.to_string();
        let start = text.find("E0").unwrap_or(0);
        text[start..].chars().take_while(char::is_ascii_alphanumeric).collect()
    }

    /// Whether the same transaction, run again from its beginning, may succeed, because others were
    /// in its way: a deadlock, a lock that was not given in time, a conflict of transactions.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Error::Driver(error) if error.is_retryable())
    }

    /// The refused constraint, if that is what the error is.
    pub fn integrity(&self) -> Option<&Integrity> {
        match self {
            Error::Integrity(integrity) => Some(integrity),
            _ => None,
        }
    }
}
