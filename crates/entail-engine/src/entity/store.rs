//! Stores: all objects of one entity in one typed vector, seen by the engine as rows of values.

use std::any::Any;
use std::fmt;

use crate::arena::Snapshot;
use crate::batch::Row;
use crate::handle::Slot;
use crate::value::{PackedValues, Value, ValueError, ValueRef};

use super::{Object, RowReader};

/// The objects of one entity.
pub(crate) trait Store: Any + Send + fmt::Debug {
    /// Appends an empty place.
    fn reserve(&mut self) -> Slot;
    /// A column of the object at this place.
    fn column(&self, slot: Slot, index: usize) -> Option<ValueRef<'_>>;
    /// Appends copies of the first `width` columns of the object at this place.
    fn push_columns(&self, slot: Slot, width: usize, to: &mut PackedValues);
    /// Calls `differing` with each column in which the object differs from a snapshot, or which
    /// is blind there.
    fn compare(
        &self,
        slot: Slot,
        snapshot: Snapshot<'_>,
        differing: &mut dyn FnMut(usize, Option<ValueRef<'_>>),
    );
    /// Writes a column of the object at this place.
    fn set_column(
        &mut self,
        slot: Slot,
        index: usize,
        value: Option<Value>,
    ) -> Result<(), ValueError>;
    /// Puts an object made of a row at this place; on failure says also which column it was.
    fn decode(&mut self, slot: Slot, row: Row<'_>) -> Result<(), (usize, ValueError)>;
    /// Puts a copy of one object's columns at another place.
    fn copy(&mut self, from: Slot, to: Slot);
    /// Whether the object holds initial relationship values that nobody took.
    fn has_links(&self, slot: Slot) -> bool;
    /// Drops the object at this place.
    fn vacate(&mut self, slot: Slot);
    /// Drops all objects.
    fn clear(&mut self);
    /// Room for so many more.
    fn make_room(&mut self, additional: usize);
    /// The store as itself.
    fn as_any(&self) -> &dyn Any;
    /// The store as itself, to be changed.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// The objects of type `T`.
pub(crate) struct TypedStore<T> {
    pub(crate) objects: Vec<Option<T>>,
}

impl<T> TypedStore<T> {
    pub(crate) fn new() -> Self {
        Self { objects: Vec::new() }
    }
}

impl<T> fmt::Debug for TypedStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedStore({} places)", self.objects.len())
    }
}

impl<T: Object> Store for TypedStore<T> {
    fn reserve(&mut self) -> Slot {
        self.objects.push(None);
        Slot(self.objects.len() as u32 - 1)
    }

    #[inline]
    fn column(&self, slot: Slot, index: usize) -> Option<ValueRef<'_>> {
        self.objects[slot.0 as usize].as_ref()?.column(index)
    }

    fn push_columns(&self, slot: Slot, width: usize, to: &mut PackedValues) {
        let object = self.objects[slot.0 as usize].as_ref();
        for index in 0..width {
            to.push_optional(object.and_then(|object| object.column(index)));
        }
    }

    fn compare(
        &self,
        slot: Slot,
        snapshot: Snapshot<'_>,
        differing: &mut dyn FnMut(usize, Option<ValueRef<'_>>),
    ) {
        let object = self.objects[slot.0 as usize].as_ref();
        for (index, old) in snapshot.values().enumerate() {
            let now = object.and_then(|object| object.column(index));
            let same = match (now, old) {
                (Some(now), Some(old)) => now == old,
                (None, None) => true,
                (Some(one), None) => one.is_null(),
                (None, Some(one)) => one.is_null(),
            };
            if !same || snapshot.is_blind(index) {
                differing(index, now);
            }
        }
    }

    #[inline]
    fn set_column(
        &mut self,
        slot: Slot,
        index: usize,
        value: Option<Value>,
    ) -> Result<(), ValueError> {
        match &mut self.objects[slot.0 as usize] {
            Some(object) => object.set_column(index, value),
            None => Ok(()),
        }
    }

    fn decode(&mut self, slot: Slot, row: Row<'_>) -> Result<(), (usize, ValueError)> {
        let mut reader = RowReader::new(row);
        let object = T::decode(&mut reader).map_err(|error| (reader.column(), error))?;
        self.objects[slot.0 as usize] = Some(object);
        Ok(())
    }

    fn copy(&mut self, from: Slot, to: Slot) {
        let copy = self.objects[from.0 as usize].as_ref().map(T::copy);
        self.objects[to.0 as usize] = copy;
    }

    fn has_links(&self, slot: Slot) -> bool {
        self.objects[slot.0 as usize].as_ref().is_some_and(Object::has_links)
    }

    fn vacate(&mut self, slot: Slot) {
        self.objects[slot.0 as usize] = None;
    }

    fn clear(&mut self) {
        self.objects.clear();
    }

    fn make_room(&mut self, additional: usize) {
        self.objects.reserve(additional);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
