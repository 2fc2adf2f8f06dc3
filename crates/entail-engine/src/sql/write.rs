//! Writes: from the steps of a plan to statements.

mod insert;
mod together;

use std::sync::Arc;

use sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};

use crate::batch::{Batch, Bind, Call, CallKind, Expect, Operation, Params, Request, Target};
use crate::mapping::{Mapping, Table};
use crate::plan::{Plan, Step, StepAction};

use super::Dialect;
use super::select::{bind_keys, one_of};
use super::text;
use super::texts::{Shape, Text, Texts};
use super::words::{column_ref, identifier, table_ref};

/// What a request of a plan writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The step it is of.
    pub step: usize,
    /// The first of the step's rows.
    pub first: usize,
    /// How many rows each execution writes; none if it only locks them.
    pub rows: usize,
}

/// Renders a plan: its statements in their order. The second part says for each request what it
/// writes.
pub fn render(texts: &mut Texts, mapping: &Mapping, plan: &Plan) -> (Batch, Vec<Place>) {
    let steps = plan.steps.len();
    // A flush may begin the transaction before it, and end it behind it.
    let requests = Vec::with_capacity(if steps == 0 { 0 } else { steps + 2 });
    let mut writer = Writer { texts, mapping, requests, places: Vec::with_capacity(steps) };
    for (number, step) in plan.steps.iter().enumerate() {
        writer.step(number, step);
    }
    (Batch { requests: writer.requests, slots: plan.slots }, writer.places)
}

struct Writer<'a> {
    texts: &'a mut Texts,
    mapping: &'a Mapping,
    requests: Vec<Request>,
    places: Vec<Place>,
}

impl Writer<'_> {
    fn step(&mut self, number: usize, step: &Step) {
        match step.action {
            StepAction::Insert | StepAction::Link => self.inserts(number, step),
            StepAction::Update | StepAction::Relink if self.can_update_together(step) => {
                self.update_together(number, step);
            }
            StepAction::Update | StepAction::Relink => {
                self.each_row(number, step, Operation::Update)
            }
            StepAction::Delete | StepAction::Unlink if self.can_delete_together(step) => {
                self.delete_together(number, step);
            }
            StepAction::Delete | StepAction::Unlink => {
                self.each_row(number, step, Operation::Delete)
            }
            StepAction::DeleteReached => self.reached(number, step, Operation::Delete),
            StepAction::DetachReached => self.reached(number, step, Operation::Update),
        }
    }

    fn push(&mut self, place: Place, call: Call) {
        self.requests.push(Request::Call(call));
        self.places.push(place);
    }

    fn text(
        &mut self,
        step: &Step,
        kind: u8,
        rows: usize,
        build: impl FnOnce(Dialect, &Table) -> Arc<str>,
    ) -> Arc<str> {
        let (dialect, table) = (self.texts.dialect, self.mapping.table(step.table));
        self.texts.get(shape(step, kind, rows), || build(dialect, table))
    }

    /// The text of a statement, with what it writes of each row.
    fn text_of(
        &mut self,
        step: &Step,
        operation: Operation,
        kind: u8,
        rows: usize,
        build: impl FnOnce(Dialect, &Table) -> Arc<str>,
    ) -> Text {
        let (dialect, mapping) = (self.texts.dialect, self.mapping);
        let build = || Text {
            sql: build(dialect, mapping.table(step.table)),
            target: Some(target(mapping, step, operation, rows)),
        };
        self.texts.of(shape(step, kind, rows), build).clone()
    }

    // --- Update and delete -------------------------------------------------------------------------

    /// One statement that runs once a row.
    fn each_row(&mut self, number: usize, step: &Step, operation: Operation) {
        let text = self.text_of(step, operation, step.action as u8, 1, |dialect, table| {
            let found = one_of(dialect, table, &step.keys, 1);
            match operation {
                Operation::Update => {
                    let mut update = Query::update();
                    update.table(table_ref(table));
                    for &index in &step.columns {
                        update.value(Alias::new(&*table.columns[index].name), Expr::value(0));
                    }
                    update.and_where(found);
                    text!(dialect, update)
                }
                Operation::Insert | Operation::Delete => {
                    let mut delete = Query::delete();
                    delete.from_table(table_ref(table)).and_where(found);
                    text!(dialect, delete)
                }
            }
        });
        let call = Call {
            sql: text.sql,
            params: Params::part(&step.params, 0..step.params.len()),
            arity: step.columns.len() + step.keys.len(),
            bind: Bind::Each,
            kind: CallKind::Execute { expect: step.expect },
            target: text.target,
        };
        self.push(Place { step: number, first: 0, rows: 1 }, call);
    }

    /// Rows that are reached by their parents' keys, over the tables between.
    fn reached(&mut self, number: usize, step: &Step, operation: Operation) {
        let width = step.hops.last().map_or(step.keys.len(), |hop| hop.columns.len()).max(1);
        let far = match step.hops.last() {
            Some(hop) => (hop.table, &hop.columns),
            None => (step.table, &step.keys),
        };
        let most = self.texts.dialect.max_params() / width;
        let total = step.params.len() / width;
        let mapping = self.mapping;
        let mut start = 0;
        while start < total {
            let rows = most.min(total - start);
            let (dialect, table) = (self.texts.dialect, mapping.table(step.table));
            let bind = bind_keys(dialect, mapping.table(far.0), far.1, rows);
            let shape = Shape {
                kind: step.action as u8,
                table: step.table,
                columns: &[],
                keys: &step.keys,
                generated: &[],
                rows: bind.text_rows(rows),
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
                arity: bind.arity(width, rows),
                bind,
                kind: CallKind::Execute { expect: Expect::Any },
                target: Some(Arc::new(Target {
                    operation,
                    schema: table.schema.clone(),
                    table: Arc::clone(&table.name),
                    columns: Vec::new(),
                    keys: Vec::new(),
                    one_row: false,
                })),
            };
            self.push(Place { step: number, first: 0, rows: 1 }, call);
            start += rows;
        }
    }
}

/// What the text of a statement for so many rows of a step depends on.
fn shape(step: &Step, kind: u8, rows: usize) -> Shape<'_> {
    Shape {
        kind,
        table: step.table,
        columns: &step.columns,
        keys: &step.keys,
        generated: &step.generated,
        rows,
        other: 0,
    }
}

/// What a statement for so many rows of a step writes.
fn target(mapping: &Mapping, step: &Step, operation: Operation, rows: usize) -> Arc<Target> {
    let table = mapping.table(step.table);
    let key = &table.primary_key;
    let by_key = !key.is_empty() && key.iter().all(|column| step.keys.contains(column));
    let name = |&index: &usize| Arc::clone(&table.columns[index].name);
    Arc::new(Target {
        operation,
        schema: table.schema.clone(),
        table: Arc::clone(&table.name),
        columns: step.columns.iter().map(name).collect(),
        keys: step.keys.iter().map(name).collect(),
        one_row: rows == 1 && by_key && operation != Operation::Insert,
    })
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
        select.from(table_ref(over));
        select.and_where(match below.take() {
            Some(below) => tuple(over, &hop.columns).in_subquery(below),
            None => one_of(dialect, over, &hop.columns, rows),
        });
        below = Some(select);
    }
    let found = match below {
        Some(below) => tuple(table, &step.keys).in_subquery(below),
        None => one_of(dialect, table, &step.keys, rows),
    };
    if operation == Operation::Update {
        let mut update = Query::update();
        update.table(table_ref(table)).and_where(found);
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
        delete.from_table(table_ref(table)).and_where(found);
        text!(dialect, delete)
    }
}

fn tuple(table: &Table, columns: &[usize]) -> Expr {
    let column = |&index: &usize| Expr::col(column_ref(table, index));
    match columns {
        [single] => column(single),
        several => Expr::tuple(several.iter().map(column)),
    }
}
