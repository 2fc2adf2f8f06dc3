//! Answers: requests land in their order; what they wrote is checked, what they gave is kept.

use std::pin::{Pin, pin};

use entail_engine::batch::{Bind, Call, CallKind, Expect, GeneratedColumn, Request, Rows};
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value, ValueRef};
use futures_util::StreamExt;
use tokio_postgres::{Column, Error, Row, RowStream};

use crate::decode::{Raw, Reading};
use crate::failure::Fault;

use super::{Answer, Failed, Flying, Landing, Pipeline};

/// So many rows are handed over at once: few enough that the first ones come soon.
const ROWS_AT_ONCE: usize = 1024;

impl<'a> Pipeline<'a, '_> {
    /// Waits until nothing is flying.
    pub(super) async fn land_all(&mut self) -> Result<(), Failed> {
        while !self.flying.is_empty() {
            self.land_one().await?;
        }
        Ok(())
    }

    /// Waits for the answer to the first of the flying requests.
    pub(super) async fn land_one(&mut self) -> Result<(), Failed> {
        let Some(Flying { request, execution, landing, certain }) = self.flying.pop_front() else {
            return Ok(());
        };
        let answer = match landing {
            Landing::Now(answer) => answer,
            Landing::Later(future) => future.await,
        };
        self.landed(request, execution, answer).await?;
        self.uncertain -= usize::from(!certain);
        Ok(())
    }

    /// Takes the answer to a request.
    pub(super) async fn landed(
        &mut self,
        request: Option<usize>,
        execution: usize,
        answer: Result<Answer, Error>,
    ) -> Result<(), Failed> {
        let landed = match answer {
            Ok(answer) => self.take(request, execution, answer).await,
            Err(error) => Err(Fault::Postgres(error)),
        };
        landed.map_err(|fault| Failed { request, execution, fault })
    }

    async fn take(
        &mut self,
        request: Option<usize>,
        execution: usize,
        answer: Answer,
    ) -> Result<(), Fault> {
        let Some((index, Request::Call(call))) =
            request.and_then(|index| Some((index, self.batch.requests.get(index)?)))
        else {
            return Ok(());
        };
        // The server takes no statement in an aborted transaction.
        self.course.aborted = false;
        match (&call.kind, answer) {
            (CallKind::Execute { expect }, Answer::Count(count)) => {
                self.written[index] += count;
                if let Expect::Exactly(expected) = expect
                    && *expected != count
                {
                    return Err(row_count(call, *expected, count).into());
                }
            }
            (CallKind::Query { types }, Answer::Rows(stream)) => {
                self.read(index, types, call, stream).await?;
            }
            (CallKind::Insert { first, rows, columns, .. }, Answer::Rows(stream)) => {
                let first = *first as usize + execution * rows * columns.len();
                self.fill(index, call, first, *rows, columns, stream).await?;
            }
            _ => {}
        }
        if execution + 1 == call.executions() {
            let (sql, executions) = (&*call.sql, execution + 1);
            tracing::debug!(sql, executions, written = self.written[index], "call");
        }
        Ok(())
    }

    /// Reads the rows of a query, and hands over all parts but the last.
    async fn read(
        &mut self,
        index: usize,
        types: &[ColumnType],
        call: &'a Call,
        stream: RowStream,
    ) -> Result<(), Fault> {
        let query = self.rows.len();
        let mut stream = pin!(stream);
        let prepared = self.ready[index].as_ref().and_then(|ready| ready.statement.clone());
        let mut table = match &prepared {
            Some(statement) => Some(layout(statement.columns(), types, call)?),
            None => None,
        };
        let mut scratch = String::new();
        while let Some(row) = next(&mut stream).await? {
            let (readings, rows) = match &mut table {
                Some(table) => table,
                none => none.insert(layout(row.columns(), types, call)?),
            };
            if rows.len() == ROWS_AT_ONCE {
                self.course.handed_over = true;
                hand_over(self.sink, query, rows);
            }
            for (place, reading) in readings.iter().enumerate() {
                rows.push(value(&row, place, *reading, &mut scratch)?);
            }
        }
        let rows = match table {
            Some((_, rows)) => rows,
            // Without a prepared statement only rows say what columns there are.
            None => Rows::new(types.len()),
        };
        self.rows.push(rows);
        Ok(())
    }

    /// Puts the generated values of inserted rows into their slots.
    ///
    /// PostgreSQL takes the values of a sequence in the order of the rows that it is given, but
    /// does not promise to return the rows in that order. Where they come back in another one,
    /// the only generated column is an integer, and its sequence counts up, ascending order is
    /// the order of the rows.
    async fn fill(
        &mut self,
        index: usize,
        call: &'a Call,
        first: usize,
        rows: usize,
        columns: &[GeneratedColumn],
        stream: RowStream,
    ) -> Result<(), Fault> {
        let types: Vec<ColumnType> = columns.iter().map(|column| column.ty).collect();
        let mut stream = pin!(stream);
        let mut readings = None;
        let mut values = Vec::with_capacity(rows * columns.len());
        let mut scratch = String::new();
        let mut written = 0;
        while let Some(row) = next(&mut stream).await? {
            written += 1;
            let readings = match &mut readings {
                Some(readings) => readings,
                none => none.insert(layout(row.columns(), &types, call)?.0),
            };
            for (place, reading) in readings.iter().enumerate() {
                values.push(value(&row, place, *reading, &mut scratch)?.to_value());
            }
        }
        self.written[index] += written;
        if written != rows as u64 {
            return Err(row_count(call, rows as u64, written).into());
        }
        let integers = values.iter().all(|value| matches!(value, Value::Int(_)));
        let together = matches!(call.bind, Bind::Columns(_)) && columns.len() == 1;
        if together && integers && self.counts_up(call) && !values.is_sorted() {
            values.sort_unstable();
        }
        for (slot, value) in self.slots.iter().skip(first).zip(values) {
            if slot.set(value).is_err() {
                return Err(Fault::Driver(DriverError::Value {
                    column: "of a generated key".to_owned(),
                    reason: "two statements of the batch fill one slot".to_owned(),
                }));
            }
        }
        Ok(())
    }

    fn counts_up(&mut self, call: &Call) -> bool {
        let table = call.target.as_ref().map(|target| &target.table);
        let habits = table.and_then(|table| self.statements.habits(table));
        !habits.unwrap_or_default().counts_down
    }
}

async fn next(stream: &mut Pin<&mut RowStream>) -> Result<Option<Row>, Fault> {
    Ok(stream.next().await.transpose()?)
}

/// How the columns of a query are read, and what holds the rows.
fn layout(
    found: &[Column],
    types: &[ColumnType],
    call: &Call,
) -> Result<(Vec<Reading>, Rows), DriverError> {
    let unread = |column: &Column, reason: String| DriverError::Value {
        column: format!("`{}`", column.name()),
        reason,
    };
    if types.is_empty() && !matches!(call.kind, CallKind::Insert { .. }) {
        let readings = found
            .iter()
            .map(|column| Reading::by_type(column.type_()).map_err(|reason| unread(column, reason)))
            .collect::<Result<_, _>>()?;
        let names = found.iter().map(|column| column.name().to_owned()).collect();
        return Ok((readings, Rows::named(names)));
    }
    if found.len() != types.len() {
        return Err(DriverError::Statement {
            reason: format!(
                "the statement gives {} column(s), and {} were expected",
                found.len(),
                types.len()
            ),
            sql: call.sql.to_string(),
            code: None,
        });
    }
    let readings = found
        .iter()
        .zip(types)
        .map(|(column, ty)| {
            Reading::typed(column.type_(), *ty).map_err(|reason| unread(column, reason))
        })
        .collect::<Result<_, _>>()?;
    Ok((readings, Rows::new(types.len())))
}

#[inline]
fn value<'r>(
    row: &'r Row,
    place: usize,
    reading: Reading,
    scratch: &'r mut String,
) -> Result<ValueRef<'r>, Fault> {
    let Raw(raw) = row.try_get(place)?;
    reading.read(raw, scratch).map_err(|reason| {
        let name = row.columns().get(place).map_or("?", Column::name);
        Fault::Driver(DriverError::Value { column: format!("`{name}`"), reason })
    })
}

/// Hands over what was read so far; what the sink does not take out is dropped.
fn hand_over(sink: &mut entail_engine::batch::Sink<'_>, query: usize, rows: &mut Rows) {
    let names = rows.names().to_vec();
    let width = rows.width();
    sink(query, rows);
    if rows.width() == width {
        rows.clear();
    } else {
        *rows = if names.is_empty() { Rows::new(width) } else { Rows::named(names) };
    }
}

#[cold]
fn row_count(call: &Call, expected: u64, written: u64) -> DriverError {
    let table = call.target.as_ref().map_or("?", |target| &target.table);
    DriverError::RowCount { table: table.to_owned(), expected, written }
}
