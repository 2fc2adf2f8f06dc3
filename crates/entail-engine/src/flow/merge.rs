//! Merging graphs: what they need is loaded level by level, one SELECT an entity or relationship,
//! then they are copied without I/O.

use rustc_hash::FxHashSet;

use crate::error::Error;
use crate::handle::ObjectId;
use crate::key::Key;
use crate::mapping::EntityId;
use crate::unit::Unit;

use super::flush::Flush;
use super::load::Pass;
use super::{Answer, Flow, Step, inner, read_failure};

/// Merges graphs into the session.
#[derive(Debug)]
pub struct Merge {
    sources: Vec<ObjectId>,
    keep_source: bool,
    autoflush: Option<Flush>,
    asked: Vec<(EntityId, Key)>,
    absent: FxHashSet<(EntityId, Key)>,
    running: Option<Pass>,
    /// Whether no pass of loading went before.
    is_first: bool,
}

impl Merge {
    /// Merges the graphs of objects that the session holds; the graphs stay as they are.
    pub fn of_held(sources: Vec<ObjectId>) -> Self {
        Self {
            sources,
            keep_source: true,
            autoflush: Some(Flush::auto()),
            asked: Vec::new(),
            absent: FxHashSet::default(),
            running: None,
            is_first: true,
        }
    }

    /// Merges graphs that were placed in the arena for this only; they are dropped afterwards.
    pub fn of_values(sources: Vec<ObjectId>) -> Self {
        Self { keep_source: false, ..Self::of_held(sources) }
    }

    fn go_on(
        &mut self,
        unit: &mut Unit,
        mut answer: Option<Answer>,
    ) -> Result<Step<Vec<ObjectId>>, Error> {
        unit.check_usable()?;
        if let Some(flush) = &mut self.autoflush {
            inner!(flush, unit, answer.take());
            self.autoflush = None;
        }
        if let Some(pass) = self.running.take() {
            match answer {
                Some(Ok(outcome)) => pass.apply(&mut unit.arena, outcome)?,
                Some(Err(failure)) => return Err(read_failure(unit, failure)),
                None => {}
            }
            for (entity, key) in self.asked.drain(..) {
                match unit.arena.find_key(entity, &key) {
                    Some(id) if unit.arena.is_stale(id) => {
                        unit.arena.row_gone(id);
                        self.absent.insert((entity, key));
                    }
                    Some(_) => {}
                    None => {
                        self.absent.insert((entity, key));
                    }
                }
            }
        }
        let is_first = std::mem::replace(&mut self.is_first, false);
        let needs = unit.arena.merge_needs(&self.sources, &self.absent, is_first);
        if needs.is_empty() {
            let merged = unit.arena.merge(&self.sources)?;
            return Ok(Step::Done(merged));
        }
        self.asked.clone_from(&needs.rows);
        let (pass, batch) = Pass::of_merge(needs, &unit.arena, &mut unit.texts);
        self.running = Some(pass);
        if batch.is_empty() {
            return self.go_on(unit, Some(Ok(Default::default())));
        }
        Ok(Step::Run(batch))
    }
}

impl Flow for Merge {
    const NAME: &'static str = "merge";

    type Output = Vec<ObjectId>;

    fn next(
        &mut self,
        unit: &mut Unit,
        answer: Option<Answer>,
    ) -> Result<Step<Vec<ObjectId>>, Error> {
        let result = self.go_on(unit, answer);
        if !self.keep_source && !matches!(result, Ok(Step::Run(_))) {
            unit.arena.drop_held(&self.sources);
        }
        result
    }
}
