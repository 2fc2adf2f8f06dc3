//! Decoding: values on their way from SQLite, which stores any value in any column.

use entail_engine::value::{ColumnType, ValueRef};
use rusqlite::types::ValueRef as Stored;

/// Takes a value of a column whose type is known; none if it is no value of that type, for
/// which [`reason`] has the reason.
#[inline]
pub(crate) fn typed(stored: Stored<'_>, ty: ColumnType) -> Option<ValueRef<'_>> {
    use ColumnType::*;
    Some(match (ty, stored) {
        (_, Stored::Null) => ValueRef::Null,
        (SmallInt | Integer | BigInt, Stored::Integer(value)) => ValueRef::Int(value),
        (Text { .. }, Stored::Text(bytes)) => ValueRef::Text(utf8(bytes)?),
        (Real | Double, Stored::Real(value)) => ValueRef::Float(value),
        // A column with numeric affinity keeps a whole number as an integer.
        (Real | Double, Stored::Integer(value)) => ValueRef::Float(value as f64),
        (Boolean, Stored::Integer(value @ (0 | 1))) => ValueRef::Bool(value == 1),
        (Bytes, Stored::Blob(bytes)) => ValueRef::Bytes(bytes),
        (Date | Time | DateTime | Timestamp, Stored::Text(bytes)) => time(utf8(bytes)?, ty)?,
        #[cfg(feature = "uuid")]
        (Uuid, Stored::Blob(bytes)) => ValueRef::Uuid(uuid::Uuid::from_slice(bytes).ok()?),
        _ => return None,
    })
}

/// Takes a value as it is stored; none if it is a text that is not UTF-8.
#[inline]
pub(crate) fn stored(value: Stored<'_>) -> Option<ValueRef<'_>> {
    Some(match value {
        Stored::Null => ValueRef::Null,
        Stored::Integer(value) => ValueRef::Int(value),
        Stored::Real(value) => ValueRef::Float(value),
        Stored::Text(bytes) => ValueRef::Text(utf8(bytes)?),
        Stored::Blob(bytes) => ValueRef::Bytes(bytes),
    })
}

#[inline]
fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(feature = "chrono")]
fn time(text: &str, ty: ColumnType) -> Option<ValueRef<'static>> {
    use crate::time_text;
    match ty {
        ColumnType::Date => time_text::to_date(text).map(ValueRef::Date),
        ColumnType::Time => time_text::to_time(text).map(ValueRef::Time),
        ColumnType::DateTime => time_text::to_date_time(text).map(ValueRef::DateTime),
        _ => time_text::to_timestamp(text).map(ValueRef::Timestamp),
    }
}

#[cfg(not(feature = "chrono"))]
fn time(_text: &str, _ty: ColumnType) -> Option<ValueRef<'static>> {
    None
}

/// Why a stored value is none of its column, which has a type or takes every value.
#[cold]
pub(crate) fn reason(stored: Stored<'_>, ty: Option<ColumnType>) -> String {
    let found = match stored {
        Stored::Null => "NULL".to_owned(),
        Stored::Integer(value) => format!("the integer {value}"),
        Stored::Real(_) => "a floating point number".to_owned(),
        Stored::Text(bytes) => match (std::str::from_utf8(bytes), ty) {
            (Err(error), _) => return format!("the text is not valid UTF-8: {error}"),
            (Ok(text), Some(ty)) if is_time(ty) => format!("the text {text:?}"),
            (Ok(_), _) => "a text".to_owned(),
        },
        Stored::Blob(_) => "bytes".to_owned(),
    };
    let feature = match ty {
        Some(ColumnType::Uuid) if cfg!(not(feature = "uuid")) => {
            "; reading it needs the feature `uuid`"
        }
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
        ColumnType::Uuid => "a UUID as 16 bytes",
        _ => "a value of a type that this driver knows",
    }
}
