//! Calls: one statement of a batch, run once or with many parameters.

use entail_engine::batch::{
    Bind, Call, CallKind, Expect, Fetch, GeneratedColumn, ParamSlice, Rows, Sink,
};
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value, ValueRef};
use rusqlite::{CachedStatement, Connection, Row, Statement};

use crate::bind::{bind, bind_but};
use crate::decode;
use crate::failure::{self, Fault};
use crate::keys::{KeyGuard, Numbering};
use crate::made::Made;
use crate::violation::{self, Refused};

/// The calls of one batch: where they run, and the slots that they fill.
pub(crate) struct Calls<'c> {
    pub db: &'c Connection,
    pub guard: &'c mut KeyGuard,
    pub slots: Vec<Value>,
    pub made: Made,
    /// The last rows of each query; those before went to the sink.
    pub rows: Vec<Rows>,
    pub sink: &'c mut Sink<'c>,
    /// How many rows are handed to the sink at once.
    pub at_once: usize,
}

/// A failed call, with the number of the execution.
#[derive(Debug)]
pub(crate) struct FailedCall {
    pub execution: usize,
    pub error: DriverError,
}

/// The rows that one execution of an INSERT generates values for, and where these go.
#[derive(Clone, Copy)]
struct Generated<'a> {
    first: usize,
    rows: usize,
    columns: &'a [GeneratedColumn],
}

impl Generated<'_> {
    /// The slots that one execution fills.
    fn width(&self) -> usize {
        self.rows * self.columns.len()
    }
}

impl FailedCall {
    /// A failure before the first execution.
    pub(crate) fn at_start(error: DriverError) -> Self {
        Self { execution: 0, error }
    }
}

impl Calls<'_> {
    /// Runs a call. Answers the number of rows it wrote.
    pub(crate) fn run(&mut self, call: &Call) -> Result<u64, FailedCall> {
        tracing::trace!(sql = &*call.sql, params = ?call.params.as_slice(), "run");
        if call.bind != Bind::Each {
            return Err(FailedCall::at_start(of_another_dialect(call)));
        }
        let result = match &call.kind {
            CallKind::Query { types } => self.query(call, types).map(|()| 0),
            CallKind::Execute { expect } => self.execute(call, *expect),
            CallKind::Insert { first, rows, columns, fetch } => {
                let generated = Generated { first: *first as usize, rows: *rows, columns };
                match fetch {
                    Fetch::Returning => self.insert_returning(call, generated),
                    Fetch::Consecutive { single } => {
                        self.insert_consecutive(call, single, generated)
                    }
                    Fetch::FirstNumber | Fetch::ByKey { .. } => {
                        Err(FailedCall::at_start(of_another_dialect(call)))
                    }
                }
                .inspect(|_| {
                    if let Some(target) = &call.target {
                        let end = generated.first + call.executions() * generated.width();
                        self.made.note(target, columns, generated.first..end);
                    }
                })
            }
        };
        // Raw SQL may be of any kind, and so may have changed the schema, or rolled back.
        match (&call.target, &call.kind) {
            (Some(_), _) => {}
            (None, CallKind::Query { .. }) => self.guard.expire(),
            (None, _) => self.guard.forget(),
        }
        result
    }

    fn query(&mut self, call: &Call, types: &[ColumnType]) -> Result<(), FailedCall> {
        let db = self.db;
        let mut statement = prepare(db, &call.sql, call.params.len())?;
        let params = call.params.as_slice();
        let rows = bind(&mut statement, params, &self.slots)
            .and_then(|()| {
                let query = self.rows.len();
                let mut read_one = |rows: &mut Rows| {
                    if rows.len() == self.at_once {
                        hand_over(self.sink, query, rows);
                    }
                };
                read(&mut statement, types, &call.sql, &mut read_one)
            })
            .map_err(|fault| self.failed(call, &call.sql, params, 0, fault))?;
        tracing::debug!(sql = &*call.sql, "query");
        self.rows.push(rows);
        Ok(())
    }

    fn execute(&mut self, call: &Call, expect: Expect) -> Result<u64, FailedCall> {
        let db = self.db;
        let mut statement = prepare(db, &call.sql, call.arity)?;
        let all = call.params.as_slice();
        let raw = call.target.is_none() || statement.column_count() > 0;
        let taken = self.made.taken_from(call, &self.slots);
        let mut written = 0;
        for execution in 0..call.executions() {
            let params = all.part(execution * call.arity, call.arity);
            let is_gone = |index, value: ValueRef<'_>| {
                taken.as_ref().is_some_and(|taken| taken.has(index, value))
            };
            let rows = bind_but(&mut statement, params, &self.slots, is_gone)
                .and_then(
                    |()| if raw { step_raw(db, &mut statement) } else { step(&mut statement) },
                )
                .and_then(|rows| match expect {
                    Expect::Exactly(expected) if expected != rows => {
                        Err(row_count(call, expected, rows).into())
                    }
                    _ => Ok(rows),
                })
                .map_err(|fault| self.failed(call, &call.sql, params, execution, fault))?;
            written += rows;
        }
        tracing::debug!(sql = &*call.sql, executions = call.executions(), written, "execute");
        Ok(written)
    }

    /// Runs an INSERT that returns the generated values of its rows.
    fn insert_returning(
        &mut self,
        call: &Call,
        generated: Generated<'_>,
    ) -> Result<u64, FailedCall> {
        let sql = &*call.sql;
        let executions = call.executions();
        self.check_slots(generated, executions)?;
        let mut statement = prepare(self.db, sql, call.arity)?;
        let all = call.params.as_slice();
        for execution in 0..executions {
            let params = all.part(execution * call.arity, call.arity);
            let row =
                Generated { first: generated.first + execution * generated.width(), ..generated };
            self.return_rows(&mut statement, call, params, row)
                .map_err(|fault| self.failed(call, sql, params, execution, fault))?;
        }
        let written = (executions * generated.rows) as u64;
        tracing::debug!(sql, executions, written, "insert");
        Ok(written)
    }

    /// Runs one execution, and puts the values of the rows that it returns into slots.
    fn return_rows(
        &mut self,
        statement: &mut Statement<'_>,
        call: &Call,
        params: ParamSlice<'_>,
        generated: Generated<'_>,
    ) -> Result<(), Fault> {
        bind(statement, params, &self.slots)?;
        expect_width(statement, generated.columns.len(), &call.sql)?;
        let mut slot = generated.first;
        let mut written = 0;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            written += 1;
            if written > generated.rows {
                break;
            }
            for (index, column) in generated.columns.iter().enumerate() {
                self.slots[slot] = decode::typed(row.get_ref(index)?, column.ty)
                    .ok_or_else(|| unreadable(row, index, Some(column.ty)))?
                    .to_value();
                slot += 1;
            }
        }
        if written == generated.rows {
            return Ok(());
        }
        Err(row_count(call, generated.rows as u64, written as u64).into())
    }

    /// Runs an INSERT whose rows SQLite numbers consecutively, where that is sure; otherwise
    /// runs `single` once a row.
    fn insert_consecutive(
        &mut self,
        call: &Call,
        single: &str,
        generated: Generated<'_>,
    ) -> Result<u64, FailedCall> {
        let executions = call.executions();
        self.check_slots(generated, executions)?;
        let mut numbering = self.numbering(call, generated)?;
        let rows = generated.rows;
        let db = self.db;
        let all = call.params.as_slice();
        let mut statement = None;
        for execution in 0..executions {
            let params = all.part(execution * call.arity, call.arity);
            if numbering == Numbering::Unknown {
                self.insert_singly(call, single, generated, execution)?;
                continue;
            }
            let statement = match &mut statement {
                Some(statement) => statement,
                none => none.insert(prepare(db, &call.sql, call.arity)?),
            };
            let last = bind(statement, params, &self.slots)
                .and_then(|()| step(statement))
                .and_then(|written| match written {
                    _ if written == rows as u64 => Ok(db.last_insert_rowid()),
                    _ => Err(row_count(call, rows as u64, written).into()),
                })
                .map_err(|fault| self.failed(call, &call.sql, params, execution, fault))?;
            let first = numbering
                .first(last, rows as i64)
                .ok_or_else(|| FailedCall { execution, error: unnumbered(call) })?;
            let slot = generated.first + execution * rows;
            for (row, slot) in self.slots[slot..slot + rows].iter_mut().enumerate() {
                *slot = Value::Int(first + row as i64);
            }
            numbering = numbering.after(last, rows as i64);
        }
        let written = (executions * rows) as u64;
        tracing::debug!(sql = &*call.sql, executions, written, "insert");
        Ok(written)
    }

    /// How the keys of a call can be learned.
    fn numbering(
        &mut self,
        call: &Call,
        generated: Generated<'_>,
    ) -> Result<Numbering, FailedCall> {
        let (Some(target), [column]) = (&call.target, generated.columns) else {
            return Ok(Numbering::Unknown);
        };
        self.guard
            .numbering(self.db, &target.table, &column.name, generated.rows)
            .map_err(|error| FailedCall { execution: 0, error: failure::sorted(&error, &call.sql) })
    }

    /// Runs the rows of one execution one by one.
    fn insert_singly(
        &mut self,
        call: &Call,
        single: &str,
        generated: Generated<'_>,
        execution: usize,
    ) -> Result<(), FailedCall> {
        let arity = call.arity.checked_div(generated.rows).unwrap_or(0);
        let mut statement =
            prepare(self.db, single, arity).map_err(|failed| FailedCall { execution, ..failed })?;
        let params = call.params.as_slice().part(execution * call.arity, call.arity);
        for index in 0..generated.rows {
            let params = params.part(index * arity, arity);
            let place = execution * generated.rows + index;
            let first = generated.first + place * generated.columns.len();
            let row = Generated { first, rows: 1, ..generated };
            self.return_rows(&mut statement, call, params, row)
                .map_err(|fault| self.failed(call, single, params, execution, fault))?;
        }
        Ok(())
    }

    /// Makes sure that the batch has the slots which the call fills.
    fn check_slots(&self, generated: Generated<'_>, executions: usize) -> Result<(), FailedCall> {
        let end = generated.first + executions * generated.width();
        if end <= self.slots.len() {
            return Ok(());
        }
        Err(FailedCall {
            execution: 0,
            error: DriverError::Value {
                column: format!("slot {}", end - 1),
                reason: format!("the batch has {} slots", self.slots.len()),
            },
        })
    }

    /// Says what stopped an execution.
    #[cold]
    fn failed(
        &self,
        call: &Call,
        sql: &str,
        params: ParamSlice<'_>,
        execution: usize,
        fault: Fault,
    ) -> FailedCall {
        let error = match fault {
            Fault::Driver(error) => error,
            Fault::Sqlite(error) => {
                let target = call.target.as_deref();
                let refused = Refused { sql, params, slots: &self.slots, target };
                violation::of_statement(self.db, &error, &refused)
            }
        };
        FailedCall { execution, error }
    }
}

/// A call that SQLite has no way to run.
#[cold]
fn of_another_dialect(call: &Call) -> DriverError {
    DriverError::Statement {
        reason: "the call was written for another database".to_owned(),
        sql: call.sql.to_string(),
        code: None,
    }
}

/// Takes a statement from the cache, or prepares it.
fn prepare<'c>(
    db: &'c Connection,
    sql: &str,
    params: usize,
) -> Result<CachedStatement<'c>, FailedCall> {
    let failed = |error| FailedCall { execution: 0, error };
    let statement = db.prepare_cached(sql).map_err(|error| failed(failure::sorted(&error, sql)))?;
    let taken = statement.parameter_count();
    if taken == params {
        return Ok(statement);
    }
    // SQLite would take NULL for those that are missing.
    Err(failed(DriverError::Statement {
        reason: format!("the statement takes {taken} parameter(s), and {params} were given"),
        sql: sql.to_owned(),
        code: None,
    }))
}

/// Runs a bound statement that gives no rows.
#[inline]
fn step(statement: &mut Statement<'_>) -> Result<u64, Fault> {
    Ok(statement.raw_execute()? as u64)
}

/// Runs a bound statement of any kind, and drops the rows it gives.
fn step_raw(db: &Connection, statement: &mut Statement<'_>) -> Result<u64, Fault> {
    let before = db.total_changes();
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    // A statement that writes no rows leaves the number of the last one that did.
    Ok(if db.total_changes() == before { 0 } else { db.changes() })
}

/// Hands over what was read so far; what the sink does not take out is dropped.
fn hand_over(sink: &mut Sink<'_>, query: usize, rows: &mut Rows) {
    let names = rows.names().to_vec();
    let width = rows.width();
    sink(query, rows);
    if rows.width() == width {
        rows.clear();
    } else {
        *rows = if names.is_empty() { Rows::new(width) } else { Rows::named(names) };
    }
}

/// Reads all rows of a bound query. After each of them `read_one` is called, which may take out
/// what was read so far.
///
/// What columns it has is known from the first step on: a cached statement is prepared anew
/// there if the schema has changed.
fn read(
    statement: &mut Statement<'_>,
    types: &[ColumnType],
    sql: &str,
    read_one: &mut dyn FnMut(&mut Rows),
) -> Result<Rows, Fault> {
    if types.is_empty() {
        return read_stored(statement, read_one);
    }
    let mut read = Rows::new(types.len());
    let mut checked = false;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        if !checked {
            expect_width(row.as_ref(), types.len(), sql)?;
            checked = true;
        }
        for (index, ty) in types.iter().enumerate() {
            let value = decode::typed(row.get_ref(index)?, *ty);
            read.push(value.ok_or_else(|| unreadable(row, index, Some(*ty)))?);
        }
        read_one(&mut read);
    }
    drop(rows);
    if !checked {
        expect_width(statement, types.len(), sql)?;
    }
    Ok(read)
}

/// Reads all rows as they are stored, with the names of their columns.
fn read_stored(
    statement: &mut Statement<'_>,
    read_one: &mut dyn FnMut(&mut Rows),
) -> Result<Rows, Fault> {
    let mut read = None;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let read = read.get_or_insert_with(|| Rows::named(names_of(row.as_ref())));
        for index in 0..read.width() {
            let value = decode::stored(row.get_ref(index)?);
            read.push(value.ok_or_else(|| unreadable(row, index, None))?);
        }
        read_one(read);
    }
    drop(rows);
    Ok(read.unwrap_or_else(|| Rows::named(names_of(statement))))
}

fn names_of(statement: &Statement<'_>) -> Vec<String> {
    statement.column_names().map(str::to_owned).collect()
}

fn expect_width(statement: &Statement<'_>, expected: usize, sql: &str) -> Result<(), Fault> {
    let width = statement.column_count();
    if width == expected {
        return Ok(());
    }
    Err(Fault::Driver(DriverError::Statement {
        reason: format!("the statement gives {width} column(s), and {expected} were expected"),
        sql: sql.to_owned(),
        code: None,
    }))
}

#[cold]
fn unreadable(row: &Row<'_>, index: usize, ty: Option<ColumnType>) -> DriverError {
    let statement: &Statement<'_> = row.as_ref();
    let column = match statement.column_name(index) {
        Ok(name) => format!("`{name}`"),
        Err(_) => (index + 1).to_string(),
    };
    let reason = row
        .get_ref(index)
        .map_or_else(|error| error.to_string(), |stored| decode::reason(stored, ty));
    DriverError::Value { column, reason }
}

#[cold]
fn row_count(call: &Call, expected: u64, written: u64) -> DriverError {
    let table = call.target.as_ref().map_or("?", |target| &target.table);
    DriverError::RowCount { table: table.to_owned(), expected, written }
}

#[cold]
fn unnumbered(call: &Call) -> DriverError {
    DriverError::Statement {
        reason: "SQLite did not number the rows consecutively, so their keys are not known"
            .to_owned(),
        sql: call.sql.to_string(),
        code: None,
    }
}
