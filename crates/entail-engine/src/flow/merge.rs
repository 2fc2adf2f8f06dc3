//! Merging graphs: what they need is loaded level by level, one SELECT an entity or relationship,
//! then they are copied without I/O.

use rustc_hash::FxHashSet;

use crate::arena::{MergeGraph, MergePass};
use crate::error::Error;
use crate::handle::ObjectId;
use crate::key::Key;
use crate::mapping::EntityId;
use crate::unit::Unit;

use super::flush::Flush;
use super::load::Pass;
use super::{Answer, Flow, Step, begin, inner, read_failure};

/// Merges graphs into the session.
#[derive(Debug)]
pub struct Merge {
    graph: MergeGraph,
    autoflush: Option<Flush>,
    asked: Vec<(EntityId, Key)>,
    absent: FxHashSet<(EntityId, Key)>,
    running: Option<Pass>,
    pass: MergePass,
}

impl Merge {
    /// Merges a graph.
    pub fn new(graph: MergeGraph) -> Self {
        Self {
            graph,
            autoflush: Some(Flush::auto()),
            asked: Vec::new(),
            absent: FxHashSet::default(),
            running: None,
            pass: MergePass::First,
        }
    }
}

impl Flow for Merge {
    const NAME: &'static str = "merge";

    type Output = Vec<ObjectId>;

    fn next(
        &mut self,
        unit: &mut Unit,
        mut answer: Option<Answer>,
    ) -> Result<Step<Vec<ObjectId>>, Error> {
        begin(unit, answer.as_ref())?;
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
        let pass = std::mem::replace(&mut self.pass, MergePass::Later);
        let needs = unit.arena.merge_needs(&mut self.graph, &self.absent, pass);
        if needs.is_empty() {
            let merged = unit.arena.merge(&mut self.graph)?;
            return Ok(Step::Done(merged));
        }
        self.asked.clone_from(&needs.rows);
        let (pass, batch) = Pass::of_merge(needs, &unit.arena, &mut unit.texts);
        self.running = Some(pass);
        if batch.is_empty() {
            return self.next(unit, Some(Ok(Default::default())));
        }
        Ok(Step::Run(batch))
    }
}
