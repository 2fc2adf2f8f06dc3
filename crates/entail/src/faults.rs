//! Faults on purpose: one of the statements to come fails, so that a test can see what its program
//! does then.
//!
//! ```
//! # use entail::prelude::*;
//! use entail::faults::{Fault, Faults};
//!
//! # #[derive(Entity)]
//! # #[entity(table = "users")]
//! # struct User { #[key] id: Auto<i64>, name: String }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! # let db = Database::connect("sqlite::memory:", mapping![User]?).await?;
//! # db.create_all().await?;
//! let faults = Faults::default();
//! let mut session = db.with_faults(&faults).session();
//! session.add(User { id: auto(), name: "ed".into() });
//! faults.fail(3, Fault::Lost); // BEGIN is the first statement, COMMIT the third
//! assert_eq!(session.commit().await.unwrap_err().code(), "E0506");
//! session.commit().await?; // nothing was written, and nothing is lost
//! # Ok(())
//! # }
//! ```

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use entail_engine::batch::{Batch, Bind, Call, CallKind, Expect, Outcome, Params, Request, Sink};
use entail_engine::error::{BatchFailure, DriverError};
use entail_engine::sql::Dialect;

use crate::driver::asynchronous::Connection;

/// What happens instead of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The database refuses it (E0509).
    Refused,
    /// It is locked by others (E0503, on servers E0514).
    Busy,
    /// The connection is lost (E0506).
    Lost,
    /// It runs for a minute, so that the future can be dropped meanwhile.
    Slow,
}

/// The fault that is planned for the sessions of a database; see
/// [`Database::with_faults`](crate::Database::with_faults).
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// How many statements go before, and what happens then.
    planned: Mutex<Option<(usize, Fault)>>,
    happened: AtomicBool,
}

/// Where a fault comes in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    request: usize,
    execution: usize,
}

impl Faults {
    /// From now on, the `nth` statement fails; the next one is the first. Those that begin and end
    /// transactions count, and so does each execution of one that runs several times.
    pub fn fail(&self, nth: usize, fault: Fault) {
        self.0.happened.store(false, Ordering::SeqCst);
        *self.planned() = Some((nth.saturating_sub(1), fault));
    }

    /// Nothing fails any more.
    pub fn clear(&self) {
        *self.planned() = None;
    }

    /// Whether the statement was reached that [`fail`](Self::fail) has named last.
    pub fn has_happened(&self) -> bool {
        self.0.happened.load(Ordering::SeqCst)
    }

    fn planned(&self) -> std::sync::MutexGuard<'_, Option<(usize, Fault)>> {
        self.0.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault that comes in a batch.
    fn hit(&self, batch: &Batch) -> Option<(Place, Fault)> {
        let mut planned = self.planned();
        let (before, fault) = planned.as_mut()?;
        for (request, one) in batch.requests.iter().enumerate() {
            let statements = match one {
                Request::Call(call) => call.executions(),
                _ => 1,
            };
            if *before < statements {
                let hit = (Place { request, execution: *before }, *fault);
                *planned = None;
                return Some(hit);
            }
            *before -= statements;
        }
        None
    }
}

/// A connection that faults come to.
#[derive(Debug)]
pub(crate) struct FaultyConnection {
    inner: Box<Connection>,
    dialect: Dialect,
    faults: Faults,
}

/// What a batch comes to, in time.
type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T, BatchFailure>> + Send + 'a>>;

impl FaultyConnection {
    pub(crate) fn new(inner: Connection, dialect: Dialect, faults: Faults) -> Self {
        Self { inner: Box::new(inner), dialect, faults }
    }

    pub(crate) fn run_into<'a>(
        &'a mut self,
        batch: Batch,
        sink: &'a mut Sink<'_>,
    ) -> Running<'a, Outcome> {
        Box::pin(async move {
            match self.faults.hit(&batch) {
                None => self.inner.run_into(batch, sink).await,
                Some((place, Fault::Slow)) => self.run_slowly(&batch, place, sink).await,
                Some((place, fault)) => self.run_until(&batch, place, fault, sink).await,
            }
        })
    }

    pub(crate) fn run_script(&mut self, statements: Vec<String>) -> Running<'_, ()> {
        Box::pin(async move { self.inner.run_script(statements).await })
    }

    pub(crate) fn was_interrupted(&mut self) -> bool {
        self.inner.was_interrupted()
    }

    /// Runs what goes before a fault, and the fault.
    async fn run_until(
        &mut self,
        batch: &Batch,
        place: Place,
        fault: Fault,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, BatchFailure> {
        let mut broken = before(batch, place);
        let at = broken.requests.len();
        broken.requests.push(statement(fault, self.dialect));
        self.faults.0.happened.store(true, Ordering::SeqCst);
        let Err(mut failure) = self.inner.run_into(broken, sink).await else {
            let reason = "a statement that was to fail has succeeded".to_owned();
            let error = DriverError::ConnectionLost { reason };
            return Err(BatchFailure { request: None, execution: 0, error, in_transaction: false });
        };
        if failure.request == Some(at) {
            failure.request = Some(place.request);
            failure.execution = place.execution;
        }
        if self.dialect == Dialect::Sqlite {
            self.as_sqlite_would(fault, &mut failure).await;
        }
        Err(failure)
    }

    /// SQLite has no statement that loses its file or that finds it locked: another failure is
    /// given that name.
    async fn as_sqlite_would(&mut self, fault: Fault, failure: &mut BatchFailure) {
        let reason = "a fault on purpose".to_owned();
        match fault {
            Fault::Busy => failure.error = DriverError::Busy { reason },
            Fault::Lost => {
                let end = Batch { requests: vec![Request::Rollback], slots: 0 };
                let _ = self.inner.run_into(end, &mut |_, _| {}).await;
                failure.error = DriverError::ConnectionLost { reason };
                failure.in_transaction = false;
            }
            Fault::Refused | Fault::Slow => {}
        }
    }

    /// Runs what goes before a fault, and then a statement that takes too long.
    async fn run_slowly(
        &mut self,
        batch: &Batch,
        place: Place,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, BatchFailure> {
        let first = before(batch, place);
        if !first.is_empty() {
            self.inner.run_into(first, sink).await?;
        }
        self.faults.0.happened.store(true, Ordering::SeqCst);
        let slow = Batch { requests: vec![statement(Fault::Slow, self.dialect)], slots: 0 };
        self.inner.run_into(slow, sink).await
    }
}

/// What of a batch goes before a place.
fn before(batch: &Batch, place: Place) -> Batch {
    let mut requests = batch.requests[..place.request].to_vec();
    if let Some(Request::Call(call)) = batch.requests.get(place.request)
        && place.execution > 0
    {
        let params = call.params.as_slice().part(0, place.execution * call.arity);
        let params = params.iter().map(|param| param.to_param()).collect::<Vec<_>>();
        requests.push(Request::Call(Call { params: Params::from(params), ..call.clone() }));
    }
    Batch { requests, slots: batch.slots }
}

/// The statement that brings a fault about.
fn statement(fault: Fault, dialect: Dialect) -> Request {
    let execute = CallKind::Execute { expect: Expect::Any };
    let query = CallKind::Query { types: [].into() };
    let (sql, kind) = match (fault, dialect) {
        (Fault::Refused, _) | (Fault::Busy | Fault::Lost, Dialect::Sqlite) => {
            ("DELETE FROM no_such_table", execute)
        }
        (Fault::Busy, Dialect::Postgres) => {
            ("DO $$ BEGIN RAISE 'on purpose' USING ERRCODE = '55P03'; END $$", execute)
        }
        (Fault::Busy, _) => ("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205", execute),
        (Fault::Lost, Dialect::Postgres) => {
            ("SELECT pg_terminate_backend(pg_backend_pid())::text", query)
        }
        (Fault::Lost, _) => ("KILL CONNECTION_ID()", execute),
        (Fault::Slow, Dialect::Sqlite) => (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
            query,
        ),
        (Fault::Slow, Dialect::Postgres) => ("SELECT pg_sleep(60)::text", query),
        (Fault::Slow, _) => ("SELECT SLEEP(60)", query),
    };
    Request::Call(Call {
        sql: sql.into(),
        params: Params::none(),
        arity: 0,
        bind: Bind::Each,
        kind,
        target: None,
    })
}
