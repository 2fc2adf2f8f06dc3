//! Parameters: what a call gives to its statement, packed, and shared with the plan.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::value::{Packed, PackedValues, Value, ValueRef};

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Param {
    /// A value.
    Value(Value),
    /// What an earlier statement of the batch put into this slot.
    Slot(u32),
}

/// A [`Param`] that is borrowed from a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParamRef<'a> {
    /// A value.
    Value(ValueRef<'a>),
    /// What an earlier statement of the batch put into this slot.
    Slot(u32),
}

impl Param {
    /// Borrows the parameter.
    #[inline]
    pub fn as_ref(&self) -> ParamRef<'_> {
        match self {
            Param::Value(value) => ParamRef::Value(value.as_ref()),
            Param::Slot(slot) => ParamRef::Slot(*slot),
        }
    }
}

impl ParamRef<'_> {
    /// The order of keys: values first, then slots by number.
    pub fn compare(self, other: ParamRef<'_>) -> Ordering {
        match (self, other) {
            (ParamRef::Value(a), ParamRef::Value(b)) => a.cmp(&b),
            (ParamRef::Slot(a), ParamRef::Slot(b)) => a.cmp(&b),
            (ParamRef::Value(_), ParamRef::Slot(_)) => Ordering::Less,
            (ParamRef::Slot(_), ParamRef::Value(_)) => Ordering::Greater,
        }
    }

    /// A parameter that owns what it holds.
    pub fn to_param(self) -> Param {
        match self {
            ParamRef::Value(value) => Param::Value(value.to_value()),
            ParamRef::Slot(slot) => Param::Slot(slot),
        }
    }
}

impl From<Value> for Param {
    fn from(value: Value) -> Self {
        Param::Value(value)
    }
}

/// A list of parameters.
#[derive(Clone, Default)]
pub struct ParamList {
    packed: PackedValues,
}

impl ParamList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a parameter.
    #[inline]
    pub fn push(&mut self, param: ParamRef<'_>) {
        match param {
            ParamRef::Value(value) => self.packed.push(value),
            ParamRef::Slot(slot) => self.packed.push_slot(slot),
        }
    }

    /// Writes over a parameter.
    pub fn set(&mut self, place: usize, param: ParamRef<'_>) {
        match param {
            ParamRef::Value(value) => self.packed.set(place, Some(value)),
            ParamRef::Slot(slot) => self.packed.set_slot(place, slot),
        }
    }

    /// Appends the last `width` parameters so many times more.
    pub(crate) fn repeat_last(&mut self, width: usize, times: usize) {
        self.packed.repeat_last(width, times);
    }

    /// The values behind the parameters, to append some.
    pub(crate) fn packed_mut(&mut self) -> &mut PackedValues {
        &mut self.packed
    }

    /// Room for so many more.
    pub fn reserve(&mut self, additional: usize) {
        self.packed.reserve(additional);
    }

    /// Gives each slot its new number: that of its old one in the list.
    pub(crate) fn renumber_slots(&mut self, numbers: &[u32]) {
        self.packed.renumber_slots(numbers);
    }

    /// Puts rows of `width` parameters into the order of their former places.
    pub(crate) fn reorder(&mut self, places: &[usize], width: usize) {
        self.packed.reorder(places, width);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them.
    #[inline]
    pub fn as_slice(&self) -> ParamSlice<'_> {
        ParamSlice { list: self, cells: self.packed.cells() }
    }

    #[inline]
    fn unpack(&self, packed: Packed) -> ParamRef<'_> {
        match packed.slot() {
            Some(slot) => ParamRef::Slot(slot),
            None => ParamRef::Value(self.packed.unpack(packed).unwrap_or(ValueRef::Null)),
        }
    }
}

impl<'a> Extend<ParamRef<'a>> for ParamList {
    fn extend<I: IntoIterator<Item = ParamRef<'a>>>(&mut self, params: I) {
        params.into_iter().for_each(|param| self.push(param));
    }
}

impl FromIterator<Param> for ParamList {
    fn from_iter<I: IntoIterator<Item = Param>>(params: I) -> Self {
        let mut list = Self::new();
        params.into_iter().for_each(|param| list.push(param.as_ref()));
        list
    }
}

impl FromIterator<Value> for ParamList {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        values.into_iter().map(Param::Value).collect()
    }
}

impl PartialEq for ParamList {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl fmt::Debug for ParamList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// Some parameters of a list, one after the other.
#[derive(Clone, Copy)]
pub struct ParamSlice<'a> {
    list: &'a ParamList,
    cells: &'a [Packed],
}

impl<'a> ParamSlice<'a> {
    /// How many there are.
    #[inline]
    pub fn len(self) -> usize {
        self.cells.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.cells.is_empty()
    }

    /// The parameter at a place, if there are so many.
    #[inline]
    pub fn get(self, place: usize) -> Option<ParamRef<'a>> {
        self.cells.get(place).map(|&packed| self.list.unpack(packed))
    }

    /// A part of them; what lies beyond the end is left out.
    #[inline]
    pub fn part(self, start: usize, length: usize) -> Self {
        let start = start.min(self.cells.len());
        let end = start.saturating_add(length).min(self.cells.len());
        Self { cells: &self.cells[start..end], ..self }
    }

    /// Parts of `width` each.
    pub fn chunks(self, width: usize) -> impl Iterator<Item = ParamSlice<'a>> {
        self.cells.chunks(width.max(1)).map(move |cells| Self { cells, ..self })
    }

    /// Compares two keys part by part.
    pub fn compare(self, other: ParamSlice<'_>) -> Ordering {
        for (&one, &two) in self.cells.iter().zip(other.cells) {
            let ordering = match (one.as_int(), two.as_int()) {
                (Some(one), Some(two)) => one.cmp(&two),
                _ => self.list.unpack(one).compare(other.list.unpack(two)),
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }

    /// The parameters, in their order.
    pub fn iter(self) -> impl Iterator<Item = ParamRef<'a>> + Clone {
        self.cells.iter().map(move |&packed| self.list.unpack(packed))
    }
}

impl PartialEq for ParamSlice<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for ParamSlice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Parameters of a call, shared with the plan they come from.
#[derive(Clone, Debug)]
pub struct Params {
    all: Arc<ParamList>,
    range: Range<usize>,
}

impl Params {
    /// All of the given parameters.
    pub fn new(params: impl Into<Arc<ParamList>>) -> Self {
        let all = params.into();
        Self { range: 0..all.len(), all }
    }

    /// A part of shared parameters. `range` must lie within them.
    pub fn part(all: &Arc<ParamList>, range: Range<usize>) -> Self {
        debug_assert!(range.end <= all.len());
        Self { all: Arc::clone(all), range }
    }

    /// No parameters.
    pub fn none() -> Self {
        Self::new(ParamList::new())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The parameters.
    #[inline]
    pub fn as_slice(&self) -> ParamSlice<'_> {
        self.all.as_slice().part(self.range.start, self.range.len())
    }
}

impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl From<Vec<Param>> for ParamList {
    fn from(params: Vec<Param>) -> Self {
        params.into_iter().collect()
    }
}

impl From<Vec<Param>> for Params {
    fn from(params: Vec<Param>) -> Self {
        Self::new(ParamList::from(params))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_slots_lie_side_by_side() {
        let given = [Param::Slot(3), Param::from(Value::from("a")), Param::from(Value::Null)];
        let mut list: ParamList = given.iter().cloned().collect();
        let read: Vec<Param> = list.as_slice().iter().map(ParamRef::to_param).collect();
        assert_eq!(read, given);
        list.renumber_slots(&[0, 0, 0, 7]);
        list.set(2, ParamRef::Value(ValueRef::Int(1)));
        assert_eq!(format!("{list:?}"), r#"[Slot(7), Value(Text("a")), Value(Int(1))]"#);
    }

    #[test]
    fn a_part_ends_where_the_list_ends() {
        let list: ParamList = [1, 2, 3].into_iter().map(Value::Int).collect();
        let part = list.as_slice().part(1, 9);
        assert_eq!((part.len(), part.get(1), part.get(2)), (2, list.as_slice().get(2), None));
        assert_eq!(list.as_slice().chunks(2).map(ParamSlice::len).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(list.as_slice().part(7, 1).len(), 0);
    }
}
