//! Reaching: who a cascade would affect, loading what is not known.

use crate::cascade::walk;
use crate::change::Needs;
use crate::error::Error;
use crate::handle::ObjectId;
use crate::mapping::Cascade;
use crate::unit::Unit;

use super::load::Pass;
use super::{Answer, Flow, Step, begin, read_failure};

/// Finds the objects that a cascade reaches.
#[derive(Debug)]
pub struct Reach {
    object: ObjectId,
    cascade: Cascade,
    running: Option<Pass>,
}

impl Reach {
    /// Walks from an object along the relationships that have the cascade. For a delete it loads
    /// what is not loaded.
    pub fn new(object: ObjectId, cascade: Cascade) -> Self {
        Self { object, cascade, running: None }
    }
}

impl Flow for Reach {
    const NAME: &'static str = "reach";

    type Output = Vec<ObjectId>;

    fn next(
        &mut self,
        unit: &mut Unit,
        answer: Option<Answer>,
    ) -> Result<Step<Self::Output>, Error> {
        begin(unit, answer.as_ref())?;
        if let Some(pass) = self.running.take() {
            match answer {
                Some(Ok(outcome)) => pass.apply(&mut unit.arena, outcome)?,
                Some(Err(failure)) => return Err(read_failure(unit, failure)),
                None => {}
            }
        }
        loop {
            let reach = walk(&unit.arena, self.cascade, self.object);
            if reach.missing.is_empty() {
                let mut objects: Vec<_> = reach.objects.into_iter().map(|(id, _)| id).collect();
                for &id in objects.iter().chain([&self.object]) {
                    unit.arena.keep_targets_along(self.cascade, id);
                }
                objects.retain(|&id| id != self.object);
                return Ok(Step::Done(objects));
            }
            let needs = Needs { relationships: reach.missing, ..Needs::default() };
            let (pass, batch) = Pass::of(&needs, &unit.arena, &mut unit.texts);
            if batch.is_empty() {
                pass.apply(&mut unit.arena, Default::default())?;
                continue;
            }
            self.running = Some(pass);
            return Ok(Step::Run(batch));
        }
    }
}
