//! Requests: how the tests write batches down, and what they expect of failures.

use std::sync::Arc;

use entail_engine::batch::Param;
use entail_engine::batch::{
    Batch, Bind, Call, CallKind, Expect, Fetch, GeneratedColumn, Operation, Outcome, ParamList,
    Params, Request, Target,
};
use entail_engine::error::{
    BatchFailure, DriverError, ForeignKeyViolation, Violation, ViolationKind,
};
use entail_engine::value::{ColumnType, Value};
use entail_postgres::PooledConnection;

pub fn batch(requests: Vec<Request>) -> Batch {
    let slots = requests.iter().map(last_slot).max().unwrap_or(0);
    Batch { requests, slots }
}

fn last_slot(request: &Request) -> usize {
    match request {
        Request::Call(call) => match &call.kind {
            CallKind::Insert { first, rows, columns, .. } => {
                *first as usize + call.executions() * rows * columns.len()
            }
            _ => 0,
        },
        _ => 0,
    }
}

pub fn values(values: &[Value]) -> Params {
    Params::new(values.iter().cloned().collect::<ParamList>())
}

pub fn int(value: i64) -> Value {
    Value::Int(value)
}

pub fn text(value: &str) -> Value {
    Value::from(value)
}

/// A call of raw SQL that is no query.
pub fn raw(sql: &str, params: &[Value]) -> Request {
    call(sql, values(params), params.len(), CallKind::Execute { expect: Expect::Any }, None)
}

/// A query whose values are taken by the server's types.
pub fn query(sql: &str, params: &[Value]) -> Request {
    typed_query(sql, params, &[])
}

pub fn typed_query(sql: &str, params: &[Value], types: &[ColumnType]) -> Request {
    call(sql, values(params), params.len(), CallKind::Query { types: types.into() }, None)
}

/// `INSERT INTO table (columns) VALUES ..` for one row an execution.
pub fn insert(table: &str, columns: &[&str], rows: &[Value]) -> Request {
    let sql = insert_text(table, columns);
    written(&sql, Operation::Insert, table, columns.len(), rows)
}

fn insert_text(table: &str, columns: &[&str]) -> String {
    let marks: Vec<String> = (1..=columns.len()).map(|place| format!("${place}")).collect();
    format!("INSERT INTO \"{table}\" ({}) VALUES ({})", columns.join(", "), marks.join(", "))
}

/// An INSERT of one row that returns what the database makes for it.
pub fn insert_returning(
    table: &str,
    columns: &[&str],
    row: Vec<Param>,
    first: u32,
    generated: &[(&str, ColumnType)],
) -> Request {
    let names: Vec<&str> = generated.iter().map(|(name, _)| *name).collect();
    let sql = format!("{} RETURNING {}", insert_text(table, columns), names.join(", "));
    let kind = inserting(first, 1, generated);
    call(&sql, row.into(), columns.len(), kind, Some(target(Operation::Insert, table)))
}

/// An INSERT of many rows as arrays.
pub fn insert_arrays(
    table: &str,
    columns: &[(&str, ColumnType)],
    rows: Vec<Param>,
    first: u32,
    generated: &[(&str, ColumnType)],
) -> Request {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let arrays: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(place, (_, ty))| format!("${}::{}[]", place + 1, type_name(*ty)))
        .collect();
    let mut sql = format!(
        "INSERT INTO \"{table}\" ({}) SELECT * FROM unnest({})",
        names.join(", "),
        arrays.join(", ")
    );
    let count = rows.len() / columns.len();
    let kind = if generated.is_empty() {
        CallKind::Execute { expect: Expect::Exactly(count as u64) }
    } else {
        let names: Vec<&str> = generated.iter().map(|(name, _)| *name).collect();
        sql.push_str(&format!(" RETURNING {}", names.join(", ")));
        inserting(first, count, generated)
    };
    Request::Call(Call {
        sql: sql.into(),
        params: rows.into(),
        arity: columns.len(),
        bind: Bind::Columns(columns.iter().map(|(_, ty)| *ty).collect()),
        kind,
        target: Some(target(Operation::Insert, table)),
    })
}

pub fn type_name(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::SmallInt => "smallint",
        ColumnType::Integer => "integer",
        ColumnType::BigInt => "bigint",
        ColumnType::Real => "real",
        ColumnType::Double => "double precision",
        ColumnType::Boolean => "boolean",
        ColumnType::Bytes => "bytea",
        ColumnType::Date => "date",
        ColumnType::Time => "time",
        ColumnType::DateTime => "timestamp",
        ColumnType::Timestamp => "timestamptz",
        ColumnType::Uuid => "uuid",
        _ => "text",
    }
}

fn inserting(first: u32, rows: usize, generated: &[(&str, ColumnType)]) -> CallKind {
    let columns =
        generated.iter().map(|(name, ty)| GeneratedColumn { name: (*name).into(), ty: *ty });
    CallKind::Insert { first, rows, columns: columns.collect(), fetch: Fetch::Returning }
}

/// `UPDATE table SET columns WHERE keys`.
pub fn update(table: &str, columns: &[&str], keys: &[&str], rows: &[Value]) -> Request {
    let set = conditions(columns, 1).join(", ");
    let found = conditions(keys, columns.len() + 1).join(" AND ");
    let sql = format!("UPDATE \"{table}\" SET {set} WHERE {found}");
    written(&sql, Operation::Update, table, columns.len() + keys.len(), rows)
}

/// `DELETE FROM table WHERE keys`.
pub fn delete(table: &str, keys: &[&str], rows: &[Value]) -> Request {
    let found = conditions(keys, 1).join(" AND ");
    let sql = format!("DELETE FROM \"{table}\" WHERE {found}");
    written(&sql, Operation::Delete, table, keys.len(), rows)
}

fn conditions(names: &[&str], first: usize) -> Vec<String> {
    names.iter().enumerate().map(|(at, name)| format!("{name} = ${}", first + at)).collect()
}

fn written(sql: &str, operation: Operation, table: &str, arity: usize, rows: &[Value]) -> Request {
    let kind = CallKind::Execute { expect: Expect::Exactly(1) };
    call(sql, values(rows), arity, kind, Some(target(operation, table)))
}

fn call(
    sql: &str,
    params: Params,
    arity: usize,
    kind: CallKind,
    target: Option<Arc<Target>>,
) -> Request {
    Request::Call(Call { sql: sql.into(), params, arity, bind: Bind::Each, kind, target })
}

fn target(operation: Operation, table: &str) -> Arc<Target> {
    Arc::new(Target {
        operation,
        schema: None,
        table: table.into(),
        columns: Vec::new(),
        keys: Vec::new(),
        one_row: false,
    })
}

pub async fn run(connection: &mut PooledConnection, requests: Vec<Request>) -> Outcome {
    connection.run(batch(requests)).await.expect("the batch runs")
}

pub async fn fail(connection: &mut PooledConnection, requests: Vec<Request>) -> BatchFailure {
    connection.run(batch(requests)).await.expect_err("the batch fails")
}

/// The only value of a query.
pub async fn one(connection: &mut PooledConnection, sql: &str) -> Value {
    let outcome = run(connection, vec![query(sql, &[])]).await;
    outcome.rows[0].value(0, 0).expect("a value").to_value()
}

pub async fn violation(connection: &mut PooledConnection, requests: Vec<Request>) -> Violation {
    match fail(connection, requests).await.error {
        DriverError::Integrity(violation) => *violation,
        other => panic!("{other}"),
    }
}

/// What a foreign key was violated by.
pub fn foreign_key(violation: &Violation) -> &ForeignKeyViolation {
    match &violation.kind {
        ViolationKind::ForeignKey(violation) => violation,
        other => panic!("{other:?}"),
    }
}

/// The same statement, said to find one row by its primary key.
pub fn of_one_row(mut request: Request) -> Request {
    if let Request::Call(call) = &mut request
        && let Some(target) = &mut call.target
    {
        Arc::make_mut(target).one_row = true;
    }
    request
}
