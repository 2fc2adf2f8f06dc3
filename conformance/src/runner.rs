//! The runner: carries a scenario out on a new session, step by step.

mod answer;
mod names;
mod object;
mod relationship;

use std::collections::HashSet;
use std::sync::Arc;

use entail::blocking::{Database, Session};
use entail::dynamic::Record;
use entail::{Error, Handle, Mapping, SessionOptions, State};
use serde_json::{Map, Value as Json, json};

use crate::failure::Failure;
use crate::mapping::mapping_of;
use crate::scenario::{Scenario, Step};
use names::Names;

/// What a step answers besides `ok`.
type Answer = Map<String, Json>;

/// When what a delete cascade comes to is loaded, if it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DeletesLoad {
    /// At the call, as SQLAlchemy does.
    #[default]
    AtOnce,
    /// In the flush, if at all, as entail does unless it is asked.
    InTheFlush,
}

/// Runs a scenario on a database, whose tables of these names are replaced, and gives the result.
///
/// # Errors
///
/// If the database cannot be opened or its tables cannot be made: that is no result.
pub fn run(scenario: &Scenario, url: &str, deletes_load: DeletesLoad) -> Result<Json, Error> {
    let mapping = match mapping_of(scenario) {
        Ok(mapping) => mapping,
        Err(refusal) => {
            let detail = refusal.to_string();
            return Ok(json!({"name": scenario.name, "mapping_error": true, "detail": detail}));
        }
    };
    let database = Database::connect(url, mapping)?;
    database.drop_all()?;
    database.create_all()?;
    let mut runner = Runner::new(&database, scenario, url, deletes_load);
    let results: Vec<Json> = scenario.steps.iter().map(|step| runner.step(step)).collect();
    drop(runner);
    database.drop_all()?;
    Ok(json!({"name": scenario.name, "results": results}))
}

/// A session, and the names of its objects.
struct Runner {
    session: Session,
    mapping: Arc<Mapping>,
    names: Names,
    /// Objects whose deletion was committed.
    buried: HashSet<Handle<Record>>,
    expire_on_commit: bool,
    deletes_load: DeletesLoad,
    quote: char,
}

impl Runner {
    fn new(database: &Database, scenario: &Scenario, url: &str, deletes_load: DeletesLoad) -> Self {
        let options = SessionOptions {
            autoflush: scenario.session.autoflush,
            expire_on_commit: scenario.session.expire_on_commit,
        };
        Self {
            session: database.session_with(options),
            mapping: Arc::clone(database.mapping()),
            names: Names::default(),
            buried: HashSet::new(),
            expire_on_commit: scenario.session.expire_on_commit,
            deletes_load,
            quote: if url.starts_with("mysql") { '`' } else { '"' },
        }
    }

    /// Carries one step out and gives its result.
    fn step(&mut self, step: &Step) -> Json {
        let outcome = self.carry_out(step);
        let rolls_back =
            matches!(step, Step::Flush | Step::Commit | Step::Sql { .. } | Step::Release);
        match outcome {
            Ok(mut answer) => {
                answer.insert("ok".to_owned(), json!(true));
                Json::Object(answer)
            }
            Err(failure) => {
                let mut detail = failure.detail;
                if rolls_back && let Err(error) = self.session.rollback() {
                    detail = format!("{detail}; and the rollback failed: {error}");
                }
                json!({"error": failure.kind, "detail": detail})
            }
        }
    }

    fn carry_out(&mut self, step: &Step) -> Result<Answer, Failure> {
        match step {
            Step::New { entity, name, set } => self.new_object(entity, name, set)?,
            Step::Add { object } => self.add(object)?,
            Step::Append { owner, rel, value } => self.append(owner, rel, value)?,
            Step::Remove { owner, rel, value } => self.remove(owner, rel, value)?,
            Step::SetRel { owner, rel, value } => self.set_relationship(owner, rel, value)?,
            Step::ClearRel { owner, rel } => self.clear_relationship(owner, rel)?,
            Step::Set { object, column, value } => self.set_column(object, column, value)?,
            Step::Delete { object } => self.delete(object)?,
            Step::Merge { name, value } => self.merge(name, value)?,
            Step::Expunge { object } => {
                let handle = self.names.object(object)?;
                self.session.expunge(handle)?;
            }
            Step::Refresh { object } => {
                let handle = self.names.object(object)?;
                self.session.refresh(handle)?;
            }
            Step::Expire { object } => {
                let handle = self.names.object(object)?;
                self.session.expire(handle)?;
            }
            Step::Get { entity, key, name } => return self.get(entity, key, name.as_deref()),
            Step::Tables => return self.tables(),
            Step::States => return Ok(self.states()),
            Step::View { owner, rel } => return self.view(owner, rel),
            Step::Read { object, column } => return self.read(object, column),
            Step::Dirty => return Ok(self.dirty()),
            Step::Same { a, b } => return self.same(a, b),
            step => self.session_call(step)?,
        }
        Ok(Answer::new())
    }

    /// A call of the session that names no object.
    fn session_call(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::ExpungeAll => self.session.expunge_all(),
            Step::Flush => self.session.flush()?,
            Step::Commit => self.commit()?,
            Step::Rollback => self.session.rollback()?,
            Step::BeginNested => self.session.savepoint()?,
            Step::Release if self.session.savepoints() > 0 => self.session.release_savepoint()?,
            Step::RollbackTo if self.session.savepoints() > 0 => {
                self.session.rollback_to_savepoint()?;
            }
            Step::Sql { sql } => {
                self.session.execute(sql, [])?;
            }
            _ => {}
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let present: Vec<_> = self
            .names
            .handles()
            .filter(|&handle| {
                matches!(self.session.state(handle), State::Persistent | State::Deleted)
            })
            .collect();
        self.session.commit()?;
        let session = &self.session;
        let gone = |handle: &Handle<Record>| session.state(*handle) == State::Detached;
        self.buried.extend(present.into_iter().filter(gone));
        Ok(())
    }
}
