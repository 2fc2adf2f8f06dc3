//! The async connection: a handle to a thread that owns a connection.
//!
//! ```text
//! handle --job--> thread: Connection
//!    ^---parts, then reply---'
//! ```
//!
//! Rows of long answers come in parts, so that objects are made while the thread still reads.

use std::fmt;
use std::sync::{Arc, mpsc};
use std::thread;

use crate::connection::{Connection, Stop};
use crate::spin::{self, Pause};
use crate::url::Options;
use async_channel::{Receiver, RecvError, TryRecvError};
use entail_engine::batch::{Batch, Outcome, Parts, Request, Rows, Sink};
use entail_engine::error::{BatchFailure, DriverError};
use futures_channel::oneshot;

/// A connection to a SQLite database that does not block the executor.
///
/// It works with every async runtime: a thread of its own runs the batches, one trip a batch.
///
/// # Dropped futures
///
/// If the future of a call is dropped before it ends, the running statement is stopped, and
/// whatever transaction is open is rolled back; what the batch has committed by then stays.
/// If a transaction was open before that call, [`was_interrupted`](Self::was_interrupted) says
/// so, and the next call fails with [`DriverError::ConnectionLost`] instead of writing outside
/// of the transaction, unless it begins or rolls back one. After that the connection is as new.
pub struct AsyncConnection {
    line: Line,
    stop: Arc<Stop>,
    transaction: Transaction,
    rest: Rest,
}

/// What the last call left behind on the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Nothing: no transaction, no job, and a connection that works.
    Clean,
    /// Something, or it is not known.
    Unsettled,
}

/// What the handle knows of the transaction of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
    /// It was open, and was rolled back because the future of a call was dropped.
    Lost,
}

/// What the thread is to do with its connection.
enum Job {
    Run(Box<dyn FnOnce(&mut Connection) + Send>),
    /// Close it, then reply.
    Close(oneshot::Sender<()>),
}

/// The way to the thread, which ends when all of them are gone.
#[derive(Clone)]
pub(crate) struct Line(mpsc::Sender<Job>);

impl Line {
    /// Sends a job. If the thread has ended, the job is dropped.
    pub(crate) fn send(&self, job: impl FnOnce(&mut Connection) + Send + 'static) {
        let _ = self.0.send(Job::Run(Box::new(job)));
    }
}

impl AsyncConnection {
    /// Starts the thread and opens the database on it.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::open`].
    pub async fn open(options: Options) -> Result<Self, DriverError> {
        let to = options.shown().to_owned();
        let unstarted = |reason: String| DriverError::Connect { to: to.clone(), reason };
        let (reply, opened) = oneshot::channel();
        let (jobs, queue) = mpsc::channel();
        thread::Builder::new()
            .name("entail-sqlite".to_owned())
            .spawn(move || serve(&options, reply, &queue))
            .map_err(|error| unstarted(format!("no thread can be started: {error}")))?;
        let stop = opened.await.map_err(|_| unstarted("its thread has ended".to_owned()))??;
        let stop = Arc::new(stop);
        Ok(Self { line: Line(jobs), stop, transaction: Transaction::None, rest: Rest::Clean })
    }

    /// Runs a batch, as [`Connection::run`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::run`], and [`DriverError::ConnectionLost`] where a dropped future
    /// took the transaction with it.
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
        self.trip(
            move |connection, parts| connection.run_in_parts(&batch, ROWS_AT_ONCE, parts),
            sink,
        )
        .await?
    }

    /// Runs statements that give no rows, as [`Connection::run_script`] does.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub async fn run_script(&mut self, statements: Vec<String>) -> Result<(), BatchFailure> {
        self.refuse_lost()?;
        let sink: &mut Sink<'_> = &mut |_, _| {};
        self.trip(move |connection, _| connection.run_script(&statements), sink).await?
    }

    /// Whether a transaction was open when the last call ended.
    pub fn in_transaction(&self) -> bool {
        self.transaction == Transaction::Open
    }

    /// Whether a transaction was rolled back because the future of a call was dropped, and no
    /// call since has said so.
    pub fn was_interrupted(&self) -> bool {
        self.transaction == Transaction::Lost
    }

    /// Rolls back the open transaction, if there is one, and closes the connection. Dropping it
    /// does the same, but does not wait for it.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.line.0.send(Job::Close(done)).is_ok() {
            // Without a reply the thread has ended before, and so is the connection closed.
            let _ = closed.await;
        }
    }

    /// Another way to the thread.
    pub(crate) fn line(&self) -> Line {
        self.line.clone()
    }

    /// Forgets what the last owner did; the caller has rolled it back.
    pub(crate) fn renew(&mut self) {
        self.transaction = Transaction::None;
        self.rest = Rest::Clean;
    }

    /// Whether nothing is to be settled before somebody else uses the connection.
    pub(crate) fn is_clean(&self) -> bool {
        self.rest == Rest::Clean && self.transaction == Transaction::None
    }

    /// Says once that the transaction is gone.
    fn refuse_lost(&mut self) -> Result<(), BatchFailure> {
        if self.transaction != Transaction::Lost {
            return Ok(());
        }
        self.transaction = Transaction::None;
        Err(lost("a call was dropped before it ended, and its transaction has been rolled back"))
    }

    /// Runs a job on the thread, passes on the parts that it hands over, and waits for its result.
    async fn trip<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut Connection, &mut Sink<'_>) -> T + Send + 'static,
        sink: &mut Sink<'_>,
    ) -> Result<T, BatchFailure> {
        let (news, incoming) = async_channel::bounded(PARTS_ON_THE_WAY);
        let span = tracing::Span::current();
        self.line.send(move |connection| {
            if news.is_closed() {
                return;
            }
            // Who dropped the future does not want to hear, and has also asked for a rollback.
            let mut hand_over = |query: usize, rows: &mut Rows| {
                let _ = news.send_blocking(News::Part(query, std::mem::take(rows)));
            };
            let result = span.in_scope(|| job(connection, &mut hand_over));
            let in_transaction = connection.in_transaction();
            let is_broken = connection.is_broken();
            let _ = news.send_blocking(News::Done { result, in_transaction, is_broken });
        });
        self.rest = Rest::Unsettled;
        let mut flight = Flight { connection: self, landing: Landing::Open };
        // Dropped before the flight: a job that has not begun by the time of the interrupt must see
        // that nobody waits for it.
        let incoming = incoming;
        let reply = loop {
            match land(&incoming).await {
                Ok(News::Part(query, mut rows)) => sink(query, &mut rows),
                Ok(News::Done { result, in_transaction, is_broken }) => {
                    break Some((result, in_transaction, is_broken));
                }
                Err(_) => break None,
            }
        };
        flight.landing = Landing::Done;
        drop(flight);
        let Some((result, in_transaction, is_broken)) = reply else {
            self.transaction = Transaction::None;
            return Err(lost("its thread has ended"));
        };
        if !is_broken {
            self.rest = Rest::Clean;
        }
        self.transaction = if in_transaction { Transaction::Open } else { Transaction::None };
        Ok(result)
    }
}

impl fmt::Debug for AsyncConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncConnection")
            .field("transaction", &self.transaction)
            .finish_non_exhaustive()
    }
}

/// A call on its way. Dropped before its reply is there, it stops the call and has its
/// transaction rolled back.
struct Flight<'a> {
    connection: &'a mut AsyncConnection,
    landing: Landing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Landing {
    Open,
    Done,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if self.landing == Landing::Done {
            return;
        }
        // The thread runs the rollback before any later job of this handle or of another owner,
        // whether the call has ended or not.
        let stop = Arc::clone(&self.connection.stop);
        stop.pull();
        self.connection.line.send(move |connection| {
            stop.lift();
            // A connection that cannot roll back is marked as broken.
            let _ = connection.roll_back();
        });
        if self.connection.transaction == Transaction::Open {
            self.connection.transaction = Transaction::Lost;
        }
    }
}

/// The life of the thread: opens the connection and runs jobs until the last handle is gone.
fn serve(
    options: &Options,
    reply: oneshot::Sender<Result<Stop, DriverError>>,
    queue: &mpsc::Receiver<Job>,
) {
    let opened = Connection::open(options);
    let opened = opened.and_then(|mut one| one.stop().map(|stop| (one, stop)));
    let (mut connection, stop) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            // Nobody is left to hear it if the future of `open` was dropped.
            let _ = reply.send(Err(error));
            return;
        }
    };
    if reply.send(Ok(stop)).is_err() {
        return;
    }
    while let Some(job) = spin::until(spin::FOR_WORK, Pause::Yield, || queue.try_recv().ok())
        .or_else(|| queue.recv().ok())
    {
        match job {
            Job::Run(job) => job(&mut connection),
            Job::Close(done) => {
                drop(connection);
                let _ = done.send(());
                return;
            }
        }
    }
}

/// What the thread says while it does a job.
enum News<T> {
    /// Rows of a query, given by its number.
    Part(usize, Rows),
    /// The job is done.
    Done { result: T, in_transaction: bool, is_broken: bool },
}

/// How many rows are in a part: few enough that the task has the first ones soon.
const ROWS_AT_ONCE: usize = 1024;

/// So many parts may wait to be taken; the thread reads no further until then.
const PARTS_ON_THE_WAY: usize = 8;

/// Waits for news: for a moment by looking, then as tasks wait.
async fn land<T>(incoming: &Receiver<T>) -> Result<T, RecvError> {
    let look = || match incoming.try_recv() {
        Ok(news) => Some(Ok(news)),
        Err(TryRecvError::Closed) => Some(Err(RecvError)),
        Err(TryRecvError::Empty) => None,
    };
    match spin::until(spin::FOR_REPLY, Pause::Hold, look) {
        Some(landed) => landed,
        None => incoming.recv().await,
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
