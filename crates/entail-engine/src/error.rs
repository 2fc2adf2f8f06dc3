//! The error families of the engine.

pub mod driver;
mod flush;
mod load;
mod state;

pub use driver::{BatchFailure, DriverError, ForeignKeyViolation, Violation, ViolationKind};
pub use state::StateError;
pub use flush::FlushError;
pub use load::LoadError;
