//! Values: each type there and back, as literals and in binary form, and what is no value of its
//! column.

use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value, ValueRef};
use entail_mysql::PooledConnection;

use crate::requests::{insert, int, query, raw, text, typed_query};
#[cfg(feature = "chrono")]
use crate::server::all;
use crate::server::{Scratch, fail, one, run, scratch};

const LONG: ColumnType = ColumnType::Text { length: None };

fn cases() -> Vec<(&'static str, ColumnType, Value)> {
    let mut cases = vec![
        ("smallint", ColumnType::SmallInt, int(-32_768)),
        ("int", ColumnType::Integer, int(i64::from(i32::MAX))),
        ("bigint", ColumnType::BigInt, int(i64::MIN)),
        ("bigint", ColumnType::BigInt, int(i64::MAX)),
        ("float", ColumnType::Real, Value::Float(f64::from(1.1_f32))),
        ("double", ColumnType::Double, Value::Float(f64::MAX)),
        ("double", ColumnType::Double, Value::Float(5e-324)),
        ("double", ColumnType::Double, Value::Float(0.1 + 0.2)),
        ("double", ColumnType::Double, Value::Float(4.0)),
        ("double", ColumnType::Double, Value::Float(123_456_789.123_456_78)),
        ("boolean", ColumnType::Boolean, Value::Bool(true)),
        ("boolean", ColumnType::Boolean, Value::Bool(false)),
        ("varchar(3)", ColumnType::Text { length: Some(3) }, text("äöü")),
        ("longtext", LONG, text("")),
        ("longblob", ColumnType::Bytes, Value::from(vec![0_u8, 255, 128, b'\'', b'\\'])),
        ("longblob", ColumnType::Bytes, Value::from(Vec::<u8>::new())),
        ("varbinary(255)", ColumnType::Bytes, Value::from(b"it's ?;".to_vec())),
        ("int", ColumnType::Integer, Value::Null),
    ];
    for nasty in NASTY {
        cases.push(("longtext", LONG, text(nasty)));
    }
    cases.extend(moments());
    cases
}

const NASTY: &[&str] = &[
    "it's",
    "\\",
    "\\'",
    "'; DROP TABLE t; -- ",
    "? ?? `?` \"?\" :name",
    "a\0b\u{1a}c\r\n\t",
    "größe 🦀 日本語",
    "%_\\%\\_",
    "trailing space ",
    "/* comment */ # -- x",
    "\u{2019}\u{ff07}",
];

#[cfg(feature = "chrono")]
fn moments() -> Vec<(&'static str, ColumnType, Value)> {
    use chrono::{NaiveDate, NaiveTime};

    let date = NaiveDate::from_ymd_opt(2024, 2, 29).expect("a leap day");
    let moment = date.and_hms_micro_opt(23, 59, 58, 123_456).expect("a time");
    let last = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a day");
    vec![
        ("date", ColumnType::Date, Value::Date(date)),
        ("date", ColumnType::Date, Value::Date(last)),
        ("time(6)", ColumnType::Time, Value::Time(moment.time())),
        ("time(6)", ColumnType::Time, Value::Time(NaiveTime::MIN)),
        ("datetime(6)", ColumnType::DateTime, Value::DateTime(moment)),
        ("datetime(6)", ColumnType::DateTime, Value::DateTime(date.into())),
        ("datetime(6)", ColumnType::Timestamp, Value::Timestamp(moment.and_utc())),
    ]
}

#[cfg(not(feature = "chrono"))]
fn moments() -> Vec<(&'static str, ColumnType, Value)> {
    Vec::new()
}

/// Stores a value in a column, as a literal and in binary form, and reads both again. MySQL takes the
/// type of a parameter from the column that a statement was prepared for first.
async fn there_and_back(db: &mut PooledConnection, ty: ColumnType, value: &Value) -> [Value; 2] {
    run(db, vec![raw("DELETE FROM t", &[])]).await;
    let own = std::slice::from_ref(value);
    let literal = insert("t", &["id", "v"], &[int(1), value.clone()]);
    let binary = format!("INSERT INTO t VALUES (2, ?) /* {ty:?} */");
    run(db, vec![literal, raw(&binary, own)]).await;
    let outcome = run(db, vec![typed_query("SELECT v FROM t ORDER BY id", &[], &[ty])]).await;
    // The server finds both again by their value.
    if !value.is_null() && ty != ColumnType::Real {
        let sql = format!("SELECT count(*) FROM t WHERE v = ? /* {ty:?} */");
        let found = run(db, vec![query(&sql, own)]).await;
        assert_eq!(found.rows[0].value(0, 0), Some(ValueRef::Int(2)), "{value:?}");
    }
    [0, 1].map(|row| outcome.rows[0].value(row, 0).expect("a value").to_value())
}

async fn table_of(db: &mut PooledConnection, declared: &str) {
    let options = "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
    db.run_script(vec![
        "DROP TABLE IF EXISTS t".to_owned(),
        format!("CREATE TABLE t (id int PRIMARY KEY, v {declared}) {options}"),
    ])
    .await
    .expect("the type is one");
}

async fn check_all(scratch: &Scratch, mode: &str) {
    let mut db = scratch.take().await;
    run(&mut db, vec![raw(mode, &[])]).await;
    for (declared, ty, value) in cases() {
        table_of(&mut db, declared).await;
        let [literal, binary] = there_and_back(&mut db, ty, &value).await;
        assert_eq!(literal, value, "{declared} {ty:?} as a literal");
        assert_eq!(binary, value, "{declared} {ty:?} in binary form");
    }
}

#[tokio::test]
async fn each_type_comes_back_as_it_went() {
    let Some(scratch) = scratch(&[]).await else { return };
    check_all(&scratch, "SET @x = 1").await;
}

#[tokio::test]
async fn where_backslashes_do_not_escape_values_come_back_as_well() {
    let Some(scratch) = scratch(&[]).await else { return };
    check_all(&scratch, "SET sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'").await;
    // The next owner has the usual mode.
    let mut db = scratch.take().await;
    let Value::Text(mode) = one(&mut db, "SELECT @@sql_mode").await else { panic!("a text") };
    assert!(!mode.contains("NO_BACKSLASH_ESCAPES"), "{mode}");
}

#[cfg(feature = "uuid")]
#[tokio::test]
async fn a_uuid_is_sixteen_bytes() {
    let Some(scratch) = scratch(&[]).await else { return };
    let mut db = scratch.take().await;
    table_of(&mut db, "binary(16)").await;
    // These bytes are a text as well, with quotes and a backslash.
    for bytes in [*b"0123456789abcdef", *b"it's \\ ?;\"\0\n\r   ", [255; 16]] {
        let value = Value::Uuid(uuid::Uuid::from_bytes(bytes));
        let read = there_and_back(&mut db, ColumnType::Uuid, &value).await;
        assert_eq!(read, [value.clone(), value]);
    }
    let sql = "SELECT '67e55044-10b1-426f-9247-bb680e5fe0c8'";
    let outcome = run(&mut db, vec![typed_query(sql, &[], &[ColumnType::Uuid])]).await;
    assert!(matches!(outcome.rows[0].value(0, 0), Some(ValueRef::Uuid(_))));
}

#[tokio::test]
async fn what_does_not_fit_its_column_is_refused_with_its_name() {
    let cases = [
        ("'x'", ColumnType::Integer, "expected an integer of 32 bits, found a text"),
        ("40000", ColumnType::SmallInt, "16 bits, found the integer 40000"),
        ("3000000000", ColumnType::Integer, "32 bits, found the integer 3000000000"),
        (
            "CAST(18446744073709551615 AS UNSIGNED)",
            ColumnType::BigInt,
            "expected an integer of 64 bits, found the integer 18446744073709551615",
        ),
        ("1.5", ColumnType::BigInt, "found the number 1.5"),
        ("1e0", ColumnType::BigInt, "found a floating point number"),
        ("2", ColumnType::Boolean, "expected 0 or 1 for a boolean, found the integer 2"),
        ("7", ColumnType::Text { length: Some(3) }, "expected a text, found the integer 7"),
        ("X'00'", LONG, "expected a text, found bytes"),
        ("'x'", ColumnType::Double, "expected a floating point number, found a text"),
        ("5", ColumnType::Date, "expected a date, found the integer 5"),
        ("CAST('2024-01-01' AS date)", ColumnType::Integer, "found the date or time 2024-01-01"),
        ("CAST('2024-01-01' AS date)", LONG, "found the date or time 2024-01-01"),
        ("X'0102'", ColumnType::Uuid, "expected a UUID as 16 bytes, found bytes"),
    ];
    let Some(scratch) = scratch(&[]).await else { return };
    let mut db = scratch.take().await;
    for (sql, ty, expected) in cases {
        let sql = format!("SELECT 1, {sql} AS price UNION ALL SELECT 2, {sql}");
        let query = typed_query(&sql, &[], &[ColumnType::Integer, ty]);
        match fail(&mut db, vec![query]).await.error {
            DriverError::Value { column, reason } => {
                assert_eq!(column, "`price`");
                assert!(reason.contains(expected), "{sql}: {reason}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    // The connection is at no answer's middle.
    assert_eq!(one(&mut db, "SELECT 7").await, int(7));
}

#[cfg(feature = "chrono")]
#[tokio::test]
async fn what_is_no_time_of_day_and_what_is_no_day_is_refused() {
    let Some(scratch) = scratch(&[]).await else { return };
    let mut db = scratch.take().await;
    let cases = [
        ("CAST('25:00:00' AS time)", ColumnType::Time, "found the time 25:00:00"),
        ("CAST('-01:00:00' AS time)", ColumnType::Time, "found the time -01:00:00"),
        ("CAST('2024-01-01 10:00:00' AS datetime)", ColumnType::Date, "expected a date, found"),
        ("'soon'", ColumnType::Timestamp, "found the text \"soon\""),
    ];
    for (sql, ty, expected) in cases {
        let failure = fail(&mut db, vec![typed_query(&format!("SELECT {sql}"), &[], &[ty])]).await;
        assert!(failure.error.to_string().contains(expected), "{sql}: {}", failure.error);
    }
    run(&mut db, vec![raw("CREATE TABLE t (d date, u datetime)", &[])]).await;
    run(&mut db, vec![raw("INSERT INTO t VALUES ('0000-00-00', '2024-00-00')", &[])]).await;
    let zero = typed_query("SELECT d FROM t", &[], &[ColumnType::Date]);
    assert!(matches!(fail(&mut db, vec![zero]).await.error, DriverError::Value { .. }));
    // Without a type they are told as the server writes them.
    assert_eq!(all(&mut db, "SELECT * FROM t").await, "'0000-00-00', '2024-00-00 00:00:00'");
}

#[cfg(feature = "chrono")]
#[tokio::test]
async fn a_year_that_the_server_has_not_is_refused() {
    let Some(scratch) = scratch(&["CREATE TABLE t (v date)"]).await else { return };
    let mut db = scratch.take().await;
    let value = Value::Date(chrono::NaiveDate::from_ymd_opt(10_000, 1, 1).expect("a day"));
    for request in [insert("t", &["v"], std::slice::from_ref(&value)), raw("DO ?", &[value])] {
        let error = fail(&mut db, vec![request]).await.error.to_string();
        assert!(error.contains("the year 10000 is not within 0 and 9999"), "{error}");
    }
}

#[tokio::test]
async fn a_nan_is_neither_written_nor_sent() {
    let Some(scratch) = scratch(&["CREATE TABLE t (id int, v double)"]).await else { return };
    let mut db = scratch.take().await;
    let nan = [int(1), Value::Float(f64::NAN)];
    for request in [insert("t", &["id", "v"], &nan), raw("INSERT INTO t VALUES (?, ?)", &nan)] {
        match fail(&mut db, vec![request]).await.error {
            DriverError::Value { column, reason } => {
                assert_eq!(column, "parameter 2");
                assert!(reason.contains("NaN"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_the_server_refuses_names_the_column() {
    let Some(scratch) = scratch(&["CREATE TABLE t (n tinyint, s varchar(3))"]).await else {
        return;
    };
    let mut db = scratch.take().await;
    let cases = [([int(300), text("x")], "`n`"), ([int(1), text("long")], "`s`")];
    for (values, expected) in cases {
        match fail(&mut db, vec![insert("t", &["n", "s"], &values)]).await.error {
            DriverError::Value { column, reason } => {
                assert_eq!(column, expected);
                assert!(reason.contains("(code "), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}
