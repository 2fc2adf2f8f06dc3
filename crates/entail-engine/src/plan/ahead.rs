//! Keys that are drawn ahead. Rows of new objects that hang from each other take a trip a level,
//! because each level needs the keys that the database makes for the one above. A database that
//! counts keys up by a sequence gives them beforehand; then all rows go in one trip.
//!
//! ```text
//!   insert nodes (slots 0, 1, ...) --draw--> numbers --> insert nodes (1, 2, ...), parents first
//! ```

use crate::batch::{ParamList, ParamRef, Rows};
use crate::mapping::{Mapping, TableId};
use crate::value::Value;

use super::{Plan, Step, StepAction};

/// From so many levels of generated keys on, drawing them saves more trips than it takes.
const DEEP: u32 = 4;

/// The keys of new rows of one table, which could be drawn ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draw {
    pub table: TableId,
    /// The key's column.
    pub column: usize,
    /// The slots that the keys are for.
    pub slots: Vec<u32>,
}

/// Keys that were drawn, by their slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Drawn(Vec<Option<Value>>);

impl Drawn {
    /// Takes the answers: for each draw so many keys as it has slots, or none. What a database did
    /// not give stays to be made.
    pub fn take(draws: &[Draw], answers: &[Rows], slots: usize) -> Self {
        let mut drawn = vec![None; slots];
        let rows = answers.iter().flat_map(Rows::iter);
        let rows: Vec<(Value, Value)> =
            rows.map(|row| (row.value(0).to_value(), row.value(1).to_value())).collect();
        for (number, draw) in draws.iter().enumerate() {
            let number = Value::Int(number as i64);
            let keys = || rows.iter().filter(|(of, _)| *of == number).map(|(_, key)| key);
            if keys().count() == draw.slots.len() {
                for (&slot, key) in draw.slots.iter().zip(keys()) {
                    drawn[slot as usize] = Some(key.clone());
                }
            }
        }
        if drawn.iter().all(Option::is_none) { Self::default() } else { Self(drawn) }
    }

    /// Whether none was drawn.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, slot: u32) -> Option<&Value> {
        self.0.get(slot as usize)?.as_ref()
    }

    /// Puts the keys into the slots that they are for.
    pub fn fill(self, slots: &mut [Value]) {
        for (slot, drawn) in slots.iter_mut().zip(self.0) {
            if let Some(drawn) = drawn {
                *slot = drawn;
            }
        }
    }
}

impl Plan {
    /// The keys that are worth drawing ahead; none if there are only few levels, and no row refers
    /// to a key that is made after it.
    pub(crate) fn draws(&self, mapping: &Mapping) -> Vec<Draw> {
        let mut draws: Vec<Draw> = Vec::new();
        let mut levels = 0;
        for step in &self.steps {
            let Some(column) = drawable(mapping, step) else { continue };
            let keys = &mapping.table(step.table).foreign_keys;
            let is_tree = keys.iter().any(|key| key.parent == step.table);
            levels += if is_tree { DEEP } else { 1 };
            let slots = step.rows.iter().map(|row| row.slot);
            match draws.iter_mut().find(|draw| draw.table == step.table) {
                Some(draw) => draw.slots.extend(slots),
                None => draws.push(Draw { table: step.table, column, slots: slots.collect() }),
            }
        }
        if !self.needs_drawn_keys() && (levels < DEEP || self.levels() < DEEP) {
            draws.clear();
        }
        draws
    }

    /// On how many levels rows wait for keys that others are given.
    fn levels(&self) -> u32 {
        let mut of_slots = vec![0; self.slots];
        let mut deepest = 0;
        for step in self.steps.iter().filter(|step| step.action == StepAction::Insert) {
            let arity = step.columns.len() + step.keys.len();
            let params = step.params.as_slice();
            for (number, row) in step.rows.iter().enumerate() {
                let above = params.part(number * arity, arity).iter().map(|param| match param {
                    ParamRef::Slot(slot) => of_slots[slot as usize],
                    ParamRef::Value(_) => 0,
                });
                let level = above.max().unwrap_or(0) + 1;
                let made = row.slot as usize..row.slot as usize + step.generated.len();
                of_slots[made].fill(level);
                deepest = deepest.max(level);
            }
        }
        deepest
    }

    /// The same steps with keys that were drawn: the rows bring them along. It is to be rendered;
    /// the reasons stay with the plan.
    pub(crate) fn with_drawn(&self, mapping: &Mapping, drawn: &Drawn) -> Plan {
        let steps = self.steps.iter().map(|step| bring(mapping, step, drawn)).collect();
        Plan { steps, slots: self.slots, ..Plan::default() }
    }
}

/// The column of a step's keys, if the database makes them and nothing else.
fn drawable(mapping: &Mapping, step: &Step) -> Option<usize> {
    let table = mapping.table(step.table);
    match (step.generated.as_slice(), table.primary_key.as_slice()) {
        (&[made], &[key]) if made == key && step.action == StepAction::Insert => {
            table.columns[key].server_default.is_none().then_some(key)
        }
        _ => None,
    }
}

fn bring(mapping: &Mapping, step: &Step, drawn: &Drawn) -> Step {
    let known = |param| match param {
        ParamRef::Slot(slot) => drawn.get(slot).map_or(param, |key| ParamRef::Value(key.as_ref())),
        value => value,
    };
    let column = drawable(mapping, step)
        .filter(|_| step.rows.iter().all(|row| drawn.get(row.slot).is_some()));
    let mut params = ParamList::new();
    let Some(column) = column else {
        params.extend(step.params.as_slice().iter().map(known));
        return Step { params: params.into(), ..step.clone() };
    };
    let arity = step.columns.len();
    for (number, row) in step.rows.iter().enumerate() {
        params.extend(drawn.get(row.slot).map(|key| ParamRef::Value(key.as_ref())));
        params.extend(step.params.as_slice().part(number * arity, arity).iter().map(known));
    }
    let columns = std::iter::once(column).chain(step.columns.iter().copied()).collect();
    Step { columns, generated: Vec::new(), params: params.into(), ..step.clone() }
}
