//! Failures: why a step was refused, in the words of the format.

use entail::{DriverError, Error, FlushError, StateError, ViolationKind};

/// Why a step was refused.
#[derive(Debug)]
pub struct Failure {
    /// The word that answers compare.
    pub kind: &'static str,
    /// What entail said.
    pub detail: String,
}

impl Failure {
    /// The call makes no sense in the object's state.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self { kind: "invalid_request", detail: detail.into() }
    }

    /// Whether the row of an object was to be read, and is gone.
    pub fn is_of_a_lost_row(&self) -> bool {
        self.detail.starts_with("E0404")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { kind: kind_of(&error), detail: error.to_string() }
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::from(Error::from(error))
    }
}

fn kind_of(error: &Error) -> &'static str {
    match error {
        Error::Integrity(integrity) => violation(&integrity.kind),
        Error::Driver(DriverError::Integrity(refused)) => violation(&refused.kind),
        Error::Driver(DriverError::RowCount { .. }) => "stale_data",
        Error::Flush(FlushError::Stale { .. } | FlushError::MergeVersion { .. }) => "stale_data",
        Error::Flush(FlushError::Cycle { .. }) => "cycle",
        Error::Flush(FlushError::KeyBlanked { .. }) => "key_blanked",
        Error::Flush(_) => "flush",
        Error::State(_) | Error::Load(_) => "invalid_request",
        _ => "other",
    }
}

fn violation(kind: &ViolationKind) -> &'static str {
    match kind {
        ViolationKind::ForeignKey(_) => "integrity.foreign_key",
        ViolationKind::Unique => "integrity.unique",
        ViolationKind::NotNull => "integrity.not_null",
        ViolationKind::Check => "integrity.check",
        _ => "other",
    }
}
