//! Binding: parameters on their way to SQLite, borrowed.

use entail_engine::batch::Param;
use entail_engine::error::DriverError;
use entail_engine::value::Value;
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{Statement, ToSql};

use crate::failure::Fault;

/// Binds the parameters of one execution.
pub(crate) fn bind(
    statement: &mut Statement<'_>,
    params: &[Param],
    slots: &[Value],
) -> Result<(), Fault> {
    for (index, param) in params.iter().enumerate() {
        let value = match param {
            Param::Value(value) => value,
            Param::Slot(slot) => slots.get(*slot as usize).ok_or_else(|| DriverError::Value {
                column: format!("parameter {}", index + 1),
                reason: format!("slot {slot} is not one of the batch"),
            })?,
        };
        if let Err(error) = statement.raw_bind_parameter(index + 1, Bound(value)) {
            return Err(refused(index, error));
        }
    }
    Ok(())
}

/// Names the parameter where it is the value that could not be sent.
#[cold]
fn refused(index: usize, error: rusqlite::Error) -> Fault {
    match error {
        rusqlite::Error::ToSqlConversionFailure(reason) => Fault::Driver(DriverError::Value {
            column: format!("parameter {}", index + 1),
            reason: reason.to_string(),
        }),
        other => Fault::Sqlite(other),
    }
}

/// A value as SQLite takes it.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    #[inline]
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Value::Int(value) => ValueRef::Integer(*value),
            // SQLite would turn it into NULL without a word.
            Value::Float(value) if value.is_nan() => {
                return Err(unsendable("NaN, which SQLite cannot store"));
            }
            Value::Float(value) => ValueRef::Real(*value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(value) => ValueRef::Blob(value),
            other => return text(other).map(|text| ToSqlOutput::Owned(Owned::Text(text))),
        }))
    }
}

#[cfg(feature = "chrono")]
fn text(value: &Value) -> rusqlite::Result<String> {
    use crate::time_text;
    match value {
        Value::Date(value) => Ok(time_text::from_date(*value)),
        Value::Time(value) => Ok(time_text::from_time(*value)),
        Value::DateTime(value) => Ok(time_text::from_date_time(*value)),
        Value::Timestamp(value) => Ok(time_text::from_timestamp(*value)),
        other => Err(unsendable(other.as_ref().kind())),
    }
}

#[cfg(not(feature = "chrono"))]
fn text(value: &Value) -> rusqlite::Result<String> {
    Err(unsendable(value.as_ref().kind()))
}

fn unsendable(what: &str) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(format!("it is {what}").into())
}
