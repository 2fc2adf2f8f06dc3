//! Snapshots: the values that rows have, from before the first change in memory. Those of one
//! entity lie one after the other in one list, so that taking one allocates nothing of its own.

use std::num::NonZeroU32;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::entity::Store;
use crate::handle::Slot;
use crate::value::{Value, ValueRef};

/// The place of a snapshot among those of its entity, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SnapshotId(NonZeroU32);

/// Room for so many values is kept when the last snapshot is dropped.
const KEPT: usize = 4096;

/// All snapshots of one entity's objects: of those that were changed, and of those that a
/// rollback may put back.
#[derive(Debug)]
pub(super) struct Snapshots {
    /// How many columns each of them has; at least one, because every table has a key.
    width: usize,
    /// The values; none for what was unset.
    values: Vec<Option<Value>>,
    /// Columns that were set while the row's own value was not known, by bit: they are written
    /// whatever the value is.
    blind: FxHashMap<SnapshotId, u128>,
    free: Vec<SnapshotId>,
}

impl Snapshots {
    /// No snapshots, of rows with so many columns.
    pub fn new(width: usize) -> Self {
        let (values, free) = (Vec::new(), Vec::new());
        Self { width: width.max(1), values, blind: FxHashMap::default(), free }
    }

    /// Copies the columns of an object.
    pub fn take(&mut self, store: &dyn Store, slot: Slot) -> SnapshotId {
        match self.free.pop() {
            Some(id) => {
                for (column, value) in self.values_mut(id).iter_mut().enumerate() {
                    *value = store.column(slot, column).map(ValueRef::to_value);
                }
                id
            }
            None => {
                store.push_columns(slot, self.width, &mut self.values);
                let number = (self.values.len() / self.width) as u32;
                SnapshotId(NonZeroU32::new(number).expect("a snapshot was just added"))
            }
        }
    }

    fn range(&self, id: SnapshotId) -> Range<usize> {
        let start = (id.0.get() as usize - 1) * self.width;
        start..start + self.width
    }

    /// The values of a snapshot; none for what was unset.
    #[inline]
    pub fn values(&self, id: SnapshotId) -> &[Option<Value>] {
        &self.values[self.range(id)]
    }

    /// The values of a snapshot, to be overwritten.
    pub fn values_mut(&mut self, id: SnapshotId) -> &mut [Option<Value>] {
        let place = self.range(id);
        &mut self.values[place]
    }

    /// The columns that were set while their old values were unknown, by bit.
    #[inline]
    pub fn blind(&self, id: SnapshotId) -> u128 {
        if self.blind.is_empty() {
            return 0;
        }
        self.blind.get(&id).copied().unwrap_or_default()
    }

    /// Whether the column was set while its old value was unknown.
    #[inline]
    pub fn is_blind(&self, id: SnapshotId, column: usize) -> bool {
        column < 128 && self.blind(id) & (1 << column) != 0
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
        self.values_mut(id).fill(None);
        self.forget_blind(id);
        self.free.push(id);
        if self.free.len() * self.width == self.values.len() {
            self.clear();
        }
    }

    /// Drops all of them.
    pub fn clear(&mut self) {
        self.values.clear();
        self.values.shrink_to(KEPT);
        self.blind.clear();
        self.free.clear();
    }
}
