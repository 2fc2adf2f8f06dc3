//! Decoding: values on their way from SQLite, which stores any value in any column.

use entail_engine::value::{ColumnType, Value};
use rusqlite::types::ValueRef;

/// Takes a value of a column whose type is known; none if it is no value of that type, for
/// which [`reason`] has the reason.
#[inline]
pub(crate) fn typed(stored: ValueRef<'_>, ty: ColumnType) -> Option<Value> {
    use ColumnType::*;
    Some(match (ty, stored) {
        (_, ValueRef::Null) => Value::Null,
        (SmallInt | Integer | BigInt, ValueRef::Integer(value)) => Value::Int(value),
        (Text { .. }, ValueRef::Text(bytes)) => Value::Text(utf8(bytes)?.into()),
        (Real | Double, ValueRef::Real(value)) => Value::Float(value),
        // A column with numeric affinity keeps a whole number as an integer.
        (Real | Double, ValueRef::Integer(value)) => Value::Float(value as f64),
        (Boolean, ValueRef::Integer(value @ (0 | 1))) => Value::Bool(value == 1),
        (Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.into()),
        (Date | Time | DateTime | Timestamp, ValueRef::Text(bytes)) => time(utf8(bytes)?, ty)?,
        _ => return None,
    })
}

/// Takes a value as it is stored; none if it is a text that is not UTF-8.
#[inline]
pub(crate) fn stored(value: ValueRef<'_>) -> Option<Value> {
    Some(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Float(value),
        ValueRef::Text(bytes) => Value::Text(utf8(bytes)?.into()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.into()),
    })
}

#[inline]
fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(feature = "chrono")]
fn time(text: &str, ty: ColumnType) -> Option<Value> {
    use crate::time_text;
    match ty {
        ColumnType::Date => time_text::to_date(text).map(Value::Date),
        ColumnType::Time => time_text::to_time(text).map(Value::Time),
        ColumnType::DateTime => time_text::to_date_time(text).map(Value::DateTime),
        _ => time_text::to_timestamp(text).map(Value::Timestamp),
    }
}

#[cfg(not(feature = "chrono"))]
fn time(_text: &str, _ty: ColumnType) -> Option<Value> {
    None
}

/// Why a stored value is none of its column, which has a type or takes every value.
#[cold]
pub(crate) fn reason(stored: ValueRef<'_>, ty: Option<ColumnType>) -> String {
    let found = match stored {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(value) => format!("the integer {value}"),
        ValueRef::Real(_) => "a floating point number".to_owned(),
        ValueRef::Text(bytes) => match (std::str::from_utf8(bytes), ty) {
            (Err(error), _) => return format!("the text is not valid UTF-8: {error}"),
            (Ok(text), Some(ty)) if is_time(ty) => format!("the text {text:?}"),
            (Ok(_), _) => "a text".to_owned(),
        },
        ValueRef::Blob(_) => "bytes".to_owned(),
    };
    let feature = match ty {
        Some(ty) if is_time(ty) && cfg!(not(feature = "chrono")) => {
            "; reading it needs the feature `chrono`"
        }
        _ => "",
    };
    format!("expected {}, found {found}{feature}", ty.map_or("any value", expected))
}

fn is_time(ty: ColumnType) -> bool {
    use ColumnType::*;
    matches!(ty, Date | Time | DateTime | Timestamp)
}

fn expected(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt => "an integer",
        ColumnType::Real | ColumnType::Double => "a floating point number",
        ColumnType::Boolean => "0 or 1 for a boolean",
        ColumnType::Text { .. } => "a text",
        ColumnType::Bytes => "bytes",
        ColumnType::Date => "a date as `YYYY-MM-DD`",
        ColumnType::Time => "a time as `HH:MM:SS`",
        ColumnType::DateTime => "a date and time as `YYYY-MM-DD HH:MM:SS`",
        ColumnType::Timestamp => "a point in time as `YYYY-MM-DD HH:MM:SS+00:00`",
        _ => "a value of a type that this driver knows",
    }
}
