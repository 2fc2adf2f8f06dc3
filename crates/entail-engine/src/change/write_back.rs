//! Writing back: the values that objects take once their rows are written.

use crate::batch::Param;
use crate::handle::ObjectId;
use crate::value::Value;

use super::synchronise::ColumnNumber;

/// The columns that objects take over: foreign keys, versions and defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteBack {
    from_slots: Vec<FromSlot>,
    values: Vec<(ObjectId, usize, Value)>,
}

/// A column that takes what a slot has. There is one for most new rows, so it is kept in 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FromSlot {
    object: ObjectId,
    column: ColumnNumber,
    slot: u32,
}

impl WriteBack {
    /// Room for so many foreign keys of new rows.
    pub(super) fn with_room_for(foreign_keys: usize) -> Self {
        Self { from_slots: Vec::with_capacity(foreign_keys), values: Vec::new() }
    }

    /// A column takes a value, or what a slot has. Of several values the last one counts; a column that
    /// takes what a slot has takes nothing else.
    pub(super) fn push(&mut self, object: ObjectId, column: usize, param: Param) {
        match param {
            Param::Slot(slot) => {
                let column = ColumnNumber::new(column);
                self.from_slots.push(FromSlot { object, column, slot });
            }
            Param::Value(value) => self.values.push((object, column, value)),
        }
    }

    /// Gives each slot its new number: that of its old one in the list.
    pub(crate) fn renumber_slots(&mut self, numbers: &[u32]) {
        for one in &mut self.from_slots {
            one.slot = numbers[one.slot as usize];
        }
    }

    /// Calls `take` with each object, column and value, given what the slots have.
    pub(crate) fn give(&self, slots: &[Value], mut take: impl FnMut(ObjectId, usize, &Value)) {
        for &FromSlot { object, column, slot } in &self.from_slots {
            take(object, column.get(), slots.get(slot as usize).unwrap_or(&Value::Null));
        }
        for (object, column, value) in &self.values {
            take(*object, *column, value);
        }
    }
}
