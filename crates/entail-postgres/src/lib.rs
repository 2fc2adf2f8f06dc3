//! The PostgreSQL driver of entail, over tokio-postgres.

#![deny(clippy::unwrap_used)]

mod bind;
mod connection;
mod decode;
mod detail;
mod failure;
mod live;
mod looking;
mod numeric;
mod pipeline;
mod pool;
mod statements;
mod text;
#[cfg(feature = "chrono")]
mod time;
mod tls;
mod url;
mod violation;

pub use pool::{Pool, PooledConnection};
pub use url::Options;
