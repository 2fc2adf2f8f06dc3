//! Numbers that the INSERTs of a batch were given.
//!
//! SQLite gives a number once more when its row is gone. So a statement that finds its row by a
//! number which the same batch was given looks for a row that somebody else has deleted, and must
//! not meet the new one.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use entail_engine::batch::{Call, GeneratedColumn, Operation, Target};
use entail_engine::value::{Value, ValueRef};

/// The slots of all numbers that the batch was given so far.
#[derive(Debug, Default)]
pub(crate) struct Made(Vec<Rows>);

#[derive(Debug)]
struct Rows {
    table: Arc<str>,
    columns: Arc<[GeneratedColumn]>,
    slots: Range<usize>,
}

impl Made {
    /// Notes that an INSERT has filled slots, row by row.
    pub(crate) fn note(
        &mut self,
        target: &Target,
        columns: &Arc<[GeneratedColumn]>,
        slots: Range<usize>,
    ) {
        let (table, columns) = (Arc::clone(&target.table), Arc::clone(columns));
        self.0.push(Rows { table, columns, slots });
    }

    /// The numbers that rows which a call finds by key cannot have any more; none if it finds no
    /// rows by a column of which some were made.
    pub(crate) fn taken_from(&self, call: &Call, slots: &[Value]) -> Option<Taken> {
        let target = call.target.as_ref().filter(|it| it.operation != Operation::Insert)?;
        let of_table = || self.0.iter().filter(|rows| rows.table == target.table);
        of_table().next()?;
        let is_made = |name: &Arc<str>| {
            of_table().any(|rows| rows.columns.iter().any(|column| column.name == *name))
        };
        let key = target.keys.iter().position(is_made)?;
        let mut numbers = HashSet::new();
        for rows in of_table() {
            let place = rows.columns.iter().position(|it| it.name == target.keys[key]);
            let filled = slots.get(rows.slots.clone()).unwrap_or_default();
            for row in filled.chunks(rows.columns.len().max(1)) {
                if let Some(Value::Int(number)) = place.and_then(|place| row.get(place)) {
                    numbers.insert(*number);
                }
            }
        }
        let width = target.columns.len() + target.keys.len();
        Some(Taken { width, place: target.columns.len() + key, numbers })
    }
}

/// Numbers by which nobody but the batch's own rows can be found.
#[derive(Debug)]
pub(crate) struct Taken {
    /// How many parameters there are for each row.
    width: usize,
    /// Which of them is the number.
    place: usize,
    numbers: HashSet<i64>,
}

impl Taken {
    /// Whether a parameter is such a number, in the place of one.
    pub(crate) fn has(&self, index: usize, value: ValueRef<'_>) -> bool {
        let ValueRef::Int(number) = value else { return false };
        index % self.width == self.place && self.numbers.contains(&number)
    }
}
