//! Requests: how the tests write batches down, and what they expect of failures.

use std::sync::Arc;

use entail_engine::batch::{
    Batch, Bind, Call, CallKind, Expect, Fetch, GeneratedColumn, Operation, Param, Params, Request,
    Target,
};
use entail_engine::error::{ForeignKeyViolation, Violation, ViolationKind};
use entail_engine::value::{ColumnType, Value};

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

pub fn int(value: i64) -> Value {
    Value::Int(value)
}

pub fn text(value: &str) -> Value {
    Value::from(value)
}

pub fn params(values: &[Value]) -> Params {
    values.iter().cloned().map(Param::Value).collect::<Vec<_>>().into()
}

/// A call of raw SQL that is no query.
pub fn raw(sql: &str, values: &[Value]) -> Request {
    Request::Call(Call {
        sql: sql.into(),
        params: params(values),
        arity: values.len(),
        bind: Bind::Each,
        kind: CallKind::Execute { expect: Expect::Any },
        target: None,
    })
}

/// A query whose values are taken by the types that the server names.
pub fn query(sql: &str, values: &[Value]) -> Request {
    typed_query(sql, values, &[])
}

pub fn typed_query(sql: &str, values: &[Value], types: &[ColumnType]) -> Request {
    Request::Call(Call {
        sql: sql.into(),
        params: params(values),
        arity: values.len(),
        bind: Bind::Each,
        kind: CallKind::Query { types: types.into() },
        target: None,
    })
}

/// `INSERT INTO table (columns) VALUES (..), (..)`, one statement for all rows.
pub fn insert(table: &str, columns: &[&str], values: &[Value]) -> Request {
    let params: Vec<Param> = values.iter().cloned().map(Param::Value).collect();
    insert_params(table, columns, params)
}

/// The same with slots among the values.
pub fn insert_params(table: &str, columns: &[&str], params: Vec<Param>) -> Request {
    let rows = params.len() / columns.len();
    Request::Call(Call {
        sql: insert_text(table, columns, rows).into(),
        arity: params.len(),
        params: params.into(),
        bind: Bind::Each,
        kind: CallKind::Execute { expect: Expect::Exactly(rows as u64) },
        target: target(Operation::Insert, table, columns, &[]),
    })
}

fn insert_text(table: &str, columns: &[&str], rows: usize) -> String {
    let marks = format!("({})", vec!["?"; columns.len()].join(", "));
    let rows = vec![marks; rows].join(", ");
    format!("INSERT INTO `{table}` (`{}`) VALUES {rows}", columns.join("`, `"))
}

/// An INSERT into a table whose key `id` the database makes.
pub fn insert_made(
    table: &str,
    columns: &[&str],
    params: Vec<Param>,
    (first, rows): (u32, usize),
    fetch: Fetch,
) -> Request {
    let mut sql = insert_text(table, columns, rows);
    if fetch == Fetch::Returning {
        sql.push_str(" RETURNING `id`");
    }
    Request::Call(Call {
        sql: sql.into(),
        arity: rows * columns.len(),
        params: params.into(),
        bind: Bind::Each,
        kind: CallKind::Insert {
            first,
            rows,
            columns: [GeneratedColumn { name: "id".into(), ty: ColumnType::BigInt }].into(),
            fetch,
        },
        target: target(Operation::Insert, table, columns, &[]),
    })
}

/// `UPDATE table SET columns WHERE keys`, once a row; each must find one.
pub fn update(table: &str, columns: &[&str], keys: &[&str], values: &[Value]) -> Request {
    let set = columns.iter().map(|name| format!("`{name}` = ?")).collect::<Vec<_>>().join(", ");
    Request::Call(Call {
        sql: format!("UPDATE `{table}` SET {set} WHERE {}", conditions(keys)).into(),
        params: params(values),
        arity: columns.len() + keys.len(),
        bind: Bind::Each,
        kind: CallKind::Execute { expect: Expect::Exactly(1) },
        target: target(Operation::Update, table, columns, keys),
    })
}

/// `DELETE FROM table WHERE keys`, once a row; each must find one.
pub fn delete(table: &str, keys: &[&str], values: &[Value]) -> Request {
    Request::Call(Call {
        sql: format!("DELETE FROM `{table}` WHERE {}", conditions(keys)).into(),
        params: params(values),
        arity: keys.len(),
        bind: Bind::Each,
        kind: CallKind::Execute { expect: Expect::Exactly(1) },
        target: target(Operation::Delete, table, &[], keys),
    })
}

fn conditions(keys: &[&str]) -> String {
    keys.iter().map(|name| format!("`{name}` = ?")).collect::<Vec<_>>().join(" AND ")
}

pub fn target(
    operation: Operation,
    table: &str,
    columns: &[&str],
    keys: &[&str],
) -> Option<Arc<Target>> {
    let names = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
    let target = Target {
        operation,
        schema: None,
        table: table.into(),
        columns: names(columns),
        keys: names(keys),
        one_row: false,
    };
    Some(Arc::new(target))
}

/// A violation, in short.
pub fn shown(violation: &Violation) -> String {
    let own =
        format!("{} ({})", violation.table.as_deref().unwrap_or("?"), violation.columns.join(", "));
    let key = |key: &[Value]| key.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    let constraint = violation.constraint.as_deref().unwrap_or("?");
    match &violation.kind {
        ViolationKind::ForeignKey(ForeignKeyViolation::MissingParent {
            parent,
            parent_columns,
            key: values,
        }) => format!(
            "{own} by {constraint} -> no {parent} ({}) = ({})",
            parent_columns.join(", "),
            key(values)
        ),
        ViolationKind::ForeignKey(ForeignKeyViolation::StillReferenced {
            child,
            child_columns,
            key: values,
            rows,
        }) => {
            assert_eq!(own, format!("{child} ({})", child_columns.join(", ")));
            format!("{own} by {constraint} = ({}) in {rows} row(s)", key(values))
        }
        kind => format!("{own} by {constraint}: {kind:?}"),
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
