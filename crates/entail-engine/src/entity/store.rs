//! Stores: all objects of one entity in one typed vector, seen by the engine as rows of values.

use std::any::Any;
use std::fmt;

use crate::arena::Snapshot;
use crate::batch::Row;
use crate::handle::Slot;
use crate::room;
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
    /// Appends copies of these columns of the object at this place, NULL for what is unset; says
    /// how many of them are NULL.
    fn push_listed(&self, slot: Slot, columns: &[usize], to: &mut PackedValues) -> usize;
    /// Calls `differing` with each column in which the object differs from a snapshot, or which
    /// is blind there.
    fn compare(
        &self,
        slot: Slot,
        snapshot: Snapshot<'_>,
        differing: &mut dyn FnMut(usize, Option<ValueRef<'_>>),
    );
    /// Calls `given` with each column that is set in an object of another store, or of this one,
    /// and differs at `to`; with [`Given::All`], whether it differs or not.
    fn compare_with(
        &self,
        to: Slot,
        source: (&dyn Store, Slot),
        which: Given,
        given: &mut dyn FnMut(usize, ValueRef<'_>),
    );
    /// Puts an object of another store at this place.
    fn take_over(&mut self, to: Slot, from: &mut dyn Store, slot: Slot);
    /// Writes a column of the object at this place.
    fn set_column(
        &mut self,
        slot: Slot,
        index: usize,
        value: Option<Value>,
    ) -> Result<(), ValueError>;
    /// Writes an integer into a column of the object at this place.
    fn set_int(&mut self, slot: Slot, index: usize, value: i64) -> Result<(), ValueError>;
    /// Puts an object made of a row at this place; on failure says also which column it was.
    fn decode(&mut self, slot: Slot, row: &Row<'_>) -> Result<(), (usize, ValueError)>;
    /// Appends an object made of a row; on failure says also which column it was.
    fn push_decoded(&mut self, row: &Row<'_>) -> Result<Slot, (usize, ValueError)>;
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

/// Which columns a comparison gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// Those that differ.
    Differing,
    /// All that are set.
    All,
}

/// The objects of type `T`.
pub(crate) struct TypedStore<T> {
    pub(crate) objects: Vec<Option<T>>,
}

impl<T> TypedStore<T> {
    pub(crate) fn new() -> Self {
        Self { objects: Vec::new() }
    }

    /// Puts an object at a place, or none, and gives the one that was there.
    pub(crate) fn replace(&mut self, slot: Slot, object: Option<T>) -> Option<T> {
        std::mem::replace(&mut self.objects[slot.0 as usize], object)
    }
}

impl<T> fmt::Debug for TypedStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedStore({} places)", self.objects.len())
    }
}

impl<T: Object> Store for TypedStore<T> {
    fn reserve(&mut self) -> Slot {
        room::push(&mut self.objects, None);
        Slot(self.objects.len() as u32 - 1)
    }

    #[inline]
    fn column(&self, slot: Slot, index: usize) -> Option<ValueRef<'_>> {
        self.objects[slot.0 as usize].as_ref()?.column(index)
    }

    fn push_columns(&self, slot: Slot, width: usize, to: &mut PackedValues) {
        let mut next = 0;
        if let Some(object) = &self.objects[slot.0 as usize] {
            object.columns(|index, value| {
                if index < width {
                    to.push_optional(value);
                    next = index + 1;
                }
            });
        }
        (next..width).for_each(|_| to.push_optional(None));
    }

    fn push_listed(&self, slot: Slot, columns: &[usize], to: &mut PackedValues) -> usize {
        let object = self.objects[slot.0 as usize].as_ref();
        let mut nulls = 0;
        for &index in columns {
            let value = object.and_then(|object| object.column(index)).unwrap_or(ValueRef::Null);
            nulls += usize::from(value.is_null());
            to.push(value);
        }
        nulls
    }

    fn compare(
        &self,
        slot: Slot,
        snapshot: Snapshot<'_>,
        differing: &mut dyn FnMut(usize, Option<ValueRef<'_>>),
    ) {
        let mut compare = |index, now| {
            if !snapshot.holds(index, now) || snapshot.is_blind(index) {
                differing(index, now);
            }
        };
        let mut next = 0;
        if let Some(object) = &self.objects[slot.0 as usize] {
            object.columns(|index, now| {
                if index < snapshot.width() {
                    compare(index, now);
                    next = index + 1;
                }
            });
        }
        (next..snapshot.width()).for_each(|index| compare(index, None));
    }

    fn compare_with(
        &self,
        to: Slot,
        (store, from): (&dyn Store, Slot),
        which: Given,
        given: &mut dyn FnMut(usize, ValueRef<'_>),
    ) {
        let store = store.as_any().downcast_ref::<Self>();
        let source = store.and_then(|store| store.objects[from.0 as usize].as_ref());
        let target = self.objects[to.0 as usize].as_ref();
        let Some(source) = source else { return };
        source.columns(|index, value| {
            let Some(value) = value else { return };
            let now = || target.and_then(|target| target.column(index));
            if which == Given::All || now() != Some(value) {
                given(index, value);
            }
        });
    }

    fn take_over(&mut self, to: Slot, from: &mut dyn Store, slot: Slot) {
        if let Some(from) = from.as_any_mut().downcast_mut::<Self>() {
            self.objects[to.0 as usize] = from.objects[slot.0 as usize].take();
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

    fn set_int(&mut self, slot: Slot, index: usize, value: i64) -> Result<(), ValueError> {
        self.set_column(slot, index, Some(Value::Int(value)))
    }

    fn decode(&mut self, slot: Slot, row: &Row<'_>) -> Result<(), (usize, ValueError)> {
        self.push_decoded(row)?;
        self.objects[slot.0 as usize] = self.objects.pop().flatten();
        Ok(())
    }

    fn push_decoded(&mut self, row: &Row<'_>) -> Result<Slot, (usize, ValueError)> {
        let mut reader = RowReader::new(*row);
        let object = T::decode(&mut reader).map_err(|error| (reader.column(), error))?;
        self.objects.push(Some(object));
        Ok(Slot(self.objects.len() as u32 - 1))
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
