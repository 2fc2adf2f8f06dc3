//! Values: each type there and back, and what is no value of its column.

use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value, ValueRef};
use entail_sqlite::Connection;

use crate::requests::{fail, int, memory, raw, run, text, typed_query};

/// Stores a value in a column of this declared type and reads it again.
fn there_and_back(declared: &str, ty: ColumnType, value: &Value) -> Value {
    let mut db = memory(&format!("CREATE TABLE t (v {declared})"));
    run(&mut db, vec![raw("INSERT INTO t VALUES (?)", std::slice::from_ref(value))]);
    let outcome = run(&mut db, vec![typed_query("SELECT v FROM t", &[], &[ty])]);
    outcome.rows[0].value(0, 0).expect("a value").to_value()
}

#[test]
fn each_type_comes_back_as_it_went() {
    let long = ColumnType::Text { length: None };
    let cases = [
        ("INTEGER", ColumnType::SmallInt, int(-7)),
        ("INTEGER", ColumnType::Integer, int(70_000)),
        ("INTEGER", ColumnType::BigInt, int(i64::MIN)),
        ("REAL", ColumnType::Real, Value::Float(1.5)),
        ("REAL", ColumnType::Double, Value::Float(f64::MAX)),
        ("REAL", ColumnType::Double, Value::Float(f64::INFINITY)),
        // Numeric affinity stores a whole number as an integer.
        ("DOUBLE_NUMERIC", ColumnType::Double, Value::Float(4.0)),
        ("BOOLEAN", ColumnType::Boolean, Value::Bool(true)),
        ("BOOLEAN", ColumnType::Boolean, Value::Bool(false)),
        ("TEXT", long, text("")),
        ("TEXT", long, text("größe \0 'quoted' 007")),
        ("BLOB", ColumnType::Bytes, Value::from(vec![0_u8, 255, 128])),
        ("BLOB", ColumnType::Bytes, Value::from(Vec::<u8>::new())),
        ("TEXT", ColumnType::Integer, Value::Null),
    ];
    for (declared, ty, value) in cases {
        assert_eq!(there_and_back(declared, ty, &value), value, "{declared} {ty:?}");
    }
}

#[cfg(feature = "chrono")]
#[test]
fn dates_and_times_come_back_as_they_went() {
    use chrono::NaiveDate;

    let moment = NaiveDate::from_ymd_opt(2024, 2, 29)
        .and_then(|date| date.and_hms_micro_opt(23, 59, 58, 120_000))
        .expect("a leap day");
    let cases = [
        (ColumnType::Date, Value::Date(moment.date()), "2024-02-29"),
        (ColumnType::Time, Value::Time(moment.time()), "23:59:58.120"),
        (ColumnType::DateTime, Value::DateTime(moment), "2024-02-29 23:59:58.120"),
        (
            ColumnType::Timestamp,
            Value::Timestamp(moment.and_utc()),
            "2024-02-29 23:59:58.120+00:00",
        ),
    ];
    for (ty, value, stored) in cases {
        assert_eq!(there_and_back("TEXT", ty, &value), value);
        let long = ColumnType::Text { length: None };
        assert_eq!(there_and_back("TEXT", long, &value), text(stored));
        let foreign = text(&stored.replace(' ', "T"));
        assert_eq!(there_and_back("TEXT", ty, &foreign), value);
    }
}

#[test]
fn what_does_not_fit_its_column_is_refused_with_its_name() {
    let cases = [
        ("'x'", ColumnType::Integer, "expected an integer, found a text"),
        ("1.5", ColumnType::BigInt, "expected an integer, found a floating point number"),
        ("2", ColumnType::Boolean, "expected 0 or 1 for a boolean, found the integer 2"),
        ("7", ColumnType::Text { length: Some(3) }, "expected a text, found the integer 7"),
        ("x'00'", ColumnType::Text { length: None }, "expected a text, found bytes"),
        ("'x'", ColumnType::Bytes, "expected bytes, found a text"),
        ("'x'", ColumnType::Double, "expected a floating point number, found a text"),
        ("CAST(x'ff41' AS TEXT)", ColumnType::Text { length: None }, "not valid UTF-8"),
        ("5", ColumnType::Date, "expected a date as `YYYY-MM-DD`, found the integer 5"),
    ];
    let mut db = memory("");
    for (sql, ty, expected) in cases {
        let query =
            typed_query(&format!("SELECT 1, {sql} AS price"), &[], &[ColumnType::Integer, ty]);
        match fail(&mut db, vec![query]).error {
            DriverError::Value { column, reason } => {
                assert_eq!(column, "`price`");
                assert!(reason.contains(expected), "{sql}: {reason}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[cfg(feature = "chrono")]
#[test]
fn a_text_that_is_no_time_is_refused() {
    let mut db = memory("");
    let query = typed_query("SELECT 'soon' AS due", &[], &[ColumnType::Timestamp]);
    let error = fail(&mut db, vec![query]).error;
    assert!(error.to_string().contains("found the text \"soon\""), "{error}");
}

#[test]
fn values_of_raw_queries_are_taken_as_stored() {
    let mut db = memory("");
    let sql = "SELECT 1 AS a, 2.0 AS \"b c\", 'x', x'01', NULL UNION ALL SELECT 2, 0.5, '', x'', 3";
    let rows = run(&mut db, vec![crate::requests::query(sql, &[])]).rows.remove(0);
    assert_eq!(rows.names()[..3], ["a", "b c", "'x'"]);
    assert_eq!((rows.width(), rows.len()), (5, 2));
    let first: Vec<String> = rows.values().take(5).map(|value| value.to_string()).collect();
    assert_eq!(first, ["1", "2", "'x'", "X'01'", "NULL"]);
    assert_eq!(rows.value(1, 4), Some(ValueRef::Int(3)));
    let typed = run(&mut db, vec![typed_query("SELECT 1 AS a", &[], &[ColumnType::Integer])]);
    assert!(typed.rows[0].names().is_empty());
}

#[test]
fn raw_text_that_is_not_utf8_is_refused_too() {
    let mut db = memory("");
    let error =
        fail(&mut db, vec![crate::requests::query("SELECT CAST(x'ff' AS TEXT)", &[])]).error;
    assert!(matches!(error, DriverError::Value { .. }), "{error}");
}

#[test]
fn a_nan_is_not_stored_as_null_in_silence() {
    let mut db: Connection = memory("CREATE TABLE t (v REAL)");
    let request = raw("INSERT INTO t VALUES (?)", &[Value::Float(f64::NAN)]);
    match fail(&mut db, vec![request]).error {
        DriverError::Value { column, reason } => {
            assert_eq!(column, "parameter 1");
            assert!(reason.contains("NaN"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}
