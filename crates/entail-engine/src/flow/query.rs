//! Queries: rows of one entity, with relationships loaded along, and counts.

use crate::batch::{Batch, Request, Rows};
use crate::error::{Error, LoadError};
use crate::handle::ObjectId;
use crate::mapping::{EntityId, RelationshipId};
use crate::query::Selection;
use crate::sql::{count, select};
use crate::unit::Unit;
use crate::value::ValueRef;

use super::flush::Flush;
use super::load::{Extent, Load, take_rows};
use super::{Answer, Fed, Flow, Step, begin, inner, read_failure};

/// Finds objects.
#[derive(Debug)]
pub struct Find {
    entity: EntityId,
    selection: Selection,
    autoflush: Option<Flush>,
    asked: bool,
    found: Vec<ObjectId>,
    /// A row that could not be taken while others were still being read.
    failed: Option<LoadError>,
    all_found: bool,
    paths: std::vec::IntoIter<Vec<RelationshipId>>,
    loading: Option<Load>,
}

impl Find {
    /// Finds the objects of a selection, in its order.
    pub fn new(entity: EntityId, mut selection: Selection) -> Self {
        let paths = std::mem::take(&mut selection.paths).into_iter();
        Self {
            entity,
            selection,
            autoflush: Some(Flush::auto()),
            asked: false,
            found: Vec::new(),
            failed: None,
            all_found: false,
            paths,
            loading: None,
        }
    }
}

impl Flow for Find {
    const NAME: &'static str = "query";

    type Output = Vec<ObjectId>;

    fn next(
        &mut self,
        unit: &mut Unit,
        mut answer: Option<Answer>,
    ) -> Result<Step<Self::Output>, Error> {
        begin(unit, answer.as_ref())?;
        if let Some(flush) = &mut self.autoflush {
            inner!(flush, unit, answer.take());
            self.autoflush = None;
        }
        if !self.asked {
            self.asked = true;
            let table = unit.arena.mapping().entity(self.entity).table;
            let call = select(&unit.texts, unit.arena.mapping(), table, &self.selection);
            return Ok(Step::Run(Batch { requests: vec![Request::Call(call)], slots: 0 }));
        }
        if !self.all_found {
            self.all_found = true;
            let outcome = match answer.take() {
                Some(Ok(outcome)) => outcome,
                Some(Err(failure)) => return Err(read_failure(unit, failure)),
                None => Default::default(),
            };
            if let Some(failed) = self.failed.take() {
                return Err(failed.into());
            }
            if let Some(rows) = outcome.rows.first() {
                take_rows(&mut unit.arena, self.entity, rows, |id| self.found.push(id))?;
            }
        }
        loop {
            if let Some(load) = &mut self.loading {
                inner!(load, unit, answer.take());
                self.loading = None;
            }
            match self.paths.next() {
                Some(path) => {
                    let selection = &self.selection;
                    let all = selection.condition.is_none()
                        && selection.limit.is_none()
                        && selection.offset.is_none();
                    let extent = if all { Extent::Whole } else { Extent::Keys };
                    self.loading = Some(Load::along(self.found.clone(), path, extent));
                }
                None => return Ok(Step::Done(std::mem::take(&mut self.found))),
            }
        }
    }

    fn feed(&mut self, unit: &mut Unit, query: usize, rows: &Rows) -> Fed {
        if let Some(load) = &mut self.loading {
            return load.feed(unit, query, rows);
        }
        if self.autoflush.is_some() {
            return Fed::Left;
        }
        if self.failed.is_none() {
            self.failed =
                take_rows(&mut unit.arena, self.entity, rows, |id| self.found.push(id)).err();
        }
        Fed::Taken
    }
}

/// Counts the rows of a selection.
#[derive(Debug)]
pub struct Count {
    entity: EntityId,
    selection: Selection,
    autoflush: Option<Flush>,
    asked: bool,
}

impl Count {
    /// Counts the rows of a selection.
    pub fn new(entity: EntityId, selection: Selection) -> Self {
        Self { entity, selection, autoflush: Some(Flush::auto()), asked: false }
    }
}

impl Flow for Count {
    const NAME: &'static str = "count";

    type Output = u64;

    fn next(&mut self, unit: &mut Unit, mut answer: Option<Answer>) -> Result<Step<u64>, Error> {
        begin(unit, answer.as_ref())?;
        if let Some(flush) = &mut self.autoflush {
            inner!(flush, unit, answer.take());
            self.autoflush = None;
        }
        if !self.asked {
            self.asked = true;
            let table = unit.arena.mapping().entity(self.entity).table;
            let call = count(&unit.texts, unit.arena.mapping(), table, &self.selection);
            return Ok(Step::Run(Batch { requests: vec![Request::Call(call)], slots: 0 }));
        }
        let outcome = match answer {
            Some(Ok(outcome)) => outcome,
            Some(Err(failure)) => return Err(read_failure(unit, failure)),
            None => Default::default(),
        };
        let number = match outcome.rows.first().and_then(|rows| rows.value(0, 0)) {
            Some(ValueRef::Int(number)) => u64::try_from(number).unwrap_or(0),
            _ => 0,
        };
        Ok(Step::Done(number))
    }
}
