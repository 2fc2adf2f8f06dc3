//! Numbers that the INSERTs of a batch were given.
//!
//! SQLite gives a number once more when its row is gone. So a statement that finds its row by a
//! number which the same batch was given looks for a row that somebody else has deleted, and must
//! not meet the new one.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use entail_engine::batch::{Call, GeneratedColumn, Operation, Target};
use entail_engine::value::{Value, ValueRef};

/// The numbers that the batch was given so far.
#[derive(Debug, Default)]
pub(crate) struct Made {
    rows: Vec<Rows>,
    /// By table and column, once somebody has asked for them.
    numbers: HashMap<[Arc<str>; 2], Numbers>,
}

/// Rows of one INSERT.
#[derive(Debug)]
struct Rows {
    table: Arc<str>,
    columns: Arc<[GeneratedColumn]>,
    slots: Range<usize>,
}

#[derive(Debug, Default)]
struct Numbers {
    /// How many of the INSERTs are in it.
    seen: usize,
    all: Arc<HashSet<i64>>,
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
        self.rows.push(Rows { table, columns, slots });
    }

    /// The numbers that rows which a call finds by key cannot have any more; none if it finds no
    /// rows by a column of which some were made.
    pub(crate) fn taken_from(&mut self, call: &Call, slots: &[Value]) -> Option<Taken> {
        let target = call.target.as_ref().filter(|it| it.operation != Operation::Insert)?;
        let is_made = |name: &Arc<str>| {
            let of_table = self.rows.iter().filter(|rows| rows.table == target.table);
            of_table.flat_map(|rows| &*rows.columns).any(|column| column.name == *name)
        };
        let place = target.keys.iter().position(is_made)?;
        let name = &target.keys[place];
        let numbers = self.numbers.entry([Arc::clone(&target.table), Arc::clone(name)]);
        let numbers = numbers.or_default();
        let all = Arc::make_mut(&mut numbers.all);
        for rows in self.rows[numbers.seen..].iter().filter(|rows| rows.table == target.table) {
            let place = rows.columns.iter().position(|column| column.name == *name);
            let filled = slots.get(rows.slots.clone()).unwrap_or_default();
            for row in filled.chunks(rows.columns.len().max(1)) {
                if let Some(Value::Int(number)) = place.and_then(|place| row.get(place)) {
                    all.insert(*number);
                }
            }
        }
        numbers.seen = self.rows.len();
        let width = target.columns.len() + target.keys.len();
        Some(Taken {
            width,
            place: target.columns.len() + place,
            numbers: Arc::clone(&numbers.all),
        })
    }
}

/// Numbers by which nobody but the batch's own rows can be found.
#[derive(Debug)]
pub(crate) struct Taken {
    /// How many parameters there are for each row.
    width: usize,
    /// Which of them is the number.
    place: usize,
    numbers: Arc<HashSet<i64>>,
}

impl Taken {
    /// Whether a parameter is such a number, in the place of one.
    pub(crate) fn has(&self, index: usize, value: ValueRef<'_>) -> bool {
        let ValueRef::Int(number) = value else { return false };
        index % self.width == self.place && self.numbers.contains(&number)
    }
}
