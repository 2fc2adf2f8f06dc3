//! The SQLite driver of entail, over rusqlite.
//!
//! It runs the batches of the engine on a [`Connection`], which blocks, or on an
//! [`AsyncConnection`], which lives on a thread of its own and works with every async runtime.
//! [`Pool`] and [`AsyncPool`] hand them out. [`Options`] are read from a URL.
//!
//! ```text
//! AsyncPool --> AsyncConnection --thread--> Connection --> calls --> rusqlite
//!      Pool --------------------------------^                '-- refused? look at the database
//! ```
//!
//! # Transactions
//!
//! A transaction begins with `BEGIN IMMEDIATE`: it takes the write lock at once, waits for it as
//! long as `busy_timeout` says, and no later statement of it can fail because another connection
//! wrote in between. A batch of several queries outside a transaction runs in a deferred one of
//! its own, because SQLite would otherwise give each query another snapshot, and a session would
//! load children that do not fit their parents.
//!
//! # Memory databases
//!
//! A database of `sqlite::memory:` belongs to one connection, so its pool has exactly one. (The
//! shared cache of SQLite would allow more, but its table locks ignore the busy timeout.) A
//! second session waits for the first to end, at most for `busy_timeout`.
//!
//! # Failures
//!
//! | SQLite | becomes |
//! |---|---|
//! | `CONSTRAINT_UNIQUE`, `_PRIMARYKEY`, `_ROWID` | `Integrity`, unique; the table, the columns, and the index if it has a name |
//! | `CONSTRAINT_NOTNULL` | `Integrity`, not null; the table and the column |
//! | `CONSTRAINT_CHECK` | `Integrity`, check; the table, and the constraint if it has a name |
//! | `CONSTRAINT_FOREIGNKEY`, at a statement or at COMMIT | `Integrity`, foreign key, found by looking at the database |
//! | `CONSTRAINT_TRIGGER` with SQLite's own message for foreign keys | the same: it is what RESTRICT reports |
//! | other `CONSTRAINT_TRIGGER`, `CONSTRAINT_DATATYPE` and so on | `Statement` |
//! | `BUSY`, `LOCKED`, `PROTOCOL`; no connection of the pool in time | `Busy` |
//! | `READONLY` | `ReadOnly` |
//! | `FULL` | `Full` |
//! | `IOERR` | `ConnectionLost`: the file is out of reach, and no later statement can be trusted |
//! | `CORRUPT`, `NOTADB` | `Corrupt` |
//! | `CANTOPEN` and everything else while opening | `Connect` |
//! | a value of another type than its column, a text that is not UTF-8, a NaN | `Value` |
//! | another number of rows than expected | `RowCount` |
//! | everything else | `Statement`, with SQLite's extended code |
//!
//! A failure whose reason cannot be found by looking is `ForeignKeyViolation::Unknown`.

#![deny(clippy::unwrap_used)]

mod asynchronous;
mod bind;
mod call;
mod connection;
mod decode;
mod failure;
mod keys;
mod looking;
mod made;
mod pool;
mod schema;
mod spin;
#[cfg(feature = "chrono")]
mod time_text;
mod token;
mod url;
mod violation;

pub use asynchronous::AsyncConnection;
pub use connection::Connection;
pub use pool::{AsyncPool, Pool, PooledAsyncConnection, PooledConnection};
pub use url::Options;
