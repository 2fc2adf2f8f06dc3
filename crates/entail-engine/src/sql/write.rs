//! Writes: from the steps of a plan to statements.

use std::sync::Arc;

use sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};

use crate::batch::{
    Batch, Call, CallKind, Expect, Fetch, GeneratedColumn, Operation, Param, Params, Request,
    Target,
};
use crate::mapping::{Action, Mapping, Table};
use crate::plan::{Plan, Step, StepAction};

use super::Dialect;
use super::select::one_of;
use super::text;
use super::texts::{Shape, Texts};

/// Renders a plan: its statements in their order. The second part says for each request which
/// step it is of, and which of that step's rows it starts with.
pub fn render(texts: &mut Texts, mapping: &Mapping, plan: &Plan) -> (Batch, Vec<(usize, usize)>) {
    let mut writer = Writer { texts, mapping, requests: Vec::new(), places: Vec::new() };
    for (number, step) in plan.steps.iter().enumerate() {
        writer.step(number, step);
    }
    (Batch { requests: writer.requests, slots: plan.slots }, writer.places)
}

struct Writer<'a> {
    texts: &'a mut Texts,
    mapping: &'a Mapping,
    requests: Vec<Request>,
    places: Vec<(usize, usize)>,
}

impl Writer<'_> {
    fn step(&mut self, number: usize, step: &Step) {
        match step.action {
            StepAction::Insert | StepAction::Link => self.inserts(number, step),
            StepAction::Update | StepAction::Relink => {
                self.each_row(number, step, Operation::Update)
            }
            StepAction::Unlink => self.each_row(number, step, Operation::Delete),
            StepAction::Delete if self.can_go_together(step) => {
                self.delete_many(number, step);
            }
            StepAction::Delete => self.each_row(number, step, Operation::Delete),
            StepAction::DeleteReached => self.reached(number, step, Operation::Delete),
            StepAction::DetachReached => self.reached(number, step, Operation::Update),
        }
    }

    /// Whether rows can be deleted by one statement. Rows that restrict each other must go one by
    /// one, in their order: RESTRICT does not wait for the end of the statement.
    fn can_go_together(&self, step: &Step) -> bool {
        let restricted = self
            .mapping
            .table(step.table)
            .foreign_keys
            .iter()
            .any(|key| key.parent == step.table && key.on_delete == Action::Restrict);
        step.expect == Expect::Any && step.rows.len() > 1 && !restricted
    }

    fn push(&mut self, place: (usize, usize), call: Call) {
        self.requests.push(Request::Call(call));
        self.places.push(place);
    }

    fn text(
        &mut self,
        step: &Step,
        rows: usize,
        build: impl FnOnce(Dialect, &Table) -> Arc<str>,
    ) -> Arc<str> {
        let (dialect, table) = (self.texts.dialect, self.mapping.table(step.table));
        let shape = Shape {
            kind: step.action as u8,
            table: step.table,
            columns: &step.columns,
            keys: &step.keys,
            generated: &step.generated,
            rows,
            other: 0,
        };
        self.texts.get(shape, || build(dialect, table))
    }

    fn target(&self, step: &Step, operation: Operation) -> Arc<Target> {
        let table = self.mapping.table(step.table);
        let name = |&index: &usize| Arc::clone(&table.columns[index].name);
        Arc::new(Target {
            operation,
            table: Arc::clone(&table.name),
            columns: step.columns.iter().map(name).collect(),
            keys: step.keys.iter().map(name).collect(),
        })
    }

    // --- Insert ----------------------------------------------------------------------------------

    fn inserts(&mut self, number: usize, step: &Step) {
        let arity = step.columns.len();
        let target = self.target(step, Operation::Insert);
        let table = self.mapping.table(step.table);
        let generated: Arc<[GeneratedColumn]> = step
            .generated
            .iter()
            .map(|&index| GeneratedColumn {
                name: Arc::clone(&table.columns[index].name),
                ty: table.columns[index].ty,
            })
            .collect();
        let by_rowid = step.generated == table.primary_key && table.primary_key.len() == 1;
        let dialect = self.texts.dialect;
        let at_once = match (dialect, generated.len()) {
            (Dialect::Sqlite, 0) => true,
            (Dialect::Sqlite, _) => by_rowid,
        };
        let most = match (at_once && arity > 0, arity) {
            (false, _) => 1,
            (true, arity) => dialect.rows_per_insert().min(dialect.max_params() / arity).max(1),
        };
        let mut start = 0;
        while start < step.rows.len() {
            let rows = self.rows_together(step, start, most.min(step.rows.len() - start));
            let returning = if at_once { &[][..] } else { &step.generated[..] };
            let sql = self.text(step, rows, |dialect, table| {
                insert_text(dialect, table, &step.columns, returning, rows)
            });
            let kind = if generated.is_empty() {
                CallKind::Execute { expect: Expect::Exactly(rows as u64) }
            } else {
                let fetch = if at_once {
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
                        insert_text(dialect, table, &step.columns, &step.generated, 1)
                    });
                    Fetch::Consecutive { single }
                } else {
                    Fetch::Returning
                };
                let first = step.rows[start].slot;
                CallKind::Insert { first, rows, columns: Arc::clone(&generated), fetch }
            };
            let params = Params::part(&step.params, start * arity..(start + rows) * arity);
            let call =
                Call { sql, params, arity: rows * arity, kind, target: Some(Arc::clone(&target)) };
            self.push((number, start), call);
            start += rows;
        }
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
            let params = &step.params[row * arity..(row + 1) * arity];
            params.iter().any(|param| matches!(param, Param::Slot(slot) if *slot >= first))
        };
        (1..most).find(|&rows| refers(start + rows)).unwrap_or(most)
    }

    // --- Update and delete -------------------------------------------------------------------------

    /// One statement that runs once a row.
    fn each_row(&mut self, number: usize, step: &Step, operation: Operation) {
        let sql = self.text(step, 1, |dialect, table| {
            let found = one_of(table, &step.keys, 1);
            match operation {
                Operation::Update => {
                    let mut update = Query::update();
                    update.table(Alias::new(&*table.name));
                    for &index in &step.columns {
                        update.value(Alias::new(&*table.columns[index].name), Expr::value(0));
                    }
                    update.and_where(found);
                    text!(dialect, update)
                }
                Operation::Insert | Operation::Delete => {
                    let mut delete = Query::delete();
                    delete.from_table(Alias::new(&*table.name)).and_where(found);
                    text!(dialect, delete)
                }
            }
        });
        let call = Call {
            sql,
            params: Params::part(&step.params, 0..step.params.len()),
            arity: step.columns.len() + step.keys.len(),
            kind: CallKind::Execute { expect: step.expect },
            target: Some(self.target(step, operation)),
        };
        self.push((number, 0), call);
    }

    /// One statement for as many rows as it can take.
    fn delete_many(&mut self, number: usize, step: &Step) {
        let arity = step.keys.len();
        let most = self.texts.dialect.max_params() / arity.max(1);
        let target = self.target(step, Operation::Delete);
        let mut start = 0;
        while start < step.rows.len() {
            let rows = most.min(step.rows.len() - start);
            let sql = self.text(step, rows, |dialect, table| {
                let mut delete = Query::delete();
                delete
                    .from_table(Alias::new(&*table.name))
                    .and_where(one_of(table, &step.keys, rows));
                text!(dialect, delete)
            });
            let call = Call {
                sql,
                params: Params::part(&step.params, start * arity..(start + rows) * arity),
                arity: rows * arity,
                kind: CallKind::Execute { expect: Expect::Any },
                target: Some(Arc::clone(&target)),
            };
            self.push((number, start), call);
            start += rows;
        }
    }

    /// Rows that are reached by their parents' keys, over the tables between.
    fn reached(&mut self, number: usize, step: &Step, operation: Operation) {
        let width = step.hops.last().map_or(step.keys.len(), |hop| hop.columns.len()).max(1);
        let most = self.texts.dialect.max_params() / width;
        let total = step.params.len() / width;
        let mapping = self.mapping;
        let mut start = 0;
        while start < total {
            let rows = most.min(total - start);
            let (dialect, table) = (self.texts.dialect, mapping.table(step.table));
            let shape = Shape {
                kind: step.action as u8,
                table: step.table,
                columns: &[],
                keys: &step.keys,
                generated: &[],
                rows,
                other: step.hops.iter().fold(1, |number: u64, hop| {
                    let columns = hop.columns.iter().chain(&hop.select);
                    columns.fold(number.wrapping_mul(31) ^ u64::from(hop.table.0), |n, &column| {
                        n.wrapping_mul(1_000_003) ^ column as u64
                    })
                }),
            };
            let sql = self
                .texts
                .get(shape, || reached_text(dialect, mapping, table, step, operation, rows));
            let call = Call {
                sql,
                params: Params::part(&step.params, start * width..(start + rows) * width),
                arity: rows * width,
                kind: CallKind::Execute { expect: Expect::Any },
                target: Some(Arc::new(Target {
                    operation,
                    table: Arc::clone(&table.name),
                    columns: Vec::new(),
                    keys: Vec::new(),
                })),
            };
            self.push((number, 0), call);
            start += rows;
        }
    }
}

/// The kind of the one-row INSERT that stands in where keys are not consecutive.
const SINGLE: u8 = 50;

fn insert_text(
    dialect: Dialect,
    table: &Table,
    columns: &[usize],
    returning: &[usize],
    rows: usize,
) -> Arc<str> {
    let mut insert = Query::insert();
    insert.into_table(Alias::new(&*table.name));
    if columns.is_empty() {
        insert.or_default_values();
    } else {
        insert.columns(columns.iter().map(|&index| Alias::new(&*table.columns[index].name)));
        for _ in 0..rows {
            insert.values_panic(columns.iter().map(|_| Expr::value(0)));
        }
    }
    if !returning.is_empty() {
        let columns = returning.iter().map(|&index| Alias::new(&*table.columns[index].name));
        insert.returning(Query::returning().columns(columns));
    }
    text!(dialect, insert)
}

fn reached_text(
    dialect: Dialect,
    mapping: &Mapping,
    table: &Table,
    step: &Step,
    operation: Operation,
    rows: usize,
) -> Arc<str> {
    let mut below: Option<SelectStatement> = None;
    for hop in step.hops.iter().rev() {
        let over = mapping.table(hop.table);
        let mut select = Query::select();
        for &index in &hop.select {
            select.column(Alias::new(&*over.columns[index].name));
        }
        select.from(Alias::new(&*over.name));
        select.and_where(match below.take() {
            Some(below) => tuple(over, &hop.columns).in_subquery(below),
            None => one_of(over, &hop.columns, rows),
        });
        below = Some(select);
    }
    let found = match below {
        Some(below) => tuple(table, &step.keys).in_subquery(below),
        None => one_of(table, &step.keys, rows),
    };
    if operation == Operation::Update {
        let mut update = Query::update();
        update.table(Alias::new(&*table.name)).and_where(found);
        for &index in step.keys.iter().filter(|&&index| table.columns[index].nullable) {
            update.value(Alias::new(&*table.columns[index].name), Expr::cust("NULL"));
        }
        if !step.keys.iter().any(|&index| table.columns[index].nullable) {
            // The database refuses this if there is such a row, which is what it should do.
            for &index in &step.keys {
                update.value(Alias::new(&*table.columns[index].name), Expr::cust("NULL"));
            }
        }
        text!(dialect, update)
    } else {
        let mut delete = Query::delete();
        delete.from_table(Alias::new(&*table.name)).and_where(found);
        text!(dialect, delete)
    }
}

fn tuple(table: &Table, columns: &[usize]) -> Expr {
    let column = |&index: &usize| {
        Expr::col((Alias::new(&*table.name), Alias::new(&*table.columns[index].name)))
    };
    match columns {
        [single] => column(single),
        several => Expr::tuple(several.iter().map(column)),
    }
}
