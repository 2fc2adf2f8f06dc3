//! The promises of the PostgreSQL driver, one module a subject.

mod arrays;
mod database;
mod foreign_keys;
mod inserts;
mod interruptions;
mod opening;
mod pipelines;
mod pools;
mod requests;
mod statements;
mod transactions;
mod values;
mod violations;
