//! The suite of sessions on MariaDB.
#![cfg(feature = "mysql")]

#[path = "session/suite.rs"]
mod suite;

const DATABASE: suite::Kind = suite::Kind::MariaDb;
