//! Databases: a pool of connections and the mapping of what is in them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use entail_engine::error::{DriverError, Error};
use entail_engine::mapping::Mapping;
use entail_engine::unit::{Unit, UnitOptions};

use crate::driver::asynchronous::Pool;
use crate::retry;
use crate::session::Session;

/// A database and the mapping of what is in it.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    mapping: Arc<Mapping>,
}

impl Database {
    /// Opens a database by its URL: `sqlite:app.db`, `sqlite::memory:`,
    /// `postgres://user:password@host/database` or `mysql://user:password@host/database`. It is
    /// opened once at once, so that a mistake shows here.
    ///
    /// # Errors
    ///
    /// E0511 for a mistake in the URL, E0501 if the database cannot be opened, E0516 if the
    /// mapping asks for what it does not have.
    pub async fn connect(url: &str, mapping: Mapping) -> Result<Self, Error> {
        let pool = Pool::open(url).await?;
        check(&mapping, pool.dialect())?;
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

    /// The same database, to whose sessions [`Faults`](crate::faults::Faults) come when they are
    /// told to.
    #[cfg(feature = "faults")]
    pub fn with_faults(&self, faults: &crate::faults::Faults) -> Self {
        let pool = Pool::Faulty(Box::new(self.pool.clone()), faults.clone());
        Self { pool, mapping: Arc::clone(&self.mapping) }
    }

    /// Runs `work` on a new session and commits. If the transaction was ended because others were
    /// in its way ([`Error::is_retryable`]), all of it runs again on a fresh session, after a
    /// pause that grows and has a random part.
    ///
    /// What `work` does besides the session is done again too.
    ///
    /// In a task that is spawned the compiler may say that something "is not general enough": it does
    /// not see yet that an async closure which borrows can be sent along. Then use
    /// [`transaction_boxed`](Self::transaction_boxed).
    ///
    /// ```
    /// # use entail::prelude::*;
    /// # #[derive(Entity)]
    /// # #[entity(table = "accounts")]
    /// # struct Account { #[key] id: Auto<i64>, balance: i64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # let db = Database::connect("sqlite::memory:", mapping![Account]?).await?;
    /// # db.create_all().await?;
    /// db.transaction(async |session| {
    ///     session.add(Account { id: auto(), balance: 10 });
    ///     Ok::<_, Error>(())
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `work` and of the commit; one that is retryable only after ten tries.
    pub async fn transaction<T, E>(
        &self,
        mut work: impl AsyncFnMut(&mut Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error> + std::error::Error + 'static,
    {
        let mut pauses = retry::pauses();
        loop {
            let mut session = self.session();
            let result = work(&mut session).await;
            match retry::settle(session, result).await {
                Ok(output) => return Ok(output),
                Err(failed) => retry::wait(failed, pauses.next()).await?,
            }
        }
    }

    /// [`transaction`](Self::transaction) with a boxed future, which can be sent along in a task that
    /// is spawned:
    ///
    /// ```no_run
    /// # use entail::prelude::*;
    /// # async fn add(db: Database) -> Result<(), Error> {
    /// db.transaction_boxed(|session| Box::pin(async move { session.flush().await })).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`transaction`](Self::transaction).
    pub async fn transaction_boxed<T, E>(
        &self,
        mut work: impl for<'s> FnMut(
            &'s mut Session,
        ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 's>>,
    ) -> Result<T, E>
    where
        E: From<Error> + std::error::Error + 'static,
    {
        let mut pauses = retry::pauses();
        loop {
            let mut session = self.session();
            let result = work(&mut session).await;
            match retry::settle(session, result).await {
                Ok(output) => return Ok(output),
                Err(failed) => retry::wait(failed, pauses.next()).await?,
            }
        }
    }
}

/// Makes sure that a database can hold a mapping.
pub(crate) fn check(
    mapping: &Mapping,
    dialect: entail_engine::sql::Dialect,
) -> Result<(), DriverError> {
    let missing = entail_engine::ddl::unsupported(mapping, dialect);
    if missing.is_empty() {
        return Ok(());
    }
    Err(DriverError::Unsupported { database: dialect.name(), missing })
}
