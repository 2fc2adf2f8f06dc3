//! The pure engine of entail: mapping, arena, cascades and flush planning, without I/O.

#![deny(clippy::unwrap_used)]

pub mod apply;
pub mod arena;
pub mod batch;
mod by_object;
pub mod cascade;
pub mod change;
pub mod ddl;
pub mod entity;
pub mod error;
pub mod flow;
pub mod handle;
pub mod key;
pub mod mapping;
pub mod plan;
pub mod query;
mod room;
pub mod sql;
pub mod unit;
pub mod value;
