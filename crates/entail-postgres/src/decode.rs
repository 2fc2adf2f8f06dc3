//! Decoding: values on their way from PostgreSQL, in their binary forms.
//!
//! How a column is read is found out once, from the server's type and the one that is wanted.

use entail_engine::value::{ColumnType, ValueRef};
use postgres_protocol::types as wire;
use tokio_postgres::types::{FromSql, Kind, Type};

use crate::numeric;

/// The bytes of one value as they came; none for NULL.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a>(pub Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// How the values of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Int2,
    Int4,
    Int8,
    /// An unsigned integer of 32 bits.
    Oid,
    Float4,
    Float8,
    /// An integer that is wanted as a floating point number.
    Int2AsFloat,
    Int4AsFloat,
    Int8AsFloat,
    Bool,
    Text,
    /// A text behind a byte that says its version.
    Jsonb,
    Numeric,
    Bytes,
    #[cfg(feature = "chrono")]
    Date,
    #[cfg(feature = "chrono")]
    Time,
    #[cfg(feature = "chrono")]
    DateTime,
    #[cfg(feature = "chrono")]
    Timestamp,
    #[cfg(feature = "uuid")]
    Uuid,
}

impl Reading {
    /// How a column of the server's type is read as a column of another type, or why it is not.
    pub(crate) fn typed(found: &Type, wanted: ColumnType) -> Result<Self, String> {
        use ColumnType::*;
        let natural = Self::natural(found);
        let taken = match (wanted, natural) {
            (SmallInt | Integer | BigInt, Some(Self::Int2 | Self::Int4 | Self::Int8)) => natural,
            (Real | Double, Some(Self::Float4 | Self::Float8)) => natural,
            (Real | Double, Some(Self::Int2)) => Some(Self::Int2AsFloat),
            (Real | Double, Some(Self::Int4)) => Some(Self::Int4AsFloat),
            (Real | Double, Some(Self::Int8)) => Some(Self::Int8AsFloat),
            (Boolean, Some(Self::Bool)) => natural,
            (Text { .. }, Some(Self::Text | Self::Jsonb | Self::Numeric)) => natural,
            (Bytes, Some(Self::Bytes)) => natural,
            #[cfg(feature = "chrono")]
            (Date, Some(Self::Date)) => natural,
            #[cfg(feature = "chrono")]
            (Time, Some(Self::Time)) => natural,
            #[cfg(feature = "chrono")]
            (DateTime, Some(Self::DateTime)) => natural,
            #[cfg(feature = "chrono")]
            (Timestamp, Some(Self::Timestamp)) => natural,
            #[cfg(feature = "uuid")]
            (Uuid, Some(Self::Uuid)) => natural,
            _ => None,
        };
        taken.ok_or_else(|| {
            format!(
                "expected {}, found the type {}{}",
                expected(wanted),
                found.name(),
                missing_feature(wanted)
            )
        })
    }

    /// How a column is read by the server's type, or why it is not.
    pub(crate) fn by_type(found: &Type) -> Result<Self, String> {
        Self::natural(found).ok_or_else(|| {
            let feature = match *found {
                Type::UUID => missing_feature(ColumnType::Uuid),
                Type::DATE | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => {
                    missing_feature(ColumnType::Date)
                }
                _ => "",
            };
            format!("values of type {} are not read; cast it to text{feature}", found.name())
        })
    }

    fn natural(found: &Type) -> Option<Self> {
        Some(match *found {
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::OID => Self::Oid,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::BOOL => Self::Bool,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => Self::Text,
            Type::CHAR | Type::JSON | Type::XML | Type::VOID => Self::Text,
            Type::JSONB => Self::Jsonb,
            Type::NUMERIC => Self::Numeric,
            Type::BYTEA => Self::Bytes,
            #[cfg(feature = "chrono")]
            Type::DATE => Self::Date,
            #[cfg(feature = "chrono")]
            Type::TIME => Self::Time,
            #[cfg(feature = "chrono")]
            Type::TIMESTAMP => Self::DateTime,
            #[cfg(feature = "chrono")]
            Type::TIMESTAMPTZ => Self::Timestamp,
            #[cfg(feature = "uuid")]
            Type::UUID => Self::Uuid,
            _ => match found.kind() {
                Kind::Domain(inner) => return Self::natural(inner),
                Kind::Enum(_) => Self::Text,
                _ if found.name() == "citext" => Self::Text,
                _ => return None,
            },
        })
    }

    /// Whether every value of such a column can be read.
    pub(crate) fn is_certain(self) -> bool {
        match self {
            #[cfg(feature = "chrono")]
            Self::Date | Self::Time | Self::DateTime | Self::Timestamp => false,
            _ => true,
        }
    }

    /// Reads a value, or says why it is none. `scratch` holds texts that are made here.
    #[inline]
    pub(crate) fn read<'a>(
        self,
        raw: Option<&'a [u8]>,
        scratch: &'a mut String,
    ) -> Result<ValueRef<'a>, String> {
        let Some(raw) = raw else { return Ok(ValueRef::Null) };
        let value = match self {
            Self::Int2 => wire::int2_from_sql(raw).ok().map(|v| ValueRef::Int(v.into())),
            Self::Int4 => wire::int4_from_sql(raw).ok().map(|v| ValueRef::Int(v.into())),
            Self::Int8 => wire::int8_from_sql(raw).ok().map(ValueRef::Int),
            Self::Oid => wire::oid_from_sql(raw).ok().map(|v| ValueRef::Int(v.into())),
            Self::Float4 => wire::float4_from_sql(raw).ok().map(|v| ValueRef::Float(v.into())),
            Self::Float8 => wire::float8_from_sql(raw).ok().map(ValueRef::Float),
            Self::Int2AsFloat => wire::int2_from_sql(raw).ok().map(|v| ValueRef::Float(v.into())),
            Self::Int4AsFloat => wire::int4_from_sql(raw).ok().map(|v| ValueRef::Float(v.into())),
            Self::Int8AsFloat => wire::int8_from_sql(raw).ok().map(|v| ValueRef::Float(v as f64)),
            Self::Bool => wire::bool_from_sql(raw).ok().map(ValueRef::Bool),
            Self::Text => std::str::from_utf8(raw).ok().map(ValueRef::Text),
            Self::Jsonb => raw
                .strip_prefix(&[1])
                .and_then(|raw| std::str::from_utf8(raw).ok())
                .map(ValueRef::Text),
            Self::Numeric => {
                scratch.clear();
                numeric::write(raw, scratch).map(|()| ValueRef::Text(scratch))
            }
            Self::Bytes => Some(ValueRef::Bytes(raw)),
            #[cfg(feature = "chrono")]
            Self::Date => {
                wire::date_from_sql(raw).ok().and_then(crate::time::to_date).map(ValueRef::Date)
            }
            #[cfg(feature = "chrono")]
            Self::Time => {
                wire::time_from_sql(raw).ok().and_then(crate::time::to_time).map(ValueRef::Time)
            }
            #[cfg(feature = "chrono")]
            Self::DateTime => wire::timestamp_from_sql(raw)
                .ok()
                .and_then(crate::time::to_date_time)
                .map(ValueRef::DateTime),
            #[cfg(feature = "chrono")]
            Self::Timestamp => wire::timestamp_from_sql(raw)
                .ok()
                .and_then(crate::time::to_timestamp)
                .map(ValueRef::Timestamp),
            #[cfg(feature = "uuid")]
            Self::Uuid => wire::uuid_from_sql(raw)
                .ok()
                .map(|bytes| ValueRef::Uuid(uuid::Uuid::from_bytes(bytes))),
        };
        value.ok_or_else(|| self.unreadable())
    }

    #[cold]
    fn unreadable(self) -> String {
        let reason = match self {
            Self::Text | Self::Jsonb => "the text is not valid UTF-8",
            #[cfg(feature = "chrono")]
            Self::Date | Self::Time | Self::DateTime | Self::Timestamp => {
                "it is infinite, 24:00:00, or beyond the years that can be read; cast it to text"
            }
            _ => "its bytes are no value of its type",
        };
        reason.to_owned()
    }
}

fn expected(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt => "an integer",
        ColumnType::Real | ColumnType::Double => "a floating point number",
        ColumnType::Boolean => "a boolean",
        ColumnType::Text { .. } => "a text",
        ColumnType::Bytes => "bytes",
        ColumnType::Date => "a date",
        ColumnType::Time => "a time",
        ColumnType::DateTime => "a date and time (timestamp)",
        ColumnType::Timestamp => "a point in time (timestamptz)",
        ColumnType::Uuid => "a UUID",
        _ => "a value of a type that this driver knows",
    }
}

fn missing_feature(ty: ColumnType) -> &'static str {
    use ColumnType::*;
    match ty {
        Uuid if cfg!(not(feature = "uuid")) => "; reading it needs the feature `uuid`",
        Date | Time | DateTime | Timestamp if cfg!(not(feature = "chrono")) => {
            "; reading it needs the feature `chrono`"
        }
        _ => "",
    }
}
