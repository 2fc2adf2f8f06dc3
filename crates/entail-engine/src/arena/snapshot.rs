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

    /// How many columns there are.
    #[inline]
    pub fn width(self) -> usize {
        self.width
    }

    /// Whether a column has this value; NULL and unset are one.
    #[inline]
    pub fn holds(self, column: usize, value: Option<ValueRef<'_>>) -> bool {
        self.packed.holds(self.packed.cells()[self.start + column], value.unwrap_or(ValueRef::Null))
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
        if !self.blind.is_empty() {
            self.forget_blind(id);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::{Object, Record, TypedStore};
    use crate::mapping::{
        ColumnDefinition, EntityDefinition, Mapping, MappingDefinition, MappingErrors,
        TableDefinition,
    };
    use crate::value::{ColumnType, Value};

    /// A store with one record of two columns.
    fn store() -> Result<TypedStore<Record>, MappingErrors> {
        let columns = ["id", "name"].map(|name| ColumnDefinition::new(name, ColumnType::BigInt));
        let entity = EntityDefinition {
            name: "a".to_owned(),
            table: TableDefinition {
                name: "a".to_owned(),
                columns: columns.to_vec(),
                primary_key: vec!["id".to_owned()],
                ..TableDefinition::default()
            },
            version: None,
            relationships: Vec::new(),
        };
        let definition = MappingDefinition { tables: Vec::new(), entities: vec![entity] };
        let mapping = Mapping::new(definition)?;
        let mut store = TypedStore::new();
        store.objects.push(Some(Record::new(&mapping, &mapping.entities()[0])));
        Ok(store)
    }

    #[test]
    fn a_snapshot_keeps_what_was_and_what_was_unset() -> Result<(), MappingErrors> {
        let mut store = store()?;
        let mut snapshots = Snapshots::new(2);
        let slot = Slot(0);
        let set = |store: &mut TypedStore<Record>, value: &str| {
            let record = store.objects[0].as_mut().map(|one| one.set_column(1, Some(value.into())));
            assert_eq!(record, Some(Ok(())));
        };
        let empty = snapshots.take(&store, slot);
        set(&mut store, "first");
        let first = snapshots.take(&store, slot);
        set(&mut store, "second");
        assert_eq!(snapshots.get(empty).values().collect::<Vec<_>>(), [None, None]);
        assert_eq!(snapshots.get(first).value(1), Some(ValueRef::Text("first")));

        snapshots.set_blind(first, 1);
        assert!(snapshots.get(first).is_blind(1) && !snapshots.get(first).is_blind(0));
        snapshots.drop_one(first);
        let second = snapshots.take(&store, slot);
        assert_eq!(second, first, "its place is used again");
        assert!(!snapshots.get(second).is_blind(1));
        assert_eq!(snapshots.get(second).value(1), Some(ValueRef::Text("second")));
        snapshots.drop_one(second);
        snapshots.drop_one(empty);
        assert_eq!((snapshots.packed.len(), snapshots.free.len()), (0, 0));
        Ok(())
    }

    #[test]
    fn places_that_are_used_again_and_again_do_not_grow() -> Result<(), MappingErrors> {
        let mut store = store()?;
        let long = Value::from("x".repeat(1000));
        if let Some(record) = &mut store.objects[0] {
            record.set(1, long);
        }
        let mut snapshots = Snapshots::new(2);
        let kept = snapshots.take(&store, Slot(0));
        for _ in 0..1000 {
            let one = snapshots.take(&store, Slot(0));
            snapshots.drop_one(one);
        }
        assert!(snapshots.packed.buffered() < 3 * WORTH_COMPACTING);
        let text = snapshots.get(kept).value(1).map(|value| value.to_value().to_string().len());
        assert_eq!(text, Some(1002));
        Ok(())
    }
}
