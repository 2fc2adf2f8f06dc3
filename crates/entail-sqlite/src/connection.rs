//! The blocking connection: opens a database and runs batches on it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicBool};
use std::time::{Duration, Instant};

use entail_engine::batch::{Batch, CallKind, Outcome, ParamList, Parts, Request, Sink};
use entail_engine::error::{BatchFailure, DriverError};
use entail_engine::value::Value;
use rusqlite::{InterruptHandle, OpenFlags};

use crate::call::{Calls, FailedCall};
use crate::failure;
use crate::keys::KeyGuard;
use crate::made::Made;
use crate::url::{Location, Mode, Options, Switch};
use crate::violation::{self, Refused};

/// A connection to a SQLite database, which blocks the thread that uses it.
///
/// ```
/// use entail_sqlite::{Connection, Options};
///
/// let mut connection = Connection::open(&Options::parse("sqlite::memory:")?)?;
/// connection.run_script(&["CREATE TABLE users (id INTEGER PRIMARY KEY)".to_owned()])?;
/// assert!(!connection.in_transaction());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connection {
    db: rusqlite::Connection,
    guard: KeyGuard,
    soundness: Soundness,
}

/// How many rows are handed over at once: enough that an arena which makes room for all of them
/// does so seldom, and few beside the objects that they become.
const ROWS_AT_ONCE: usize = 16_384;

/// Whether a connection can be used for another task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Soundness {
    Sound,
    Broken,
}

impl Connection {
    /// Opens the database, sets its options, and makes sure that foreign keys are on if they
    /// are to be.
    ///
    /// # Errors
    ///
    /// `E0501` if the file cannot be opened, `E0510` if it is no database, `E0503` if it stays
    /// locked for the time of the option `busy_timeout`.
    pub fn open(options: &Options) -> Result<Self, DriverError> {
        let db = open_file(options)?;
        configure(&db, options)?;
        tracing::debug!(to = options.shown(), "opened");
        Ok(Self { db, guard: KeyGuard::default(), soundness: Soundness::Sound })
    }

    /// Runs the requests of a batch in their order, and stops at the first that fails.
    ///
    /// A failure rolls back what the batch itself began: the transaction of its `Begin`, or the
    /// snapshot of its queries. Any other transaction stays open, with what was written in it.
    ///
    /// A batch of several queries runs in a transaction of its own where none is open, so that
    /// all of them see the database at the same moment.
    ///
    /// # Errors
    ///
    /// The failure names the request and the execution. The crate's documentation has the table
    /// of the errors.
    pub fn run(&mut self, batch: &Batch) -> Result<Outcome, BatchFailure> {
        let mut parts = Parts::default();
        let mut outcome = self.run_into(batch, &mut |query, rows| parts.take(query, rows))?;
        parts.complete(&mut outcome);
        Ok(outcome)
    }

    /// Runs a batch as [`run`](Self::run) does, but hands over the rows of long answers while it
    /// reads them.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub fn run_into(
        &mut self,
        batch: &Batch,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, BatchFailure> {
        self.run_in_parts(batch, ROWS_AT_ONCE, sink)
    }

    /// The same, with so many rows at once.
    pub(crate) fn run_in_parts(
        &mut self,
        batch: &Batch,
        at_once: usize,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, BatchFailure> {
        let snapshot = self.db.is_autocommit() && reads_often(batch);
        let mut own = Own::Nothing;
        if snapshot {
            statement(&self.db, "BEGIN")
                .map_err(|error| self.failure(None, FailedCall::at_start(error), own))?;
            own = Own::Transaction;
        }
        let outcome = self
            .requests(batch, &mut own, at_once, sink)
            .map_err(|(index, failed)| self.failure(Some(index), failed, own))?;
        if snapshot && !self.db.is_autocommit() {
            control(&self.db, &Request::Commit)
                .map_err(|error| self.failure(None, FailedCall::at_start(error), own))?;
        }
        Ok(outcome)
    }

    /// Runs statements that give no rows, such as those that define tables, all in one
    /// transaction, or in the open one where there is one.
    ///
    /// # Errors
    ///
    /// The failure names the statement as its request. A transaction of the script's own is
    /// rolled back; another stays open.
    pub fn run_script(&mut self, statements: &[String]) -> Result<(), BatchFailure> {
        let mut own = Own::Nothing;
        if self.db.is_autocommit() {
            control(&self.db, &Request::Begin)
                .map_err(|error| self.failure(None, FailedCall::at_start(error), own))?;
            own = Own::Transaction;
        }
        self.guard.forget();
        let none = ParamList::new();
        for (index, sql) in statements.iter().enumerate() {
            tracing::debug!(%sql, "script");
            if let Err(error) = self.db.execute_batch(sql) {
                let refused = Refused { sql, params: none.as_slice(), slots: &[], target: None };
                let error = violation::of_statement(&self.db, &error, &refused);
                return Err(self.failure(Some(index), FailedCall::at_start(error), own));
            }
        }
        if own == Own::Transaction && !self.db.is_autocommit() {
            control(&self.db, &Request::Commit)
                .map_err(|error| self.failure(None, FailedCall::at_start(error), own))?;
        }
        Ok(())
    }

    /// Whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        !self.db.is_autocommit()
    }

    /// Whether the connection must not be used any more: it lost its file, found it damaged, or
    /// could not roll back. A pool throws such a connection away.
    pub fn is_broken(&self) -> bool {
        self.soundness == Soundness::Broken
    }

    /// Rolls back the open transaction, if there is one.
    ///
    /// # Errors
    ///
    /// Whatever the database says; the connection is broken then.
    pub fn roll_back(&mut self) -> Result<(), DriverError> {
        self.guard.forget();
        control(&self.db, &Request::Rollback).inspect_err(|_| self.soundness = Soundness::Broken)
    }

    /// What stops the statements of this connection from another thread.
    pub(crate) fn stop(&mut self) -> Result<Stop, DriverError> {
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopped);
        self.db
            .progress_handler(OPERATIONS, Some(move || seen.load(atomic::Ordering::Relaxed)))
            .map_err(|error| failure::sorted(&error, "progress handler"))?;
        Ok(Stop { interrupt: self.db.get_interrupt_handle(), stopped })
    }

    fn requests(
        &mut self,
        batch: &Batch,
        own: &mut Own,
        at_once: usize,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, (usize, FailedCall)> {
        self.guard.expire();
        // SQLite commits a lone statement by itself.
        let alone = self.db.is_autocommit() && batch.is_lone_write();
        let mut written = Vec::with_capacity(batch.requests.len());
        let mut calls = Calls {
            db: &self.db,
            guard: &mut self.guard,
            slots: vec![Value::Null; batch.slots],
            made: Made::default(),
            rows: Vec::new(),
            sink,
            at_once,
        };
        for (index, request) in batch.requests.iter().enumerate() {
            let rows = match request {
                Request::Call(call) => calls.run(call),
                _ if alone => {
                    written.push(0);
                    continue;
                }
                other => control(calls.db, other).map(|()| 0).map_err(FailedCall::at_start),
            };
            written.push(rows.map_err(|failed| (index, failed))?);
            match request {
                Request::Begin => *own = Own::Transaction,
                Request::Commit => *own = Own::Nothing,
                Request::Rollback => {
                    *own = Own::Nothing;
                    calls.guard.forget();
                }
                Request::RollbackTo(_) => calls.guard.forget(),
                _ => {}
            }
        }
        Ok(Outcome { rows: calls.rows, slots: calls.slots, written })
    }

    /// Leaves the connection as the batch found it, and describes the failure.
    #[cold]
    fn failure(&mut self, request: Option<usize>, failed: FailedCall, own: Own) -> BatchFailure {
        if failure::is_fatal(&failed.error) {
            self.soundness = Soundness::Broken;
        }
        self.guard.forget();
        if own == Own::Transaction {
            // The first failure is the one to report; a second one breaks the connection.
            let _ = self.roll_back();
        }
        tracing::debug!(?request, execution = failed.execution, "failed");
        // The error may tell values.
        tracing::trace!(error = %failed.error, "failed");
        BatchFailure {
            request,
            execution: failed.execution,
            error: failed.error,
            in_transaction: self.in_transaction(),
        }
    }
}

/// Stops the statements of a connection, those that run and those that are about to begin.
pub(crate) struct Stop {
    interrupt: InterruptHandle,
    stopped: Arc<AtomicBool>,
}

/// After so many steps of its machine SQLite looks whether it is to go on.
const OPERATIONS: i32 = 1000;

impl Stop {
    /// Stops the running statement, and every later one until [`lift`](Self::lift).
    pub fn pull(&self) {
        self.stopped.store(true, atomic::Ordering::Relaxed);
        // An interrupt alone would miss a statement that is about to begin.
        self.interrupt.interrupt();
    }

    /// Lets statements run again.
    pub fn lift(&self) {
        self.stopped.store(false, atomic::Ordering::Relaxed);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("in_transaction", &self.in_transaction())
            .field("soundness", &self.soundness)
            .finish_non_exhaustive()
    }
}

/// What a batch has begun and not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    Nothing,
    Transaction,
}

/// Whether a batch consists of several queries, which must see one snapshot.
fn reads_often(batch: &Batch) -> bool {
    let is_query = |request: &Request| matches!(request, Request::Call(call) if matches!(call.kind, CallKind::Query { .. }));
    batch.requests.len() > 1 && batch.requests.iter().all(is_query)
}

/// Runs a request that is no call.
fn control(db: &rusqlite::Connection, request: &Request) -> Result<(), DriverError> {
    match request {
        Request::Begin => statement(db, "BEGIN IMMEDIATE"),
        Request::Commit => {
            tracing::trace!("commit");
            let done = db.prepare_cached("COMMIT").and_then(|mut commit| commit.raw_execute());
            done.map(|_| ()).map_err(|error| violation::of_commit(db, &error))
        }
        Request::Rollback if db.is_autocommit() => Ok(()),
        Request::Rollback => statement(db, "ROLLBACK"),
        Request::Savepoint(number) => statement(db, &format!("SAVEPOINT entail_{number}")),
        Request::Release(number) => statement(db, &format!("RELEASE entail_{number}")),
        Request::RollbackTo(number) => {
            statement(db, &format!("ROLLBACK TO entail_{number}"))?;
            statement(db, &format!("RELEASE entail_{number}"))
        }
        Request::Call(_) => Ok(()),
    }
}

fn statement(db: &rusqlite::Connection, sql: &str) -> Result<(), DriverError> {
    tracing::trace!(sql, "control");
    let done = db.prepare_cached(sql).and_then(|mut statement| statement.raw_execute());
    done.map(|_| ()).map_err(|error| failure::sorted(&error, sql))
}

fn open_file(options: &Options) -> Result<rusqlite::Connection, DriverError> {
    let path = match &options.location {
        Location::Memory => ":memory:".to_owned(),
        Location::File(path) => literal(path),
    };
    let access = match options.mode {
        Mode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Mode::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Mode::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    rusqlite::Connection::open_with_flags(&path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(
        |error| match failure::opening(&error, options.shown()) {
            DriverError::Connect { to, reason } => {
                DriverError::Connect { reason: unopened(&path, options.mode, reason), to }
            }
            other => other,
        },
    )
}

/// Writes a path so that SQLite takes it for nothing else.
fn literal(path: &str) -> String {
    if path.starts_with(':') || path.starts_with("file:") {
        format!("./{path}")
    } else {
        path.to_owned()
    }
}

/// Says why a file could not be opened, where it is plain to see.
fn unopened(path: &str, mode: Mode, reason: String) -> String {
    let path = Path::new(path);
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() && !directory.is_dir() => {
            format!("there is no directory `{}`", directory.display())
        }
        _ if path.is_dir() => "it is a directory".to_owned(),
        _ if mode != Mode::Create && !path.exists() => {
            "there is no such file; `mode=rwc` would create it".to_owned()
        }
        _ => reason,
    }
}

fn configure(db: &rusqlite::Connection, options: &Options) -> Result<(), DriverError> {
    let failed = |error: rusqlite::Error| failure::opening(&error, options.shown());
    let refused = |what: &str| DriverError::Connect {
        to: options.shown().to_owned(),
        reason: format!("SQLite does not take {what}"),
    };
    db.busy_timeout(options.busy_timeout).map_err(failed)?;
    db.set_prepared_statement_cache_capacity(options.statement_cache);
    // The first look into the file: here it turns out whether it is a database.
    db.query_row("PRAGMA schema_version", [], |_| Ok(())).map_err(failed)?;

    let switch = if options.foreign_keys == Switch::On { 1 } else { 0 };
    db.pragma_update(None, "foreign_keys", switch).map_err(failed)?;
    let set: i64 = db.pragma_query_value(None, "foreign_keys", |row| row.get(0)).map_err(failed)?;
    if set != switch {
        return Err(refused("the option `foreign_keys`"));
    }
    if let Some(mode) = options.journal_mode
        && !db.is_readonly("main").map_err(failed)?
    {
        let set = journal_mode(db, mode, options.busy_timeout).map_err(failed)?;
        if !set.eq_ignore_ascii_case(mode) {
            return Err(refused(&format!("the journal mode `{mode}` for this database")));
        }
    }
    db.pragma_update(None, "synchronous", options.synchronous).map_err(failed)?;
    if let Some(size) = options.cache_size {
        db.pragma_update(None, "cache_size", size).map_err(failed)?;
    }
    Ok(())
}

/// Sets the journal mode, which must wait for others that open the same file: SQLite does not
/// call its busy handler for all locks of this pragma.
fn journal_mode(
    db: &rusqlite::Connection,
    mode: &str,
    timeout: Duration,
) -> rusqlite::Result<String> {
    let until = Instant::now() + timeout;
    let mut pause = Duration::from_millis(1);
    loop {
        let current: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if current.eq_ignore_ascii_case(mode) {
            return Ok(current);
        }
        match db.pragma_update_and_check(None, "journal_mode", mode, |row| row.get(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && Instant::now() < until =>
            {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_reaches_a_statement_that_has_not_begun() -> Result<(), DriverError> {
        let mut connection = Connection::open(&Options::parse("sqlite::memory:")?)?;
        let stop = connection.stop()?;
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT MAX(i) FROM n";
        stop.pull();
        let stopped = connection.db.query_row(endless, [], |_| Ok(()));
        let code = stopped.map_err(|error| error.sqlite_error_code());
        assert_eq!(code, Err(Some(rusqlite::ErrorCode::OperationInterrupted)));
        stop.lift();
        assert_eq!(connection.db.query_row("SELECT 1", [], |_| Ok(())), Ok(()));
        Ok(())
    }

    #[test]
    fn a_path_is_neither_a_uri_nor_a_memory_database() {
        let paths = [(":memory:", "./:memory:"), ("file:x?mode=memory", "./file:x?mode=memory")];
        for (path, expected) in paths {
            assert_eq!(literal(path), expected);
        }
        assert_eq!(literal("/tmp/file:x"), "/tmp/file:x");
    }
}
