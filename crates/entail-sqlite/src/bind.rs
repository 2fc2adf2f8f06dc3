//! Binding: parameters on their way to SQLite, borrowed.

use entail_engine::batch::{ParamRef, ParamSlice};
use entail_engine::error::DriverError;
use entail_engine::value::{Value, ValueRef};
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef as Stored};
use rusqlite::{Statement, ToSql};

use crate::failure::Fault;

/// Binds the parameters of one execution.
pub(crate) fn bind(
    statement: &mut Statement<'_>,
    params: ParamSlice<'_>,
    slots: &[Value],
) -> Result<(), Fault> {
    bind_but(statement, params, slots, |_, _| false)
}

/// Binds the parameters of one execution, with NULL in the place of given values that must find
/// nothing.
#[inline]
pub(crate) fn bind_but(
    statement: &mut Statement<'_>,
    params: ParamSlice<'_>,
    slots: &[Value],
    finds_nothing: impl Fn(usize, ValueRef<'_>) -> bool,
) -> Result<(), Fault> {
    for (index, param) in params.iter().enumerate() {
        let value = match param {
            ParamRef::Value(value) if finds_nothing(index, value) => ValueRef::Null,
            ParamRef::Value(value) => value,
            ParamRef::Slot(slot) => slots
                .get(slot as usize)
                .ok_or_else(|| DriverError::Value {
                    column: format!("parameter {}", index + 1),
                    reason: format!("slot {slot} is not one of the batch"),
                })?
                .as_ref(),
        };
        let place = index + 1;
        let bound = match value {
            // What there is most of goes the shortest way.
            ValueRef::Int(number) => statement.raw_bind_parameter(place, number),
            ValueRef::Text(text) => statement.raw_bind_parameter(place, text),
            other => statement.raw_bind_parameter(place, Bound(other)),
        };
        if let Err(error) = bound {
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
struct Bound<'a>(ValueRef<'a>);

impl ToSql for Bound<'_> {
    #[inline]
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match &self.0 {
            ValueRef::Null => Stored::Null,
            ValueRef::Bool(value) => Stored::Integer(i64::from(*value)),
            ValueRef::Int(value) => Stored::Integer(*value),
            // SQLite would turn it into NULL without a word.
            ValueRef::Float(value) if value.is_nan() => {
                return Err(unsendable("NaN, which SQLite cannot store"));
            }
            ValueRef::Float(value) => Stored::Real(*value),
            ValueRef::Text(value) => Stored::Text(value.as_bytes()),
            ValueRef::Bytes(value) => Stored::Blob(value),
            #[cfg(feature = "uuid")]
            ValueRef::Uuid(value) => Stored::Blob(value.as_bytes()),
            other => return text(*other).map(|text| ToSqlOutput::Owned(Owned::Text(text))),
        }))
    }
}

#[cfg(feature = "chrono")]
fn text(value: ValueRef<'_>) -> rusqlite::Result<String> {
    use crate::time_text;
    match value {
        ValueRef::Date(value) => Ok(time_text::from_date(value)),
        ValueRef::Time(value) => Ok(time_text::from_time(value)),
        ValueRef::DateTime(value) => Ok(time_text::from_date_time(value)),
        ValueRef::Timestamp(value) => Ok(time_text::from_timestamp(value)),
        other => Err(unsendable(other.kind())),
    }
}

#[cfg(not(feature = "chrono"))]
fn text(value: ValueRef<'_>) -> rusqlite::Result<String> {
    Err(unsendable(value.kind()))
}

fn unsendable(what: &str) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(format!("it is {what}").into())
}
