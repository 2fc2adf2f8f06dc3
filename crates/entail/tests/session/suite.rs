//! The session as users call it: states, transactions, links, queries, merge, refused constraints,
//! and how many trips and statements each costs. The same suite runs on every database.

mod asynchronous;
mod database;
mod detaching;
#[cfg(feature = "serde")]
mod documents;
#[cfg(feature = "faults")]
mod faults;
mod flushes;
mod integrity;
mod links;
mod merging;
pub mod queries;
mod schemas;
pub mod shop;
mod states;
mod transactions;
mod trips;
#[cfg(all(feature = "chrono", feature = "uuid"))]
mod values;

pub use database::Kind;
