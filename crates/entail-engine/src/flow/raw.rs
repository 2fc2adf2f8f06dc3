//! Raw SQL in the session's transaction, past the session.

use std::sync::Arc;

use crate::batch::{Batch, Bind, Call, CallKind, Expect, ParamList, Params, Request, Rows};
use crate::error::{BatchFailure, DriverError, Error, Integrity};
use crate::sql::Dialect;
use crate::unit::Unit;
use crate::value::Value;

use super::flush::Flush;
use super::{Answer, Flow, Step, begin, inner};

/// What a raw statement gave back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Executed {
    /// The rows of a query.
    pub rows: Rows,
    /// How many rows a statement wrote.
    pub written: u64,
}

/// Runs a raw statement.
#[derive(Debug)]
pub struct Raw {
    sql: Arc<str>,
    params: Vec<Value>,
    autoflush: Option<Flush>,
    state: State,
}

#[derive(Debug)]
enum State {
    New,
    /// The statement runs, after so many other requests.
    Running {
        ahead: usize,
    },
    /// It was refused, and what it left behind is undone.
    Undoing(Box<Error>),
}

impl Raw {
    /// Runs a statement with parameters. What it changes, the objects in memory do not know.
    pub fn new(sql: &str, params: Vec<Value>) -> Self {
        let autoflush = Some(Flush::auto());
        Self { sql: Arc::from(sql), params, autoflush, state: State::New }
    }

    fn batch(&mut self, unit: &Unit) -> Batch {
        let params: ParamList = std::mem::take(&mut self.params).into_iter().collect();
        let kind = if self.gives_rows() {
            CallKind::Query { types: Arc::from([]) }
        } else {
            CallKind::Execute { expect: Expect::Any }
        };
        let call = Request::Call(Call {
            sql: Arc::clone(&self.sql),
            arity: params.len(),
            params: Params::new(params),
            bind: Bind::Each,
            kind,
            target: None,
        });
        let requests = match guard(unit) {
            Some(number) => vec![Request::Savepoint(number), call, Request::Release(number)],
            None if unit.transaction.begun || self.only_reads() => vec![call],
            None => vec![Request::Begin, call],
        };
        let ahead = requests.iter().take_while(|one| !matches!(one, Request::Call(_))).count();
        self.state = State::Running { ahead };
        Batch { requests, slots: 0 }
    }

    /// The statement was refused. An open transaction is to be as it was before.
    fn refused(&mut self, unit: &mut Unit, failure: BatchFailure) -> Result<Step<Executed>, Error> {
        let reason = failure.error.to_string();
        let error = match failure.error {
            DriverError::Integrity(violation) => {
                Error::Integrity(Box::new(Integrity::new(*violation, None, None)))
            }
            error => Error::Driver(error),
        };
        if unit.transaction.begun && !failure.in_transaction {
            unit.connection_lost(&reason);
            return Err(error);
        }
        match guard(unit) {
            Some(number) => {
                self.state = State::Undoing(Box::new(error));
                let requests = vec![Request::RollbackTo(number)];
                Ok(Step::Run(Batch { requests, slots: 0 }))
            }
            None => Err(error),
        }
    }

    /// Whether the statement gives rows.
    fn gives_rows(&self) -> bool {
        self.only_reads() || self.sql.to_ascii_lowercase().contains(" returning ")
    }

    /// Whether the statement only reads, by its first word.
    fn only_reads(&self) -> bool {
        let text = self.sql.trim_start().to_ascii_lowercase();
        let reads = ["select", "with", "values", "pragma", "explain"];
        reads.iter().any(|word| text.starts_with(word)) && !is_writing_with(&text)
    }
}

/// Whether a WITH leads a statement that writes.
fn is_writing_with(text: &str) -> bool {
    text.starts_with("with")
        && [" insert into ", " update ", " delete from "].iter().any(|word| text.contains(word))
}

/// The savepoint that keeps an open transaction alive if the statement is refused: PostgreSQL ends
/// a transaction with the first statement that fails.
fn guard(unit: &Unit) -> Option<u32> {
    let needed = unit.transaction.begun && unit.texts.dialect == Dialect::Postgres;
    needed.then(|| unit.arena.savepoints() as u32 + 1)
}

impl Flow for Raw {
    const NAME: &'static str = "execute";

    type Output = Executed;

    fn next(
        &mut self,
        unit: &mut Unit,
        mut answer: Option<Answer>,
    ) -> Result<Step<Executed>, Error> {
        begin(unit, answer.as_ref())?;
        if let Some(flush) = &mut self.autoflush {
            inner!(flush, unit, answer.take());
            self.autoflush = None;
        }
        match (std::mem::replace(&mut self.state, State::New), answer) {
            (State::New, _) => Ok(Step::Run(self.batch(unit))),
            (State::Running { ahead }, Some(Ok(outcome))) => {
                if !self.only_reads() {
                    unit.transaction.begun = true;
                    unit.transaction.written = true;
                }
                Ok(Step::Done(Executed {
                    written: outcome.written.get(ahead).copied().unwrap_or(0),
                    rows: outcome.rows.into_iter().next().unwrap_or_default(),
                }))
            }
            (State::Running { .. }, Some(Err(failure))) => self.refused(unit, failure),
            (State::Running { .. }, None) => Ok(Step::Done(Executed::default())),
            (State::Undoing(error), answer) => {
                if let Some(Err(failure)) = answer {
                    unit.connection_lost(&failure.error.to_string());
                }
                Err(*error)
            }
        }
    }
}
