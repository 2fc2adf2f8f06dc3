//! The connection: runs batches, and knows what became of its transaction.

use std::fmt;
use std::sync::Arc;

use entail_engine::batch::{Batch, Outcome, Request, Sink};
use entail_engine::error::{BatchFailure, DriverError};
use entail_engine::value::Value;
use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::bind::Slot;
use crate::failure::{self, Fault};
use crate::live::{Flight, Live, Opener};
use crate::looking::Looking;
use crate::pipeline::{Course, Failed, Pipeline};
use crate::statements::Statements;
use crate::violation;

/// A connection to a database.
pub(crate) struct Connection {
    opener: Opener,
    live: Arc<Live>,
    task: JoinHandle<()>,
    statements: Statements,
    transaction: Transaction,
    /// So many savepoints are set in the transaction, or fewer.
    savepoints: u32,
    /// A raw statement may have begun a transaction.
    unsure: bool,
}

/// What is known of the transaction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
    /// The server takes no more statements in it.
    Aborted,
    /// The server would go on with it, but not all that was to be written in it was.
    Doomed,
    /// It was open, and was rolled back because the future of a call was dropped.
    Lost,
}

impl Connection {
    /// Opens a connection.
    pub(crate) async fn open(opener: Opener) -> Result<Self, DriverError> {
        let (live, task) = opener.open().await?;
        let statements = Statements::new(opener.options.statement_cache);
        Ok(Self {
            opener,
            live,
            task,
            statements,
            transaction: Transaction::None,
            savepoints: 0,
            unsure: false,
        })
    }

    pub(crate) async fn run_into(
        &mut self,
        batch: Batch,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, BatchFailure> {
        self.settle();
        let first = batch.requests.first();
        if !matches!(first, Some(Request::Begin | Request::Rollback)) {
            self.refuse_lost()?;
        }
        if self.transaction == Transaction::Lost {
            self.transaction = Transaction::None;
        }
        self.revive().await?;
        if self.transaction == Transaction::Doomed
            && !matches!(first, Some(Request::Rollback | Request::RollbackTo(_)))
        {
            return Err(doomed());
        }
        let live = Arc::clone(&self.live);
        let flight = Flight::start(&live);
        let result = self.attempts(&live, &batch, sink).await;
        flight.land();
        result
    }

    pub(crate) async fn run_script(&mut self, statements: Vec<String>) -> Result<(), BatchFailure> {
        self.settle();
        self.refuse_lost()?;
        self.revive().await?;
        if self.transaction == Transaction::Doomed {
            return Err(doomed());
        }
        let live = Arc::clone(&self.live);
        let flight = Flight::start(&live);
        let result = self.script(&live, &statements).await;
        flight.land();
        result
    }

    /// Whether a transaction is open.
    pub(crate) fn in_transaction(&self) -> bool {
        !self.live.is_abandoned()
            && matches!(
                self.transaction,
                Transaction::Open | Transaction::Aborted | Transaction::Doomed
            )
    }

    /// Whether a transaction was lost with a dropped future, and no call since has said so.
    pub(crate) fn was_interrupted(&self) -> bool {
        match self.transaction {
            Transaction::Lost => true,
            Transaction::None => false,
            _ => self.live.is_abandoned(),
        }
    }

    /// Makes the connection ready for another owner, if it can be: the rollback is sent ahead of
    /// whatever the owner sends.
    pub(crate) fn recycle(&mut self) -> bool {
        if self.live.is_broken() {
            return false;
        }
        if self.in_transaction() || self.unsure {
            // It is sent now, and its answer needs nobody.
            let _ = self.live.client.batch_execute("ROLLBACK").now_or_never();
        }
        self.transaction = Transaction::None;
        self.unsure = false;
        true
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.live.is_broken()
    }

    /// Closes the connection, and waits until the server has been told.
    pub(crate) async fn close(self) {
        let Self { live, task, opener, .. } = self;
        drop(live);
        let _ = timeout(opener.options.connect_timeout, task).await;
    }

    /// Notes what a dropped future took with it.
    fn settle(&mut self) {
        if self.was_interrupted() {
            self.transaction = Transaction::Lost;
        }
    }

    /// Says once that the transaction is gone.
    fn refuse_lost(&mut self) -> Result<(), BatchFailure> {
        if self.transaction != Transaction::Lost {
            return Ok(());
        }
        self.transaction = Transaction::None;
        Err(lost("a call was dropped before it ended, and its transaction has been rolled back"))
    }

    /// Opens the connection anew if it is of no use any more. A transaction is gone with it.
    async fn revive(&mut self) -> Result<(), BatchFailure> {
        if !self.live.is_broken() {
            return Ok(());
        }
        if self.in_transaction() {
            let reason = self.live.end().unwrap_or("the server has closed it").to_owned();
            self.transaction = Transaction::None;
            return Err(lost(&reason));
        }
        let (live, task) = Box::pin(self.opener.open()).await.map_err(|error| BatchFailure {
            request: None,
            execution: 0,
            error,
            in_transaction: false,
        })?;
        self.live = live;
        self.task = task;
        self.statements = Statements::new(self.opener.options.statement_cache);
        self.transaction = Transaction::None;
        self.unsure = false;
        Ok(())
    }

    /// Runs the batch, and once more if a prepared statement was out of date and nothing of the
    /// first attempt is left.
    async fn attempts(
        &mut self,
        live: &Arc<Live>,
        batch: &Batch,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, BatchFailure> {
        let before = self.transaction;
        let (failed, course) = match self.attempt(live, batch, sink).await {
            Ok(outcome) => return Ok(outcome),
            Err(failed) => failed,
        };
        let stale = matches!(&failed.fault, Fault::Postgres(error) if failure::is_stale(error));
        if stale {
            self.statements.clear();
        }
        let whole = course.own || batch.requests.len() == 1 || batch.is_lone_write();
        if !stale || before != Transaction::None || !whole || course.handed_over {
            return Err(self.failure(live, batch, failed, course).await);
        }
        tracing::debug!("a prepared statement was out of date");
        self.roll_back(live).await;
        match self.attempt(live, batch, sink).await {
            Ok(outcome) => Ok(outcome),
            Err((failed, course)) => Err(self.failure(live, batch, failed, course).await),
        }
    }

    async fn attempt(
        &mut self,
        live: &Arc<Live>,
        batch: &Batch,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, (Failed, Course)> {
        let slots: Vec<Slot> = (0..batch.slots).map(|_| Slot::new()).collect();
        let open = self.in_transaction();
        let savepoints = if open { self.savepoints } else { 0 };
        let mut course = Course::new(open, self.transaction == Transaction::Aborted, savepoints);
        course.unsure = self.unsure;
        let begin = self.opener.options.begin;
        let client = &live.client;
        let statements = &mut self.statements;
        let mut pipeline = Pipeline::new(client, statements, batch, begin, &slots, sink, course);
        let result = pipeline.run().await;
        let course = pipeline.course;
        let outcome = pipeline.outcome();
        self.unsure = course.unsure;
        self.savepoints = course.savepoints;
        result.map_err(|failed| (failed, course))?;
        self.transaction = match (course.open, course.aborted) {
            (true, true) => Transaction::Aborted,
            (true, false) => Transaction::Open,
            (false, _) => Transaction::None,
        };
        let slots = slots.into_iter().map(|slot| slot.into_inner().unwrap_or(Value::Null));
        Ok(Outcome { slots: slots.collect(), ..outcome })
    }

    async fn script(
        &mut self,
        live: &Arc<Live>,
        statements: &[String],
    ) -> Result<(), BatchFailure> {
        let client = &live.client;
        let own = !self.in_transaction();
        let mut course = Course::new(true, false, self.savepoints);
        course.own = own;
        course.wrote = true;
        // Tables may have another shape afterwards.
        self.statements.clear();
        let mut result = Ok(());
        if own {
            result = client.batch_execute("BEGIN").await.map_err(|error| (None, error));
        }
        for (index, sql) in statements.iter().enumerate() {
            if result.is_err() {
                break;
            }
            tracing::debug!(%sql, "script");
            result = client.batch_execute(sql).await.map_err(|error| (Some(index), error));
        }
        if own && result.is_ok() {
            course.committing = true;
            result = client.batch_execute("COMMIT").await.map_err(|error| (None, error));
        }
        match result {
            Ok(()) => {
                // Savepoints aside, a script may end the transaction only by itself.
                Ok(())
            }
            Err((request, error)) => {
                let sql = request.and_then(|index| statements.get(index));
                let sql = sql.map_or("", String::as_str).to_owned();
                let failed = Failed { request, execution: 0, fault: Fault::Postgres(error) };
                Err(self.describe(live, failed, course, &sql, None).await)
            }
        }
    }

    /// Leaves the connection as the batch found it, and describes the failure.
    #[cold]
    async fn failure(
        &mut self,
        live: &Arc<Live>,
        batch: &Batch,
        failed: Failed,
        course: Course,
    ) -> BatchFailure {
        let call = match failed.request.and_then(|index| batch.requests.get(index)) {
            Some(Request::Call(call)) => Some(call),
            _ => None,
        };
        let sql = match failed.request.and_then(|index| batch.requests.get(index)) {
            Some(Request::Call(call)) => call.sql.to_string(),
            Some(Request::Commit) | None => "COMMIT".to_owned(),
            Some(Request::Begin) => "BEGIN".to_owned(),
            Some(Request::Rollback) => "ROLLBACK".to_owned(),
            Some(Request::Savepoint(number)) => format!("SAVEPOINT entail_{number}"),
            Some(Request::Release(number)) => format!("RELEASE SAVEPOINT entail_{number}"),
            Some(Request::RollbackTo(number)) => format!("ROLLBACK TO SAVEPOINT entail_{number}"),
        };
        let target = call.and_then(|call| call.target.clone());
        Box::pin(self.describe(live, failed, course, &sql, target.as_deref())).await
    }

    async fn describe(
        &mut self,
        live: &Arc<Live>,
        failed: Failed,
        course: Course,
        sql: &str,
        target: Option<&entail_engine::batch::Target>,
    ) -> BatchFailure {
        let Failed { request, execution, fault } = failed;
        let is_lost = match &fault {
            Fault::Postgres(error) => failure::is_lost(error),
            Fault::Driver(_) => false,
        };
        if is_lost || live.client.is_closed() {
            live.has_ended();
            self.transaction = Transaction::None;
        } else if course.own || course.committing {
            self.roll_back(live).await;
        } else if self.in_transaction() {
            self.transaction = match &fault {
                Fault::Postgres(_) => Transaction::Aborted,
                Fault::Driver(_) if self.transaction != Transaction::Open => self.transaction,
                Fault::Driver(DriverError::RowCount { .. }) => Transaction::Doomed,
                // Nothing but the failed request was to be written, and it was not.
                Fault::Driver(_) if !course.wrote => Transaction::Open,
                Fault::Driver(_) => Transaction::Doomed,
            };
        }
        let error = match fault {
            Fault::Driver(error) => error,
            Fault::Postgres(error) if violation::is_one(&error) => {
                let looking = Looking {
                    here: (!self.in_transaction() && !live.is_broken()).then_some(&live.client),
                    opener: &self.opener,
                };
                violation::described(&error, target, looking).await
            }
            Fault::Postgres(error) => match (failure::sorted(&error, sql, target), live.end()) {
                (DriverError::ConnectionLost { reason }, Some(end)) if !reason.contains(end) => {
                    DriverError::ConnectionLost { reason: end.to_owned() }
                }
                (error, _) => error,
            },
        };
        tracing::debug!(?request, execution, "failed");
        // The error may tell values.
        tracing::trace!(%error, "failed");
        BatchFailure { request, execution, error, in_transaction: self.in_transaction() }
    }

    /// Rolls back, whether or not anything is open. A connection that cannot is closed.
    async fn roll_back(&mut self, live: &Arc<Live>) {
        // The first failure is the one to report.
        let _ = live.client.batch_execute("ROLLBACK").await;
        self.transaction = Transaction::None;
        self.unsure = false;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("to", &self.opener.options.shown())
            .field("transaction", &self.transaction)
            .finish_non_exhaustive()
    }
}

fn lost(reason: &str) -> BatchFailure {
    BatchFailure {
        request: None,
        execution: 0,
        error: DriverError::ConnectionLost { reason: reason.to_owned() },
        in_transaction: false,
    }
}

/// A transaction in which not all was written that was to be.
fn doomed() -> BatchFailure {
    BatchFailure {
        request: Some(0),
        execution: 0,
        error: DriverError::Statement {
            reason: "an earlier batch of the transaction failed; roll it back".to_owned(),
            sql: String::new(),
            code: Some("25P02".to_owned()),
        },
        in_transaction: true,
    }
}
