//! Inserts: rows that go in one statement, and how the values are learned that the database makes.

use std::sync::Arc;

use sea_query::{Alias, Expr, Query};

use crate::batch::{
    Bind, Call, CallKind, Expect, Fetch, GeneratedColumn, Operation, ParamRef, Params,
};
use crate::mapping::Table;
use crate::plan::Step;

use super::super::texts::Shape;
use super::super::words::{quoted, table_name, table_ref, unnest};
use super::super::{Dialect, text};
use super::{Place, Writer, target};

/// The kind of the one-row INSERT that stands in where keys are not consecutive.
const SINGLE: u8 = 50;

/// The kind of the SELECT that reads what was made for a row.
const READ_BACK: u8 = 51;

/// How a dialect takes several rows, and gives back what it makes for them.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// One row a statement, with RETURNING if anything is made.
    Single,
    /// A list of rows, without RETURNING.
    Rows,
    /// A list of rows, with RETURNING.
    RowsReturning,
    /// Arrays, with RETURNING if anything is made.
    Arrays,
}

impl Writer<'_> {
    fn form(&self, step: &Step) -> Form {
        let by_key = self.makes_the_key_alone(step);
        match (self.texts.dialect, step.generated.is_empty()) {
            _ if step.columns.is_empty() => Form::Single,
            (Dialect::Sqlite, true) => Form::Rows,
            (Dialect::Sqlite, false) if by_key => Form::Rows,
            (Dialect::Sqlite, false) => Form::Single,
            (Dialect::Postgres, _) => Form::Arrays,
            (Dialect::MariaDb, true) | (Dialect::MySql, true) => Form::Rows,
            (Dialect::MariaDb, false) => Form::RowsReturning,
            (Dialect::MySql, false) if by_key => Form::Rows,
            (Dialect::MySql, false) => Form::Single,
        }
    }

    /// Whether the database makes one number for each row, its key, and nothing else.
    fn makes_the_key_alone(&self, step: &Step) -> bool {
        let key = &self.mapping.table(step.table).primary_key;
        step.generated == *key && key.len() == 1
    }

    pub(super) fn inserts(&mut self, number: usize, step: &Step) {
        let arity = step.columns.len();
        let dialect = self.texts.dialect;
        let form = self.form(step);
        let most = match form {
            Form::Single => 1,
            Form::Rows | Form::RowsReturning => {
                dialect.rows_per_insert().min(dialect.max_params() / arity).max(1)
            }
            Form::Arrays => dialect.rows_per_insert(),
        };
        let target = target(self.mapping, step, Operation::Insert, most);
        let table = self.mapping.table(step.table);
        let generated: Arc<[GeneratedColumn]> = step
            .generated
            .iter()
            .map(|&index| GeneratedColumn {
                name: Arc::clone(&table.columns[index].name),
                ty: table.columns[index].ty,
            })
            .collect();
        let mut start = 0;
        while start < step.rows.len() {
            let rows = self.rows_together(step, start, most.min(step.rows.len() - start));
            let form = if rows == 1 && form == Form::Arrays { Form::Single } else { form };
            let sql = self.insert_text(step, form, rows);
            let kind = if generated.is_empty() {
                CallKind::Execute { expect: Expect::Exactly(rows as u64) }
            } else {
                let fetch = self.fetch(step, form);
                let first = step.rows[start].slot;
                CallKind::Insert { first, rows, columns: Arc::clone(&generated), fetch }
            };
            let types = step.columns.iter().map(|&column| table.columns[column].ty);
            let call = Call {
                sql,
                params: Params::part(&step.params, start * arity..(start + rows) * arity),
                arity: if form == Form::Arrays { arity } else { rows * arity },
                bind: if form == Form::Arrays {
                    Bind::Columns(types.collect())
                } else {
                    Bind::Each
                },
                kind,
                target: Some(Arc::clone(&target)),
            };
            self.push(Place { step: number, first: start, rows }, call);
            start += rows;
        }
    }

    fn insert_text(&mut self, step: &Step, form: Form, rows: usize) -> Arc<str> {
        let text_rows = if form == Form::Arrays { 0 } else { rows };
        let kind = step.action as u8;
        self.text(step, kind, text_rows, |dialect, table| match (form, dialect) {
            (Form::Arrays, _) => arrays_text(table, &step.columns, &step.generated),
            (Form::Rows, _) | (_, Dialect::MySql) => {
                rows_text(dialect, table, &step.columns, &[], rows)
            }
            _ => rows_text(dialect, table, &step.columns, &step.generated, rows),
        })
    }

    fn fetch(&mut self, step: &Step, form: Form) -> Fetch {
        match (self.texts.dialect, form) {
            (Dialect::Sqlite, Form::Rows) => {
                let table = self.mapping.table(step.table);
                let shape = Shape {
                    kind: SINGLE,
                    table: step.table,
                    columns: &step.columns,
                    keys: &[],
                    generated: &step.generated,
                    rows: 1,
                    other: 0,
                };
                let single = self.texts.get(shape, || {
                    rows_text(Dialect::Sqlite, table, &step.columns, &step.generated, 1)
                });
                Fetch::Consecutive { single }
            }
            (Dialect::MySql, _) if self.makes_the_key_alone(step) => Fetch::FirstNumber,
            (Dialect::MySql, _) => self.fetch_by_key(step),
            _ => Fetch::Returning,
        }
    }

    fn fetch_by_key(&mut self, step: &Step) -> Fetch {
        let key = &self.mapping.table(step.table).primary_key;
        let place = |column: &usize| step.columns.iter().position(|one| one == column);
        let keys = key.iter().filter_map(place).collect();
        let select = self.text(step, READ_BACK, 1, |dialect, table| {
            let name = |&index: &usize| super::identifier(dialect, &table.columns[index].name);
            let made: Vec<_> = step.generated.iter().map(name).collect();
            let found = |column: &usize| match place(column) {
                Some(_) => format!("{} = ?", name(column)),
                None => format!("{} = LAST_INSERT_ID()", name(column)),
            };
            let found: Vec<_> = key.iter().map(found).collect();
            let (made, table, found) =
                (made.join(", "), table_name(dialect, table), found.join(" AND "));
            format!("SELECT {made} FROM {table} WHERE {found}").into()
        });
        Fetch::ByKey { select, keys }
    }

    /// How many rows from `start` on can go in one statement: none of them may refer to a key
    /// that the same statement makes.
    fn rows_together(&self, step: &Step, start: usize, most: usize) -> usize {
        let keys = &self.mapping.table(step.table).foreign_keys;
        if step.generated.is_empty() || keys.iter().all(|key| key.parent != step.table) {
            return most;
        }
        let first = step.rows[start].slot;
        let arity = step.columns.len();
        let refers = |row: usize| {
            let params = step.params.as_slice().part(row * arity, arity);
            params.iter().any(|param| matches!(param, ParamRef::Slot(slot) if slot >= first))
        };
        (1..most).find(|&rows| refers(start + rows)).unwrap_or(most)
    }
}

/// INSERT of a list of rows.
fn rows_text(
    dialect: Dialect,
    table: &Table,
    columns: &[usize],
    returning: &[usize],
    rows: usize,
) -> Arc<str> {
    let mut insert = Query::insert();
    insert.into_table(table_ref(table));
    if columns.is_empty() {
        insert.or_default_values();
    } else {
        insert.columns(columns.iter().map(|&index| Alias::new(&*table.columns[index].name)));
        for _ in 0..rows {
            insert.values_panic(columns.iter().map(|_| Expr::value(0)));
        }
    }
    if !returning.is_empty() && dialect != Dialect::MariaDb {
        let columns = returning.iter().map(|&index| Alias::new(&*table.columns[index].name));
        insert.returning(Query::returning().columns(columns));
    }
    let sql = text!(dialect, insert);
    if returning.is_empty() || dialect != Dialect::MariaDb {
        return sql;
    }
    // sea-query writes no RETURNING for MySQL, and MariaDB is one to it.
    let column = |&index: &usize| super::identifier(dialect, &table.columns[index].name);
    format!("{sql} RETURNING {}", returning.iter().map(column).collect::<Vec<_>>().join(", "))
        .into()
}

/// INSERT of rows that come as arrays. The rows are numbered in the order of the arrays.
fn arrays_text(table: &Table, columns: &[usize], returning: &[usize]) -> Arc<str> {
    let names = |columns: &[usize]| {
        let names = columns.iter().map(|&index| quoted(&table.columns[index].name));
        names.collect::<Vec<_>>().join(", ")
    };
    let mut sql = format!(
        "INSERT INTO {} ({}) SELECT * FROM {}",
        table_name(Dialect::Postgres, table),
        names(columns),
        unnest(table, columns.iter().copied()),
    );
    if !returning.is_empty() {
        sql.push_str(&format!(" RETURNING {}", names(returning)));
    }
    sql.into()
}
