//! Rows: what a query gave back, packed.

use std::fmt;

use crate::value::{Packed, PackedValues, Value, ValueRef};

/// Rows of values, one after the other.
#[derive(Clone, Default)]
pub struct Rows {
    names: Vec<String>,
    width: usize,
    packed: PackedValues,
}

impl Rows {
    /// No rows yet, of so many values each.
    pub fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// No rows yet, with the names of their columns.
    pub fn named(names: Vec<String>) -> Self {
        Self { width: names.len(), names, ..Self::default() }
    }

    /// Rows of so many values each, made of values.
    pub fn of<V: Into<Value>>(width: usize, values: impl IntoIterator<Item = V>) -> Self {
        let mut rows = Self::new(width);
        values.into_iter().for_each(|value| rows.push(value.into().as_ref()));
        rows
    }

    /// Appends a value, row by row.
    #[inline]
    pub fn push(&mut self, value: ValueRef<'_>) {
        self.packed.push(value);
    }

    /// Appends a value that is not set, in a row that is no database's.
    pub(crate) fn push_unset(&mut self) {
        self.packed.push_optional(None);
    }

    /// Appends the rows of another part of the same answer.
    pub fn append(&mut self, part: &Rows) {
        if self.is_empty() {
            self.clone_from(part);
        } else {
            part.values().for_each(|value| self.push(value));
        }
    }

    /// Drops all rows, and keeps room for more.
    pub fn clear(&mut self) {
        self.packed.clear();
    }

    /// The names of the columns, where the statement is raw SQL; otherwise empty.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many values a row has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.packed.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row in a column; none where there is no such row or column.
    pub fn value(&self, row: usize, column: usize) -> Option<ValueRef<'_>> {
        self.iter().nth(row).filter(|row| column < row.width()).map(|row| row.value(column))
    }

    /// The rows, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.packed.cells().chunks_exact(self.width.max(1)).map(|cells| Row { rows: self, cells })
    }

    /// All values, row by row.
    pub fn values(&self) -> impl Iterator<Item = ValueRef<'_>> {
        self.packed.cells().iter().map(|&packed| self.unpack(packed))
    }

    #[inline]
    fn unpack(&self, packed: Packed) -> ValueRef<'_> {
        self.packed.unpack(packed).unwrap_or(ValueRef::Null)
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Rows are equal if they have the same names and values.
impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names && self.width == other.width && self.iter().eq(other.iter())
    }
}

/// One row of [`Rows`].
#[derive(Clone, Copy)]
pub struct Row<'a> {
    rows: &'a Rows,
    cells: &'a [Packed],
}

impl<'a> Row<'a> {
    /// How many values it has.
    pub fn width(self) -> usize {
        self.cells.len()
    }

    /// The value of a column; NULL beyond the last one.
    #[inline]
    pub fn value(self, column: usize) -> ValueRef<'a> {
        self.cells.get(column).map_or(ValueRef::Null, |&packed| self.rows.unpack(packed))
    }

    /// The value of a column; none if it is not set.
    #[inline]
    pub(crate) fn set_value(self, column: usize) -> Option<ValueRef<'a>> {
        self.cells.get(column).and_then(|&packed| self.rows.packed.unpack(packed))
    }

    /// The row without its first values.
    pub fn skip(self, values: usize) -> Self {
        Self { cells: self.cells.get(values..).unwrap_or_default(), ..self }
    }

    /// The values, in their order.
    pub fn iter(self) -> impl Iterator<Item = ValueRef<'a>> {
        self.cells.iter().map(move |&packed| self.rows.unpack(packed))
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Row<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_out_as_they_went_in() {
        let values = [
            Value::from("one"),
            Value::Null,
            Value::from(vec![1u8, 2]),
            Value::from(""),
            Value::Int(-3),
            Value::Float(0.5),
        ];
        let rows = Rows::of(3, values.clone());
        let read: Vec<Value> = rows.values().map(ValueRef::to_value).collect();
        assert_eq!((rows.len(), read), (2, values.to_vec()));
        assert_eq!(rows.value(1, 1), Some(ValueRef::Int(-3)));
        assert_eq!((rows.value(1, 3), rows.value(2, 0)), (None, None));
    }

    #[test]
    fn parts_of_an_answer_become_one() {
        let mut rows = Rows::named(vec!["a".to_owned(), "b".to_owned()]);
        let mut part = rows.clone();
        part.push(ValueRef::Int(1));
        part.push(ValueRef::Text("x"));
        rows.append(&part);
        rows.append(&part);
        part.clear();
        rows.append(&part);
        assert_eq!((rows.len(), part.len(), rows.names().len()), (2, 0, 2));
        assert_eq!(rows.value(1, 1), Some(ValueRef::Text("x")));
    }

    #[test]
    fn a_row_can_be_read_behind_its_first_values() {
        let rows = Rows::of(3, ["a", "b", "c"]);
        let row = rows.iter().next().map(|row| row.skip(2));
        assert_eq!(row.map(|row| (row.width(), row.value(0))), Some((1, ValueRef::Text("c"))));
        assert_eq!(row.map(|row| row.value(7)), Some(ValueRef::Null));
    }
}
