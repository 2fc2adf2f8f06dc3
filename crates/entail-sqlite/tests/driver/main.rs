//! The promises of the SQLite driver, one module a subject.

mod asynchronous;
mod commits;
mod foreign_keys;
mod keys;
mod opening;
mod pools;
mod requests;
mod statements;
mod transactions;
mod values;
mod violations;
