//! Blocking drivers: pools and connections. SQLite blocks by itself; the drivers of servers are
//! async, and run on a small runtime of the pool's own.

use entail_engine::batch::{Batch, Outcome, Sink};
use entail_engine::error::{BatchFailure, DriverError};
use entail_engine::sql::Dialect;

use super::Scheme;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::{asynchronous, served::Runtime};

/// A pool of blocking connections to one database.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(entail_sqlite::Pool),
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    Served(Runtime, asynchronous::Pool),
}

/// A blocking connection of a pool.
#[derive(Debug)]
pub(crate) enum Connection {
    #[cfg(feature = "sqlite")]
    Sqlite(entail_sqlite::PooledConnection),
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    Served(Runtime, Box<asynchronous::Connection>),
}

impl Pool {
    /// A pool whose first connection was made.
    pub(crate) fn open(url: &str) -> Result<Self, DriverError> {
        match Scheme::of(url)? {
            #[cfg(feature = "sqlite")]
            Scheme::Sqlite => {
                let pool = entail_sqlite::Pool::new(entail_sqlite::Options::parse(url)?);
                pool.take()?;
                Ok(Pool::Sqlite(pool))
            }
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            #[allow(unreachable_patterns)] // Without SQLite this is all there is.
            _ => {
                let runtime = Runtime::start()?;
                let pool = runtime.block_on(asynchronous::Pool::open(url))??;
                Ok(Pool::Served(runtime, pool))
            }
        }
    }

    pub(crate) fn take(&self) -> Result<Connection, DriverError> {
        match *self {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(ref pool) => Ok(Connection::Sqlite(pool.take()?)),
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            Pool::Served(ref runtime, ref pool) => {
                let connection = runtime.block_on(pool.take())??;
                Ok(Connection::Served(runtime.clone(), Box::new(connection)))
            }
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match *self {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => Dialect::Sqlite,
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            Pool::Served(_, ref pool) => pool.dialect(),
        }
    }
}

impl Connection {
    pub(crate) fn run_into(
        &mut self,
        batch: Batch,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, BatchFailure> {
        match *self {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(ref mut connection) => connection.run_into(&batch, sink),
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            Connection::Served(ref runtime, ref mut connection) => {
                runtime.block_on(connection.run_into(batch, sink)).map_err(at_start)?
            }
        }
    }

    pub(crate) fn run_script(&mut self, statements: Vec<String>) -> Result<(), BatchFailure> {
        match *self {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(ref mut connection) => connection.run_script(&statements),
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            Connection::Served(ref runtime, ref mut connection) => {
                runtime.block_on(connection.run_script(statements)).map_err(at_start)?
            }
        }
    }
}

/// A failure before anything was sent.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn at_start(error: DriverError) -> BatchFailure {
    BatchFailure { request: None, execution: 0, error, in_transaction: true }
}
