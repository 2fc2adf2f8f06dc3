//! The MariaDB and MySQL driver of entail, over mysql_async.
//!
//! A [`Pool`] hands out [`PooledConnection`]s, which run the batches of the engine. [`Options`]
//! are read from a URL.
//!
//! ```text
//! Pool --> PooledConnection --> trip --+--> packet    texts of many statements, sent at once
//!                                      |--> query     prepared statements, rows in parts
//!                                      '--> violation  refused? look at the database
//! ```
//!
//! # Packets
//!
//! The protocol has no pipelining: a client sends a statement and waits for its answer. But it
//! takes a text of several statements. So everything that writes is put into one text, from BEGIN
//! to COMMIT, with its values as literals, and sent as one packet; the server stops at the first
//! statement that fails. A packet ends
//!
//! - before a statement that needs a value which the server makes earlier in the packet;
//! - before what would make a write final (COMMIT, RELEASE, or any statement where no
//!   transaction is open), if it is not known yet whether an UPDATE or DELETE found as many rows
//!   as it should: another number is no error to the server. The rows of an INSERT are those
//!   written down in it, so that it needs no such care;
//! - before a query, or a statement of raw SQL: these are prepared, and their values travel in
//!   binary form;
//! - before it becomes larger than three quarters of the server's `max_allowed_packet`.
//!
//! Where an UPDATE or DELETE wrote another number of rows than expected, later statements of its
//! packet have run already, always inside of a transaction. If the batch began it, it is rolled
//! back; if not, it stays open, and whoever opened it must roll it back, or a savepoint in it.
//!
//! # Generated keys
//!
//! MariaDB (from 10.5 on) has `INSERT ... RETURNING`. MySQL gives the number of the first row only
//! ([`Fetch::FirstNumber`](entail_engine::batch::Fetch::FirstNumber)). The numbers of the others
//! follow from it, whoever else inserts at the same time: all rows of the statement are written
//! down in it, which the server calls a simple insert, and for such a one InnoDB reserves all
//! numbers at once, in each of its modes (`innodb_autoinc_lock_mode` 0, 1 and 2). Within what is
//! reserved, row follows row at a distance of `auto_increment_increment`, which a cluster changes
//! whenever a member comes or goes. Therefore it is not remembered, but asked for in the same
//! packet, behind the INSERTs.
//!
//! Where MySQL makes more than that number, or something else, each row has an INSERT of its own,
//! and behind it in the packet a SELECT that reads the row by its key
//! ([`Fetch::ByKey`](entail_engine::batch::Fetch::ByKey)). A row that is not found so, because it
//! has got another key than it was given, fails the batch before its COMMIT is sent.
//!
//! # Sessions
//!
//! Each connection speaks `utf8mb4`, compares texts by `utf8mb4_bin`, lives in UTC, and is strict
//! about values (`STRICT_TRANS_TABLES`). An UPDATE counts the rows it found, not only those it
//! changed. Transactions are `REPEATABLE READ` unless the URL says otherwise. Several queries
//! outside of a transaction run in a read-only one of their own, which sees one moment.
//!
//! Statements that define tables commit whatever transaction is open. After each statement the
//! server says whether one is, and that is what
//! [`in_transaction`](PooledConnection::in_transaction) answers.
//!
//! # Clusters
//!
//! A node of a Galera cluster may end a transaction between two statements of a packet, and run the
//! next one outside of it. On such a node (`wsrep_on`) autocommit is off for the length of a
//! transaction, and a savepoint shows whether it is still the same one; if not, it is a `Deadlock`,
//! and nothing was committed.
//!
//! # Failures
//!
//! | code | becomes |
//! |---|---|
//! | 1452, 1216 | `Integrity`, foreign key; the missing parent is found by looking at the database |
//! | 1451, 1217 | `Integrity`, foreign key; the rows that still refer are counted |
//! | 1062, 1586, 1169, 1859 | `Integrity`, unique; the index and its columns |
//! | 1048, 1364 | `Integrity`, not null; the table and the column |
//! | 3819, 4025 | `Integrity`, check; the table and the constraint |
//! | 1213 | `Deadlock`: the server has rolled the transaction back. Galera reports its conflicts so |
//! | 1205, 3572 | `LockTimeout`: the transaction stays open, unless the server is told otherwise |
//! | 1020 | `Serialization`: a row was changed since the transaction's snapshot |
//! | 1792, 1836, and 1290 if it is about being read-only | `ReadOnly` |
//! | 1021, 1041, 1114 | `Full` |
//! | 1317, 1969, 3024 | `Cancelled`; `ConnectionLost` where the connection is gone behind 1317, which MySQL says where it is killed |
//! | 1040, 1203, 1226; no connection of the pool in time | `Busy` |
//! | 1047 | `Busy`: a member of a Galera cluster is not ready. Its connection is thrown away, so that the next try may meet another member |
//! | 1053, 1080, 1152 to 1161, 1184, 1927, 2006, 2013, 3169, 4031; failures of the network | `ConnectionLost` |
//! | 1034, 1035, 1194, 1195, 1712 | `Corrupt` |
//! | 1264, 1265, 1292, 1366, 1406, if a column is named | `Value` |
//! | a NaN or infinity, a date beyond year 9999, a value of another type than its column | `Value` |
//! | another number of rows than expected | `RowCount` |
//! | everything while connecting but `Busy` | `Connect` |
//! | everything else | `Statement`, with the server's code |
//!
//! A foreign key whose rows cannot be found by looking is `ForeignKeyViolation::Unknown`.

#![deny(clippy::unwrap_used)]

mod bind;
mod connection;
mod decode;
mod failure;
mod guard;
mod link;
mod literal;
mod looking;
mod message;
mod packet;
mod pool;
mod query;
mod setup;
mod statements;
mod template;
mod trip;
mod url;
mod violation;

pub use connection::PooledConnection;
pub use pool::Pool;
pub use url::Options;
