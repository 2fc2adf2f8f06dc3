//! Scalars: single values of a document, and how they become values of a column.

use std::fmt;

use entail_engine::value::{ColumnType, Value};
use serde_core::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// A value as a format knows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// A number that is too large.
    TooLarge(u64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The methods of a visitor that takes a scalar, each of which goes on with it.
macro_rules! visit_scalars {
    (|$visitor:ident, $scalar:ident| $go_on:expr) => {
        $crate::document::scalar::visit_scalars! { @each $visitor $scalar $go_on;
            visit_bool(value: bool) $crate::document::scalar::Scalar::Bool(value);
            visit_i64(value: i64) $crate::document::scalar::Scalar::Int(value);
            visit_u64(value: u64) $crate::document::scalar::of_unsigned(value);
            visit_f64(value: f64) $crate::document::scalar::Scalar::Float(value);
            visit_str(value: &str) $crate::document::scalar::Scalar::Text(value.to_owned());
            visit_bytes(value: &[u8]) $crate::document::scalar::Scalar::Bytes(value.to_owned());
        }
    };
    (@each $visitor:ident $scalar:ident $go_on:expr;
        $($method:ident($value:ident: $ty:ty) $made:expr;)*) => {$(
        fn $method<E: serde_core::de::Error>(self, $value: $ty) -> Result<Self::Value, E> {
            let ($visitor, $scalar) = (self, $made);
            $go_on
        }
    )*};
}
pub(super) use visit_scalars;

pub(super) fn of_unsigned(value: u64) -> Scalar {
    i64::try_from(value).map_or(Scalar::TooLarge(value), Scalar::Int)
}

/// Takes a scalar, whatever it is.
pub(super) struct ScalarVisitor;

impl<'de> DeserializeSeed<'de> for ScalarVisitor {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of a column")
    }

    visit_scalars!(|_visitor, scalar| Ok(scalar));

    fn visit_none<E: Error>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(self)
    }

    /// Bytes, in formats that have none of their own.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        Ok(Scalar::Bytes(bytes))
    }
}

/// The value of a column; or why it is none.
pub(super) fn fit(scalar: Scalar, ty: ColumnType, nullable: bool) -> Result<Value, String> {
    use ColumnType::*;
    let range = |value: i64, least: i64, most: i64| match (least..=most).contains(&value) {
        true => Ok(Value::Int(value)),
        false => Err(format!("{value} is not between {least} and {most}")),
    };
    match (ty, scalar) {
        (_, Scalar::Null) if nullable => Ok(Value::Null),
        (_, Scalar::Null) => Err("it cannot be null".to_owned()),
        (SmallInt, Scalar::Int(value)) => range(value, i16::MIN.into(), i16::MAX.into()),
        (Integer, Scalar::Int(value)) => range(value, i32::MIN.into(), i32::MAX.into()),
        (BigInt, Scalar::Int(value)) => Ok(Value::Int(value)),
        (SmallInt | Integer | BigInt, Scalar::TooLarge(value)) => {
            Err(format!("{value} is more than {}", i64::MAX))
        }
        (Real | Double, Scalar::Float(value)) => Ok(Value::Float(value)),
        (Real | Double, Scalar::Int(value)) => Ok(Value::Float(value as f64)),
        (Boolean, Scalar::Bool(value)) => Ok(Value::Bool(value)),
        (Text { length: Some(most) }, Scalar::Text(text))
            if text.chars().count() > most as usize =>
        {
            Err(format!("a text of at most {most} characters, found {}", text.chars().count()))
        }
        (Text { .. }, Scalar::Text(text)) => Ok(Value::from(text)),
        (Bytes, Scalar::Bytes(bytes)) => Ok(Value::from(bytes)),
        (Date | Time | DateTime | Timestamp, Scalar::Text(text)) => time(&text, ty),
        #[cfg(feature = "uuid")]
        (Uuid, Scalar::Text(text)) => match entail_engine::value::Uuid::parse_str(&text) {
            Ok(id) => Ok(Value::Uuid(id)),
            Err(error) => Err(format!("{text:?} is no UUID: {error}")),
        },
        (ty, scalar) => Err(format!("expected {}, found {}", expected(ty), found(&scalar))),
    }
}

#[cfg(feature = "chrono")]
fn time(text: &str, ty: ColumnType) -> Result<Value, String> {
    let parsed = match ty {
        ColumnType::Date => text.parse().map(Value::Date),
        ColumnType::Time => text.parse().map(Value::Time),
        ColumnType::DateTime => text.parse().map(Value::DateTime),
        _ => text.parse().map(Value::Timestamp),
    };
    parsed.map_err(|error| format!("{text:?} is not {}: {error}", expected(ty)))
}

#[cfg(not(feature = "chrono"))]
fn time(_: &str, ty: ColumnType) -> Result<Value, String> {
    Err(format!("reading {} needs the feature `chrono`", expected(ty)))
}

fn expected(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt => "an integer",
        ColumnType::Real | ColumnType::Double => "a number",
        ColumnType::Boolean => "true or false",
        ColumnType::Text { .. } => "a text",
        ColumnType::Bytes => "bytes",
        ColumnType::Date => "a date such as 2026-11-27",
        ColumnType::Time => "a time such as 14:30:00",
        ColumnType::DateTime => "a date and time such as 2026-11-27T14:30:00",
        ColumnType::Timestamp => "a point in time such as 2026-11-27T14:30:00Z",
        ColumnType::Uuid => "a UUID",
        _ => "a value of its column",
    }
}

fn found(scalar: &Scalar) -> &'static str {
    match scalar {
        Scalar::Null => "null",
        Scalar::Bool(_) => "true or false",
        Scalar::Int(_) | Scalar::TooLarge(_) => "an integer",
        Scalar::Float(_) => "a number with a fraction",
        Scalar::Text(_) => "a text",
        Scalar::Bytes(_) => "a list",
    }
}
