//! Binding: parameters on their way to PostgreSQL, borrowed.
//!
//! A value takes the form of the type that the server gave the parameter. Where the server's type
//! has no binary form for a value of that kind, the value goes as text, and the server reads it:
//! so a text becomes a JSON document or a label of an enum, and an integer a `numeric`.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use bytes::BytesMut;
use entail_engine::batch::{ParamRef, ParamSlice};
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value, ValueRef};
use postgres_protocol::types as wire;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::text;

/// A slot of a batch: empty until the statement that fills it has answered.
pub(crate) type Slot = OnceLock<Value>;

/// One parameter of one execution.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'a> {
    place: usize,
    what: What<'a>,
    slots: &'a [Slot],
}

#[derive(Clone, Copy)]
enum What<'a> {
    One(ParamRef<'a>),
    /// The values at one place of rows that lie one after the other.
    Column {
        rows: ParamSlice<'a>,
        arity: usize,
    },
}

/// The parameters of one execution: each as its own, or as arrays of so many columns.
pub(crate) fn bounds<'a>(
    params: ParamSlice<'a>,
    columns: Option<usize>,
    slots: &'a [Slot],
) -> impl ExactSizeIterator<Item = Bound<'a>> + Send + 'a {
    (0..columns.unwrap_or(params.len())).map(move |place| {
        let what = match columns {
            Some(arity) => What::Column { rows: params, arity },
            None => What::One(params.get(place).unwrap_or(ParamRef::Value(ValueRef::Null))),
        };
        Bound { place, what, slots }
    })
}

/// A slot among these parameters that nothing has filled yet.
pub(crate) fn unfilled(params: ParamSlice<'_>, slots: &[Slot]) -> Option<u32> {
    params.iter().find_map(|param| match param {
        ParamRef::Slot(slot) => {
            slots.get(slot as usize).and_then(OnceLock::get).is_none().then_some(slot)
        }
        ParamRef::Value(_) => None,
    })
}

impl Bound<'_> {
    /// The number of the parameter, from 0.
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// The type to announce where the server is not asked for one: none for a text that the
    /// server is to read as whatever it expects.
    pub(crate) fn announced(&self) -> Type {
        match &self.what {
            What::One(param) => match self.value(*param) {
                Ok(ValueRef::Bytes(_)) => Type::BYTEA,
                #[cfg(feature = "chrono")]
                Ok(ValueRef::Date(_)) => Type::DATE,
                #[cfg(feature = "chrono")]
                Ok(ValueRef::Time(_)) => Type::TIME,
                #[cfg(feature = "chrono")]
                Ok(ValueRef::DateTime(_)) => Type::TIMESTAMP,
                #[cfg(feature = "chrono")]
                Ok(ValueRef::Timestamp(_)) => Type::TIMESTAMPTZ,
                _ => Type::new(String::new(), 0, Kind::Simple, String::new()),
            },
            What::Column { .. } => Type::TEXT_ARRAY,
        }
    }

    fn value<'v>(&'v self, param: ParamRef<'v>) -> Result<ValueRef<'v>, Unsendable> {
        match param {
            ParamRef::Value(value) => Ok(value),
            ParamRef::Slot(slot) => {
                let filled = self.slots.get(slot as usize).and_then(OnceLock::get);
                filled
                    .map(Value::as_ref)
                    .ok_or_else(|| self.refused(format!("slot {slot} is empty")))
            }
        }
    }

    fn refused(&self, reason: String) -> Unsendable {
        Unsendable { place: self.place, reason }
    }

    fn array(
        &self,
        rows: ParamSlice<'_>,
        arity: usize,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<(), Failed> {
        let Kind::Array(element) = base(ty).kind() else {
            return Err(self
                .refused(format!("an array for a parameter of type {}", ty.name()))
                .into());
        };
        let count = rows.len() / arity.max(1);
        let length =
            i32::try_from(count).map_err(|_| self.refused("the array is too long".to_owned()))?;
        let dimension = wire::ArrayDimension { len: length, lower_bound: 1 };
        let dimensions = (count > 0).then_some(dimension);
        let values = (0..count).filter_map(|row| rows.get(row * arity + self.place));
        wire::array_to_sql(
            dimensions,
            element.oid(),
            values,
            |param, out| {
                let value = self.value(param)?;
                if value.is_null() {
                    return Ok(postgres_protocol::IsNull::Yes);
                }
                match form(value, base(element)) {
                    Form::Binary => binary(value, base(element), out),
                    Form::Text if is_read_as_text(base(element)) => text::write(value, out),
                    Form::Text | Form::None => Err(misfit(value, element)),
                }
                .map_err(|reason| self.refused(reason))?;
                Ok(postgres_protocol::IsNull::No)
            },
            out,
        )
    }
}

type Failed = Box<dyn Error + Sync + Send>;

impl ToSql for Bound<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        let param = match self.what {
            What::Column { rows, arity } => {
                self.array(rows, arity, ty, out)?;
                return Ok(IsNull::No);
            }
            What::One(param) => param,
        };
        let value = self.value(param)?;
        if value.is_null() {
            return Ok(IsNull::Yes);
        }
        match form(value, base(ty)) {
            Form::Binary => binary(value, base(ty), out),
            Form::Text => text::write(value, out),
            Form::None => Err(misfit(value, ty)),
        }
        .map_err(|reason| self.refused(reason))?;
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, ty: &Type) -> Format {
        let What::One(param) = self.what else { return Format::Binary };
        match self.value(param).map(|value| form(value, base(ty))) {
            Ok(Form::Text) => Format::Text,
            _ => Format::Binary,
        }
    }

    to_sql_checked!();
}

/// Shows no value: the client writes its parameters to the log.
impl fmt::Debug for Bound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.place + 1)
    }
}

/// A parameter that cannot be sent.
#[derive(Debug)]
pub(crate) struct Unsendable {
    place: usize,
    reason: String,
}

impl Unsendable {
    pub(crate) fn error(&self) -> DriverError {
        DriverError::Value {
            column: format!("parameter {}", self.place + 1),
            reason: self.reason.clone(),
        }
    }
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Unsendable {}

/// The array type of a column's type, to announce it where the server is not asked.
pub(crate) fn array_type(ty: ColumnType) -> Type {
    match ty {
        ColumnType::SmallInt => Type::INT2_ARRAY,
        ColumnType::Integer => Type::INT4_ARRAY,
        ColumnType::BigInt => Type::INT8_ARRAY,
        ColumnType::Real => Type::FLOAT4_ARRAY,
        ColumnType::Double => Type::FLOAT8_ARRAY,
        ColumnType::Boolean => Type::BOOL_ARRAY,
        ColumnType::Bytes => Type::BYTEA_ARRAY,
        ColumnType::Date => Type::DATE_ARRAY,
        ColumnType::Time => Type::TIME_ARRAY,
        ColumnType::DateTime => Type::TIMESTAMP_ARRAY,
        ColumnType::Timestamp => Type::TIMESTAMPTZ_ARRAY,
        ColumnType::Uuid => Type::UUID_ARRAY,
        _ => Type::TEXT_ARRAY,
    }
}

/// A domain is sent as what it is made of.
fn base(ty: &Type) -> &Type {
    match ty.kind() {
        Kind::Domain(inner) => base(inner),
        _ => ty,
    }
}

/// How a value is sent to a parameter of some type.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Binary,
    /// As text, which the server reads.
    Text,
    /// Not at all.
    None,
}

fn form(value: ValueRef<'_>, ty: &Type) -> Form {
    let integer = matches!(*ty, Type::INT2 | Type::INT4 | Type::INT8 | Type::OID);
    let float = matches!(*ty, Type::FLOAT4 | Type::FLOAT8);
    let moment = matches!(*ty, Type::DATE | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ);
    let strict = integer || float || moment || matches!(*ty, Type::BOOL | Type::BYTEA | Type::UUID);
    match value {
        ValueRef::Null => Form::Binary,
        ValueRef::Int(_) if integer || float => Form::Binary,
        ValueRef::Float(_) if float => Form::Binary,
        ValueRef::Bool(_) if *ty == Type::BOOL => Form::Binary,
        ValueRef::Bytes(_) if *ty == Type::BYTEA => Form::Binary,
        // The text of a date or of a number is one, too.
        ValueRef::Text(_) if *ty != Type::BYTEA => Form::Text,
        #[cfg(feature = "chrono")]
        ValueRef::Date(_) if *ty == Type::DATE => Form::Binary,
        #[cfg(feature = "chrono")]
        ValueRef::Time(_) if *ty == Type::TIME => Form::Binary,
        #[cfg(feature = "chrono")]
        ValueRef::DateTime(_) if *ty == Type::TIMESTAMP => Form::Binary,
        #[cfg(feature = "chrono")]
        ValueRef::Timestamp(_) if *ty == Type::TIMESTAMPTZ => Form::Binary,
        #[cfg(feature = "chrono")]
        ValueRef::Date(_) if *ty == Type::TIMESTAMP => Form::Text,
        #[cfg(feature = "uuid")]
        ValueRef::Uuid(_) if *ty == Type::UUID => Form::Binary,
        ValueRef::Bytes(_) => Form::None,
        _ if strict => Form::None,
        _ => Form::Text,
    }
}

/// Whether the binary form of a type is its text.
fn is_read_as_text(ty: &Type) -> bool {
    matches!(
        *ty,
        Type::TEXT
            | Type::VARCHAR
            | Type::BPCHAR
            | Type::NAME
            | Type::UNKNOWN
            | Type::JSON
            | Type::XML
    ) || matches!(ty.kind(), Kind::Enum(_))
        || ty.name() == "citext"
}

/// Writes a value in the binary form of a type that [`form`] allows it.
fn binary(value: ValueRef<'_>, ty: &Type, out: &mut BytesMut) -> Result<(), String> {
    match value {
        ValueRef::Int(number) => return integer(number, ty, out),
        ValueRef::Float(number) if *ty == Type::FLOAT4 => {
            let narrow = number as f32;
            if narrow.is_infinite() && number.is_finite() {
                return Err(beyond(number, ty));
            }
            wire::float4_to_sql(narrow, out);
        }
        ValueRef::Float(number) => wire::float8_to_sql(number, out),
        ValueRef::Bool(truth) => wire::bool_to_sql(truth, out),
        ValueRef::Bytes(bytes) => wire::bytea_to_sql(bytes, out),
        #[cfg(feature = "chrono")]
        ValueRef::Date(date) => wire::date_to_sql(crate::time::from_date(date), out),
        #[cfg(feature = "chrono")]
        ValueRef::Time(time) => wire::time_to_sql(crate::time::from_time(time), out),
        #[cfg(feature = "chrono")]
        ValueRef::DateTime(time) => {
            let micros = crate::time::from_date_time(time).ok_or_else(|| beyond(time, ty))?;
            wire::timestamp_to_sql(micros, out);
        }
        #[cfg(feature = "chrono")]
        ValueRef::Timestamp(time) => {
            let micros =
                crate::time::from_date_time(time.naive_utc()).ok_or_else(|| beyond(time, ty))?;
            wire::timestamp_to_sql(micros, out);
        }
        #[cfg(feature = "uuid")]
        ValueRef::Uuid(id) => wire::uuid_to_sql(*id.as_bytes(), out),
        other => return Err(misfit(other, ty)),
    }
    Ok(())
}

fn integer(number: i64, ty: &Type, out: &mut BytesMut) -> Result<(), String> {
    let beyond = || beyond(number, ty);
    match *ty {
        Type::INT2 => wire::int2_to_sql(i16::try_from(number).map_err(|_| beyond())?, out),
        Type::INT4 => wire::int4_to_sql(i32::try_from(number).map_err(|_| beyond())?, out),
        Type::INT8 => wire::int8_to_sql(number, out),
        Type::OID => wire::oid_to_sql(u32::try_from(number).map_err(|_| beyond())?, out),
        // A float holds an integer if none of its digits is lost.
        Type::FLOAT4 if number.unsigned_abs() <= 1 << 24 => wire::float4_to_sql(number as f32, out),
        Type::FLOAT8 if number.unsigned_abs() <= 1 << 53 => wire::float8_to_sql(number as f64, out),
        _ => return Err(beyond()),
    }
    Ok(())
}

fn beyond(value: impl fmt::Display, ty: &Type) -> String {
    format!("{value} does not fit into the type {}", ty.name())
}

fn misfit(value: ValueRef<'_>, ty: &Type) -> String {
    format!("{} for a parameter of type {}", value.kind(), ty.name())
}
