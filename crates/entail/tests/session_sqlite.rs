//! The suite of sessions on SQLite.

#[path = "session/suite.rs"]
mod suite;

const DATABASE: suite::Kind = suite::Kind::Sqlite;
