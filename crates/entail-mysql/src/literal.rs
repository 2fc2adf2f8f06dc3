//! Literals: values as they are written into the text of a statement.

use std::fmt::Write;

use entail_engine::value::ValueRef;

use crate::bind;

/// Whether a backslash in a text means the character behind it, as it does unless the sql_mode
/// has NO_BACKSLASH_ESCAPES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backslash {
    Escapes,
    Plain,
}

/// Appends a value to a text, or says why it cannot be written.
pub(crate) fn write_value(
    text: &mut String,
    value: ValueRef<'_>,
    backslash: Backslash,
) -> Result<(), String> {
    match value {
        ValueRef::Bytes(bytes) => write_bytes(text, bytes),
        #[cfg(feature = "uuid")]
        ValueRef::Uuid(uuid) => write_bytes(text, uuid.as_bytes()),
        // With an exponent the number is a double; without one it would be a decimal.
        ValueRef::Float(number) if number.is_finite() => {
            // Writing to a string does not fail.
            let _ = write!(text, "{number:e}");
        }
        value => {
            let value = bind::server_value(value)?;
            text.push_str(&value.as_sql(backslash == Backslash::Plain));
        }
    }
    Ok(())
}

/// Appends `X'..'`, which is a binary string whatever the bytes are.
fn write_bytes(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.reserve(bytes.len() * 2 + 3);
    text.push_str("X'");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text.push('\'');
}

/// Appends a name in backticks.
pub(crate) fn write_name(text: &mut String, name: &str) {
    text.push('`');
    text.push_str(&name.replace('`', "``"));
    text.push('`');
}

#[cfg(test)]
mod tests {
    use entail_engine::value::Value;

    use super::*;

    fn literal(value: &Value, backslash: Backslash) -> String {
        let mut text = String::new();
        write_value(&mut text, value.as_ref(), backslash).expect("it can be written");
        text
    }

    #[test]
    fn values_are_written_so_that_the_server_reads_the_same() {
        let cases = [
            (Value::Null, "NULL"),
            (Value::Bool(true), "1"),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::Float(0.1), "1e-1"),
            (Value::Float(0.0), "0e0"),
            (Value::Float(f64::MAX), "1.7976931348623157e308"),
            (Value::from(vec![0_u8, 171, 255]), "X'00ABFF'"),
            (Value::from(Vec::<u8>::new()), "X''"),
            (Value::from("it's"), r"'it\'s'"),
            (Value::from("a\\' OR 1; -- ?"), r"'a\\\' OR 1; -- ?'"),
            (Value::from("\0\n\u{1a}"), r"'\0\n\Z'"),
        ];
        for (value, expected) in cases {
            assert_eq!(literal(&value, Backslash::Escapes), expected);
        }
    }

    #[test]
    fn where_backslashes_are_plain_only_quotes_are_doubled() {
        assert_eq!(literal(&Value::from("a\\'b"), Backslash::Plain), r"'a\''b'");
    }

    #[test]
    fn numbers_that_mysql_has_not_are_refused() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut text = String::new();
            let result = write_value(&mut text, ValueRef::Float(number), Backslash::Escapes);
            assert!(result.is_err_and(|reason| reason.contains("neither NaN nor infinity")));
        }
    }

    #[test]
    fn names_cannot_end_their_quotes() {
        let mut text = String::new();
        write_name(&mut text, "a`b");
        assert_eq!(text, "`a``b`");
    }
}
