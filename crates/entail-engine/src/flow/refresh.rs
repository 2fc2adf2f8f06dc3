//! Refreshing an object: its changes are dropped, everything else is flushed, and its row is read
//! again.

use crate::arena::State;
use crate::change::Needs;
use crate::error::{Error, LoadError};
use crate::handle::ObjectId;
use crate::unit::Unit;

use super::flush::Flush;
use super::load::Pass;
use super::{Answer, Flow, Step, begin, inner, read_failure};

/// Reads an object's row again.
#[derive(Debug)]
pub struct Refresh {
    object: ObjectId,
    is_expired: bool,
    autoflush: Option<Flush>,
    running: Option<Pass>,
}

impl Refresh {
    /// Refreshes an object and expires what its refresh-expire cascade reaches.
    pub fn new(object: ObjectId) -> Self {
        Self { object, is_expired: false, autoflush: Some(Flush::auto()), running: None }
    }
}

impl Flow for Refresh {
    const NAME: &'static str = "refresh";

    type Output = ();

    fn next(&mut self, unit: &mut Unit, mut answer: Option<Answer>) -> Result<Step<()>, Error> {
        begin(unit, answer.as_ref())?;
        if let Some(pass) = self.running.take() {
            match answer {
                Some(Ok(outcome)) => pass.apply(&mut unit.arena, outcome)?,
                Some(Err(failure)) => return Err(read_failure(unit, failure)),
                None => {}
            }
            if unit.arena.is_stale(self.object) {
                let object = unit.arena.label(self.object);
                return Err(LoadError::RowGone { object }.into());
            }
            return Ok(Step::Done(()));
        }
        if !self.is_expired {
            unit.arena.check_persistent(self.object, "refresh")?;
            unit.arena.expire(self.object)?;
            self.is_expired = true;
        }
        if let Some(flush) = &mut self.autoflush {
            inner!(flush, unit, answer.take());
            self.autoflush = None;
            if unit.arena.state(self.object) != State::Persistent {
                let object = unit.arena.label(self.object);
                return Err(LoadError::RowGone { object }.into());
            }
        }
        let needs = Needs { rows: vec![self.object], ..Needs::default() };
        let (pass, batch) = Pass::of(&needs, &unit.arena, &mut unit.texts);
        self.running = Some(pass);
        Ok(Step::Run(batch))
    }
}
