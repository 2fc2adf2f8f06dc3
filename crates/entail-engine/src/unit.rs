//! The unit of work: an arena, the state of its transaction, and the texts it uses.

use std::sync::Arc;

use crate::arena::Arena;
use crate::batch::{Batch, Request};
use crate::error::{Error, StateError};
use crate::mapping::Mapping;
use crate::plan::Plan;
use crate::sql::{Dialect, Texts};

/// What a session does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitOptions {
    /// Whether queries and loads flush first, so that they see unflushed work.
    pub autoflush: bool,
    /// Whether a commit expires all objects, so that they must be refreshed before they are read.
    pub expire_on_commit: bool,
}

impl Default for UnitOptions {
    fn default() -> Self {
        Self { autoflush: true, expire_on_commit: false }
    }
}

/// One session's work, without a connection.
///
/// What needs the database is a flow; see [`flow`](crate::flow).
#[derive(Debug)]
pub struct Unit {
    /// The objects.
    pub arena: Arena,
    /// What the session does by itself.
    pub options: UnitOptions,
    pub(crate) texts: Texts,
    pub(crate) transaction: Transaction,
    pub(crate) last_plan: Option<Arc<Plan>>,
    /// Whether the database counts keys up by sequences from which they can be drawn ahead, as far
    /// as is known.
    pub(crate) has_sequences: bool,
    statistics: Statistics,
}

/// What a session has asked of its database so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Trips to the database: batches.
    pub trips: u64,
    /// Statements that were run, each execution with other parameters counted, without those that
    /// begin and end transactions.
    pub statements: u64,
}

/// The state of a session's transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transaction {
    /// The database has begun it.
    pub begun: bool,
    /// Something was written in it.
    pub written: bool,
    /// It failed after something had been written; only a rollback helps.
    pub failed: Option<String>,
}

impl Unit {
    /// A unit without objects.
    pub fn new(mapping: Arc<Mapping>, dialect: Dialect, options: UnitOptions) -> Self {
        Self {
            arena: Arena::new(mapping),
            options,
            texts: Texts::new(dialect),
            transaction: Transaction::default(),
            last_plan: None,
            has_sequences: dialect == Dialect::Postgres,
            statistics: Statistics::default(),
        }
    }

    /// Counts a batch that is about to be run.
    pub fn count(&mut self, batch: &Batch) {
        self.statistics.trips += 1;
        self.statistics.statements += batch
            .requests
            .iter()
            .map(|request| match request {
                Request::Call(call) => call.executions() as u64,
                _ => 0,
            })
            .sum::<u64>();
    }

    /// What was asked of the database so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// The mapping of the objects.
    pub fn mapping(&self) -> &Arc<Mapping> {
        self.arena.mapping()
    }

    /// What the last flush did.
    pub fn last_plan(&self) -> Option<&Arc<Plan>> {
        self.last_plan.as_ref()
    }

    /// Whether a transaction is open in the database.
    pub fn in_transaction(&self) -> bool {
        self.transaction.begun
    }

    /// How many savepoints are open.
    pub fn savepoints(&self) -> usize {
        self.arena.savepoints()
    }

    /// Refuses everything but a rollback after a failure that undid flushed work.
    pub(crate) fn check_usable(&self) -> Result<(), Error> {
        match &self.transaction.failed {
            Some(reason) => Err(StateError::RollbackNeeded { reason: reason.clone() }.into()),
            None => Ok(()),
        }
    }

    /// The connection was lost or thrown away in the middle of something: what it had begun is
    /// undone in the database.
    pub fn connection_lost(&mut self, reason: &str) {
        if self.transaction.written || self.arena.savepoints() > 0 {
            self.transaction.failed = Some(reason.to_owned());
        }
        self.transaction.begun = false;
        self.transaction.written = false;
    }
}
