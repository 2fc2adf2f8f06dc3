//! The error families of the engine.

pub mod driver;

pub use driver::{BatchFailure, DriverError, ForeignKeyViolation, Violation, ViolationKind};
