//! Values: what one column of one row holds, between the user's structs and the database.

mod column;
mod packed;

use std::fmt;
use std::hash::{Hash, Hasher};

pub use column::ColumnValue;
pub(crate) use packed::{Packed, PackedValues};
#[cfg(feature = "uuid")]
pub use uuid::Uuid;

/// The type of a column, in entail's own terms; each dialect has its words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnType {
    /// `i16`.
    SmallInt,
    /// `i32`.
    Integer,
    /// `i64`.
    BigInt,
    /// `f32`.
    Real,
    /// `f64`.
    Double,
    /// `bool`.
    Boolean,
    /// `String`, of at most `length` characters where one is given.
    Text {
        /// The greatest number of characters, or none for no limit.
        length: Option<u32>,
    },
    /// `Vec<u8>`.
    Bytes,
    /// `chrono::NaiveDate`.
    Date,
    /// `chrono::NaiveTime`.
    Time,
    /// `chrono::NaiveDateTime`: a date and time without a time zone.
    DateTime,
    /// `chrono::DateTime<Utc>`: a point in time.
    Timestamp,
    /// `Uuid`.
    Uuid,
}

impl ColumnType {
    /// Whether a foreign key of type `self` may point at a column of type `other`.
    ///
    /// Lengths do not matter, and integers of different width may refer to each other,
    /// because every database compares them by value.
    pub fn refers_to(self, other: Self) -> bool {
        use ColumnType::*;
        match (self, other) {
            (SmallInt | Integer | BigInt, SmallInt | Integer | BigInt) => true,
            (Text { .. }, Text { .. }) => true,
            (a, b) => a == b,
        }
    }
}

/// One value of one column.
///
/// It owns what it holds and takes 24 bytes. Equality is that of the stored value: two `NaN`s
/// of one bit pattern are equal, so that an unchanged row compares as unchanged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of up to 64 bits.
    Int(i64),
    /// A floating point number.
    Float(f64),
    /// A text.
    Text(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// A date.
    #[cfg(feature = "chrono")]
    Date(chrono::NaiveDate),
    /// A time of day.
    #[cfg(feature = "chrono")]
    Time(chrono::NaiveTime),
    /// A date and time without a time zone.
    #[cfg(feature = "chrono")]
    DateTime(chrono::NaiveDateTime),
    /// A point in time.
    #[cfg(feature = "chrono")]
    Timestamp(chrono::DateTime<chrono::Utc>),
    /// A UUID.
    #[cfg(feature = "uuid")]
    Uuid(Uuid),
}

/// A [`Value`] that is borrowed from the object that has it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// SQL NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of up to 64 bits.
    Int(i64),
    /// A floating point number.
    Float(f64),
    /// A text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A date.
    #[cfg(feature = "chrono")]
    Date(chrono::NaiveDate),
    /// A time of day.
    #[cfg(feature = "chrono")]
    Time(chrono::NaiveTime),
    /// A date and time without a time zone.
    #[cfg(feature = "chrono")]
    DateTime(chrono::NaiveDateTime),
    /// A point in time.
    #[cfg(feature = "chrono")]
    Timestamp(chrono::DateTime<chrono::Utc>),
    /// A UUID.
    #[cfg(feature = "uuid")]
    Uuid(Uuid),
}

impl Value {
    /// Borrows the value.
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Bool(v) => ValueRef::Bool(*v),
            Value::Int(v) => ValueRef::Int(*v),
            Value::Float(v) => ValueRef::Float(*v),
            Value::Text(v) => ValueRef::Text(v),
            Value::Bytes(v) => ValueRef::Bytes(v),
            #[cfg(feature = "chrono")]
            Value::Date(v) => ValueRef::Date(*v),
            #[cfg(feature = "chrono")]
            Value::Time(v) => ValueRef::Time(*v),
            #[cfg(feature = "chrono")]
            Value::DateTime(v) => ValueRef::DateTime(*v),
            #[cfg(feature = "chrono")]
            Value::Timestamp(v) => ValueRef::Timestamp(*v),
            #[cfg(feature = "uuid")]
            Value::Uuid(v) => ValueRef::Uuid(*v),
        }
    }

    /// Whether this is SQL NULL.
    #[inline]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

impl<'a> ValueRef<'a> {
    /// Copies the value into one of its own.
    #[inline]
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Bool(v) => Value::Bool(v),
            ValueRef::Int(v) => Value::Int(v),
            ValueRef::Float(v) => Value::Float(v),
            ValueRef::Text(v) => Value::Text(v.into()),
            ValueRef::Bytes(v) => Value::Bytes(v.into()),
            #[cfg(feature = "chrono")]
            ValueRef::Date(v) => Value::Date(v),
            #[cfg(feature = "chrono")]
            ValueRef::Time(v) => Value::Time(v),
            #[cfg(feature = "chrono")]
            ValueRef::DateTime(v) => Value::DateTime(v),
            #[cfg(feature = "chrono")]
            ValueRef::Timestamp(v) => Value::Timestamp(v),
            #[cfg(feature = "uuid")]
            ValueRef::Uuid(v) => Value::Uuid(v),
        }
    }

    /// Whether this is SQL NULL.
    #[inline]
    pub fn is_null(self) -> bool {
        matches!(self, ValueRef::Null)
    }

    /// The word for the kind of this value, for messages.
    pub fn kind(self) -> &'static str {
        match self {
            ValueRef::Null => "NULL",
            ValueRef::Bool(_) => "a boolean",
            ValueRef::Int(_) => "an integer",
            ValueRef::Float(_) => "a floating point number",
            ValueRef::Text(_) => "a text",
            ValueRef::Bytes(_) => "bytes",
            #[cfg(feature = "chrono")]
            ValueRef::Date(_) => "a date",
            #[cfg(feature = "chrono")]
            ValueRef::Time(_) => "a time",
            #[cfg(feature = "chrono")]
            ValueRef::DateTime(_) => "a date and time",
            #[cfg(feature = "chrono")]
            ValueRef::Timestamp(_) => "a point in time",
            #[cfg(feature = "uuid")]
            ValueRef::Uuid(_) => "a UUID",
        }
    }
}

impl PartialEq for ValueRef<'_> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (ValueRef::Null, ValueRef::Null) => true,
            (ValueRef::Bool(a), ValueRef::Bool(b)) => a == b,
            (ValueRef::Int(a), ValueRef::Int(b)) => a == b,
            (ValueRef::Float(a), ValueRef::Float(b)) => a.to_bits() == b.to_bits(),
            (ValueRef::Text(a), ValueRef::Text(b)) => a == b,
            (ValueRef::Bytes(a), ValueRef::Bytes(b)) => a == b,
            #[cfg(feature = "chrono")]
            (ValueRef::Date(a), ValueRef::Date(b)) => a == b,
            #[cfg(feature = "chrono")]
            (ValueRef::Time(a), ValueRef::Time(b)) => a == b,
            #[cfg(feature = "chrono")]
            (ValueRef::DateTime(a), ValueRef::DateTime(b)) => a == b,
            #[cfg(feature = "chrono")]
            (ValueRef::Timestamp(a), ValueRef::Timestamp(b)) => a == b,
            #[cfg(feature = "uuid")]
            (ValueRef::Uuid(a), ValueRef::Uuid(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for ValueRef<'_> {}

impl Hash for ValueRef<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            ValueRef::Null => state.write_u8(0),
            ValueRef::Bool(v) => state.write_u8(1 + u8::from(*v)),
            ValueRef::Int(v) => state.write_i64(*v),
            ValueRef::Float(v) => state.write_u64(v.to_bits()),
            ValueRef::Text(v) => v.hash(state),
            ValueRef::Bytes(v) => v.hash(state),
            #[cfg(feature = "chrono")]
            ValueRef::Date(v) => v.hash(state),
            #[cfg(feature = "chrono")]
            ValueRef::Time(v) => v.hash(state),
            #[cfg(feature = "chrono")]
            ValueRef::DateTime(v) => v.hash(state),
            #[cfg(feature = "chrono")]
            ValueRef::Timestamp(v) => v.hash(state),
            #[cfg(feature = "uuid")]
            ValueRef::Uuid(v) => v.hash(state),
        }
    }
}

impl PartialOrd for ValueRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of keys: by kind first, then by value. It is total, so that rows of one table
/// are always written in one order.
impl Ord for ValueRef<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        fn rank(value: &ValueRef<'_>) -> u8 {
            match value {
                ValueRef::Null => 0,
                ValueRef::Bool(_) => 1,
                ValueRef::Int(_) => 2,
                ValueRef::Float(_) => 3,
                ValueRef::Text(_) => 4,
                ValueRef::Bytes(_) => 5,
                #[cfg(feature = "chrono")]
                ValueRef::Date(_) => 6,
                #[cfg(feature = "chrono")]
                ValueRef::Time(_) => 7,
                #[cfg(feature = "chrono")]
                ValueRef::DateTime(_) => 8,
                #[cfg(feature = "chrono")]
                ValueRef::Timestamp(_) => 9,
                #[cfg(feature = "uuid")]
                ValueRef::Uuid(_) => 10,
            }
        }
        match (self, other) {
            (ValueRef::Bool(a), ValueRef::Bool(b)) => a.cmp(b),
            (ValueRef::Int(a), ValueRef::Int(b)) => a.cmp(b),
            (ValueRef::Float(a), ValueRef::Float(b)) => a.total_cmp(b),
            (ValueRef::Text(a), ValueRef::Text(b)) => a.cmp(b),
            (ValueRef::Bytes(a), ValueRef::Bytes(b)) => a.cmp(b),
            #[cfg(feature = "chrono")]
            (ValueRef::Date(a), ValueRef::Date(b)) => a.cmp(b),
            #[cfg(feature = "chrono")]
            (ValueRef::Time(a), ValueRef::Time(b)) => a.cmp(b),
            #[cfg(feature = "chrono")]
            (ValueRef::DateTime(a), ValueRef::DateTime(b)) => a.cmp(b),
            #[cfg(feature = "chrono")]
            (ValueRef::Timestamp(a), ValueRef::Timestamp(b)) => a.cmp(b),
            #[cfg(feature = "uuid")]
            (ValueRef::Uuid(a), ValueRef::Uuid(b)) => a.cmp(b),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
}

impl PartialEq for Value {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // Most keys are integers.
            (Value::Int(one), Value::Int(other)) => one == other,
            _ => self.as_ref() == other.as_ref(),
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Value::Int(value) => state.write_i64(*value),
            _ => self.as_ref().hash(state),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_ref().cmp(&other.as_ref())
    }
}

/// Values print as SQL literals do: texts in single quotes, bytes as `X'..'`.
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueRef::Null => f.write_str("NULL"),
            ValueRef::Bool(v) => write!(f, "{v}"),
            ValueRef::Int(v) => write!(f, "{v}"),
            ValueRef::Float(v) => write!(f, "{v}"),
            ValueRef::Text(v) => write!(f, "'{}'", v.replace('\'', "''")),
            ValueRef::Bytes(v) => {
                f.write_str("X'")?;
                for byte in v.iter() {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str("'")
            }
            #[cfg(feature = "chrono")]
            ValueRef::Date(v) => write!(f, "'{v}'"),
            #[cfg(feature = "chrono")]
            ValueRef::Time(v) => write!(f, "'{v}'"),
            #[cfg(feature = "chrono")]
            ValueRef::DateTime(v) => write!(f, "'{v}'"),
            #[cfg(feature = "chrono")]
            ValueRef::Timestamp(v) => write!(f, "'{}'", v.to_rfc3339()),
            #[cfg(feature = "uuid")]
            ValueRef::Uuid(v) => write!(f, "'{v}'"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// Why a [`Value`] could not become a field of a struct.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct ValueError {
    /// What the field takes.
    pub expected: &'static str,
    /// What was there.
    pub found: String,
}

impl ValueError {
    /// Says that `expected` was asked for and `found` was there.
    pub fn new(expected: &'static str, found: ValueRef<'_>) -> Self {
        let found = match found {
            ValueRef::Int(v) => format!("the integer {v}"),
            other => other.kind().to_owned(),
        };
        Self { expected, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_24_bytes() {
        assert_eq!(size_of::<Value>(), 24);
        assert_eq!(size_of::<Option<Value>>(), 24);
    }

    #[test]
    fn integers_that_do_not_fit_are_refused() {
        let error = i16::from_value(Value::Int(40_000)).unwrap_err();
        assert_eq!(error.to_string(), "expected an integer of 16 bits, found the integer 40000");
    }

    #[test]
    fn texts_print_as_literals() {
        assert_eq!(Value::from("it's").to_string(), "'it''s'");
        assert_eq!(Value::from(vec![0u8, 255]).to_string(), "X'00ff'");
    }

    #[test]
    fn a_nan_equals_itself() {
        assert_eq!(Value::Float(f64::NAN), Value::Float(f64::NAN));
    }
}
