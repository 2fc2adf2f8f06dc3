//! Scenarios of unit-of-work behaviour: they are made at random, run on entail and on SQLAlchemy, and
//! compared.

pub mod check;
mod compare;
pub mod differential;
mod explained;
mod failure;
pub mod generate;
mod mapping;
mod recorder;
pub mod report;
pub mod runner;
#[allow(missing_docs)] // The fields are those of the format, whose description says what they mean.
pub mod scenario;
mod shrink;
mod value;

/// Why a run was given up.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;
