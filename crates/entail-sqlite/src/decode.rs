//! Decoding: values on their way from SQLite, which stores any value in any column.

use entail_engine::value::{ColumnType, Value};
use rusqlite::types::ValueRef;

/// Takes a value of a column whose type is known.
///
/// The error says why it cannot be one.
#[inline]
pub(crate) fn typed(stored: ValueRef<'_>, ty: ColumnType) -> Result<Value, String> {
    use ColumnType::*;
    Ok(match (ty, stored) {
        (_, ValueRef::Null) => Value::Null,
        (SmallInt | Integer | BigInt, ValueRef::Integer(value)) => Value::Int(value),
        (Text { .. }, ValueRef::Text(bytes)) => Value::Text(utf8(bytes)?.into()),
        (Real | Double, ValueRef::Real(value)) => Value::Float(value),
        // A column with numeric affinity keeps a whole number as an integer.
        (Real | Double, ValueRef::Integer(value)) => Value::Float(value as f64),
        (Boolean, ValueRef::Integer(value @ (0 | 1))) => Value::Bool(value == 1),
        (Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.into()),
        (Date | Time | DateTime | Timestamp, ValueRef::Text(bytes)) => time(utf8(bytes)?, ty)?,
        (ty, other) => return Err(mismatch(ty, other)),
    })
}

/// Takes a value as it is stored.
#[inline]
pub(crate) fn stored(value: ValueRef<'_>) -> Result<Value, String> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Float(value),
        ValueRef::Text(bytes) => Value::Text(utf8(bytes)?.into()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.into()),
    })
}

#[inline]
fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| format!("the text is not valid UTF-8: {error}"))
}

#[cfg(feature = "chrono")]
fn time(text: &str, ty: ColumnType) -> Result<Value, String> {
    use crate::time_text;
    match ty {
        ColumnType::Date => time_text::to_date(text).map(Value::Date),
        ColumnType::Time => time_text::to_time(text).map(Value::Time),
        ColumnType::DateTime => time_text::to_date_time(text).map(Value::DateTime),
        _ => time_text::to_timestamp(text).map(Value::Timestamp),
    }
    .ok_or_else(|| format!("expected {}, found the text {text:?}", expected(ty)))
}

#[cfg(not(feature = "chrono"))]
fn time(_text: &str, ty: ColumnType) -> Result<Value, String> {
    Err(format!("reading {} needs the feature `chrono`", expected(ty)))
}

#[cold]
fn mismatch(ty: ColumnType, stored: ValueRef<'_>) -> String {
    let found = match stored {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(value) => format!("the integer {value}"),
        ValueRef::Real(_) => "a floating point number".to_owned(),
        ValueRef::Text(_) => "a text".to_owned(),
        ValueRef::Blob(_) => "bytes".to_owned(),
    };
    format!("expected {}, found {found}", expected(ty))
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
