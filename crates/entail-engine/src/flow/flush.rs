//! Flushing: passes of loading until the changes are known, then one trip that carries out the
//! plan, then the arena takes over what happened.

use std::sync::Arc;

use crate::apply::{After, apply};
use crate::arena::{Arena, UndoReach};
use crate::batch::{Batch, Outcome, Request};
use crate::change::{Collected, Needs, Unloaded, collect};
use crate::error::{BatchFailure, DriverError, Error, FlushError, LoadError};
use crate::handle::ObjectId;
use crate::plan::{Draw, Drawn, Plan, StepAction};
use crate::sql::{Place, draw, render};
use crate::unit::Unit;

use super::explain::explain;
use super::load::Pass;
use super::{Answer, Flow, Step, begin, read_failure};

/// What follows the statements of a flush in the same trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    Commit,
    Savepoint,
    Release,
}

/// Writes all changes.
#[derive(Debug)]
pub struct Flush {
    state: State,
    then: Then,
    only_if_enabled: bool,
    unloaded: Unloaded,
    passes: usize,
}

#[derive(Debug)]
enum State {
    Collecting,
    Loading(Pass, Vec<ObjectId>),
    Drawing(Box<Ahead>),
    Running(Box<Run>),
    RollingBack(Box<Error>),
}

/// A plan that waits for keys that are drawn ahead.
#[derive(Debug)]
struct Ahead {
    plan: Plan,
    after: After,
    draws: Vec<Draw>,
}

/// What is carried out, until its answer is there.
#[derive(Debug)]
struct Run {
    plan: Arc<Plan>,
    after: After,
    drawn: Drawn,
    /// What each request writes.
    places: Vec<Place>,
    /// How many requests go before those of the plan.
    ahead: usize,
    /// Objects that were marked to be deleted were kept after all; their marks are still there,
    /// and a commit flushes until nothing is left.
    again: bool,
}

/// More passes of loading than any mapping needs.
const MAX_PASSES: usize = 10_000;

impl Flush {
    /// Writes all changes.
    pub fn new() -> Self {
        Self::with(Then::Nothing)
    }

    pub(super) fn with(then: Then) -> Self {
        Self {
            state: State::Collecting,
            then,
            only_if_enabled: false,
            unloaded: Unloaded::default(),
            passes: 0,
        }
    }

    /// Writes all changes and commits the transaction, in one trip.
    pub fn and_commit() -> Self {
        Self::with(Then::Commit)
    }

    /// Writes all changes and sets a savepoint, in one trip.
    pub fn and_savepoint() -> Self {
        Self::with(Then::Savepoint)
    }

    /// Writes all changes and releases the innermost savepoint, in one trip.
    pub fn and_release() -> Self {
        Self::with(Then::Release)
    }

    /// Writes all changes if autoflush is on.
    pub(super) fn auto() -> Self {
        Self { only_if_enabled: true, ..Self::new() }
    }

    /// Whether autoflush is off, or nothing was changed and nothing follows.
    fn has_nothing_to_do(&self, unit: &Unit) -> bool {
        self.only_if_enabled && !unit.options.autoflush
            || self.then == Then::Nothing && !unit.arena.has_work()
    }

    /// One pass: the changes are collected, or what they need is asked for.
    fn collect(&mut self, unit: &mut Unit) -> Result<Step<()>, Error> {
        self.passes += 1;
        if self.passes > MAX_PASSES {
            return Err(FlushError::NoEnd { passes: MAX_PASSES }.into());
        }
        match plan(&unit.arena, &mut self.unloaded)? {
            Planned::Needs(needs) => {
                let (pass, batch) = Pass::of(&needs, &unit.arena, &mut unit.texts);
                if batch.is_empty() {
                    pass.apply(&mut unit.arena, Outcome::default())?;
                    return self.collect(unit);
                }
                self.state = State::Loading(pass, needs.rows);
                Ok(Step::Run(batch))
            }
            Planned::Plan(plan, after) => self.run(unit, plan, after),
        }
    }

    fn run(&mut self, unit: &mut Unit, plan: Plan, after: After) -> Result<Step<()>, Error> {
        // Within a transaction a refusal would end it, so it is not risked there without need.
        if unit.has_sequences && (!unit.transaction.begun || plan.needs_drawn_keys()) {
            let mapping = Arc::clone(unit.mapping());
            let draws = plan.draws(&mapping);
            if !draws.is_empty() {
                let batch = draw(&mut unit.texts, &mapping, &draws);
                self.state = State::Drawing(Box::new(Ahead { plan, after, draws }));
                return Ok(Step::Run(batch));
            }
        }
        self.send(unit, plan, after, Drawn::default())
    }

    /// The keys are drawn, or the database has none to be drawn.
    fn drawn(
        &mut self,
        unit: &mut Unit,
        ahead: Ahead,
        answer: Option<Answer>,
    ) -> Result<Step<()>, Error> {
        let Ahead { plan, after, draws } = ahead;
        let drawn = match answer {
            Some(Ok(outcome)) => Drawn::take(&draws, &outcome.rows, plan.slots),
            Some(Err(BatchFailure { error: DriverError::Statement { reason, .. }, .. }))
                if !unit.transaction.begun =>
            {
                tracing::debug!(%reason, "no keys can be drawn ahead");
                unit.has_sequences = false;
                Drawn::default()
            }
            Some(Err(failure)) => return Err(read_failure(unit, failure)),
            None => Drawn::default(),
        };
        self.send(unit, plan, after, drawn)
    }

    fn send(
        &mut self,
        unit: &mut Unit,
        plan: Plan,
        after: After,
        drawn: Drawn,
    ) -> Result<Step<()>, Error> {
        let mapping = Arc::clone(unit.mapping());
        if drawn.is_empty() {
            plan.check_without_drawn_keys()?;
        }
        let (mut batch, places) = match drawn.is_empty() {
            true => render(&mut unit.texts, &mapping, &plan),
            false => render(&mut unit.texts, &mapping, &plan.with_drawn(&mapping, &drawn)),
        };
        let writes = !batch.is_empty();
        tracing::debug!(steps = plan.steps.len(), rows = plan.rows(), "flush");
        let mut ahead = 0;
        if !unit.transaction.begun && (writes || self.then == Then::Savepoint) {
            batch.requests.insert(0, Request::Begin);
            ahead = 1;
        }
        let depth = unit.arena.savepoints() as u32;
        let ends = matches!(self.then, Then::Commit | Then::Release);
        let again = ends && unit.arena.has_marked(&after.kept);
        match self.then {
            _ if again => {}
            Then::Commit if unit.transaction.begun || writes => {
                batch.requests.push(Request::Commit)
            }
            Then::Savepoint => batch.requests.push(Request::Savepoint(depth + 1)),
            Then::Release if depth > 0 => batch.requests.push(Request::Release(depth)),
            Then::Nothing | Then::Commit | Then::Release => {}
        }
        let run = Run { plan: Arc::new(plan), after, drawn, places, ahead, again };
        if batch.is_empty() {
            return self.finish(unit, run, Outcome::default());
        }
        self.state = State::Running(Box::new(run));
        Ok(Step::Run(batch))
    }

    /// The database has it: the arena takes over.
    fn finish(
        &mut self,
        unit: &mut Unit,
        run: Run,
        mut outcome: Outcome,
    ) -> Result<Step<()>, Error> {
        run.drawn.fill(&mut outcome.slots);
        let wrote = !run.plan.is_empty();
        let committed = self.then == Then::Commit && !run.again;
        let reach = if committed { UndoReach::Committed } else { UndoReach::Open };
        apply(&mut unit.arena, &run.plan, run.after, &outcome, reach);
        if wrote || self.then == Then::Savepoint {
            unit.transaction.begun = true;
        }
        unit.transaction.written |= wrote;
        if wrote {
            self.warn_of_missing_rows(&run.plan, &run.places, run.ahead, &outcome);
            unit.last_plan = Some(run.plan);
        }
        if run.again {
            return self.collect(unit);
        }
        match self.then {
            Then::Nothing => {}
            Then::Commit => {
                unit.transaction = Default::default();
                unit.arena.committed();
                if unit.options.expire_on_commit {
                    unit.arena.expire_all();
                }
            }
            Then::Savepoint => unit.arena.begin_nested(),
            Then::Release => unit.arena.release_nested(),
        }
        Ok(Step::Done(()))
    }

    /// A deleted row that was not there is no failure, but worth a warning.
    fn warn_of_missing_rows(&self, plan: &Plan, places: &[Place], ahead: usize, outcome: &Outcome) {
        if plan.steps.iter().all(|step| step.action != StepAction::Delete) {
            return;
        }
        let mut written = vec![0; plan.steps.len()];
        for (place, count) in places.iter().zip(outcome.written.iter().skip(ahead)) {
            if place.rows > 0 {
                written[place.step] += count;
            }
        }
        for (step, written) in plan.steps.iter().zip(written) {
            if step.action == StepAction::Delete && written < step.rows.len() as u64 {
                tracing::warn!(
                    expected = step.rows.len(),
                    written,
                    "some rows to be deleted were gone already"
                );
            }
        }
    }

    /// The batch failed: nothing of it is in the database, and the arena is untouched.
    fn fail(
        &mut self,
        unit: &mut Unit,
        run: Run,
        failure: BatchFailure,
    ) -> Result<Step<()>, Error> {
        let reason = failure.error.to_string();
        let place = failure
            .request
            .and_then(|request| request.checked_sub(run.ahead))
            .and_then(|request| run.places.get(request));
        let error = explain(unit, &run.plan, place, failure.clone());
        if !unit.transaction.begun {
            return Err(error);
        }
        let nested = unit.arena.savepoints() > 0;
        if unit.transaction.written || nested {
            unit.transaction.failed = Some(reason);
        }
        if nested && failure.in_transaction {
            return Err(error);
        }
        unit.transaction.begun = false;
        unit.transaction.written = false;
        if failure.in_transaction {
            self.state = State::RollingBack(Box::new(error));
            return Ok(Step::Run(Batch { requests: vec![Request::Rollback], slots: 0 }));
        }
        Err(error)
    }
}

impl Default for Flush {
    fn default() -> Self {
        Self::new()
    }
}

impl Flow for Flush {
    const NAME: &'static str = "flush";

    type Output = ();

    fn next(&mut self, unit: &mut Unit, answer: Option<Answer>) -> Result<Step<()>, Error> {
        if let State::RollingBack(_) = &self.state {
            // Whether or not the rollback could be sent: the driver throws away a connection
            // on which it failed.
            if let State::RollingBack(error) = std::mem::replace(&mut self.state, State::Collecting)
            {
                return Err(*error);
            }
        }
        begin(unit, answer.as_ref())?;
        match std::mem::replace(&mut self.state, State::Collecting) {
            State::Collecting if self.has_nothing_to_do(unit) => Ok(Step::Done(())),
            State::Collecting => self.collect(unit),
            State::Loading(pass, rows) => match answer {
                Some(Ok(outcome)) => {
                    pass.apply(&mut unit.arena, outcome)?;
                    check_read(&unit.arena, &rows)?;
                    self.collect(unit)
                }
                Some(Err(failure)) => Err(read_failure(unit, failure)),
                None => self.collect(unit),
            },
            State::Drawing(ahead) => self.drawn(unit, *ahead, answer),
            State::Running(run) => match answer {
                Some(Ok(outcome)) => self.finish(unit, *run, outcome),
                Some(Err(failure)) => self.fail(unit, *run, failure),
                None => Ok(Step::Done(())),
            },
            State::RollingBack(error) => Err(*error),
        }
    }
}

/// What planning came to.
enum Planned {
    /// The order of all changes.
    Plan(Plan, After),
    /// Something must be loaded first.
    Needs(Needs),
}

/// Collects the changes and puts them into order. In some rings it must be known of each row to whom
/// it refers: then nothing is left unloaded.
fn plan(arena: &Arena, unloaded: &mut Unloaded) -> Result<Planned, FlushError> {
    loop {
        let changes = match collect(arena, *unloaded)? {
            Collected::Changes(changes) => changes,
            Collected::Needs(needs) => return Ok(Planned::Needs(needs)),
        };
        let has_sets = !changes.sets.is_empty();
        match Plan::new(arena.mapping(), changes) {
            Err(FlushError::Cycle { .. }) if has_sets => *unloaded = Unloaded::OneByOne,
            ordered => return ordered.map(|(plan, after)| Planned::Plan(plan, after)),
        }
    }
}

/// Makes sure that rows that were asked for were there: without them the flush cannot go on.
fn check_read(arena: &Arena, rows: &[ObjectId]) -> Result<(), LoadError> {
    match rows.iter().find(|&&id| arena.is_stale(id)) {
        Some(&gone) => Err(LoadError::RowGone { object: arena.label(gone) }),
        None => Ok(()),
    }
}

/// Plans a flush without carrying it out.
#[derive(Debug, Default)]
pub struct Preview {
    loading: Option<(Pass, Vec<ObjectId>)>,
    unloaded: Unloaded,
}

impl Preview {
    /// Plans what a flush would do now. It may load what deletes reach.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Flow for Preview {
    const NAME: &'static str = "plan";

    type Output = Plan;

    fn next(&mut self, unit: &mut Unit, answer: Option<Answer>) -> Result<Step<Plan>, Error> {
        begin(unit, answer.as_ref())?;
        if let Some((pass, rows)) = self.loading.take() {
            match answer {
                Some(Ok(outcome)) => {
                    pass.apply(&mut unit.arena, outcome)?;
                    check_read(&unit.arena, &rows)?;
                }
                Some(Err(failure)) => return Err(read_failure(unit, failure)),
                None => {}
            }
        }
        loop {
            match plan(&unit.arena, &mut self.unloaded)? {
                Planned::Plan(plan, _) => {
                    if !unit.has_sequences {
                        plan.check_without_drawn_keys()?;
                    }
                    return Ok(Step::Done(plan));
                }
                Planned::Needs(needs) => {
                    let (pass, batch) = Pass::of(&needs, &unit.arena, &mut unit.texts);
                    if batch.is_empty() {
                        pass.apply(&mut unit.arena, Outcome::default())?;
                        continue;
                    }
                    self.loading = Some((pass, needs.rows));
                    return Ok(Step::Run(batch));
                }
            }
        }
    }
}
