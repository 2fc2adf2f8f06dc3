//! Raw SQL in the session's transaction, past the session.

use std::sync::Arc;

use crate::batch::{Batch, Bind, Call, CallKind, Expect, ParamList, Params, Request, Rows};
use crate::error::{DriverError, Error, Integrity};
use crate::unit::Unit;
use crate::value::Value;

use super::flush::Flush;
use super::{Answer, Flow, Step, inner};

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
    asked: bool,
}

impl Raw {
    /// Runs a statement with parameters. What it changes, the objects in memory do not know.
    pub fn new(sql: &str, params: Vec<Value>) -> Self {
        Self { sql: Arc::from(sql), params, autoflush: Some(Flush::auto()), asked: false }
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

impl Flow for Raw {
    const NAME: &'static str = "execute";

    type Output = Executed;

    fn next(
        &mut self,
        unit: &mut Unit,
        mut answer: Option<Answer>,
    ) -> Result<Step<Executed>, Error> {
        unit.check_usable()?;
        if let Some(flush) = &mut self.autoflush {
            inner!(flush, unit, answer.take());
            self.autoflush = None;
        }
        if !self.asked {
            self.asked = true;
            let params: ParamList = std::mem::take(&mut self.params).into_iter().collect();
            let reads = self.only_reads();
            let kind = if self.gives_rows() {
                CallKind::Query { types: Arc::from([]) }
            } else {
                CallKind::Execute { expect: Expect::Any }
            };
            let call = Call {
                sql: Arc::clone(&self.sql),
                arity: params.len(),
                bind: Bind::Each,
                params: Params::new(params),
                kind,
                target: None,
            };
            let mut requests = Vec::new();
            if !unit.transaction.begun && !reads {
                requests.push(Request::Begin);
            }
            requests.push(Request::Call(call));
            return Ok(Step::Run(Batch { requests, slots: 0 }));
        }
        match answer {
            Some(Ok(outcome)) => {
                if !self.only_reads() {
                    unit.transaction.begun = true;
                    unit.transaction.written = true;
                }
                Ok(Step::Done(Executed {
                    written: outcome.written.last().copied().unwrap_or(0),
                    rows: outcome.rows.into_iter().next().unwrap_or_default(),
                }))
            }
            Some(Err(failure)) => {
                let reason = failure.error.to_string();
                let error = match failure.error {
                    DriverError::Integrity(violation) => {
                        Error::Integrity(Box::new(Integrity::new(*violation, None, None)))
                    }
                    error => Error::Driver(error),
                };
                // A refused statement leaves an open transaction as it was.
                if unit.transaction.begun && !failure.in_transaction {
                    unit.connection_lost(&reason);
                }
                Err(error)
            }
            None => Ok(Step::Done(Executed::default())),
        }
    }
}
