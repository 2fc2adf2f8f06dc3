//! pools.
