//! Values: between the documents and the columns.

use entail::dynamic::ColumnType;
use entail::{Value, ValueRef};
use serde_json::{Value as Json, json};

/// A value of a document, as a column of the given type has it.
pub fn to_column(json: &Json, ty: ColumnType) -> Value {
    match (json, ty) {
        (Json::Null, _) => Value::Null,
        (Json::Bool(flag), _) => Value::Bool(*flag),
        (Json::Number(number), ColumnType::Boolean) => Value::Bool(number.as_i64() != Some(0)),
        (Json::Number(number), ColumnType::Double) => Value::Float(number.as_f64().unwrap_or(0.0)),
        (Json::Number(number), ColumnType::Text { .. }) => Value::from(number.to_string()),
        (Json::Number(number), _) => match number.as_i64() {
            Some(integer) => Value::Int(integer),
            None => Value::Float(number.as_f64().unwrap_or(0.0)),
        },
        (Json::String(text), _) => Value::from(text.as_str()),
        (Json::Array(_) | Json::Object(_), _) => Value::from(json.to_string()),
    }
}

/// A value of a column of the given type, as documents have it.
pub fn to_json(value: ValueRef<'_>, ty: ColumnType) -> Json {
    match value {
        ValueRef::Null => Json::Null,
        ValueRef::Bool(flag) => json!(flag),
        ValueRef::Int(integer) if ty == ColumnType::Boolean => json!(integer != 0),
        ValueRef::Int(integer) if ty == ColumnType::Double => json!(integer as f64),
        ValueRef::Int(integer) => json!(integer),
        ValueRef::Float(float) => json!(float),
        ValueRef::Text(text) => json!(text),
        other => json!(other.to_string()),
    }
}
