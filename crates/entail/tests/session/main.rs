//! The session as users call it, on SQLite: states, transactions, links, queries, merge, refused
//! constraints, and how many trips and statements each costs.

mod asynchronous;
mod integrity;
mod links;
mod merging;
mod queries;
mod shop;
mod states;
mod transactions;
mod trips;
