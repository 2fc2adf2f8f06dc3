//! The suite of sessions on PostgreSQL.
#![cfg(feature = "postgres")]

#[path = "session/suite.rs"]
mod suite;

const DATABASE: suite::Kind = suite::Kind::Postgres;
