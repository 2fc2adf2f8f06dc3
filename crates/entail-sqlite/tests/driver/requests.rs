//! Requests: how the tests write batches down, and what they expect of failures.

use std::sync::Arc;

use entail_engine::batch::{
    Batch, Bind, Call, CallKind, Expect, Fetch, GeneratedColumn, Operation, Outcome, ParamList,
    Params, Request, Target,
};
use entail_engine::error::{
    BatchFailure, DriverError, ForeignKeyViolation, Violation, ViolationKind,
};
use entail_engine::value::{ColumnType, Value};
use entail_sqlite::{Connection, Options};

/// A connection to a new memory database with this schema.
pub fn memory(schema: &str) -> Connection {
    let options = Options::parse("sqlite::memory:").expect("the URL is right");
    let mut connection = Connection::open(&options).expect("a memory database opens");
    connection.run_script(&[schema.to_owned()]).expect("the schema is right");
    connection
}

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
    Request::Call(Call {
        sql: sql.into(),
        params: values(params),
        arity: params.len(),
        bind: Bind::Each,
        kind: CallKind::Execute { expect: Expect::Any },
        target: None,
    })
}

/// A query whose values are taken as they are stored.
pub fn query(sql: &str, params: &[Value]) -> Request {
    typed_query(sql, params, &[])
}

pub fn typed_query(sql: &str, params: &[Value], types: &[ColumnType]) -> Request {
    Request::Call(Call {
        sql: sql.into(),
        params: values(params),
        arity: params.len(),
        bind: Bind::Each,
        kind: CallKind::Query { types: types.into() },
        target: None,
    })
}

/// `INSERT INTO table (columns) VALUES ..` for one row an execution.
pub fn insert(table: &str, columns: &[&str], rows: &[Value]) -> Request {
    let marks = vec!["?"; columns.len()].join(", ");
    let sql = format!("INSERT INTO \"{table}\" ({}) VALUES ({marks})", columns.join(", "));
    written(&sql, Operation::Insert, table, (columns, &[]), rows)
}

/// `UPDATE table SET columns WHERE keys`.
pub fn update(table: &str, columns: &[&str], keys: &[&str], rows: &[Value]) -> Request {
    let set = columns.iter().map(|name| format!("{name} = ?")).collect::<Vec<_>>().join(", ");
    let sql = format!("UPDATE \"{table}\" SET {set} WHERE {}", conditions(keys));
    written(&sql, Operation::Update, table, (columns, keys), rows)
}

/// `DELETE FROM table WHERE keys`.
pub fn delete(table: &str, keys: &[&str], rows: &[Value]) -> Request {
    let sql = format!("DELETE FROM \"{table}\" WHERE {}", conditions(keys));
    written(&sql, Operation::Delete, table, (&[], keys), rows)
}

fn conditions(keys: &[&str]) -> String {
    keys.iter().map(|name| format!("{name} = ?")).collect::<Vec<_>>().join(" AND ")
}

pub fn written(
    sql: &str,
    operation: Operation,
    table: &str,
    (columns, keys): (&[&str], &[&str]),
    rows: &[Value],
) -> Request {
    Request::Call(Call {
        sql: sql.into(),
        params: values(rows),
        arity: columns.len() + keys.len(),
        bind: Bind::Each,
        kind: CallKind::Execute { expect: Expect::Exactly(1) },
        target: Some(target(operation, table, columns, keys)),
    })
}

pub fn target(operation: Operation, table: &str, columns: &[&str], keys: &[&str]) -> Arc<Target> {
    let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
    Arc::new(Target {
        operation,
        schema: None,
        table: table.into(),
        columns: names(columns),
        keys: names(keys),
        one_row: false,
    })
}

/// An INSERT of several rows an execution into a table with the columns `id` and `name`, whose
/// ids go into slots.
pub fn numbered(table: &str, rows: usize, names: &[&str], first: u32) -> Request {
    let table_name = table.replace('"', "\"\"");
    let marks = vec!["(?)"; rows].join(", ");
    let params: Vec<Value> = names.iter().map(|name| text(name)).collect();
    Request::Call(Call {
        sql: format!("INSERT INTO \"{table_name}\" (name) VALUES {marks}").into(),
        params: values(&params),
        arity: rows,
        bind: Bind::Each,
        kind: CallKind::Insert {
            first,
            rows,
            columns: [GeneratedColumn { name: "id".into(), ty: ColumnType::BigInt }].into(),
            fetch: Fetch::Consecutive {
                single: format!("INSERT INTO \"{table_name}\" (name) VALUES (?) RETURNING id")
                    .into(),
            },
        },
        target: Some(target(Operation::Insert, table, &["name"], &[])),
    })
}

/// Runs requests that must succeed.
pub fn run(connection: &mut Connection, requests: Vec<Request>) -> Outcome {
    connection.run(&batch(requests)).expect("the batch is right")
}

/// Runs requests that must fail.
pub fn fail(connection: &mut Connection, requests: Vec<Request>) -> BatchFailure {
    connection.run(&batch(requests)).expect_err("the batch is wrong")
}

/// The only value of the only row of a query.
pub fn one(connection: &mut Connection, sql: &str) -> Value {
    let outcome = run(connection, vec![query(sql, &[])]);
    assert_eq!(outcome.rows[0].values().count(), 1, "{sql}");
    outcome.rows[0].value(0, 0).expect("a value").to_value()
}

/// Runs requests that must be refused by a constraint.
pub fn violation(connection: &mut Connection, requests: Vec<Request>) -> Violation {
    match fail(connection, requests).error {
        DriverError::Integrity(violation) => *violation,
        other => panic!("expected a violation: {other:?}"),
    }
}

/// A violation, in short, with the foreign key's two ends.
pub fn shown(violation: &Violation) -> String {
    let own =
        format!("{} ({})", violation.table.as_deref().unwrap_or("?"), violation.columns.join(", "));
    let key = |key: &[Value]| key.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    match &violation.kind {
        ViolationKind::ForeignKey(ForeignKeyViolation::MissingParent {
            parent,
            parent_columns,
            key: values,
        }) => format!("{own} -> no {parent} ({}) = ({})", parent_columns.join(", "), key(values)),
        ViolationKind::ForeignKey(ForeignKeyViolation::StillReferenced {
            child,
            child_columns,
            key: values,
            rows,
        }) => {
            assert_eq!(own, format!("{child} ({})", child_columns.join(", ")));
            format!("{own} = ({}) in {rows} row(s)", key(values))
        }
        kind => format!("{own}: {kind:?} {:?}", violation.constraint),
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
