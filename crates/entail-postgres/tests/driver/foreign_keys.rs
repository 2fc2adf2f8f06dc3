//! foreign_keys.
