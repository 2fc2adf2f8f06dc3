//! Pools: connections that sessions take turns with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{
    self, Metrics, Object, PoolError, RecycleError, RecycleResult, TimeoutType, Timeouts,
};
use entail_engine::batch::{Batch, Outcome, Parts, Sink};
use entail_engine::error::{BatchFailure, DriverError};

use crate::connection::Connection;
use crate::live::Opener;
use crate::tls;
use crate::url::Options;

/// A pool of connections.
///
/// It opens connections as they are needed, up to the option `pool_size`, and keeps them. A
/// connection comes back when its [`PooledConnection`] is dropped; an open transaction is rolled
/// back then, and a broken connection is thrown away.
#[derive(Clone)]
pub struct Pool {
    connections: managed::Pool<Source>,
    options: Arc<Options>,
}

impl Pool {
    /// Makes a pool, which does not open any connection yet.
    ///
    /// # Errors
    ///
    /// `E0501` if the certificates that the options name cannot be read.
    pub fn new(options: Options) -> Result<Self, DriverError> {
        let options = Arc::new(options);
        let opener = Opener { tls: tls::connector(&options)?, options: Arc::clone(&options) };
        let connections = managed::Pool::builder(Source { opener })
            .max_size(options.pool_size)
            .wait_timeout(Some(options.acquire_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| DriverError::Connect {
                to: options.to(),
                reason: error.to_string(),
            })?;
        Ok(Self { connections, options })
    }

    /// Takes a connection, opens one, or waits for one.
    ///
    /// # Errors
    ///
    /// `E0501` if no connection can be opened, `E0503` if the server has too many, or if all
    /// connections of the pool stay in use for the time of the option `acquire_timeout`.
    pub async fn take(&self) -> Result<PooledConnection, DriverError> {
        let taken = match self.connections.timeout_get(&AT_ONCE).await {
            // Only who waits pays for a timer.
            Err(PoolError::Timeout(TimeoutType::Wait)) => Box::pin(self.connections.get()).await,
            taken => taken,
        };
        match taken {
            Ok(connection) => Ok(PooledConnection { connection: Some(connection) }),
            Err(PoolError::Backend(error)) => Err(error),
            Err(PoolError::Timeout(_)) => Err(DriverError::Busy {
                reason: format!(
                    "all {} connections of the pool stayed in use for {:?}; `pool_size` and \
                     `acquire_timeout` set the limits",
                    self.options.pool_size, self.options.acquire_timeout
                ),
            }),
            Err(error) => {
                Err(DriverError::Connect { to: self.options.to(), reason: error.to_string() })
            }
        }
    }

    /// Closes the pool: no connection can be taken any more, those at rest are closed now, and
    /// those in use when they come back.
    pub async fn close(&self) {
        let resting = self.connections.retain(|_, _| false).removed;
        self.connections.close();
        for connection in resting {
            connection.close().await;
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("url", &self.options.shown()).finish_non_exhaustive()
    }
}

/// To take a connection without waiting for one that is in use.
const AT_ONCE: Timeouts = Timeouts { wait: Some(Duration::ZERO), create: None, recycle: None };

/// Where the connections of a pool come from.
struct Source {
    opener: Opener,
}

impl managed::Manager for Source {
    /// It is handed on a dozen times for each call.
    type Type = Box<Connection>;
    type Error = DriverError;

    async fn create(&self) -> Result<Box<Connection>, DriverError> {
        // It is large, and every call would carry it.
        Box::pin(Connection::open(self.opener.clone())).await.map(Box::new)
    }

    async fn recycle(
        &self,
        connection: &mut Box<Connection>,
        _: &Metrics,
    ) -> RecycleResult<DriverError> {
        if connection.recycle() {
            Ok(())
        } else {
            Err(RecycleError::message("the connection is broken"))
        }
    }
}

/// A connection that goes back to its [`Pool`] when it is dropped.
///
/// # Dropped futures
///
/// If the future of a call is dropped before it ends, the server is asked to stop, the connection
/// is thrown away, and whatever transaction is open is rolled back with it; what the batch has
/// committed by then stays. If a transaction was open before that call,
/// [`was_interrupted`](Self::was_interrupted) says so, and the next call fails with
/// [`DriverError::ConnectionLost`] instead of writing outside of the transaction, unless it begins
/// or rolls back one. After that a new connection takes the place of the old one.
pub struct PooledConnection {
    /// Only the drop takes it out.
    connection: Option<Object<Source>>,
}

impl PooledConnection {
    /// Runs the requests of a batch in their order, and stops at the first that fails. The crate's
    /// documentation says what waits for what.
    ///
    /// A failure rolls back what the batch itself began: the transaction of its `Begin`, or the
    /// snapshot of its queries. Any other transaction is left to be rolled back, as a whole or to
    /// a savepoint.
    ///
    /// # Errors
    ///
    /// The failure names the request and the execution. The crate's documentation has the table
    /// of the errors.
    pub async fn run(&mut self, batch: Batch) -> Result<Outcome, BatchFailure> {
        let mut parts = Parts::default();
        let mut outcome = self.run_into(batch, &mut |query, rows| parts.take(query, rows)).await?;
        parts.complete(&mut outcome);
        Ok(outcome)
    }

    /// Runs a batch as [`run`](Self::run) does, but hands over the rows of long answers while they
    /// are read.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub async fn run_into(
        &mut self,
        batch: Batch,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, BatchFailure> {
        match &mut self.connection {
            Some(connection) => connection.run_into(batch, sink).await,
            None => Err(returned()),
        }
    }

    /// Runs statements that give no rows, such as those that define tables, all in one
    /// transaction, or in the open one where there is one.
    ///
    /// # Errors
    ///
    /// The failure names the statement as its request. A transaction of the script's own is
    /// rolled back.
    pub async fn run_script(&mut self, statements: Vec<String>) -> Result<(), BatchFailure> {
        match &mut self.connection {
            Some(connection) => connection.run_script(statements).await,
            None => Err(returned()),
        }
    }

    /// Whether a transaction was open when the last call ended; it may be one that only waits to
    /// be rolled back.
    pub fn in_transaction(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.in_transaction())
    }

    /// Whether a transaction was rolled back because the future of a call was dropped, and no
    /// call since has said so.
    pub fn was_interrupted(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.was_interrupted())
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if connection.is_broken() || !connection.recycle() {
            drop(Object::take(connection));
        }
    }
}

impl fmt::Debug for PooledConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PooledConnection").field(&self.connection.as_deref()).finish()
    }
}

fn returned() -> BatchFailure {
    BatchFailure {
        request: None,
        execution: 0,
        error: DriverError::ConnectionLost { reason: "it was given back".to_owned() },
        in_transaction: false,
    }
}
