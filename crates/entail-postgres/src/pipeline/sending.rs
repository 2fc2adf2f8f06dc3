//! Sending: requests on their way to the server, none of which waits for another without need.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use entail_engine::batch::{Bind, Call, CallKind, Expect, Operation, ParamSlice};
use entail_engine::error::DriverError;
use futures_util::future::BoxFuture;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Statement};

use crate::bind::{self, Bound, Slot};
use crate::decode::Reading;
use crate::statements::Ready;

use super::{Answer, Failed, Flying, Landing, MOST_FLYING, Pipeline};

impl<'a> Pipeline<'a, '_> {
    /// Sends a statement without parameters.
    pub(super) async fn control(&mut self, request: Option<usize>, sql: String) {
        tracing::trace!(sql, "control");
        let client = self.client;
        let future =
            Box::pin(async move { client.batch_execute(&sql).await.map(|()| Answer::Done) });
        self.send(request, 0, Certainty::Certain, future).await;
    }

    /// Sends all executions of a call.
    pub(super) async fn call(&mut self, index: usize, call: &'a Call) -> Result<(), Failed> {
        let ready = match &self.ready[index] {
            Some(ready) => ready.clone(),
            None => self.prepare_one(index, call).await?,
        };
        self.check(call, &ready).map_err(|error| Failed::at(index, error))?;
        tracing::trace!(params = ?call.params.as_slice(), "parameters");
        self.course.wrote |= !matches!(call.kind, CallKind::Query { .. });
        let certainty = certainty(call, &ready);
        let executions = call.executions();
        // Nothing is sent behind it before its answer is there.
        let is_alone = executions == 1
            && self.flying.is_empty()
            && (!self.course.open || self.batch.requests.len() == 1);
        let all = call.params.as_slice();
        let width = if executions > 1 { call.arity } else { call.params.len() };
        for execution in 0..executions {
            let params = all.part(execution * width, width);
            while let Some(slot) = bind::unfilled(params, self.slots) {
                if self.flying.is_empty() {
                    let error = DriverError::Value {
                        column: format!("slot {slot}"),
                        reason: "no earlier statement of the batch has filled it".to_owned(),
                    };
                    return Err(Failed { execution, ..Failed::at(index, error) });
                }
                self.land_one().await?;
            }
            if self.flying.len() >= MOST_FLYING {
                self.land_one().await?;
            }
            let statement = ready.statement.clone();
            if is_alone {
                let answer = answer(self.client, call, statement, params, self.slots).await;
                self.landed(Some(index), execution, answer).await?;
                continue;
            }
            let future = Box::pin(answer(self.client, call, statement, params, self.slots));
            self.send(Some(index), execution, certainty, future).await;
            // Outside of a transaction a failure does not stop what was sent after it.
            if !self.course.open || self.is_refused() {
                self.land_all().await?;
            }
        }
        if call.target.is_none()
            && let Some(turn) = turn(&call.sql)
        {
            self.land_all().await?;
            match turn {
                Turn::Begins => self.course.open = true,
                Turn::Ends => self.course.open = false,
                Turn::Unsure => {}
            }
            self.course.unsure = true;
        }
        Ok(())
    }

    /// Makes sure that the call fits its statement and the batch.
    fn check(&self, call: &Call, ready: &Ready) -> Result<(), DriverError> {
        let refused = |reason: String| DriverError::Statement {
            reason,
            sql: call.sql.to_string(),
            code: None,
        };
        let given = match call.bind {
            Bind::Each if call.arity == 0 => call.params.len(),
            _ => call.arity,
        };
        if let Some(statement) = &ready.statement {
            let taken = statement.params().len();
            if taken != given {
                return Err(refused(format!(
                    "the statement takes {taken} parameter(s), and {given} were given"
                )));
            }
        }
        if call.arity > 0 && !call.params.len().is_multiple_of(call.arity) {
            return Err(refused(format!(
                "{} parameter(s) are no whole rows of {}",
                call.params.len(),
                call.arity
            )));
        }
        if let CallKind::Insert { first, rows, columns, fetch } = &call.kind {
            if *fetch != entail_engine::batch::Fetch::Returning {
                return Err(refused("the call was written for another database".to_owned()));
            }
            let end = *first as usize + call.executions() * rows * columns.len();
            if end > self.slots.len() {
                return Err(DriverError::Value {
                    column: format!("slot {}", end - 1),
                    reason: format!("the batch has {} slots", self.slots.len()),
                });
            }
        }
        Ok(())
    }

    /// Sends what the future sends, and has it wait for its turn to land.
    async fn send(
        &mut self,
        request: Option<usize>,
        execution: usize,
        certainty: Certainty,
        mut future: BoxFuture<'a, Result<Answer, Error>>,
    ) {
        let landing = match poll_once(&mut future).await {
            Some(answer) => Landing::Now(answer),
            None => Landing::Later(future),
        };
        let certain = certainty == Certainty::Certain;
        self.uncertain += usize::from(!certain);
        self.flying.push_back(Flying { request, execution, landing, certain });
    }

    /// Whether the last request could not even be sent, so that none must be sent after it.
    fn is_refused(&self) -> bool {
        matches!(self.flying.back(), Some(Flying { landing: Landing::Now(Err(_)), .. }))
    }
}

/// Sends one execution of a call, and waits for the answer.
async fn answer(
    client: &Client,
    call: &Call,
    statement: Option<Statement>,
    params: ParamSlice<'_>,
    slots: &[Slot],
) -> Result<Answer, Error> {
    let gives_rows = !matches!(call.kind, CallKind::Execute { .. });
    let width = match call.bind {
        Bind::Each => None,
        Bind::Columns(_) => Some(call.arity),
    };
    let bounds = bind::bounds(params, width, slots);
    match (statement, gives_rows) {
        (Some(statement), true) => Ok(Answer::Rows(client.query_raw(&statement, bounds).await?)),
        (Some(statement), false) => {
            Ok(Answer::Count(client.execute_raw(&statement, bounds).await?))
        }
        (None, true) => {
            let bounds = bounds.map(|bound| {
                let ty = announced(&bound, call);
                (bound, ty)
            });
            Ok(Answer::Rows(client.query_typed_raw(&call.sql, bounds).await?))
        }
        (None, false) => {
            let bounds: Vec<Bound<'_>> = bounds.collect();
            let params: Vec<(&(dyn ToSql + Sync), Type)> = bounds
                .iter()
                .map(|bound| (bound as &(dyn ToSql + Sync), announced(bound, call)))
                .collect();
            Ok(Answer::Count(client.execute_typed(&call.sql, &params).await?))
        }
    }
}

/// Polls a future once; what it sends is on its way then.
pub(super) async fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// The type to announce for a parameter where the server is not asked for one.
fn announced(bound: &Bound<'_>, call: &Call) -> Type {
    match &call.bind {
        Bind::Columns(types) => {
            types.get(bound.place()).map_or(Type::TEXT_ARRAY, |ty| bind::array_type(*ty))
        }
        Bind::Each => bound.announced(),
    }
}

/// Whether a request can only fail by a refusal of the server, which aborts the transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    Certain,
    Uncertain,
}

fn certainty(call: &Call, ready: &Ready) -> Certainty {
    let inserts = call.target.as_ref().is_some_and(|target| target.operation == Operation::Insert);
    let all_rows = inserts && !ready.habits.keeps_out;
    let certain = match &call.kind {
        CallKind::Execute { expect: Expect::Any } => true,
        CallKind::Execute { expect: Expect::Exactly(_) } => all_rows,
        CallKind::Insert { columns, .. } => {
            let found = ready.statement.as_ref().map_or(&[][..], |statement| statement.columns());
            all_rows
                && found.len() == columns.len()
                && columns.iter().zip(found).all(|(column, found)| {
                    Reading::typed(found.type_(), column.ty).is_ok_and(Reading::is_certain)
                })
        }
        CallKind::Query { .. } => false,
    };
    if certain { Certainty::Certain } else { Certainty::Uncertain }
}

/// What a text of the user does to the transaction by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Begins,
    Ends,
    /// It may do either.
    Unsure,
}

/// Whether a text begins or ends a transaction by itself, by its first word.
fn turn(sql: &str) -> Option<Turn> {
    let mut words = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic());
    let first = words.next().unwrap_or("");
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    let has = |word: &str| words.clone().any(|other| other.eq_ignore_ascii_case(word));
    if is("begin") || is("start") {
        Some(Turn::Begins)
    } else if is("prepare") {
        has("transaction").then_some(Turn::Ends)
    } else if is("rollback") && has("to") {
        None
    } else if is("commit") || is("end") || is("abort") || is("rollback") {
        Some(if has("chain") { Turn::Unsure } else { Turn::Ends })
    } else {
        // A comment may lead anything.
        first.is_empty().then_some(Turn::Unsure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_end_transactions_are_known_by_their_first_word() {
        let cases = [
            ("COMMIT", Some(Turn::Ends)),
            (" rollback;", Some(Turn::Ends)),
            ("ABORT WORK", Some(Turn::Ends)),
            ("PREPARE TRANSACTION 'a'", Some(Turn::Ends)),
            ("begin", Some(Turn::Begins)),
            ("START TRANSACTION", Some(Turn::Begins)),
            ("-- a\nEND", Some(Turn::Unsure)),
            ("COMMIT AND CHAIN", Some(Turn::Unsure)),
            ("ROLLBACK TO SAVEPOINT a", None),
            ("ROLLBACK WORK TO a", None),
            ("SELECT 1", None),
            ("WITH a AS (SELECT 1) SELECT 1", None),
            ("beginning", None),
        ];
        for (sql, expected) in cases {
            assert_eq!(turn(sql), expected, "{sql}");
        }
    }
}
