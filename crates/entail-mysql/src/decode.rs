//! Decoding: values on their way from the server.
//!
//! In the binary protocol numbers and times come in a form of their own, in the text protocol all
//! come as text. Both are read here, because a number as text has only one meaning.

#[cfg(feature = "chrono")]
mod time;

use entail_engine::value::{ColumnType, ValueRef};
use mysql_async::consts::{ColumnFlags, ColumnType as ServerType};
use mysql_async::{Column, Value};

/// Takes a value of a column whose type the engine knows; none if it is no value of that type,
/// for which [`reason`] has the reason.
pub(crate) fn typed<'a>(value: &'a Value, column: &Column, ty: ColumnType) -> Option<ValueRef<'a>> {
    if *value == Value::NULL {
        return Some(ValueRef::Null);
    }
    Some(match ty {
        ColumnType::SmallInt => whole(value, column, i64::from(i16::MIN), i64::from(i16::MAX))?,
        ColumnType::Integer => whole(value, column, i64::from(i32::MIN), i64::from(i32::MAX))?,
        ColumnType::BigInt => whole(value, column, i64::MIN, i64::MAX)?,
        ColumnType::Boolean => {
            ValueRef::Bool(integer(value, column).filter(|n| matches!(n, 0 | 1))? == 1)
        }
        ColumnType::Real | ColumnType::Double => ValueRef::Float(float(value, column)?),
        ColumnType::Text { .. } => ValueRef::Text(text(value, column)?),
        ColumnType::Bytes => match value {
            Value::Bytes(bytes) if is_string(column.column_type()) => ValueRef::Bytes(bytes),
            _ => return None,
        },
        ColumnType::Uuid => uuid(value)?,
        ColumnType::Date | ColumnType::Time | ColumnType::DateTime | ColumnType::Timestamp => {
            moment(value, ty)?
        }
        _ => return None,
    })
}

/// A value of a column whose type only the server knows.
pub(crate) enum Stored<'a> {
    Value(ValueRef<'a>),
    /// One that the engine has no kind for, as a text.
    Told(String),
}

/// Takes a value by the type of its column; none if it is none that the engine can hold.
pub(crate) fn stored<'a>(value: &'a Value, column: &Column) -> Option<Stored<'a>> {
    use ServerType::*;

    if *value == Value::NULL {
        return Some(Stored::Value(ValueRef::Null));
    }
    Some(Stored::Value(match column.column_type() {
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_LONG | MYSQL_TYPE_LONGLONG
        | MYSQL_TYPE_INT24 | MYSQL_TYPE_YEAR | MYSQL_TYPE_BIT => {
            ValueRef::Int(integer(value, column)?)
        }
        MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => ValueRef::Float(float(value, column)?),
        MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => return Some(told(value, ColumnType::Date)),
        MYSQL_TYPE_TIME | MYSQL_TYPE_TIME2 => return Some(told(value, ColumnType::Time)),
        MYSQL_TYPE_DATETIME | MYSQL_TYPE_DATETIME2 => {
            return Some(told(value, ColumnType::DateTime));
        }
        MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIMESTAMP2 => {
            return Some(told(value, ColumnType::Timestamp));
        }
        ty => match value {
            Value::Bytes(bytes) if is_string(ty) && is_binary(column) => ValueRef::Bytes(bytes),
            Value::Bytes(bytes) if ty == MYSQL_TYPE_GEOMETRY || ty == MYSQL_TYPE_VECTOR => {
                ValueRef::Bytes(bytes)
            }
            Value::Bytes(bytes) => ValueRef::Text(std::str::from_utf8(bytes).ok()?),
            _ => return None,
        },
    }))
}

/// A date or time as the engine has it, or as the server writes it, such as a date of zeros.
fn told(value: &Value, ty: ColumnType) -> Stored<'_> {
    match moment(value, ty) {
        Some(moment) => Stored::Value(moment),
        None => Stored::Told(written(value, ty)),
    }
}

/// The character set of what is no text.
const BINARY: u16 = 63;

fn is_binary(column: &Column) -> bool {
    column.character_set() == BINARY
}

fn is_string(ty: ServerType) -> bool {
    use ServerType::*;
    matches!(
        ty,
        MYSQL_TYPE_STRING
            | MYSQL_TYPE_VAR_STRING
            | MYSQL_TYPE_VARCHAR
            | MYSQL_TYPE_BLOB
            | MYSQL_TYPE_TINY_BLOB
            | MYSQL_TYPE_MEDIUM_BLOB
            | MYSQL_TYPE_LONG_BLOB
    )
}

fn whole(value: &Value, column: &Column, least: i64, most: i64) -> Option<ValueRef<'static>> {
    integer(value, column).filter(|number| (least..=most).contains(number)).map(ValueRef::Int)
}

fn integer(value: &Value, column: &Column) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::UInt(number) => i64::try_from(*number).ok(),
        // The bits of a number, the highest first.
        Value::Bytes(bytes) if column.column_type() == ServerType::MYSQL_TYPE_BIT => {
            let bits = bytes
                .iter()
                .try_fold(0_u64, |bits, byte| Some(bits.checked_mul(256)? | u64::from(*byte)))?;
            i64::try_from(bits).ok()
        }
        // A sum is a decimal, which is whole nevertheless.
        Value::Bytes(bytes) if is_number(column) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}

fn float(value: &Value, column: &Column) -> Option<f64> {
    match value {
        Value::Float(number) => Some(f64::from(*number)),
        Value::Double(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::UInt(number) => Some(*number as f64),
        Value::Bytes(bytes) if is_number(column) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}

fn is_number(column: &Column) -> bool {
    let ty = column.column_type();
    ty.is_numeric_type() && ty != ServerType::MYSQL_TYPE_BIT
        || column.flags().contains(ColumnFlags::NUM_FLAG) && !is_string(ty)
}

/// A text, or what has none but a text as its form: a decimal, a word of an enumeration, JSON.
fn text<'a>(value: &'a Value, column: &Column) -> Option<&'a str> {
    use ServerType::*;

    let Value::Bytes(bytes) = value else { return None };
    let ty = column.column_type();
    let is_text = match ty {
        MYSQL_TYPE_DECIMAL
        | MYSQL_TYPE_NEWDECIMAL
        | MYSQL_TYPE_ENUM
        | MYSQL_TYPE_SET
        | MYSQL_TYPE_JSON => true,
        ty => is_string(ty) && !is_binary(column),
    };
    std::str::from_utf8(bytes).ok().filter(|_| is_text)
}

#[cfg(feature = "uuid")]
fn uuid(value: &Value) -> Option<ValueRef<'static>> {
    let Value::Bytes(bytes) = value else { return None };
    // MariaDB's own type for it comes as text.
    let uuid =
        uuid::Uuid::from_slice(bytes).or_else(|_| uuid::Uuid::try_parse_ascii(bytes)).ok()?;
    Some(ValueRef::Uuid(uuid))
}

#[cfg(not(feature = "uuid"))]
fn uuid(_value: &Value) -> Option<ValueRef<'static>> {
    None
}

#[cfg(feature = "chrono")]
fn moment(value: &Value, ty: ColumnType) -> Option<ValueRef<'static>> {
    time::moment(value, ty)
}

#[cfg(not(feature = "chrono"))]
fn moment(_value: &Value, _ty: ColumnType) -> Option<ValueRef<'static>> {
    None
}

/// A date or time as the server writes it.
fn written(value: &Value, ty: ColumnType) -> String {
    let fraction = |micro: u32| if micro == 0 { String::new() } else { format!(".{micro:06}") };
    match *value {
        Value::Bytes(ref bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Date(year, month, day, ..) if ty == ColumnType::Date => {
            format!("{year:04}-{month:02}-{day:02}")
        }
        Value::Date(year, month, day, hour, minute, second, micro) => format!(
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{}",
            fraction(micro)
        ),
        Value::Time(negative, days, hours, minutes, seconds, micro) => format!(
            "{}{:02}:{minutes:02}:{seconds:02}{}",
            if negative { "-" } else { "" },
            days * 24 + u32::from(hours),
            fraction(micro)
        ),
        ref other => other.as_sql(true),
    }
}

/// Why a value is none of its column, which has a type or takes every value.
#[cold]
pub(crate) fn reason(value: &Value, column: &Column, ty: Option<ColumnType>) -> String {
    let found = match value {
        Value::NULL => "NULL".to_owned(),
        Value::Int(number) => format!("the integer {number}"),
        Value::UInt(number) => format!("the integer {number}"),
        Value::Float(_) | Value::Double(_) => "a floating point number".to_owned(),
        Value::Date(..) => format!("the date or time {}", written(value, ColumnType::DateTime)),
        Value::Time(..) => format!("the time {}", written(value, ColumnType::Time)),
        Value::Bytes(bytes) if is_number(column) => {
            format!("the number {}", String::from_utf8_lossy(bytes))
        }
        Value::Bytes(_) if is_string(column.column_type()) && is_binary(column) => {
            "bytes".to_owned()
        }
        Value::Bytes(bytes) => match (std::str::from_utf8(bytes), ty) {
            (Err(error), _) => return format!("the text is not valid UTF-8: {error}"),
            (Ok(text), Some(ty)) if is_time(ty) => format!("the text {text:?}"),
            (Ok(_), _) => "a text".to_owned(),
        },
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
    format!("expected {}, found {found}{feature}", ty.map_or("a value of 64 bits", expected))
}

fn is_time(ty: ColumnType) -> bool {
    use ColumnType::*;
    matches!(ty, Date | Time | DateTime | Timestamp)
}

fn expected(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::SmallInt => "an integer of 16 bits",
        ColumnType::Integer => "an integer of 32 bits",
        ColumnType::BigInt => "an integer of 64 bits",
        ColumnType::Real | ColumnType::Double => "a floating point number",
        ColumnType::Boolean => "0 or 1 for a boolean",
        ColumnType::Text { .. } => "a text",
        ColumnType::Bytes => "bytes",
        ColumnType::Date => "a date",
        ColumnType::Time => "a time of day",
        ColumnType::DateTime => "a date and time",
        ColumnType::Timestamp => "a point in time",
        ColumnType::Uuid => "a UUID as 16 bytes",
        _ => "a value of a type that this driver knows",
    }
}
