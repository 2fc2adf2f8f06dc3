//! Connections: what a session holds while it runs batches.

use std::fmt;

use entail_engine::batch::{Batch, Outcome, Parts, Request, Sink};
use entail_engine::error::{BatchFailure, DriverError};
use entail_engine::sql::Dialect;

use crate::pool::{self, Lease, Pool};
use crate::trip;

/// A connection that goes back to its [`Pool`] when it is dropped.
///
/// # Dropped futures
///
/// If the future of a call is dropped before it ends, the connection is thrown away: the server
/// rolls back whatever transaction is open, and is told to stop the statement that runs; what the
/// batch has committed by then stays. If a transaction was open before that call,
/// [`was_interrupted`](Self::was_interrupted) says so, and the next call fails with
/// [`DriverError::ConnectionLost`] instead of writing outside of the transaction, unless it begins
/// or rolls back one. After that, calls run on another connection of the pool. The same holds
/// where a connection was lost.
pub struct PooledConnection {
    pool: Pool,
    /// None once it was thrown away, until the next call.
    lease: Option<Lease>,
    dialect: Dialect,
    transaction: Transaction,
}

/// What is known of the transaction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
    /// It was open, and is gone because the future of a call was dropped.
    Lost,
}

impl PooledConnection {
    pub(crate) fn new(pool: Pool, lease: Lease) -> Self {
        let dialect = lease.dialect();
        Self { pool, lease: Some(lease), dialect, transaction: Transaction::None }
    }

    /// How SQL is written for the server: as MariaDB has it, or as MySQL.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Runs the requests of a batch in their order, and stops at the first that fails.
    ///
    /// A failure rolls back what the batch itself began: the transaction of its `Begin`, or the
    /// snapshot of its queries. Any other transaction stays open, with what was written in it,
    /// unless the server has ended it.
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
        if !matches!(batch.requests.first(), Some(Request::Begin | Request::Rollback)) {
            self.refuse_lost()?;
        }
        let lease = self.lease().await?;
        let options = self.pool.options();
        let mut flight = Flight { transaction: &mut self.transaction, lease: Some(lease) };
        let result = match &mut flight.lease {
            Some(link) => trip::run(link, options, &batch, sink).await,
            None => Err(lost("it was given up")),
        };
        self.lease = flight.land();
        result
    }

    /// Runs statements that give no rows, such as those that define tables. Such a statement
    /// commits the open transaction.
    ///
    /// # Errors
    ///
    /// The failure names the statement as its request. What the statements before it did stays,
    /// but for settings of the session, which are as before the script.
    pub async fn run_script(&mut self, statements: Vec<String>) -> Result<(), BatchFailure> {
        self.refuse_lost()?;
        let lease = self.lease().await?;
        let options = self.pool.options();
        let mut flight = Flight { transaction: &mut self.transaction, lease: Some(lease) };
        let result = match &mut flight.lease {
            Some(link) => trip::script(link, options, &statements).await,
            None => Err(lost("it was given up")),
        };
        self.lease = flight.land();
        result
    }

    /// Whether a transaction was open when the last call ended.
    pub fn in_transaction(&self) -> bool {
        self.transaction == Transaction::Open
    }

    /// Whether a transaction is gone because the future of a call was dropped, and no call since
    /// has said so.
    pub fn was_interrupted(&self) -> bool {
        self.transaction == Transaction::Lost
    }

    /// Says once that the transaction is gone.
    fn refuse_lost(&mut self) -> Result<(), BatchFailure> {
        if self.transaction != Transaction::Lost {
            return Ok(());
        }
        self.transaction = Transaction::None;
        Err(lost("a call was dropped before it ended, and its transaction has been rolled back"))
    }

    /// The connection, or another one of the pool in its place.
    async fn lease(&mut self) -> Result<Lease, BatchFailure> {
        match self.lease.take() {
            Some(lease) => Ok(lease),
            None => Box::pin(self.pool.lease()).await.map_err(before_all),
        }
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(mut lease) = self.lease.take() else { return };
        if lease.is_clean() {
            return;
        }
        // Locks of the transaction must not be held until somebody takes the connection.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if lease.in_transaction() => {
                runtime.spawn(async move {
                    if lease.roll_back().await.is_err() {
                        pool::take_out(lease).abandon();
                    }
                });
            }
            Err(_) if lease.in_transaction() => pool::take_out(lease).abandon(),
            // The pool looks at the rest before it hands it out again.
            _ => {}
        }
    }
}

impl fmt::Debug for PooledConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledConnection")
            .field("link", &self.lease.as_deref())
            .field("transaction", &self.transaction)
            .finish_non_exhaustive()
    }
}

/// A call on its way. Dropped before it lands, it throws the connection away.
struct Flight<'a> {
    transaction: &'a mut Transaction,
    lease: Option<Lease>,
}

impl Flight<'_> {
    /// Gives back the connection, if it can be used on.
    fn land(mut self) -> Option<Lease> {
        let lease = self.lease.take()?;
        let open = lease.in_transaction();
        *self.transaction = if open { Transaction::Open } else { Transaction::None };
        if lease.is_broken() {
            pool::take_out(lease).abandon();
            return None;
        }
        Some(lease)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        pool::take_out(lease).cancel();
        if *self.transaction == Transaction::Open {
            *self.transaction = Transaction::Lost;
        }
    }
}

/// A failure that came before the first request.
fn before_all(error: DriverError) -> BatchFailure {
    BatchFailure { request: None, execution: 0, error, in_transaction: false }
}

fn lost(reason: &str) -> BatchFailure {
    before_all(DriverError::ConnectionLost { reason: reason.to_owned() })
}
