//! Packed values: 16 bytes each, with all texts in one buffer. Many values cost no allocation of
//! their own, and reading them goes through memory in one line.

use std::ops::Range;

use super::{Value, ValueRef};

/// A list of values, each of which may be unset.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackedValues {
    cells: Vec<Packed>,
    text: String,
    bytes: Vec<u8>,
    /// Values that lie beyond what a [`Packed`] can point at.
    large: Vec<Value>,
}

/// One value: itself, or where it lies. It takes 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Packed {
    Unset,
    /// A slot of a batch, where the list is one of parameters.
    Slot(u32),
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
    /// Its bytes.
    #[cfg(feature = "uuid")]
    Uuid(Span),
}

/// A part of a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The part of `length` behind `start`, unless it lies too far behind.
    fn new(start: usize, length: usize) -> Option<Self> {
        let end = u32::try_from(start.checked_add(length)?).ok()?;
        Some(Self { start: start as u32, end })
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl PackedValues {
    /// Appends a value.
    #[inline]
    pub fn push(&mut self, value: ValueRef<'_>) {
        let packed = self.pack(value);
        self.cells.push(packed);
    }

    /// Appends a value, or that it is unset.
    #[inline]
    pub fn push_optional(&mut self, value: Option<ValueRef<'_>>) {
        let packed = value.map_or(Packed::Unset, |value| self.pack(value));
        self.cells.push(packed);
    }

    /// Appends a slot.
    pub fn push_slot(&mut self, slot: u32) {
        self.cells.push(Packed::Slot(slot));
    }

    /// Writes a slot over what is at a place.
    pub fn set_slot(&mut self, place: usize, slot: u32) {
        self.cells[place] = Packed::Slot(slot);
    }

    /// Gives each slot its new number: that of its old one in the list.
    pub fn renumber_slots(&mut self, numbers: &[u32]) {
        for cell in &mut self.cells {
            if let Packed::Slot(slot) = cell {
                *slot = numbers[*slot as usize];
            }
        }
    }

    /// Room for so many more.
    pub fn reserve(&mut self, additional: usize) {
        self.cells.reserve(additional);
    }

    /// Writes over a value. What the former one had in a buffer stays there; see
    /// [`compact`](Self::compact).
    pub fn set(&mut self, place: usize, value: Option<ValueRef<'_>>) {
        self.cells[place] = value.map_or(Packed::Unset, |value| self.pack(value));
    }

    #[inline]
    fn pack(&mut self, value: ValueRef<'_>) -> Packed {
        match value {
            // The most usual ones, where they are needed.
            ValueRef::Null => Packed::Null,
            ValueRef::Int(value) => Packed::Int(value),
            _ => self.pack_other(value),
        }
    }

    fn pack_other(&mut self, value: ValueRef<'_>) -> Packed {
        match value {
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
            #[cfg(feature = "uuid")]
            ValueRef::Uuid(id) => match Span::new(self.bytes.len(), 16) {
                Some(span) => {
                    self.bytes.extend_from_slice(id.as_bytes());
                    Packed::Uuid(span)
                }
                None => self.keep(value),
            },
        }
    }

    #[cold]
    fn keep(&mut self, value: ValueRef<'_>) -> Packed {
        self.large.push(value.to_value());
        Packed::Large(self.large.len() as u32 - 1)
    }

    /// The values in their places.
    #[inline]
    pub fn cells(&self) -> &[Packed] {
        &self.cells
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// A value; none if it is unset.
    #[inline]
    pub fn unpack(&self, packed: Packed) -> Option<ValueRef<'_>> {
        match packed {
            // The most usual ones, where they are needed.
            Packed::Int(value) => Some(ValueRef::Int(value)),
            Packed::Text(span) => Some(ValueRef::Text(&self.text[span.range()])),
            _ => self.unpack_other(packed),
        }
    }

    fn unpack_other(&self, packed: Packed) -> Option<ValueRef<'_>> {
        Some(match packed {
            Packed::Unset | Packed::Slot(_) => return None,
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
            #[cfg(feature = "uuid")]
            Packed::Uuid(span) => {
                let bytes = self.bytes[span.range()].try_into();
                ValueRef::Uuid(uuid::Uuid::from_bytes(bytes.unwrap_or_default()))
            }
        })
    }

    /// Whether this is the value; NULL and unset are one.
    #[inline]
    pub fn holds(&self, packed: Packed, value: ValueRef<'_>) -> bool {
        match (packed, value) {
            (Packed::Int(one), ValueRef::Int(other)) => one == other,
            (Packed::Text(span), ValueRef::Text(text)) => {
                self.text.as_bytes()[span.range()] == *text.as_bytes()
            }
            (packed, value) => self.unpack(packed).unwrap_or(ValueRef::Null) == value,
        }
    }

    /// How much the buffers hold, in use or not.
    pub fn buffered(&self) -> usize {
        self.text.len() + self.bytes.len() + self.large.len()
    }

    /// Drops from the buffers what no value uses any more.
    pub fn compact(&mut self) {
        let mut compacted = Self::default();
        compacted.cells.reserve(self.cells.len());
        for &packed in &self.cells {
            match packed {
                Packed::Slot(slot) => compacted.push_slot(slot),
                packed => compacted.push_optional(self.unpack(packed)),
            }
        }
        *self = compacted;
    }

    /// Drops all values, and keeps room for some.
    pub fn clear(&mut self) {
        /// Room for so many values, or bytes of text, is worth keeping.
        const KEPT: usize = 4096;
        self.cells.clear();
        self.cells.shrink_to(KEPT);
        self.text.clear();
        self.text.shrink_to(KEPT);
        self.bytes = Vec::new();
        self.large = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_value_takes_16_bytes() {
        assert_eq!(size_of::<Packed>(), 16);
    }

    fn read(values: &PackedValues) -> Vec<Option<Value>> {
        let unpacked = values.cells().iter().map(|&packed| values.unpack(packed));
        unpacked.map(|value| value.map(ValueRef::to_value)).collect()
    }

    #[test]
    fn values_come_out_as_they_went_in() {
        let given = [
            Some(Value::from("one")),
            Some(Value::Null),
            Some(Value::from(vec![1u8, 2])),
            None,
            Some(Value::from("")),
            Some(Value::Int(-3)),
            Some(Value::Float(0.5)),
            Some(Value::Bool(true)),
        ];
        let mut values = PackedValues::default();
        given.iter().for_each(|value| values.push_optional(value.as_ref().map(Value::as_ref)));
        assert_eq!(read(&values), given);
        values.compact();
        assert_eq!(read(&values), given);
    }

    #[test]
    fn compacting_drops_what_was_written_over() {
        let mut values = PackedValues::default();
        values.push(ValueRef::Text("before"));
        values.push(ValueRef::Text("kept"));
        values.set(0, Some(ValueRef::Text("now")));
        assert_eq!(values.buffered(), 13);
        values.compact();
        assert_eq!(values.buffered(), 7);
        assert_eq!(read(&values), [Some(Value::from("now")), Some(Value::from("kept"))]);
    }

    #[test]
    fn what_lies_too_far_behind_is_kept_by_itself() {
        assert!(Span::new(u32::MAX as usize - 1, 1).is_some());
        assert!(Span::new(u32::MAX as usize, 1).is_none());
        let mut values = PackedValues::default();
        let packed = values.keep(ValueRef::Text("far"));
        values.cells.push(packed);
        assert_eq!(read(&values), [Some(Value::from("far"))]);
    }
}
