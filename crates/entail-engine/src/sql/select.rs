//! Selects: rows by condition, by keys, and by way of an association table.

use std::sync::Arc;

use sea_query::{
    Alias, Cond, Expr, ExprTrait, Order as SeaOrder, Query, SelectStatement, SimpleExpr, ValueTuple,
};

use crate::batch::{Batch, Bind, Call, CallKind, Param, ParamList, Params, Request};
use crate::mapping::{Direction, LinkTable, Mapping, Relationship, Table, TableId};
use crate::query::{Comparison, Condition, Selection};
use crate::value::{ColumnType, Value};

use super::texts::{Shape, Texts};
use super::words::{any, column_ref, quoted, table_name, table_ref, unnest};
use super::{Dialect, text};

const BY_KEY: u8 = 100;
const LINKED: u8 = 101;

fn column(table: &Table, index: usize) -> Expr {
    Expr::col(column_ref(table, index))
}

fn start(table: &Table) -> SelectStatement {
    let mut select = Query::select();
    for index in 0..table.columns.len() {
        select.expr(column(table, index));
    }
    select.from(table_ref(table));
    select
}

fn query(sql: Arc<str>, params: Vec<Param>, types: Arc<[ColumnType]>) -> Call {
    let arity = params.len();
    Call {
        sql,
        params: Params::from(params),
        arity,
        bind: Bind::Each,
        kind: CallKind::Query { types },
        target: None,
    }
}

fn add_order(select: &mut SelectStatement, table: &Table, order: &[(usize, Direction)]) {
    for &(index, direction) in order {
        let direction = match direction {
            Direction::Ascending => SeaOrder::Asc,
            Direction::Descending => SeaOrder::Desc,
        };
        select.order_by_expr(column(table, index), direction);
    }
}

/// A placeholder.
fn placeholder() -> SimpleExpr {
    Expr::value(0)
}

/// Selects the rows of a table by a selection; its paths are not looked at.
pub fn select(texts: &Texts, mapping: &Mapping, table: TableId, selection: &Selection) -> Call {
    let table = mapping.table(table);
    let mut params = Vec::new();
    let mut select = start(table);
    if let Some(condition) = &selection.condition {
        select.cond_where(where_clause(table, condition, &mut params));
    }
    add_order(&mut select, table, &selection.order);
    add_limits(&mut select, selection);
    bind_limits(&mut params, selection);
    query(text!(texts.dialect, select), params, Arc::clone(&table.types))
}

fn add_limits(select: &mut SelectStatement, selection: &Selection) {
    if selection.limit.is_some() || selection.offset.is_some() {
        // An offset needs a limit on some databases.
        select.limit(selection.limit.unwrap_or(i64::MAX as u64));
    }
    if let Some(offset) = selection.offset {
        select.offset(offset);
    }
}

/// Counts the rows of a selection.
pub fn count(texts: &Texts, mapping: &Mapping, table: TableId, selection: &Selection) -> Call {
    let table = mapping.table(table);
    let mut params = Vec::new();
    let mut select = Query::select();
    if selection.limit.is_some() || selection.offset.is_some() {
        let mut inner = Query::select();
        inner.expr(Expr::cust("1")).from(table_ref(table));
        if let Some(condition) = &selection.condition {
            inner.cond_where(where_clause(table, condition, &mut params));
        }
        add_limits(&mut inner, selection);
        select.expr(Expr::cust("COUNT(*)")).from_subquery(inner, Alias::new("counted"));
    } else {
        select.expr(Expr::cust("COUNT(*)")).from(table_ref(table));
        if let Some(condition) = &selection.condition {
            select.cond_where(where_clause(table, condition, &mut params));
        }
    }
    bind_limits(&mut params, selection);
    query(text!(texts.dialect, select), params, Arc::from([ColumnType::BigInt]))
}

/// The values of limit and offset are bound after all others.
fn bind_limits(params: &mut Vec<Param>, selection: &Selection) {
    let limited = selection.limit.is_some() || selection.offset.is_some();
    if limited {
        let limit = selection.limit.unwrap_or(i64::MAX as u64);
        params.push(Param::Value(Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))));
    }
    if let Some(offset) = selection.offset {
        params.push(Param::Value(Value::Int(i64::try_from(offset).unwrap_or(i64::MAX))));
    }
}

fn where_clause(table: &Table, condition: &Condition, params: &mut Vec<Param>) -> Cond {
    match condition {
        Condition::All(all) => {
            all.iter().fold(Cond::all(), |cond, one| cond.add(where_clause(table, one, params)))
        }
        Condition::Any(any) => {
            any.iter().fold(Cond::any(), |cond, one| cond.add(where_clause(table, one, params)))
        }
        Condition::Not(not) => where_clause(table, not, params).not(),
        Condition::OneOf(index, values) => {
            let known = values.iter().filter(|value| !value.is_null());
            params.extend(known.clone().cloned().map(Param::Value));
            let listed = match known.clone().count() {
                0 => Expr::cust("1 = 0"),
                _ => column(table, *index).is_in(known.map(|_| 0)),
            };
            let mut cond = Cond::any().add(listed);
            if values.iter().any(Value::is_null) {
                cond = cond.add(column(table, *index).is_null());
            }
            cond
        }
        Condition::Compare(index, comparison, value) => {
            let left = column(table, *index);
            let cond = Cond::all();
            match (comparison, value.is_null()) {
                (Comparison::Equal, true) => return cond.add(left.is_null()),
                (Comparison::NotEqual, true) => return cond.add(left.is_not_null()),
                _ => params.push(Param::Value(value.clone())),
            }
            let right = placeholder();
            match comparison {
                Comparison::Equal => cond.add(left.eq(right)),
                Comparison::NotEqual => {
                    Cond::any().add(left.ne(right)).add(column(table, *index).is_null())
                }
                Comparison::Less => cond.add(left.lt(right)),
                Comparison::LessOrEqual => cond.add(left.lte(right)),
                Comparison::Greater => cond.add(left.gt(right)),
                Comparison::GreaterOrEqual => cond.add(left.gte(right)),
                // The pattern is a text in the builder; only its place counts.
                Comparison::Like => cond.add(left.like("x")),
            }
        }
    }
}

/// How the keys of a statement that is built by [`one_of`] are bound.
pub(super) fn bind_keys(dialect: Dialect, table: &Table, columns: &[usize], rows: usize) -> Bind {
    if dialect == Dialect::Postgres && rows > 1 {
        return Bind::Columns(columns.iter().map(|&index| table.columns[index].ty).collect());
    }
    Bind::Each
}

/// The condition that some columns are one of `rows` keys.
pub(super) fn one_of(
    dialect: Dialect,
    table: &Table,
    columns: &[usize],
    rows: usize,
) -> SimpleExpr {
    match columns {
        &[single] if rows == 1 => column(table, single).eq(placeholder()),
        &[single] if dialect == Dialect::Postgres => {
            let own = table_name(dialect, table);
            let name = quoted(&table.columns[single].name);
            Expr::cust_with_values(format!("{own}.{name} = {}", any(table, single)), [0])
        }
        &[single] => column(table, single).is_in((0..rows).map(|_| 0)),
        several if rows == 1 => several
            .iter()
            .map(|&index| column(table, index).eq(placeholder()))
            .reduce(|all, one| all.and(one))
            .unwrap_or_else(|| Expr::cust("TRUE")),
        several => {
            let tuple = Expr::tuple(several.iter().map(|&index| column(table, index)));
            let width = several.len();
            match dialect {
                Dialect::Sqlite => tuple.in_subquery(key_rows(width, rows)),
                Dialect::Postgres => {
                    let list = format!("* FROM {}", unnest(table, several.iter().copied()));
                    let mut select = Query::select();
                    select.expr(Expr::cust_with_values(list, (0..width).map(|_| 0)));
                    tuple.in_subquery(select)
                }
                Dialect::MariaDb | Dialect::MySql => {
                    let key = || ValueTuple::Many(vec![sea_query::Value::from(0); width]);
                    tuple.in_tuples((0..rows).map(|_| key()))
                }
            }
        }
    }
}

/// A subquery that gives `rows` rows of `width` placeholders.
fn key_rows(width: usize, rows: usize) -> SelectStatement {
    let row = format!("({})", vec!["?"; width].join(", "));
    let mut select = Query::select();
    let list = vec![row; rows].join(", ");
    // The builder turns each `?` of a custom expression into a placeholder for a value.
    let values = (0..width * rows).map(|_| Expr::value(0));
    select.expr(Expr::cust_with_exprs(format!("* FROM (VALUES {list})"), values));
    select
}

/// Keys in parts, each as many as a statement takes.
struct KeyParts {
    all: Arc<ParamList>,
    width: usize,
    most: usize,
    next: usize,
}

impl KeyParts {
    /// The keys have `width` values each, and lie one after the other.
    fn new(dialect: Dialect, mut keys: ParamList, width: usize) -> Self {
        let width = width.max(1);
        let most = dialect.max_params() / width;
        let last = (keys.len() / width) % most;
        if matches!(dialect, Dialect::MariaDb | Dialect::MySql) && last > 0 {
            // Their number is rounded up, so that a prepared statement serves lists of many lengths.
            keys.repeat_last(width, last.next_power_of_two().min(most) - last);
        }
        Self { all: Arc::new(keys), width, most, next: 0 }
    }

    /// How many there are.
    fn len(&self) -> usize {
        (self.all.len() / self.width).div_ceil(self.most)
    }
}

impl Iterator for KeyParts {
    /// The parameters of a part, and of how many keys they are.
    type Item = (Params, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.most.min(self.all.len() / self.width - self.next);
        let start = self.next * self.width;
        self.next += rows;
        let part = || Params::part(&self.all, start..start + rows * self.width);
        (rows > 0).then(|| (part(), rows))
    }
}

/// Selects the rows of a table whose columns are one of the given keys, in the given order. The keys
/// lie one after the other, and many of them take several statements, which are added to the batch.
pub fn select_by(
    texts: &mut Texts,
    mapping: &Mapping,
    table: TableId,
    columns: &[usize],
    keys: ParamList,
    order: &[(usize, Direction)],
    batch: &mut Batch,
) {
    let table = mapping.table(table);
    let dialect = texts.dialect;
    let parts = KeyParts::new(dialect, keys, columns.len());
    batch.requests.reserve(parts.len());
    for (params, rows) in parts {
        let bind = bind_keys(dialect, table, columns, rows);
        let shape = Shape {
            kind: BY_KEY,
            table: table.id,
            columns: &[],
            keys: columns,
            generated: &[],
            rows: bind.text_rows(rows),
            other: order_number(order),
        };
        let sql = texts.get(shape, || {
            let mut select = start(table);
            select.and_where(one_of(dialect, table, columns, rows));
            add_order(&mut select, table, order);
            text!(dialect, select)
        });
        let call = Call {
            sql,
            params,
            arity: bind.arity(columns.len(), rows),
            bind,
            kind: CallKind::Query { types: Arc::clone(&table.types) },
            target: None,
        };
        batch.requests.push(Request::Call(call));
    }
}

/// Selects the targets of a many-to-many relationship, each with its owner's side of the
/// association row ahead of its columns. The keys are those of the owners.
pub fn select_linked(
    texts: &mut Texts,
    mapping: &Mapping,
    relationship: &Relationship,
    link: &LinkTable,
    keys: ParamList,
    batch: &mut Batch,
) {
    let target = mapping.table_of(relationship.target);
    let linking = mapping.table(link.table);
    let near = &relationship.child_columns;
    let types: Arc<[ColumnType]> = near
        .iter()
        .map(|&index| linking.columns[index].ty)
        .chain(target.columns.iter().map(|column| column.ty))
        .collect();
    let dialect = texts.dialect;
    for (params, rows) in KeyParts::new(dialect, keys, near.len()) {
        let bind = bind_keys(dialect, linking, near, rows);
        let shape = Shape {
            kind: LINKED,
            table: link.table,
            columns: &link.remote,
            keys: near,
            generated: &[],
            rows: bind.text_rows(rows),
            other: order_number(&relationship.order_by) ^ u64::from(relationship.id.0),
        };
        let sql = texts.get(shape, || {
            let mut select = Query::select();
            for &index in near {
                select.expr(column(linking, index));
            }
            for index in 0..target.columns.len() {
                select.expr(column(target, index));
            }
            let pairs = link.remote.iter().zip(&link.remote_references);
            let on = pairs.fold(Cond::all(), |on, (&from, &to)| {
                on.add(column(linking, from).equals(column_ref(target, to)))
            });
            select
                .from(table_ref(linking))
                .inner_join(table_ref(target), on)
                .and_where(one_of(dialect, linking, near, rows));
            add_order(&mut select, target, &relationship.order_by);
            text!(dialect, select)
        });
        let call = Call {
            sql,
            params,
            arity: bind.arity(near.len(), rows),
            bind,
            kind: CallKind::Query { types: Arc::clone(&types) },
            target: None,
        };
        batch.requests.push(Request::Call(call));
    }
}

/// A number that tells orders apart.
fn order_number(order: &[(usize, Direction)]) -> u64 {
    order.iter().fold(1, |number: u64, &(column, direction)| {
        let down = u64::from(direction == Direction::Descending);
        number.wrapping_mul(1_000_003) ^ (column as u64 * 2 + down + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(dialect: Dialect, keys: usize, width: usize) -> Vec<(usize, usize)> {
        let values = (0..keys * width).map(|number| Value::Int(number as i64));
        let parts = KeyParts::new(dialect, values.collect(), width);
        let count = parts.len();
        let parts: Vec<_> = parts.map(|(params, rows)| (params.len(), rows)).collect();
        assert_eq!(parts.len(), count);
        parts
    }

    #[test]
    fn a_statement_takes_no_more_parameters_than_its_database_allows() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::MariaDb, Dialect::MySql] {
            let most = dialect.max_params();
            for (keys, width) in [(most - 1, 1), (most, 1), (most + 3, 1), (most / 2 + 3, 2)] {
                let parts = parts(dialect, keys, width);
                assert!(
                    parts.iter().all(|&(params, rows)| params <= most && params == rows * width)
                );
                assert!(parts.iter().map(|(_, rows)| rows).sum::<usize>() >= keys, "{dialect:?}");
            }
        }
        assert_eq!(parts(Dialect::Postgres, 0, 1), []);
    }

    #[test]
    fn on_mysql_the_last_key_fills_a_list_up() {
        let keys: ParamList = [1, 2, 3, 4, 5, 6].into_iter().map(Value::Int).collect();
        let mut parts = KeyParts::new(Dialect::MySql, keys, 2);
        let part = parts.next().map(|(params, rows)| (format!("{:?}", params.as_slice()), rows));
        let values: Vec<_> =
            [1, 2, 3, 4, 5, 6, 5, 6].map(|number| format!("Value(Int({number}))")).to_vec();
        assert_eq!(part, Some((format!("[{}]", values.join(", ")), 4)));
        assert!(parts.next().is_none());
        assert_eq!(self::parts(Dialect::Sqlite, 3, 2), [(6, 3)]);
    }
}
