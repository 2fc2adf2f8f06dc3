//! Queries and raw SQL: prepared statements, whose values travel in binary form.

use std::sync::Arc;

use entail_engine::batch::{Call, ParamSlice, Rows, Sink};
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, ValueRef};
use mysql_async::prelude::{Protocol, Queryable};
use mysql_async::{Column, Error, Params, QueryResult, Row, Statement, Value};

use crate::bind::{Slots, bound};
use crate::decode::{self, Stored};
use crate::failure::Fault;
use crate::link::Link;
use crate::packet::too_large;

/// How many rows are handed over at once: few enough that the session has the first ones soon.
const ROWS_AT_ONCE: usize = 1024;

/// Where the rows of a query go.
pub(crate) struct Target<'a> {
    /// The number of the query among those of the batch.
    pub query: usize,
    /// The types of the columns; empty to take each value by the type that the server names.
    pub types: &'a [ColumnType],
}

/// Runs a query, and answers its last rows; those before went to the sink.
pub(crate) async fn query(
    link: &mut Link,
    call: &Call,
    target: Target<'_>,
    slots: &Slots,
    sink: &mut Sink<'_>,
) -> Result<Rows, Fault> {
    let mut reader = Reader { target, sink, sql: &call.sql, rows: None, fault: None };
    let params = call.params.as_slice();
    match prepared(link, &call.sql, params, slots).await? {
        Prepared::Yes(statement, params) => {
            let read = match link.conn.exec_iter(&statement, params).await {
                Ok(answer) => reader.read(answer).await,
                Err(error) => Err(error.into()),
            };
            link.ran(statement, read).await?;
        }
        Prepared::No => {
            let answer = link.conn.query_iter(&*call.sql).await?;
            reader.read(answer).await?;
            link.note();
        }
    }
    if call.target.is_none() && reader.target.types.is_empty() && sets(&call.sql) {
        link.suspect_settings();
    }
    reader.finish()
}

/// Runs one execution of raw SQL that is no query. Answers how many rows it wrote.
pub(crate) async fn execute(
    link: &mut Link,
    call: &Call,
    execution: usize,
    slots: &Slots,
) -> Result<u64, Fault> {
    let params = call.params.as_slice().part(execution * call.arity, call.arity);
    let written = match prepared(link, &call.sql, params, slots).await? {
        Prepared::Yes(statement, params) => {
            let ran = match link.conn.exec_iter(&statement, params).await {
                Ok(answer) => {
                    let written = answer.affected_rows();
                    answer.drop_result().await.map(|()| written)
                }
                Err(error) => Err(error),
            };
            link.ran(statement, ran.map_err(Fault::from)).await?
        }
        Prepared::No => {
            let answer = link.conn.query_iter(&*call.sql).await?;
            let written = answer.affected_rows();
            answer.drop_result().await?;
            link.note();
            written
        }
    };
    if call.target.is_none() && sets(&call.sql) {
        link.suspect_settings();
    }
    Ok(written)
}

/// Whether a statement may change the session, by its first word.
fn sets(sql: &str) -> bool {
    let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
    let words = ["SET", "USE", "LOCK", "PREPARE", "CALL", "CREATE", "FLUSH", "HANDLER", "XA"];
    words.iter().any(|known| known.eq_ignore_ascii_case(word)) || word.is_empty()
}

/// A statement that is ready to run, or one that the server does not prepare.
enum Prepared {
    Yes(Statement, Params),
    No,
}

/// What the server does not prepare runs as a text.
const UNPREPARABLE: u16 = 1295;

async fn prepared(
    link: &mut Link,
    sql: &Arc<str>,
    params: ParamSlice<'_>,
    slots: &Slots,
) -> Result<Prepared, Fault> {
    let values = bound(params.iter(), slots)?;
    let size = sql.len() + values.iter().map(size).sum::<usize>();
    if size > link.server.max_packet {
        return Err(too_large(size, link.server.max_packet, sql).into());
    }
    let statement = match link.prepared(sql).await {
        Err(Error::Server(error)) if error.code == UNPREPARABLE && values.is_empty() => {
            return Ok(Prepared::No);
        }
        prepared => prepared?,
    };
    let (wanted, given) = (usize::from(statement.num_params()), values.len());
    let refused = if wanted != given {
        Some(format!(
            "the statement has {wanted} placeholder(s), and {given} parameter(s) were given"
        ))
    } else if wanted > 0 && !sql.contains('?') {
        Some("a parameter is written `?`; a name behind a colon is none".to_owned())
    } else {
        None
    };
    if let Some(reason) = refused {
        link.release(statement).await?;
        return Err(mistake(sql, reason));
    }
    let params = if values.is_empty() { Params::Empty } else { Params::Positional(values) };
    Ok(Prepared::Yes(statement, params))
}

fn size(value: &Value) -> usize {
    match value {
        Value::Bytes(bytes) => bytes.len() + 9,
        _ => 16,
    }
}

#[cold]
fn mistake(sql: &str, reason: String) -> Fault {
    Fault::Driver(DriverError::Statement { reason, sql: sql.to_owned(), code: None })
}

/// Reads the rows of a query.
struct Reader<'a, 's> {
    target: Target<'a>,
    sink: &'a mut Sink<'s>,
    sql: &'a str,
    rows: Option<Rows>,
    /// What is wrong with a value. The rows behind it are read and dropped, so that the
    /// connection can be used on.
    fault: Option<DriverError>,
}

impl Reader<'_, '_> {
    async fn read<P: Protocol>(&mut self, mut answer: QueryResult<'_, '_, P>) -> Result<(), Fault> {
        let columns = answer.columns().unwrap_or_default();
        self.rows = Some(self.empty(&columns));
        if !self.target.types.is_empty() && self.target.types.len() != columns.len() {
            self.fault = Some(DriverError::Statement {
                reason: format!(
                    "the statement gives {} column(s), and {} were expected",
                    columns.len(),
                    self.target.types.len()
                ),
                sql: self.sql.to_owned(),
                code: None,
            });
        }
        answer.for_each(|row| self.take(&row, &columns)).await?;
        // A procedure gives more, of which the first answer is the one.
        answer.drop_result().await?;
        Ok(())
    }

    fn empty(&self, columns: &[Column]) -> Rows {
        if self.target.types.is_empty() {
            Rows::named(columns.iter().map(|column| column.name_str().into_owned()).collect())
        } else {
            Rows::new(self.target.types.len())
        }
    }

    fn take(&mut self, row: &Row, columns: &[Column]) {
        let Some(rows) = self.rows.as_mut().filter(|_| self.fault.is_none()) else { return };
        for (index, column) in columns.iter().enumerate() {
            let value = row.as_ref(index).unwrap_or(&Value::NULL);
            let ty = self.target.types.get(index).copied();
            let pushed = match ty {
                Some(ty) => decode::typed(value, column, ty).map(|value| rows.push(value)),
                None => decode::stored(value, column).map(|stored| match stored {
                    Stored::Value(value) => rows.push(value),
                    Stored::Told(text) => rows.push(ValueRef::Text(&text)),
                }),
            };
            if pushed.is_none() {
                self.fault = Some(unreadable(value, column, ty));
                return;
            }
        }
        if rows.len() == ROWS_AT_ONCE {
            (self.sink)(self.target.query, rows);
            // Whether they were taken out or only looked at, they are handed over.
            let next = self.empty(columns);
            if let Some(rows) = &mut self.rows {
                if rows.width() == next.width() { rows.clear() } else { *rows = next }
            }
        }
    }

    fn finish(self) -> Result<Rows, Fault> {
        match self.fault {
            Some(error) => Err(error.into()),
            None => Ok(self.rows.unwrap_or_default()),
        }
    }
}

/// The failure of a value that is none of its column.
#[cold]
pub(crate) fn unreadable(value: &Value, column: &Column, ty: Option<ColumnType>) -> DriverError {
    DriverError::Value {
        column: format!("`{}`", column.name_str()),
        reason: decode::reason(value, column, ty),
    }
}
