//! The pure engine of entail: mapping, arena, cascades and flush planning, without I/O.

pub mod batch;
pub mod error;
pub mod value;
