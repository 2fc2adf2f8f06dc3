//! Getting an object by its key: from the identity map, or by one SELECT.

use crate::error::{Error, StateError};
use crate::handle::ObjectId;
use crate::key::Key;
use crate::mapping::EntityId;
use crate::unit::Unit;

use super::flush::Flush;
use super::load::Pass;
use super::{Answer, Flow, Step, begin, inner, read_failure};

/// Gets an object by its key; none if there is no such row.
#[derive(Debug)]
pub struct Get {
    entity: EntityId,
    key: Key,
    autoflush: Option<Flush>,
    running: Option<Pass>,
}

impl Get {
    /// Gets the object with this key.
    pub fn new(entity: EntityId, key: Key) -> Self {
        Self { entity, key, autoflush: Some(Flush::auto()), running: None }
    }
}

impl Flow for Get {
    const NAME: &'static str = "get";

    type Output = Option<ObjectId>;

    fn next(
        &mut self,
        unit: &mut Unit,
        mut answer: Option<Answer>,
    ) -> Result<Step<Self::Output>, Error> {
        begin(unit, answer.as_ref())?;
        if let Some(pass) = self.running.take() {
            match answer {
                Some(Ok(outcome)) => pass.apply(&mut unit.arena, outcome)?,
                Some(Err(failure)) => return Err(read_failure(unit, failure)),
                None => {}
            }
            let found = unit.arena.find_key(self.entity, &self.key);
            return Ok(Step::Done(match found {
                Some(id) if unit.arena.is_stale(id) => {
                    unit.arena.row_gone(id);
                    None
                }
                found => found,
            }));
        }
        let map = unit.arena.mapping().entity(self.entity);
        if self.key.values().len() != map.key.len() {
            return Err(StateError::KeyWidth {
                entity: map.name.to_string(),
                found: self.key.values().len(),
                expected: map.key.len(),
            }
            .into());
        }
        let known = |unit: &Unit| {
            let id = unit.arena.find_key(self.entity, &self.key)?;
            (!unit.arena.is_stale(id)).then_some(id)
        };
        // Only when the verb begins: what its own flush loads must not end that flush.
        if answer.is_none()
            && let Some(id) = known(unit)
        {
            return Ok(Step::Done(Some(id)));
        }
        if let Some(flush) = &mut self.autoflush {
            inner!(flush, unit, answer.take());
            self.autoflush = None;
            if let Some(id) = known(unit) {
                return Ok(Step::Done(Some(id)));
            }
        }
        if self.key.has_null() {
            return Ok(Step::Done(None));
        }
        let (pass, batch) = Pass::of_key(self.entity, &self.key, &unit.arena, &mut unit.texts);
        self.running = Some(pass);
        Ok(Step::Run(batch))
    }
}
