//! The SQLite driver of entail, over rusqlite.
