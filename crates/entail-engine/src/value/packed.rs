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

/// One value: itself, or where it lies. It is two words, and no enum with a payload, so that it stays in
/// registers: an enum is put together in memory piece by piece and read back as a whole, for which a
/// processor waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed {
    kind: Kind,
    word: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unset,
    Null,
    /// A slot of a batch, where the list is one of parameters.
    Slot,
    Bool,
    Int,
    Float,
    /// A [`Span`] of the texts.
    Text,
    /// A [`Span`] of the bytes.
    Bytes,
    /// A place among the large values.
    Large,
    #[cfg(feature = "chrono")]
    Date,
    #[cfg(feature = "chrono")]
    Time,
    /// A [`Span`] of the bytes: a date, then a time.
    #[cfg(feature = "chrono")]
    DateTime,
    #[cfg(feature = "chrono")]
    Timestamp,
    /// A [`Span`] of the bytes.
    #[cfg(feature = "uuid")]
    Uuid,
}

impl Packed {
    const UNSET: Packed = Packed { kind: Kind::Unset, word: 0 };
    const NULL: Packed = Packed { kind: Kind::Null, word: 0 };

    #[inline]
    const fn int(value: i64) -> Self {
        Self { kind: Kind::Int, word: value as u64 }
    }

    #[inline]
    const fn number_of_slot(slot: u32) -> Self {
        Self { kind: Kind::Slot, word: slot as u64 }
    }

    #[inline]
    const fn span(kind: Kind, span: Span) -> Self {
        Self { kind, word: (span.end as u64) << 32 | span.start as u64 }
    }

    #[inline]
    const fn range(self) -> Range<usize> {
        self.word as u32 as usize..(self.word >> 32) as usize
    }

    /// The slot that it is.
    #[inline]
    pub fn slot(self) -> Option<u32> {
        (self.kind == Kind::Slot).then_some(self.word as u32)
    }

    /// The integer that it is.
    #[inline]
    pub fn as_int(self) -> Option<i64> {
        (self.kind == Kind::Int).then_some(self.word as i64)
    }
}

/// A part of a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The part of `length` behind `start`, unless it lies too far behind.
    #[inline]
    fn new(start: usize, length: usize) -> Option<Self> {
        let end = u32::try_from(start.checked_add(length)?).ok()?;
        Some(Self { start: start as u32, end })
    }
}

/// Room for the texts of a row or a few, once there is one.
const FIRST_TEXTS: usize = 64;

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
        let packed = value.map_or(Packed::UNSET, |value| self.pack(value));
        self.cells.push(packed);
    }

    /// Appends a slot.
    pub fn push_slot(&mut self, slot: u32) {
        self.cells.push(Packed::number_of_slot(slot));
    }

    /// Writes a slot over what is at a place.
    pub fn set_slot(&mut self, place: usize, slot: u32) {
        self.cells[place] = Packed::number_of_slot(slot);
    }

    /// Gives each slot its new number: that of its old one in the list.
    pub fn renumber_slots(&mut self, numbers: &[u32]) {
        for cell in &mut self.cells {
            if let Some(slot) = cell.slot() {
                *cell = Packed::number_of_slot(numbers[slot as usize]);
            }
        }
    }

    /// Puts groups of `width` values into the order of their former places.
    pub fn reorder(&mut self, places: &[usize], width: usize) {
        let mut cells = Vec::with_capacity(self.cells.len());
        for place in places {
            cells.extend_from_slice(&self.cells[place * width..][..width]);
        }
        self.cells = cells;
    }

    /// Appends the last `width` values so many times more.
    pub fn repeat_last(&mut self, width: usize, times: usize) {
        self.reserve(width * times);
        for _ in 0..times {
            self.cells.extend_from_within(self.cells.len() - width..);
        }
    }

    /// Room for so many more.
    pub fn reserve(&mut self, additional: usize) {
        self.cells.reserve(additional);
    }

    /// Writes over a value. What the former one had in a buffer stays there; see
    /// [`compact`](Self::compact).
    pub fn set(&mut self, place: usize, value: Option<ValueRef<'_>>) {
        self.cells[place] = value.map_or(Packed::UNSET, |value| self.pack(value));
    }

    #[inline]
    fn pack(&mut self, value: ValueRef<'_>) -> Packed {
        match value {
            // The most usual ones, where they are needed.
            ValueRef::Null => Packed::NULL,
            ValueRef::Int(value) => Packed::int(value),
            _ => self.pack_other(value),
        }
    }

    fn pack_other(&mut self, value: ValueRef<'_>) -> Packed {
        let (kind, word) = match value {
            ValueRef::Null => return Packed::NULL,
            ValueRef::Int(value) => return Packed::int(value),
            ValueRef::Bool(value) => (Kind::Bool, u64::from(value)),
            ValueRef::Float(value) => (Kind::Float, value.to_bits()),
            ValueRef::Text(text) => match Span::new(self.text.len(), text.len()) {
                Some(span) => {
                    if self.text.capacity() == 0 {
                        self.text.reserve(text.len().max(FIRST_TEXTS));
                    }
                    self.text.push_str(text);
                    return Packed::span(Kind::Text, span);
                }
                None => return self.keep(value),
            },
            ValueRef::Bytes(bytes) => return self.pack_bytes(Kind::Bytes, bytes, value),
            #[cfg(feature = "chrono")]
            ValueRef::Date(date) => (Kind::Date, clock::of_date(date)),
            #[cfg(feature = "chrono")]
            ValueRef::Time(time) if clock::time(clock::of_time(time)) == Some(time) => {
                (Kind::Time, clock::of_time(time))
            }
            #[cfg(feature = "chrono")]
            ValueRef::Time(_) => return self.keep(value),
            #[cfg(feature = "chrono")]
            ValueRef::DateTime(at) => return self.pack_date_time(Kind::DateTime, at, value),
            #[cfg(feature = "chrono")]
            ValueRef::Timestamp(at) => {
                return self.pack_date_time(Kind::Timestamp, at.naive_utc(), value);
            }
            #[cfg(feature = "uuid")]
            ValueRef::Uuid(id) => return self.pack_bytes(Kind::Uuid, id.as_bytes(), value),
        };
        Packed { kind, word }
    }

    /// Puts what a value is made of behind the other bytes.
    fn pack_bytes(&mut self, kind: Kind, bytes: &[u8], value: ValueRef<'_>) -> Packed {
        match Span::new(self.bytes.len(), bytes.len()) {
            Some(span) => {
                self.bytes.extend_from_slice(bytes);
                Packed::span(kind, span)
            }
            None => self.keep(value),
        }
    }

    #[cfg(feature = "chrono")]
    fn pack_date_time(
        &mut self,
        kind: Kind,
        at: chrono::NaiveDateTime,
        value: ValueRef<'_>,
    ) -> Packed {
        let bytes = clock::of_date_time(at);
        match clock::date_time(&bytes) {
            Some(back) if back == at => self.pack_bytes(kind, &bytes, value),
            _ => self.keep(value),
        }
    }

    #[cold]
    fn keep(&mut self, value: ValueRef<'_>) -> Packed {
        self.large.push(value.to_value());
        Packed { kind: Kind::Large, word: self.large.len() as u64 - 1 }
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
        match packed.kind {
            // The most usual ones, where they are needed.
            Kind::Int => Some(ValueRef::Int(packed.word as i64)),
            Kind::Text => Some(ValueRef::Text(&self.text[packed.range()])),
            _ => self.unpack_other(packed),
        }
    }

    fn unpack_other(&self, packed: Packed) -> Option<ValueRef<'_>> {
        let Packed { kind, word } = packed;
        Some(match kind {
            Kind::Unset | Kind::Slot => return None,
            Kind::Null => ValueRef::Null,
            Kind::Bool => ValueRef::Bool(word != 0),
            Kind::Int => ValueRef::Int(word as i64),
            Kind::Float => ValueRef::Float(f64::from_bits(word)),
            Kind::Text => ValueRef::Text(&self.text[packed.range()]),
            Kind::Bytes => ValueRef::Bytes(&self.bytes[packed.range()]),
            Kind::Large => self.large[word as usize].as_ref(),
            // What was packed can be unpacked.
            #[cfg(feature = "chrono")]
            Kind::Date => ValueRef::Date(clock::date(word).unwrap_or_default()),
            #[cfg(feature = "chrono")]
            Kind::Time => ValueRef::Time(clock::time(word).unwrap_or_default()),
            #[cfg(feature = "chrono")]
            Kind::DateTime => ValueRef::DateTime(self.date_time(packed)),
            #[cfg(feature = "chrono")]
            Kind::Timestamp => ValueRef::Timestamp(self.date_time(packed).and_utc()),
            #[cfg(feature = "uuid")]
            Kind::Uuid => {
                let bytes = self.bytes[packed.range()].try_into();
                ValueRef::Uuid(uuid::Uuid::from_bytes(bytes.unwrap_or_default()))
            }
        })
    }

    #[cfg(feature = "chrono")]
    fn date_time(&self, packed: Packed) -> chrono::NaiveDateTime {
        clock::date_time(&self.bytes[packed.range()]).unwrap_or_default()
    }

    /// Whether this is the value; NULL and unset are one.
    #[inline]
    pub fn holds(&self, packed: Packed, value: ValueRef<'_>) -> bool {
        match (packed.kind, value) {
            (Kind::Int, ValueRef::Int(other)) => packed.word as i64 == other,
            (Kind::Text, ValueRef::Text(text)) => {
                self.text.as_bytes()[packed.range()] == *text.as_bytes()
            }
            (_, value) => self.unpack(packed).unwrap_or(ValueRef::Null) == value,
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
            match packed.slot() {
                Some(slot) => compacted.push_slot(slot),
                None => compacted.push_optional(self.unpack(packed)),
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

/// Dates and times as words and bytes. A second that leaps where none does cannot be made of them.
#[cfg(feature = "chrono")]
mod clock {
    use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

    /// A date, then a time.
    type DateTimeBytes = [u8; 12];

    pub(super) fn of_date(date: NaiveDate) -> u64 {
        u64::from(date.num_days_from_ce() as u32)
    }

    pub(super) fn date(word: u64) -> Option<NaiveDate> {
        NaiveDate::from_num_days_from_ce_opt(word as u32 as i32)
    }

    pub(super) fn of_time(time: NaiveTime) -> u64 {
        u64::from(time.num_seconds_from_midnight()) << 32 | u64::from(time.nanosecond())
    }

    pub(super) fn time(word: u64) -> Option<NaiveTime> {
        NaiveTime::from_num_seconds_from_midnight_opt((word >> 32) as u32, word as u32)
    }

    pub(super) fn of_date_time(at: NaiveDateTime) -> DateTimeBytes {
        let mut bytes = DateTimeBytes::default();
        let (date, time) = bytes.split_at_mut(4);
        date.copy_from_slice(&at.date().num_days_from_ce().to_le_bytes());
        time.copy_from_slice(&of_time(at.time()).to_le_bytes());
        bytes
    }

    pub(super) fn date_time(bytes: &[u8]) -> Option<NaiveDateTime> {
        let (days, seconds) = bytes.split_first_chunk()?;
        let date = NaiveDate::from_num_days_from_ce_opt(i32::from_le_bytes(*days))?;
        let time = time(u64::from_le_bytes(seconds.try_into().ok()?))?;
        Some(date.and_time(time))
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

    #[cfg(feature = "chrono")]
    #[test]
    fn dates_and_times_come_out_as_they_went_in() {
        use chrono::{NaiveDate, NaiveTime, Timelike};

        let times = [
            NaiveTime::MIN,
            NaiveTime::from_hms_nano_opt(23, 59, 59, 999_999_999).unwrap_or_default(),
            // Seconds that leap, at the end of a minute and in the middle of one.
            NaiveTime::from_hms_nano_opt(23, 59, 59, 1_500_000_000).unwrap_or_default(),
            NaiveTime::MIN.with_nanosecond(1_500_000_000).unwrap_or_default(),
        ];
        let dates = [NaiveDate::MIN, NaiveDate::default(), NaiveDate::MAX];
        let mut given = Vec::new();
        for date in dates {
            given.push(Some(Value::Date(date)));
            for time in times {
                given.push(Some(Value::Time(time)));
                given.push(Some(Value::DateTime(date.and_time(time))));
                given.push(Some(Value::Timestamp(date.and_time(time).and_utc())));
            }
        }
        let mut values = PackedValues::default();
        given.iter().for_each(|value| values.push_optional(value.as_ref().map(Value::as_ref)));
        assert_eq!(read(&values), given);
        assert_eq!(values.large.len(), 9);
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
