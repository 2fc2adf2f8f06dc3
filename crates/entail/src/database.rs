//! Databases: a pool of connections and the mapping of what is in them.

use std::sync::Arc;

use entail_engine::batch::{Batch, Outcome, Sink};
use entail_engine::error::{BatchFailure, DriverError, Error};
use entail_engine::mapping::Mapping;
use entail_engine::sql::Dialect;
use entail_engine::unit::{Unit, UnitOptions};

use crate::session::Session;

/// A database and the mapping of what is in it.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    mapping: Arc<Mapping>,
}

impl Database {
    /// Opens a database by its URL, such as `sqlite:app.db` or `sqlite::memory:`. It is opened
    /// once at once, so that a mistake shows here.
    ///
    /// # Errors
    ///
    /// E0511 for a mistake in the URL, E0501 if the database cannot be opened.
    pub async fn connect(url: &str, mapping: Mapping) -> Result<Self, Error> {
        let pool = Pool::open(url)?;
        pool.take().await?;
        Ok(Self { pool, mapping: Arc::new(mapping) })
    }

    /// The mapping.
    pub fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    /// Creates all tables and indexes that are not there, in dependency order.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub async fn create_all(&self) -> Result<(), Error> {
        self.run_script(self.create_all_sql()).await
    }

    /// Drops all tables of the mapping.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub async fn drop_all(&self) -> Result<(), Error> {
        self.run_script(self.drop_all_sql()).await
    }

    /// The statements of [`create_all`](Self::create_all).
    pub fn create_all_sql(&self) -> Vec<String> {
        entail_engine::ddl::create_all(&self.mapping, self.pool.dialect())
    }

    /// The statements of [`drop_all`](Self::drop_all).
    pub fn drop_all_sql(&self) -> Vec<String> {
        entail_engine::ddl::drop_all(&self.mapping, self.pool.dialect())
    }

    async fn run_script(&self, statements: Vec<String>) -> Result<(), Error> {
        let mut connection = self.pool.take().await?;
        let result = connection.run_script(statements).await;
        result.map_err(|failure| Error::Driver(failure.error))
    }

    /// A new session.
    pub fn session(&self) -> Session {
        self.session_with(UnitOptions::default())
    }

    /// A new session that does other things by itself.
    pub fn session_with(&self, options: UnitOptions) -> Session {
        let unit = Unit::new(Arc::clone(&self.mapping), self.pool.dialect(), options);
        Session::new(unit, self.pool.clone())
    }
}

/// A URL that no driver is there for.
fn no_driver(url: &str) -> DriverError {
    let scheme = url.split(':').next().unwrap_or_default();
    DriverError::Url {
        url: scheme.to_owned() + ":...",
        reason: format!(
            "there is no driver for `{scheme}`; write `sqlite:PATH` or `sqlite::memory:` and switch on the feature `sqlite`"
        ),
    }
}

/// A pool of async connections to one database.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(entail_sqlite::AsyncPool),
}

/// An async connection of a pool.
#[derive(Debug)]
pub(crate) enum Connection {
    #[cfg(feature = "sqlite")]
    Sqlite(entail_sqlite::PooledAsyncConnection),
}

impl Pool {
    fn open(url: &str) -> Result<Self, DriverError> {
        #[cfg(feature = "sqlite")]
        if url.starts_with("sqlite:") {
            let options = entail_sqlite::Options::parse(url)?;
            return Ok(Pool::Sqlite(entail_sqlite::AsyncPool::new(options)));
        }
        Err(no_driver(url))
    }

    pub(crate) async fn take(&self) -> Result<Connection, DriverError> {
        match *self {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(ref pool) => Ok(Connection::Sqlite(pool.take().await?)),
        }
    }

    fn dialect(&self) -> Dialect {
        match *self {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => Dialect::Sqlite,
        }
    }
}

impl Connection {
    pub(crate) async fn run_into(
        &mut self,
        batch: Batch,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, BatchFailure> {
        match *self {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(ref mut connection) => connection.run_into(batch, sink).await,
        }
    }

    async fn run_script(&mut self, statements: Vec<String>) -> Result<(), BatchFailure> {
        match *self {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(ref mut connection) => connection.run_script(statements).await,
        }
    }

    pub(crate) fn was_interrupted(&self) -> bool {
        match *self {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(ref connection) => connection.was_interrupted(),
        }
    }
}

/// The same without a runtime.
pub(crate) mod blocking {
    use super::{Batch, BatchFailure, Dialect, DriverError, Outcome, Sink, no_driver};

    /// A pool of blocking connections to one database.
    #[derive(Clone, Debug)]
    pub(crate) enum Pool {
        #[cfg(feature = "sqlite")]
        Sqlite(entail_sqlite::Pool),
    }

    /// A blocking connection of a pool.
    #[derive(Debug)]
    pub(crate) enum Connection {
        #[cfg(feature = "sqlite")]
        Sqlite(entail_sqlite::PooledConnection),
    }

    impl Pool {
        pub(crate) fn open(url: &str) -> Result<Self, DriverError> {
            #[cfg(feature = "sqlite")]
            if url.starts_with("sqlite:") {
                let options = entail_sqlite::Options::parse(url)?;
                return Ok(Pool::Sqlite(entail_sqlite::Pool::new(options)));
            }
            Err(no_driver(url))
        }

        pub(crate) fn take(&self) -> Result<Connection, DriverError> {
            match *self {
                #[cfg(feature = "sqlite")]
                Pool::Sqlite(ref pool) => Ok(Connection::Sqlite(pool.take()?)),
            }
        }

        pub(crate) fn dialect(&self) -> Dialect {
            match *self {
                #[cfg(feature = "sqlite")]
                Pool::Sqlite(_) => Dialect::Sqlite,
            }
        }
    }

    impl Connection {
        pub(crate) fn run_into(
            &mut self,
            batch: &Batch,
            sink: &mut Sink<'_>,
        ) -> Result<Outcome, BatchFailure> {
            match *self {
                #[cfg(feature = "sqlite")]
                Connection::Sqlite(ref mut connection) => connection.run_into(batch, sink),
            }
        }

        pub(crate) fn run_script(&mut self, statements: &[String]) -> Result<(), BatchFailure> {
            match *self {
                #[cfg(feature = "sqlite")]
                Connection::Sqlite(ref mut connection) => connection.run_script(statements),
            }
        }
    }
}
