//! Rolling back: the transaction, or a savepoint of it.

use crate::batch::{Batch, Request};
use crate::error::{Error, StateError};
use crate::unit::Unit;

use super::{Answer, Flow, Step};

/// Rolls the whole transaction back.
#[derive(Debug, Default)]
pub struct RollBack {
    asked: bool,
}

impl RollBack {
    /// Rolls the whole transaction back, savepoints included.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Flow for RollBack {
    const NAME: &'static str = "rollback";

    type Output = ();

    fn next(&mut self, unit: &mut Unit, answer: Option<Answer>) -> Result<Step<()>, Error> {
        if !self.asked && unit.transaction.begun {
            self.asked = true;
            return Ok(Step::Run(Batch { requests: vec![Request::Rollback], slots: 0 }));
        }
        // Even if it could not be sent, the database does not keep what was not committed.
        unit.transaction = Default::default();
        unit.arena.rolled_back();
        match answer {
            Some(Err(failure)) => Err(Error::Driver(failure.error)),
            _ => Ok(Step::Done(())),
        }
    }
}

/// Rolls back to the innermost savepoint, which is gone afterwards.
#[derive(Debug, Default)]
pub struct RollBackTo {
    asked: bool,
}

impl RollBackTo {
    /// Rolls back to the innermost savepoint.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Flow for RollBackTo {
    const NAME: &'static str = "rollback_to_savepoint";

    type Output = ();

    fn next(&mut self, unit: &mut Unit, answer: Option<Answer>) -> Result<Step<()>, Error> {
        let depth = unit.arena.savepoints() as u32;
        if depth == 0 {
            return Err(StateError::NoSavepoint.into());
        }
        if !unit.transaction.begun {
            // The transaction is gone, and the savepoint with it.
            return Err(StateError::RollbackNeeded {
                reason: unit.transaction.failed.clone().unwrap_or_default(),
            }
            .into());
        }
        if !self.asked {
            self.asked = true;
            return Ok(Step::Run(Batch { requests: vec![Request::RollbackTo(depth)], slots: 0 }));
        }
        match answer {
            Some(Err(failure)) => {
                unit.connection_lost(&failure.error.to_string());
                Err(Error::Driver(failure.error))
            }
            _ => {
                unit.transaction.failed = None;
                unit.arena.rolled_back_nested();
                Ok(Step::Done(()))
            }
        }
    }
}
