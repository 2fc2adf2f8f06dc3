//! The Rust types that columns can hold, and how they become values and come back.

#[cfg(feature = "uuid")]
use uuid::Uuid;

use super::{ColumnType, Value, ValueError, ValueRef};

/// A Rust type that a column can hold.
///
/// It is implemented for `i16`, `i32`, `i64`, `f32`, `f64`, `bool`, `String`, `Vec<u8>`, the
/// types of chrono and `Uuid` (with the features of those names), and `Option` of each of
/// them.
pub trait ColumnValue: Sized {
    /// The type of the column.
    const TYPE: ColumnType;
    /// Whether the column may be NULL.
    const NULLABLE: bool = false;

    /// Borrows the value for the database.
    fn to_ref(&self) -> ValueRef<'_>;

    /// Takes a value that came from the database.
    ///
    /// # Errors
    ///
    /// A [`ValueError`] where the value is of another kind or does not fit.
    fn from_value(value: Value) -> Result<Self, ValueError>;

    /// Takes a value out of a row. It does the same as [`from_value`](Self::from_value), which
    /// is enough to be implemented; this one may save a copy.
    ///
    /// # Errors
    ///
    /// As for [`from_value`](Self::from_value).
    #[inline]
    fn from_ref(value: ValueRef<'_>) -> Result<Self, ValueError> {
        Self::from_value(value.to_value())
    }
}

macro_rules! integer_column {
    ($($rust:ty => $column:ident, $expected:literal;)*) => {$(
        impl ColumnValue for $rust {
            const TYPE: ColumnType = ColumnType::$column;

            #[inline]
            fn to_ref(&self) -> ValueRef<'_> {
                ValueRef::Int(i64::from(*self))
            }

            #[inline]
            fn from_value(value: Value) -> Result<Self, ValueError> {
                Self::from_ref(value.as_ref())
            }

            #[inline]
            fn from_ref(value: ValueRef<'_>) -> Result<Self, ValueError> {
                match value {
                    ValueRef::Int(v) => <$rust>::try_from(v)
                        .map_err(|_| ValueError::new($expected, ValueRef::Int(v))),
                    other => Err(ValueError::new($expected, other)),
                }
            }
        }

        impl From<$rust> for Value {
            fn from(value: $rust) -> Self {
                Value::Int(i64::from(value))
            }
        }
    )*};
}

integer_column! {
    i16 => SmallInt, "an integer of 16 bits";
    i32 => Integer, "an integer of 32 bits";
    i64 => BigInt, "an integer of 64 bits";
}

macro_rules! float_column {
    ($($rust:ty => $column:ident, $expected:literal;)*) => {$(
        impl ColumnValue for $rust {
            const TYPE: ColumnType = ColumnType::$column;

            #[inline]
            fn to_ref(&self) -> ValueRef<'_> {
                ValueRef::Float(f64::from(*self))
            }

            #[inline]
            fn from_value(value: Value) -> Result<Self, ValueError> {
                Self::from_ref(value.as_ref())
            }

            #[inline]
            fn from_ref(value: ValueRef<'_>) -> Result<Self, ValueError> {
                match value {
                    ValueRef::Float(v) => Ok(v as $rust),
                    // Databases without a type of their own for it give whole numbers as integers.
                    ValueRef::Int(v) => Ok(v as $rust),
                    other => Err(ValueError::new($expected, other)),
                }
            }
        }

        impl From<$rust> for Value {
            fn from(value: $rust) -> Self {
                Value::Float(f64::from(value))
            }
        }
    )*};
}

float_column! {
    f32 => Real, "a floating point number of 32 bits";
    f64 => Double, "a floating point number of 64 bits";
}

impl ColumnValue for bool {
    const TYPE: ColumnType = ColumnType::Boolean;

    #[inline]
    fn to_ref(&self) -> ValueRef<'_> {
        ValueRef::Bool(*self)
    }

    #[inline]
    fn from_value(value: Value) -> Result<Self, ValueError> {
        Self::from_ref(value.as_ref())
    }

    #[inline]
    fn from_ref(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Bool(v) => Ok(v),
            ValueRef::Int(0) => Ok(false),
            ValueRef::Int(1) => Ok(true),
            other => Err(ValueError::new("a boolean", other)),
        }
    }
}

impl ColumnValue for String {
    const TYPE: ColumnType = ColumnType::Text { length: None };

    #[inline]
    fn to_ref(&self) -> ValueRef<'_> {
        ValueRef::Text(self)
    }

    #[inline]
    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Text(v) => Ok(v.into_string()),
            other => Err(ValueError::new("a text", other.as_ref())),
        }
    }

    #[inline]
    fn from_ref(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Text(v) => Ok(v.to_owned()),
            other => Err(ValueError::new("a text", other)),
        }
    }
}

impl ColumnValue for Vec<u8> {
    const TYPE: ColumnType = ColumnType::Bytes;

    #[inline]
    fn to_ref(&self) -> ValueRef<'_> {
        ValueRef::Bytes(self)
    }

    #[inline]
    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Bytes(v) => Ok(v.into_vec()),
            other => Err(ValueError::new("bytes", other.as_ref())),
        }
    }

    #[inline]
    fn from_ref(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Bytes(v) => Ok(v.to_owned()),
            other => Err(ValueError::new("bytes", other)),
        }
    }
}

#[cfg(feature = "chrono")]
macro_rules! chrono_column {
    ($($rust:ty => $column:ident, $expected:literal;)*) => {$(
        impl ColumnValue for $rust {
            const TYPE: ColumnType = ColumnType::$column;

            fn to_ref(&self) -> ValueRef<'_> {
                ValueRef::$column(*self)
            }

            fn from_value(value: Value) -> Result<Self, ValueError> {
                match value {
                    Value::$column(v) => Ok(v),
                    other => Err(ValueError::new($expected, other.as_ref())),
                }
            }
        }

        impl From<$rust> for Value {
            fn from(value: $rust) -> Self {
                Value::$column(value)
            }
        }
    )*};
}

#[cfg(feature = "chrono")]
chrono_column! {
    chrono::NaiveDate => Date, "a date";
    chrono::NaiveTime => Time, "a time";
    chrono::NaiveDateTime => DateTime, "a date and time";
    chrono::DateTime<chrono::Utc> => Timestamp, "a point in time";
}

#[cfg(feature = "uuid")]
impl ColumnValue for Uuid {
    const TYPE: ColumnType = ColumnType::Uuid;

    #[inline]
    fn to_ref(&self) -> ValueRef<'_> {
        ValueRef::Uuid(*self)
    }

    #[inline]
    fn from_value(value: Value) -> Result<Self, ValueError> {
        Self::from_ref(value.as_ref())
    }

    #[inline]
    fn from_ref(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Uuid(v) => Ok(v),
            other => Err(ValueError::new("a UUID", other)),
        }
    }
}

#[cfg(feature = "uuid")]
impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        Value::Uuid(value)
    }
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;

    #[inline]
    fn to_ref(&self) -> ValueRef<'_> {
        self.as_ref().map_or(ValueRef::Null, T::to_ref)
    }

    #[inline]
    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }

    #[inline]
    fn from_ref(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::from_ref(value).map(Some),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(value.into_boxed_str())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Value::Bytes(value.into_boxed_slice())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
