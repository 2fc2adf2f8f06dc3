//! Async drivers: pools and connections.

use entail_engine::batch::{Batch, Outcome, Sink};
use entail_engine::error::{BatchFailure, DriverError};
use entail_engine::sql::Dialect;

use super::Scheme;
#[cfg(feature = "faults")]
use crate::faults::{Faults, FaultyConnection};

/// A pool of async connections to one database.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(entail_sqlite::AsyncPool),
    #[cfg(feature = "postgres")]
    Postgres(entail_postgres::Pool),
    #[cfg(feature = "mysql")]
    MySql(entail_mysql::Pool, Dialect),
    #[cfg(feature = "faults")]
    Faulty(Box<Pool>, Faults),
}

/// An async connection of a pool.
#[derive(Debug)]
pub(crate) enum Connection {
    #[cfg(feature = "sqlite")]
    Sqlite(entail_sqlite::PooledAsyncConnection),
    #[cfg(feature = "postgres")]
    Postgres(entail_postgres::PooledConnection),
    #[cfg(feature = "mysql")]
    MySql(entail_mysql::PooledConnection),
    #[cfg(feature = "faults")]
    Faulty(FaultyConnection),
}

/// Calls a method of whichever connection it is.
macro_rules! each {
    ($connection:expr, $name:ident => $call:expr) => {
        match *$connection {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(ref mut $name) => $call,
            #[cfg(feature = "postgres")]
            Connection::Postgres(ref mut $name) => $call,
            #[cfg(feature = "mysql")]
            Connection::MySql(ref mut $name) => $call,
            #[cfg(feature = "faults")]
            Connection::Faulty(ref mut $name) => $call,
        }
    };
}

impl Pool {
    /// A pool whose first connection was made.
    pub(crate) async fn open(url: &str) -> Result<Self, DriverError> {
        match Scheme::of(url)? {
            #[cfg(feature = "sqlite")]
            Scheme::Sqlite => {
                let pool = entail_sqlite::AsyncPool::new(entail_sqlite::Options::parse(url)?);
                pool.take().await?;
                Ok(Pool::Sqlite(pool))
            }
            #[cfg(feature = "postgres")]
            Scheme::Postgres => {
                let pool = entail_postgres::Pool::new(entail_postgres::Options::parse(url)?)?;
                pool.take().await?;
                Ok(Pool::Postgres(pool))
            }
            #[cfg(feature = "mysql")]
            Scheme::MySql => {
                let pool = entail_mysql::Pool::new(entail_mysql::Options::parse(url)?)?;
                let dialect = pool.take().await?.dialect();
                Ok(Pool::MySql(pool, dialect))
            }
        }
    }

    pub(crate) async fn take(&self) -> Result<Connection, DriverError> {
        match *self {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(ref pool) => Ok(Connection::Sqlite(pool.take().await?)),
            #[cfg(feature = "postgres")]
            Pool::Postgres(ref pool) => Ok(Connection::Postgres(pool.take().await?)),
            #[cfg(feature = "mysql")]
            Pool::MySql(ref pool, _) => Ok(Connection::MySql(pool.take().await?)),
            #[cfg(feature = "faults")]
            Pool::Faulty(ref pool, ref faults) => {
                let connection = Box::pin(pool.take()).await?;
                let connection = FaultyConnection::new(connection, pool.dialect(), faults.clone());
                Ok(Connection::Faulty(connection))
            }
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match *self {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Pool::MySql(_, dialect) => dialect,
            #[cfg(feature = "faults")]
            Pool::Faulty(ref pool, _) => pool.dialect(),
        }
    }
}

impl Connection {
    pub(crate) async fn run_into(
        &mut self,
        batch: Batch,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, BatchFailure> {
        each!(self, connection => connection.run_into(batch, sink).await)
    }

    pub(crate) async fn run_script(&mut self, statements: Vec<String>) -> Result<(), BatchFailure> {
        each!(self, connection => connection.run_script(statements).await)
    }

    pub(crate) fn was_interrupted(&mut self) -> bool {
        each!(self, connection => connection.was_interrupted())
    }
}
