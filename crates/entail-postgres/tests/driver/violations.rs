//! violations.
