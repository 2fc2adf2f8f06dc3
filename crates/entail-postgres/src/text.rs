//! Values as text, as PostgreSQL reads and writes them.

use bytes::{BufMut, BytesMut};
use entail_engine::value::{Value, ValueRef};
use tokio_postgres::types::Type;

/// Writes a value that is not NULL.
pub(crate) fn write(value: ValueRef<'_>, out: &mut BytesMut) -> Result<(), String> {
    match value {
        ValueRef::Text(text) => {
            if text.contains('\0') {
                return Err("a text with a NUL character, which PostgreSQL cannot store".to_owned());
            }
            out.put_slice(text.as_bytes());
        }
        ValueRef::Int(number) => out.put_slice(number.to_string().as_bytes()),
        ValueRef::Float(number) => out.put_slice(float(number).as_bytes()),
        ValueRef::Bool(truth) => out.put_slice(if truth { b"true" } else { b"false" }),
        #[cfg(feature = "chrono")]
        ValueRef::Date(date) => out.put_slice(date.to_string().as_bytes()),
        #[cfg(feature = "chrono")]
        ValueRef::Time(time) => out.put_slice(time.format("%H:%M:%S%.f").to_string().as_bytes()),
        #[cfg(feature = "chrono")]
        ValueRef::DateTime(time) => {
            out.put_slice(time.format("%Y-%m-%d %H:%M:%S%.f").to_string().as_bytes());
        }
        #[cfg(feature = "chrono")]
        ValueRef::Timestamp(time) => {
            out.put_slice(time.format("%Y-%m-%d %H:%M:%S%.f+00").to_string().as_bytes());
        }
        #[cfg(feature = "uuid")]
        ValueRef::Uuid(id) => out.put_slice(id.hyphenated().to_string().as_bytes()),
        other => return Err(format!("{} has no form as text", other.kind())),
    }
    Ok(())
}

fn float(number: f64) -> String {
    if number == f64::INFINITY {
        "Infinity".to_owned()
    } else if number == f64::NEG_INFINITY {
        "-Infinity".to_owned()
    } else {
        format!("{number:?}")
    }
}

/// Reads a value of a type as the server writes it; what cannot be read stays a text.
pub(crate) fn read(text: &str, ty: &Type) -> Value {
    typed(text, ty).unwrap_or_else(|| Value::from(text))
}

fn typed(text: &str, ty: &Type) -> Option<Value> {
    Some(match *ty {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Value::Int(text.parse().ok()?),
        Type::FLOAT4 | Type::FLOAT8 => Value::Float(text.parse().ok()?),
        Type::BOOL => Value::Bool(match text {
            "t" | "true" => true,
            "f" | "false" => false,
            _ => return None,
        }),
        Type::BYTEA => Value::from(bytes(text.strip_prefix("\\x")?)?),
        #[cfg(feature = "chrono")]
        Type::DATE => Value::Date(text.parse().ok()?),
        #[cfg(feature = "chrono")]
        Type::TIME => Value::Time(text.parse().ok()?),
        #[cfg(feature = "chrono")]
        Type::TIMESTAMP => {
            let form = "%Y-%m-%d %H:%M:%S%.f";
            Value::DateTime(chrono::NaiveDateTime::parse_from_str(text, form).ok()?)
        }
        #[cfg(feature = "chrono")]
        Type::TIMESTAMPTZ => {
            let form = "%Y-%m-%d %H:%M:%S%.f%#z";
            Value::Timestamp(chrono::DateTime::parse_from_str(text, form).ok()?.to_utc())
        }
        #[cfg(feature = "uuid")]
        Type::UUID => Value::Uuid(text.parse().ok()?),
        _ => return None,
    })
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            &[high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: ValueRef<'_>) -> Result<String, String> {
        let mut out = BytesMut::new();
        write(value, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn values_come_back_from_their_text() {
        let cases = [
            (Value::Int(-7), Type::INT4),
            (Value::Float(0.1), Type::FLOAT8),
            (Value::Float(f64::NEG_INFINITY), Type::FLOAT8),
            (Value::Bool(true), Type::BOOL),
            (Value::from("a, b"), Type::TEXT),
        ];
        for (value, ty) in cases {
            let text = written(value.as_ref()).expect("it has a text");
            assert_eq!(read(&text, &ty), value);
        }
        assert_eq!(read("\\x00fF", &Type::BYTEA), Value::from(vec![0u8, 255]));
        assert_eq!(read("\\x0", &Type::BYTEA), Value::from("\\x0"));
        assert_eq!(read("many", &Type::INT4), Value::from("many"));
    }

    #[test]
    fn a_text_with_a_nul_has_none() {
        assert!(written(ValueRef::Text("a\0b")).is_err());
        assert!(written(ValueRef::Bytes(b"a")).is_err());
    }

    #[cfg(feature = "chrono")]
    #[test]
    fn moments_come_back_from_their_text() {
        let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).expect("a date");
        let time = day.and_hms_milli_opt(1, 2, 3, 40).expect("a time");
        let cases = [
            (Value::Date(day), Type::DATE),
            (Value::Time(time.time()), Type::TIME),
            (Value::DateTime(time), Type::TIMESTAMP),
            (Value::Timestamp(time.and_utc()), Type::TIMESTAMPTZ),
        ];
        for (value, ty) in cases {
            let text = written(value.as_ref()).expect("it has a text");
            assert_eq!(read(&text, &ty), value, "{text}");
        }
        let east = "2024-02-29 03:02:03.04+02";
        assert_eq!(read(east, &Type::TIMESTAMPTZ), Value::Timestamp(time.and_utc()));
    }
}
