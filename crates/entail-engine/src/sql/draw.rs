//! Draws: numbers of sequences, for keys that are known before their rows are inserted.

use std::sync::Arc;

use crate::batch::{Batch, Bind, Call, CallKind, Param, Params, Request};
use crate::mapping::{Mapping, Table};
use crate::plan::Draw;
use crate::value::{ColumnType, Value};

use super::Dialect;
use super::texts::{Shape, Texts};
use super::words::{literal, table_name};

/// The kind of queries that draw.
const DRAW: u8 = 60;

/// Asks for the keys of some draws in one query, whose rows are the number of the draw and a key. A
/// table without a sequence of its own, or with one that is not to be used so, gives no rows.
///
/// It is one query because several would be one snapshot, in which nothing can be drawn.
pub(crate) fn draw(texts: &mut Texts, mapping: &Mapping, draws: &[Draw]) -> Batch {
    let Some(first) = draws.first() else { return Batch::default() };
    let tables: Vec<usize> = draws.iter().map(|draw| draw.table.0 as usize).collect();
    let columns: Vec<usize> = draws.iter().map(|draw| draw.column).collect();
    let shape = Shape {
        kind: DRAW,
        table: first.table,
        columns: &columns,
        keys: &tables,
        generated: &[],
        rows: 0,
        other: 0,
    };
    let sql = texts.get(shape, || {
        let part = |(number, draw): (usize, &Draw)| {
            let table = mapping.table(draw.table);
            draw_text(number, table, &table.columns[draw.column].name)
        };
        draws.iter().enumerate().map(part).collect::<Vec<_>>().join(" UNION ALL ").into()
    });
    let counts = draws.iter().map(|draw| Param::from(Value::Int(draw.slots.len() as i64)));
    let call = Call {
        sql,
        params: Params::from(counts.collect::<Vec<_>>()),
        arity: draws.len(),
        bind: Bind::Each,
        kind: CallKind::Query { types: Arc::from([ColumnType::BigInt; 2]) },
        target: None,
    };
    Batch { requests: vec![Request::Call(call)], slots: 0 }
}

/// Not for identity columns that take no values from others, nor for sequences that the user may
/// not use, nor where a trigger could change the key.
fn draw_text(number: usize, table: &Table, column: &str) -> String {
    let name = literal(&table_name(Dialect::Postgres, table));
    let column = literal(column);
    format!(
        "SELECT {number}::bigint, nextval(own.sequence) FROM (SELECT \
         pg_get_serial_sequence({name}, {column})::regclass AS sequence FROM pg_attribute a \
         WHERE a.attrelid = {name}::regclass AND a.attname = {column} AND a.attidentity <> 'a' \
         AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = a.attrelid \
         AND NOT t.tgisinternal AND t.tgtype & 7 = 7) OFFSET 0) own, \
         generate_series(1, ${}::bigint) WHERE own.sequence IS NOT NULL \
         AND has_sequence_privilege(own.sequence, 'USAGE')",
        number + 1
    )
}
