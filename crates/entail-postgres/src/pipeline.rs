//! The pipeline: the requests of a batch, sent without waiting for each other where that is safe.
//!
//! ```text
//! requests --send--> flying, in their order --land--> counts, slots, rows
//!     '-- waits only for: slots it needs, counts before COMMIT, a statement that is not prepared
//! ```
//!
//! A request is sent by polling its future once, and lands when its answer has been read. Answers
//! come in the order of the requests, so they land in that order, too.

mod answers;
mod preparing;
mod sending;

use std::collections::VecDeque;

use entail_engine::batch::{Batch, CallKind, Outcome, Request, Rows, Sink};
use entail_engine::error::DriverError;
use futures_util::future::BoxFuture;
use smallvec::{SmallVec, smallvec};
use tokio_postgres::{Client, Error, RowStream};

use crate::bind::Slot;
use crate::failure::Fault;
use crate::statements::{Ready, Statements};

/// What begins a transaction as the server does by itself for a single statement.
pub(crate) const BEGIN: &str = "BEGIN";

/// What begins the transaction of a batch that only reads.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// So many requests may be on their way at once: enough that the server never waits, and little
/// memory beside the batch.
const MOST_FLYING: usize = 512;

/// Runs one batch.
pub(crate) struct Pipeline<'a, 's> {
    client: &'a Client,
    statements: &'a mut Statements,
    batch: &'a Batch,
    /// What begins a transaction.
    begin: &'static str,
    slots: &'a [Slot],
    sink: &'a mut Sink<'s>,
    ready: SmallVec<[Option<Ready>; 2]>,
    flying: VecDeque<Flying<'a>>,
    /// How many of the flying requests may turn out to have written another number of rows than
    /// expected, or to have values that cannot be read.
    uncertain: usize,
    written: Vec<u64>,
    rows: Vec<Rows>,
    pub(crate) course: Course,
}

/// What has happened to the transaction since the batch began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// A transaction is open, as far as was sent.
    pub(crate) open: bool,
    /// So many savepoints are set in it, or fewer.
    pub(crate) savepoints: u32,
    /// The transaction was aborted by a failure, and nothing has succeeded in it since.
    pub(crate) aborted: bool,
    /// The batch has begun a transaction, and its end has not been confirmed.
    pub(crate) own: bool,
    /// A COMMIT was sent, and has not been confirmed.
    pub(crate) committing: bool,
    /// Statements that write were sent.
    pub(crate) wrote: bool,
    /// Rows were handed over.
    pub(crate) handed_over: bool,
    /// A statement was sent that may begin or end a transaction by itself.
    pub(crate) unsure: bool,
}

impl Course {
    /// A batch begins.
    pub(crate) fn new(open: bool, aborted: bool, savepoints: u32) -> Self {
        Self {
            open,
            savepoints,
            aborted,
            own: false,
            committing: false,
            wrote: false,
            handed_over: false,
            unsure: false,
        }
    }
}

/// The place of a failure, and what it is.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) request: Option<usize>,
    pub(crate) execution: usize,
    pub(crate) fault: Fault,
}

impl Failed {
    fn at(request: usize, fault: impl Into<Fault>) -> Self {
        Self { request: Some(request), execution: 0, fault: fault.into() }
    }
}

/// A request on its way.
struct Flying<'a> {
    /// None for what the driver sends by itself.
    request: Option<usize>,
    execution: usize,
    landing: Landing<'a>,
    certain: bool,
}

/// The answer to a request, or the wait for it.
enum Landing<'a> {
    Later(BoxFuture<'a, Result<Answer, Error>>),
    Now(Result<Answer, Error>),
}

enum Answer {
    Done,
    Count(u64),
    Rows(RowStream),
}

impl<'a, 's> Pipeline<'a, 's> {
    pub(crate) fn new(
        client: &'a Client,
        statements: &'a mut Statements,
        batch: &'a Batch,
        begin: &'static str,
        slots: &'a [Slot],
        sink: &'a mut Sink<'s>,
        course: Course,
    ) -> Self {
        Self {
            client,
            statements,
            batch,
            begin,
            slots,
            sink,
            ready: smallvec![None; batch.requests.len()],
            flying: VecDeque::new(),
            uncertain: 0,
            written: vec![0; batch.requests.len()],
            rows: Vec::new(),
            course,
        }
    }

    /// Runs the batch to its end, or to the first failure.
    pub(crate) async fn run(&mut self) -> Result<(), Failed> {
        let batch = self.batch;
        if !self.course.open && self.begin == BEGIN && batch.is_lone_write() {
            self.request(1).await?;
            return self.land_all().await;
        }
        let snapshot = !self.course.open && reads_often(batch);
        let mut next = 0;
        if snapshot {
            self.course.own = true;
            self.course.open = true;
            self.control(None, SNAPSHOT.to_owned()).await;
        } else if matches!(batch.requests.first(), Some(Request::Begin)) {
            self.request(0).await?;
            next = 1;
        }
        if self.course.open && batch.requests[next.min(batch.requests.len())..].iter().all(goes_on)
        {
            self.prepare_ahead().await?;
        }
        for index in next..batch.requests.len() {
            self.request(index).await?;
        }
        if snapshot {
            self.control(None, "COMMIT".to_owned()).await;
            self.course.open = false;
        }
        self.land_all().await?;
        if snapshot {
            self.course.own = false;
        }
        Ok(())
    }

    /// What came back, apart from the slots.
    pub(crate) fn outcome(self) -> Outcome {
        Outcome { rows: self.rows, slots: Vec::new(), written: self.written }
    }

    async fn request(&mut self, index: usize) -> Result<(), Failed> {
        match &self.batch.requests[index] {
            Request::Call(call) => return self.call(index, call).await,
            Request::Begin => {
                if self.course.open {
                    self.land_all().await?;
                    return Err(misplaced(
                        index,
                        "BEGIN",
                        "25001",
                        "a transaction is open already",
                    ));
                }
                self.land_all().await?;
                self.course.own = true;
                self.course.open = true;
                self.control(Some(index), self.begin.to_owned()).await;
            }
            Request::Commit => self.commit(index).await?,
            Request::Rollback => {
                self.land_all().await?;
                if self.course.open || self.course.unsure {
                    self.control(Some(index), "ROLLBACK".to_owned()).await;
                    self.land_all().await?;
                    self.course.open = false;
                    self.course.savepoints = 0;
                    self.course.aborted = false;
                    self.course.unsure = false;
                }
                self.course.own = false;
            }
            Request::Savepoint(number) => {
                self.course.savepoints += 1;
                self.control(Some(index), format!("SAVEPOINT entail_{number}")).await;
            }
            Request::Release(number) => {
                // It would keep what a wrong count is about to call off.
                if self.uncertain > 0 {
                    self.land_all().await?;
                }
                self.course.savepoints = self.course.savepoints.saturating_sub(1);
                self.control(Some(index), format!("RELEASE SAVEPOINT entail_{number}")).await;
            }
            Request::RollbackTo(number) => {
                self.land_all().await?;
                let sql = format!(
                    "ROLLBACK TO SAVEPOINT entail_{number}; RELEASE SAVEPOINT entail_{number}"
                );
                self.control(Some(index), sql).await;
                self.land_all().await?;
                self.course.savepoints = self.course.savepoints.saturating_sub(1);
                self.course.aborted = false;
            }
        }
        Ok(())
    }

    /// Commits. A COMMIT behind a statement that the server refused rolls back, so it need not
    /// wait for answers; a wrong count is no refusal, so it waits for those. It waits as well
    /// where savepoints are set, because then a refusal must not cost the whole transaction.
    async fn commit(&mut self, index: usize) -> Result<(), Failed> {
        if self.uncertain > 0 || self.course.aborted || self.course.savepoints > 0 {
            self.land_all().await?;
        }
        if !self.course.open {
            self.land_all().await?;
            return Err(misplaced(index, "COMMIT", "25P01", "no transaction is open"));
        }
        if self.course.aborted {
            // The server would roll back, and call it a success.
            let reason = "the transaction was aborted by an earlier failure; roll it back";
            return Err(misplaced(index, "COMMIT", "25P02", reason));
        }
        self.course.committing = true;
        self.control(Some(index), "COMMIT".to_owned()).await;
        self.course.open = false;
        self.course.savepoints = 0;
        // Whatever follows must not run if the transaction did not commit.
        self.land_all().await?;
        self.course.committing = false;
        self.course.own = false;
        Ok(())
    }
}

/// Whether a batch consists of several queries, which must see one snapshot.
fn reads_often(batch: &Batch) -> bool {
    let is_query = |request: &Request| matches!(request, Request::Call(call) if matches!(call.kind, CallKind::Query { .. }));
    batch.requests.len() > 1 && batch.requests.iter().all(is_query)
}

/// Whether the statements behind the request run in the transaction before it.
fn goes_on(request: &Request) -> bool {
    !matches!(request, Request::Begin | Request::Rollback | Request::RollbackTo(_))
}

fn misplaced(index: usize, sql: &str, code: &str, reason: &str) -> Failed {
    let error = DriverError::Statement {
        reason: reason.to_owned(),
        sql: sql.to_owned(),
        code: Some(code.to_owned()),
    };
    Failed::at(index, error)
}
