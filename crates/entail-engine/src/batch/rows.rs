//! Rows: what a query gave back, packed. Texts lie one after the other in one buffer, so that a
//! row costs no allocation of its own, and reading many rows goes through memory in one line.

use std::fmt;

use crate::value::{Value, ValueRef};

/// Rows of values, one after the other.
#[derive(Clone, Default)]
pub struct Rows {
    names: Vec<String>,
    width: usize,
    cells: Vec<Packed>,
    text: String,
    bytes: Vec<u8>,
    /// Values that lie beyond what a [`Packed`] can point at.
    large: Vec<Value>,
}

/// One value: itself, or where it lies. It takes 16 bytes.
#[derive(Clone, Copy)]
enum Packed {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Span),
    Bytes(Span),
    Large(u32),
    #[cfg(feature = "chrono")]
    Date(chrono::NaiveDate),
    #[cfg(feature = "chrono")]
    Time(chrono::NaiveTime),
    #[cfg(feature = "chrono")]
    DateTime(chrono::NaiveDateTime),
    #[cfg(feature = "chrono")]
    Timestamp(chrono::NaiveDateTime),
}

/// A part of a buffer.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The part of `length` behind `start`, unless it lies too far behind.
    fn new(start: usize, length: usize) -> Option<Self> {
        let end = u32::try_from(start.checked_add(length)?).ok()?;
        Some(Self { start: start as u32, end })
    }

    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
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
        let packed = match value {
            ValueRef::Null => Packed::Null,
            ValueRef::Bool(value) => Packed::Bool(value),
            ValueRef::Int(value) => Packed::Int(value),
            ValueRef::Float(value) => Packed::Float(value),
            ValueRef::Text(text) => match Span::new(self.text.len(), text.len()) {
                Some(span) => {
                    self.text.push_str(text);
                    Packed::Text(span)
                }
                None => self.keep(value),
            },
            ValueRef::Bytes(bytes) => match Span::new(self.bytes.len(), bytes.len()) {
                Some(span) => {
                    self.bytes.extend_from_slice(bytes);
                    Packed::Bytes(span)
                }
                None => self.keep(value),
            },
            #[cfg(feature = "chrono")]
            ValueRef::Date(value) => Packed::Date(value),
            #[cfg(feature = "chrono")]
            ValueRef::Time(value) => Packed::Time(value),
            #[cfg(feature = "chrono")]
            ValueRef::DateTime(value) => Packed::DateTime(value),
            #[cfg(feature = "chrono")]
            ValueRef::Timestamp(value) => Packed::Timestamp(value.naive_utc()),
        };
        self.cells.push(packed);
    }

    #[cold]
    fn keep(&mut self, value: ValueRef<'_>) -> Packed {
        self.large.push(value.to_value());
        Packed::Large(self.large.len() as u32 - 1)
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
        self.cells.len().checked_div(self.width).unwrap_or(0)
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
        self.cells.chunks_exact(self.width.max(1)).map(|cells| Row { rows: self, cells })
    }

    /// All values, row by row.
    pub fn values(&self) -> impl Iterator<Item = ValueRef<'_>> {
        self.cells.iter().map(|&packed| self.unpack(packed))
    }

    #[inline]
    fn unpack(&self, packed: Packed) -> ValueRef<'_> {
        match packed {
            Packed::Null => ValueRef::Null,
            Packed::Bool(value) => ValueRef::Bool(value),
            Packed::Int(value) => ValueRef::Int(value),
            Packed::Float(value) => ValueRef::Float(value),
            Packed::Text(span) => ValueRef::Text(&self.text[span.range()]),
            Packed::Bytes(span) => ValueRef::Bytes(&self.bytes[span.range()]),
            Packed::Large(place) => self.large[place as usize].as_ref(),
            #[cfg(feature = "chrono")]
            Packed::Date(value) => ValueRef::Date(value),
            #[cfg(feature = "chrono")]
            Packed::Time(value) => ValueRef::Time(value),
            #[cfg(feature = "chrono")]
            Packed::DateTime(value) => ValueRef::DateTime(value),
            #[cfg(feature = "chrono")]
            Packed::Timestamp(value) => ValueRef::Timestamp(value.and_utc()),
        }
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
    fn a_packed_value_takes_16_bytes() {
        assert_eq!(size_of::<Packed>(), 16);
    }

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
    fn a_row_can_be_read_behind_its_first_values() {
        let rows = Rows::of(3, ["a", "b", "c"]);
        let row = rows.iter().next().map(|row| row.skip(2));
        assert_eq!(row.map(|row| (row.width(), row.value(0))), Some((1, ValueRef::Text("c"))));
        assert_eq!(row.map(|row| row.value(7)), Some(ValueRef::Null));
    }

    #[test]
    fn what_lies_too_far_behind_is_kept_by_itself() {
        assert!(Span::new(u32::MAX as usize - 1, 1).is_some());
        assert!(Span::new(u32::MAX as usize, 1).is_none());
        let mut rows = Rows::new(1);
        let packed = rows.keep(ValueRef::Text("far"));
        rows.cells.push(packed);
        assert_eq!(rows.value(0, 0), Some(ValueRef::Text("far")));
    }
}
