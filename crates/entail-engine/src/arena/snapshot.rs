//! Snapshots: the values that rows have, from before the first change in memory. Those of one
//! entity lie one after the other in one list, so that taking one allocates nothing of its own.

use std::num::NonZeroU32;

use rustc_hash::FxHashMap;

use crate::entity::Store;
use crate::handle::Slot;
use crate::value::{PackedValues, ValueRef};

/// The place of a snapshot among those of its entity, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SnapshotId(NonZeroU32);

/// Buffers of this size are worth looking through for what is no longer used.
const WORTH_COMPACTING: usize = 1 << 16;

/// All snapshots of one entity's objects: of those that were changed, and of those that a
/// rollback may put back.
#[derive(Debug)]
pub(super) struct Snapshots {
    /// How many columns each of them has; at least one, because every table has a key.
    width: usize,
    packed: PackedValues,
    /// How much the buffers held after they were last compacted.
    compacted: usize,
    /// Columns that were set while the row's own value was not known, by bit: they are written
    /// whatever the value is.
    blind: FxHashMap<SnapshotId, u128>,
    free: Vec<SnapshotId>,
}

/// One snapshot, to be read.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot<'a> {
    packed: &'a PackedValues,
    start: usize,
    width: usize,
    /// The columns that were set while their old values were unknown, by bit.
    blind: u128,
}

impl<'a> Snapshot<'a> {
    /// The value of a column; none if it was unset.
    #[inline]
    pub fn value(self, column: usize) -> Option<ValueRef<'a>> {
        self.packed.unpack(self.packed.cells()[self.start + column])
    }

    /// The values of all columns; none for what was unset.
    #[inline]
    pub fn values(self) -> impl Iterator<Item = Option<ValueRef<'a>>> {
        let cells = &self.packed.cells()[self.start..self.start + self.width];
        cells.iter().map(move |&packed| self.packed.unpack(packed))
    }

    /// Whether the column was set while its old value was unknown.
    #[inline]
    pub fn is_blind(self, column: usize) -> bool {
        column < 128 && self.blind & (1 << column) != 0
    }
}

impl Snapshots {
    /// No snapshots, of rows with so many columns.
    pub fn new(width: usize) -> Self {
        let (packed, blind) = (PackedValues::default(), FxHashMap::default());
        Self { width: width.max(1), packed, compacted: 0, blind, free: Vec::new() }
    }

    /// Copies the columns of an object.
    pub fn take(&mut self, store: &dyn Store, slot: Slot) -> SnapshotId {
        match self.free.pop() {
            Some(id) => {
                for column in 0..self.width {
                    self.set(id, column, store.column(slot, column));
                }
                self.compact();
                id
            }
            None => {
                store.push_columns(slot, self.width, &mut self.packed);
                let number = (self.packed.len() / self.width) as u32;
                SnapshotId(NonZeroU32::new(number).expect("a snapshot was just added"))
            }
        }
    }

    fn start(&self, id: SnapshotId) -> usize {
        (id.0.get() as usize - 1) * self.width
    }

    /// A snapshot, to be read.
    #[inline]
    pub fn get(&self, id: SnapshotId) -> Snapshot<'_> {
        let blind = if self.blind.is_empty() { None } else { self.blind.get(&id) };
        Snapshot {
            packed: &self.packed,
            start: self.start(id),
            width: self.width,
            blind: blind.copied().unwrap_or_default(),
        }
    }

    /// Writes over the value of a column.
    pub fn set(&mut self, id: SnapshotId, column: usize, value: Option<ValueRef<'_>>) {
        let place = self.start(id) + column;
        self.packed.set(place, value);
    }

    /// Notes that the column was set while its old value was unknown.
    pub fn set_blind(&mut self, id: SnapshotId, column: usize) {
        if column < 128 {
            *self.blind.entry(id).or_default() |= 1 << column;
        }
    }

    /// The old values of all columns are known.
    pub fn forget_blind(&mut self, id: SnapshotId) {
        self.blind.remove(&id);
    }

    /// Drops a snapshot.
    pub fn drop_one(&mut self, id: SnapshotId) {
        self.forget_blind(id);
        self.free.push(id);
        if self.free.len() * self.width == self.packed.len() {
            self.clear();
        }
    }

    /// Drops from the buffers what is no longer used, if that may be half of them.
    fn compact(&mut self) {
        if self.packed.buffered() > WORTH_COMPACTING.max(2 * self.compacted) {
            for place in 0..self.free.len() {
                for column in 0..self.width {
                    self.set(self.free[place], column, None);
                }
            }
            self.packed.compact();
            self.compacted = self.packed.buffered();
        }
    }

    /// Drops all of them.
    pub fn clear(&mut self) {
        self.packed.clear();
        self.compacted = 0;
        self.blind.clear();
        self.free.clear();
    }
}
