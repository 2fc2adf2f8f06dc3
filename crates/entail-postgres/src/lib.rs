//! The PostgreSQL driver of entail, over tokio-postgres.
//!
//! It runs the batches of the engine on a [`PooledConnection`], which a [`Pool`] hands out.
//! [`Options`] are read from a URL. It needs a runtime of tokio.
//!
//! ```text
//! Pool --> PooledConnection --> pipeline --> tokio-postgres --task--> server
//!                                   '-- refused? look at the catalog
//! ```
//!
//! # Pipelines
//!
//! Requests are sent without waiting for the answers to those before them. Only this waits:
//!
//! | what | for |
//! |---|---|
//! | a statement with a slot as parameter | the statement that fills the slot |
//! | the statements of a batch that are new to the connection | being prepared, all at once, together with the BEGIN |
//! | COMMIT and RELEASE | every count before them that may be wrong |
//! | COMMIT, if savepoints are set | everything before it |
//! | ROLLBACK, ROLLBACK TO | everything before them |
//! | everything behind COMMIT, ROLLBACK, ROLLBACK TO | these |
//! | a statement outside of a transaction | the one before it |
//!
//! A statement that the server refuses aborts the transaction. A COMMIT that was sent behind it
//! rolls back then, so it can be sent at once. A statement that writes another number of rows than
//! expected is no failure to the server, and a COMMIT behind it would commit. So a COMMIT waits for
//! the counts of UPDATE and DELETE, and for queries, whose values may turn out to be unreadable. An
//! INSERT writes all of its rows or none, unless a trigger or a rule keeps rows out. The driver
//! asks whether the table has such a one when it meets the table for the first time, and waits for
//! its counts if so. (It does not see a trigger that is created later, or one of a partition alone.)
//!
//! A batch of an UPDATE and a COMMIT takes two trips, one of INSERTs and a COMMIT takes one. A new
//! shape of a batch takes one more.
//!
//! # Transactions
//!
//! A transaction begins with `BEGIN`, in the isolation of the option `isolation`. A batch of
//! several queries outside of a transaction runs in one of its own, repeatable read and read only,
//! because each query would otherwise see the database at another moment.
//!
//! After a failure, what the batch itself began has been rolled back. An older transaction is
//! aborted: it is still there, and waits for a rollback of all of it or to a savepoint. A COMMIT in
//! an aborted transaction is refused by the driver, because the server would roll back and call it
//! a success.
//!
//! # Generated keys
//!
//! Rows that are inserted together get their keys from one statement with RETURNING. PostgreSQL
//! takes values from a sequence in the order of the rows, but does not promise to return the rows in
//! that order. Where a single integer is generated and the keys do not come back in ascending
//! order, they are put in it, unless a sequence of the table counts down.
//!
//! # Values
//!
//! | kind of value | is sent to parameters of type |
//! |---|---|
//! | integer | int2, int4, int8 and oid if it is in range, float4 and float8 if none of its digits is lost, anything else as text |
//! | floating point number | float4, float8, anything else but integers as text |
//! | text | everything but bytea, as text: the server reads it as a literal of the type |
//! | boolean, bytes, date, time, timestamp, timestamptz, UUID | its own type; all but bytes also to texts |
//!
//! Columns are read where their type is int2, int4, int8, oid, float4, float8, bool, text, varchar,
//! char, name, citext, an enum, json, jsonb, xml, bytea, numeric (as text), date, time, timestamp,
//! timestamptz, uuid, or a domain over one of these. Any other is `Value`: cast it to text.
//!
//! # PgBouncer
//!
//! In transaction mode a pooler gives each transaction another connection, where no prepared
//! statement can be found. With `statement_cache=0` none is prepared: each statement is sent with
//! its parameters in one trip, integers and texts as literals without a type. A raw query without
//! rows then has no names of columns, and a column of an enum must be cast to text, because the
//! driver would have to prepare a statement to learn its type.
//!
//! # Failures
//!
//! | PostgreSQL | becomes |
//! |---|---|
//! | `23503`, `23001`, at a statement or at COMMIT | `Integrity`, foreign key: which end, the key, the rows that refer to it |
//! | `23505`, `23P01` (an exclusion constraint is a kind of unique one) | `Integrity`, unique; the table, the columns, the constraint |
//! | `23502` | `Integrity`, not null; the table and the column |
//! | `23514` | `Integrity`, check; the table, the columns, the constraint |
//! | `40001` | `Serialization` |
//! | `40P01` | `Deadlock` |
//! | `55P03` | `LockTimeout` |
//! | `57014` | `Cancelled` |
//! | `25006` | `ReadOnly` |
//! | `53100` | `Full` |
//! | `53300` (too many connections); no connection of the pool in time | `Busy` |
//! | `57P01`, `57P02`, `57P03`, `57P05`, `08...`, everything fatal, a connection that ends | `ConnectionLost` |
//! | everything else while opening | `Connect` |
//! | a parameter that does not fit its type, a text with a NUL, a column that cannot be read | `Value` |
//! | `22001`, `22003` where the engine wrote the statement | `Value`; the table, because PostgreSQL does not name the column |
//! | another number of rows than expected | `RowCount` |
//! | everything else | `Statement`, with the SQLSTATE |
//!
//! The key of a foreign key is read from the detail of the failure, the rest from the catalog.
//! Where the failed transaction is still open, another connection looks, which sees what is
//! committed; a key that rows refer to has one such row at least. A foreign key that cannot be
//! found is `ForeignKeyViolation::Unknown`.

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
