//! Answers: what comes back from a packet, statement by statement.

use std::sync::Arc;

use entail_engine::batch::{Call, CallKind, Expect, Fetch, GeneratedColumn, Request};
use entail_engine::error::DriverError;
use entail_engine::value::Value;
use mysql_async::prelude::Queryable;
use mysql_async::{Column, QueryResult, Row, TextProtocol, Value as Server};

use super::{Failed, Own, counted, row_count};
use crate::bind::Slots;
use crate::decode;
use crate::failure::Fault;
use crate::link::Link;
use crate::packet::{Place, Statement, Task};
use crate::query::unreadable;

/// Takes the answers of a packet.
pub(super) struct Answers<'a, 'b> {
    pub statements: &'a [Statement<'b>],
    pub slots: &'a mut Slots,
    pub written: &'a mut [u64],
    pub own: &'a mut Own,
}

/// What is known once some answers are there.
#[derive(Default)]
struct Progress<'b> {
    /// How many statements have been answered.
    answered: usize,
    /// The first thing that is wrong, though the server does not know it.
    wrong: Option<Failed>,
    /// Executions of calls whose rows have numbers, with the first number.
    numbered: Vec<(&'b Call, Place, u64)>,
    /// The distance between generated numbers.
    increment: u64,
}

impl<'b> Answers<'_, 'b> {
    /// Sends a text, and takes its answers. All of them are read, whatever they say.
    pub(super) async fn take(mut self, link: &mut Link, text: &str) -> Result<(), Failed> {
        let mut progress = Progress { increment: 1, ..Progress::default() };
        let read = match link.conn.query_iter(text).await {
            Ok(answer) => self.read(answer, &mut progress).await,
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            let place = self.statements.get(progress.answered).map(|it| it.place);
            let failed = Failed { place, fault: Fault::from(error) };
            // What was wrong before it came first, but not if the connection is gone.
            return Err(match progress.wrong {
                Some(wrong) if !failed.fault.is_fatal() => wrong,
                _ => failed,
            });
        }
        link.note();
        if let Some(wrong) = progress.wrong {
            return Err(wrong);
        }
        if progress.answered != self.statements.len() {
            let reason = "the server gave another number of answers than statements".to_owned();
            return Err(Failed::around(Fault::Lost(reason)));
        }
        self.number(&progress)
    }

    async fn read(
        &mut self,
        mut answer: QueryResult<'_, '_, TextProtocol>,
        progress: &mut Progress<'b>,
    ) -> Result<(), mysql_async::Error> {
        while let Some(columns) = answer.columns() {
            let statement = self.statements.get(progress.answered).copied();
            if columns.is_empty() {
                let (written, first) = (answer.affected_rows(), answer.last_insert_id());
                let is_last = answer.is_empty();
                if let Some(statement) = statement {
                    let done = self.done(statement, written, first.unwrap_or(0), progress);
                    note(&mut progress.wrong, statement.place, done);
                }
                progress.answered += 1;
                if is_last {
                    break;
                }
                // The next answer, or a failure in its place.
                answer.for_each(drop).await?;
            } else {
                self.rows(&mut answer, &columns, statement, progress).await?;
            }
        }
        // A failure that has not been told yet is told here.
        answer.drop_result().await
    }

    /// Takes an answer that has rows: the values that an INSERT made, or the distance between
    /// numbers.
    async fn rows(
        &mut self,
        answer: &mut QueryResult<'_, '_, TextProtocol>,
        columns: &Arc<[Column]>,
        statement: Option<Statement<'b>>,
        progress: &mut Progress<'b>,
    ) -> Result<(), mysql_async::Error> {
        let mut count = 0;
        let mut wrong = Ok(());
        let increment = &mut progress.increment;
        let slots = &mut *self.slots;
        let read = answer
            .for_each(|row| {
                match statement.map(|statement| (statement.place, statement.task)) {
                    Some((place, Task::Call(call) | Task::Made(call))) if wrong.is_ok() => {
                        wrong = returned(slots, call, place, count, &row, columns);
                    }
                    Some((_, Task::Increment)) => *increment = number(&row).unwrap_or(1),
                    _ => {}
                }
                count += 1;
            })
            .await;
        let Some(Statement { place, task }) = statement else { return read };
        let (whole, checked) = match task {
            Task::Call(call) => {
                let expected = rows_of(call);
                let counted = if expected == count {
                    self.count(call, place, count);
                    wrong
                } else {
                    wrong.and(Err(row_count(call, expected, count)))
                };
                (expected == count, counted)
            }
            // The INSERT has been counted.
            Task::Made(call) if count != 1 => (false, wrong.and(Err(row_count(call, 1, count)))),
            Task::Made(_) => (true, wrong),
            _ => (true, Ok(())),
        };
        // The failure behind the last row is that of the next statement.
        if whole || read.is_ok() {
            progress.answered += 1;
            note(&mut progress.wrong, place, checked);
        }
        read
    }

    /// Takes an answer that has no rows.
    fn done(
        &mut self,
        statement: Statement<'b>,
        written: u64,
        first: u64,
        progress: &mut Progress<'b>,
    ) -> Result<(), DriverError> {
        let place = statement.place;
        match statement.task {
            Task::Control(Request::Begin) => *self.own = Own::Transaction,
            Task::Control(Request::Commit | Request::Rollback) => *self.own = Own::Nothing,
            Task::Control(_) | Task::Increment | Task::Made(_) => {}
            Task::Call(call) => {
                match &call.kind {
                    CallKind::Execute { expect } => {
                        counted(call, *expect, written)?;
                    }
                    CallKind::Insert { fetch, .. } => {
                        counted(call, Expect::Exactly(rows_of(call)), written)?;
                        match fetch {
                            // The next answer says the rest.
                            Fetch::ByKey { .. } => {}
                            Fetch::FirstNumber if first > 0 => {
                                progress.numbered.push((call, place, first));
                            }
                            _ => return Err(unnumbered(call)),
                        }
                    }
                    CallKind::Query { .. } => {}
                }
                self.count(call, place, written);
            }
        }
        Ok(())
    }

    /// Notes what a call wrote.
    fn count(&mut self, call: &Call, place: Place, written: u64) {
        let all = &mut self.written[place.request];
        *all += written;
        if place.execution + 1 == call.executions() {
            let executions = call.executions();
            tracing::debug!(sql = &*call.sql, executions, written = *all, "write");
        }
    }

    /// Fills the slots of rows of which the first number is known.
    fn number(&mut self, progress: &Progress<'b>) -> Result<(), Failed> {
        for &(call, place, first) in &progress.numbered {
            let slot = slot_of(call, place);
            for row in 0..rows_of(call) {
                let number = row
                    .checked_mul(progress.increment)
                    .and_then(|distance| first.checked_add(distance))
                    .and_then(|number| i64::try_from(number).ok());
                let filled = number
                    .and_then(|number| self.slots.fill(slot + row as usize, Value::Int(number)));
                if filled.is_none() {
                    return Err(Failed::at(place, unnumbered(call)));
                }
            }
        }
        Ok(())
    }
}

/// Keeps the first thing that is wrong.
fn note(wrong: &mut Option<Failed>, place: Place, done: Result<(), DriverError>) {
    if let Err(error) = done {
        wrong.get_or_insert_with(|| Failed::at(place, error));
    }
}

/// How many rows one execution of a call gives back.
fn rows_of(call: &Call) -> u64 {
    match call.kind {
        CallKind::Insert { rows, .. } => rows as u64,
        _ => 0,
    }
}

/// The first slot of an execution.
fn slot_of(call: &Call, place: Place) -> usize {
    match &call.kind {
        CallKind::Insert { first, rows, columns, .. } => {
            *first as usize + place.execution * rows * columns.len()
        }
        _ => 0,
    }
}

/// Puts the values that the database made for a row into their slots.
fn returned(
    slots: &mut Slots,
    call: &Call,
    place: Place,
    number: u64,
    row: &Row,
    columns: &[Column],
) -> Result<(), DriverError> {
    let CallKind::Insert { columns: generated, .. } = &call.kind else { return Ok(()) };
    if number >= rows_of(call) {
        return Ok(());
    }
    let first = slot_of(call, place) + number as usize * generated.len();
    for (index, GeneratedColumn { ty, .. }) in generated.iter().enumerate() {
        let (Some(value), Some(column)) = (row.as_ref(index), columns.get(index)) else {
            return Err(unnumbered(call));
        };
        let made = decode::typed(value, column, *ty)
            .ok_or_else(|| unreadable(value, column, Some(*ty)))?;
        slots.fill(first + index, made.to_value()).ok_or_else(|| unnumbered(call))?;
    }
    Ok(())
}

/// The only value of a row.
fn number(row: &Row) -> Option<u64> {
    match row.as_ref(0)? {
        Server::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}

#[cold]
fn unnumbered(call: &Call) -> DriverError {
    DriverError::Statement {
        reason: "the server did not say which values it generated, or the batch has no slots for \
                 them"
            .to_owned(),
        sql: call.sql.to_string(),
        code: None,
    }
}
