//! interruptions.
