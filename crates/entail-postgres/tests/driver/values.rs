//! Values: all types both ways, and what does not fit.

use entail_engine::batch::Rows;
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value, ValueRef};

use crate::database::check;
use crate::requests::{fail, insert, int, one, query, run, text, type_name, typed_query};

/// Values of every type, the extremes among them.
pub fn samples() -> Vec<(ColumnType, Vec<Value>)> {
    let mut samples = vec![
        (ColumnType::SmallInt, vec![int(0), int(-32_768), int(32_767)]),
        (ColumnType::Integer, vec![int(i64::from(i32::MIN)), int(i64::from(i32::MAX))]),
        (ColumnType::BigInt, vec![int(i64::MIN), int(i64::MAX)]),
        (ColumnType::Real, vec![Value::Float(0.5), Value::Float(f64::NAN)]),
        (
            ColumnType::Double,
            vec![Value::Float(0.1), Value::Float(f64::NEG_INFINITY), Value::Float(-0.0)],
        ),
        (ColumnType::Boolean, vec![Value::Bool(true), Value::Bool(false)]),
        (
            ColumnType::Text { length: None },
            vec![text(""), text("it's {a, \"b\"} \\ é 🦀"), text("NULL")],
        ),
        (ColumnType::Bytes, vec![Value::from(vec![0u8, 255, 92]), Value::from(Vec::new())]),
    ];
    samples.extend(moments());
    #[cfg(feature = "uuid")]
    samples.push((
        ColumnType::Uuid,
        vec![Value::Uuid(uuid::Uuid::nil()), Value::Uuid(uuid::Uuid::max())],
    ));
    samples
}

#[cfg(feature = "chrono")]
fn moments() -> Vec<(ColumnType, Vec<Value>)> {
    use chrono::{NaiveDate, NaiveTime};
    let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a date");
    let last = date(9_999, 12, 31).and_hms_micro_opt(23, 59, 59, 999_999).expect("a time");
    let first = date(1, 1, 1).and_time(NaiveTime::MIN);
    vec![
        (ColumnType::Date, vec![Value::Date(date(2024, 2, 29)), Value::Date(date(1, 1, 1))]),
        (ColumnType::Time, vec![Value::Time(last.time()), Value::Time(NaiveTime::MIN)]),
        (ColumnType::DateTime, vec![Value::DateTime(last), Value::DateTime(first)]),
        (
            ColumnType::Timestamp,
            vec![Value::Timestamp(last.and_utc()), Value::Timestamp(first.and_utc())],
        ),
    ]
}

#[cfg(not(feature = "chrono"))]
fn moments() -> Vec<(ColumnType, Vec<Value>)> {
    Vec::new()
}

fn only(rows: &Rows) -> Value {
    rows.value(0, 0).expect("a value").to_value()
}

#[test]
fn values_of_every_type_come_back_as_they_went() {
    check("", async |place| {
        for options in ["", "statement_cache=0"] {
            let mut db = place.connection(options).await;
            for (ty, values) in samples() {
                let sql = format!("SELECT $1::{}", type_name(ty));
                for value in values.into_iter().chain([Value::Null]) {
                    let outcome = run(
                        &mut db,
                        vec![
                            typed_query(&sql, std::slice::from_ref(&value), &[ty]),
                            query(&sql, std::slice::from_ref(&value)),
                        ],
                    )
                    .await;
                    assert_eq!(only(&outcome.rows[0]), value, "{ty:?} {options}");
                    assert_eq!(only(&outcome.rows[1]), value, "{ty:?} {options}");
                }
            }
        }
    });
}

#[test]
fn integers_and_texts_go_into_other_types() {
    check("CREATE TYPE mood AS ENUM ('sad', 'fine'); CREATE DOMAIN small AS int2", async |place| {
        for options in ["", "statement_cache=0"] {
            let mut db = place.connection(options).await;
            for (sql, value, expected) in [
                ("SELECT $1::numeric", int(12), "12"),
                ("SELECT $1::numeric(12,4)", text("-10002.5"), "-10002.5000"),
                ("SELECT $1::text", int(7), "7"),
                ("SELECT $1::text", Value::Bool(true), "true"),
                ("SELECT $1::float8::text", int(3), "3"),
                ("SELECT $1::oid::text", int(4_000_000_000), "4000000000"),
                ("SELECT $1::json", text("{\"a\": 1}"), "{\"a\": 1}"),
                ("SELECT $1::jsonb", text("{\"a\":1}"), "{\"a\": 1}"),
                ("SELECT $1::mood::text", text("fine"), "fine"),
                ("SELECT $1::small::text", int(5), "5"),
                ("SELECT $1::date::text", text("2024-02-29"), "2024-02-29"),
                ("SELECT $1::int4[]::text", text("{1,2}"), "{1,2}"),
                ("SELECT $1::inet::text", text("10.0.0.1"), "10.0.0.1/32"),
                ("SELECT $1::name", text("a name"), "a name"),
                ("SELECT $1::char(3)", text("a"), "a  "),
            ] {
                let outcome = run(&mut db, vec![query(sql, &[value])]).await;
                assert_eq!(only(&outcome.rows[0]), text(expected), "{sql} {options}");
            }
        }
        let mut db = place.connection("").await;
        assert_eq!(one(&mut db, "SELECT 'sad'::mood").await, text("sad"));
        assert_eq!(one(&mut db, "SELECT 7::small").await, int(7));
        assert_eq!(one(&mut db, "SELECT 1::oid").await, int(1));
        assert_eq!(one(&mut db, "SELECT pg_sleep(0)").await, text(""));
    });
}

#[test]
fn what_does_not_fit_names_its_parameter() {
    check("", async |place| {
        let mut db = place.connection("").await;
        for (sql, value, expected) in [
            ("SELECT $1::int2", int(32_768), "32768 does not fit into the type int2"),
            ("SELECT $1::int4", int(-3_000_000_000), "-3000000000 does not fit into the type int4"),
            ("SELECT $1::oid", int(-1), "-1 does not fit into the type oid"),
            ("SELECT $1::float8", int(i64::MAX), "does not fit into the type float8"),
            ("SELECT $1::float4", Value::Float(1e300), "does not fit into the type float4"),
            (
                "SELECT $1::int4",
                Value::Float(1.0),
                "a floating point number for a parameter of type int4",
            ),
            ("SELECT $1::int4", Value::Bool(true), "a boolean for a parameter of type int4"),
            ("SELECT $1::text", Value::from(vec![1u8]), "bytes for a parameter of type text"),
            ("SELECT $1::bytea", text("a"), "a text for a parameter of type bytea"),
            ("SELECT $1::text", text("a\0b"), "NUL character"),
        ] {
            let failure = fail(&mut db, vec![query(sql, &[value])]).await;
            assert_eq!((failure.request, failure.execution), (Some(0), 0));
            match failure.error {
                DriverError::Value { column, reason } => {
                    assert_eq!(column, "parameter 1");
                    assert!(reason.contains(expected), "{sql}: {reason}");
                }
                other => panic!("{sql}: {other}"),
            }
        }
        assert_eq!(one(&mut db, "SELECT 1").await, int(1));
    });
}

#[test]
fn what_cannot_be_read_names_its_column() {
    check("", async |place| {
        let mut db = place.connection("").await;
        for sql in ["SELECT '10.0.0.1'::inet AS a", "SELECT '{1}'::int4[] AS a"] {
            match fail(&mut db, vec![query(sql, &[])]).await.error {
                DriverError::Value { column, reason } => {
                    assert_eq!(column, "`a`");
                    assert!(reason.contains("cast it to text"), "{reason}");
                }
                other => panic!("{sql}: {other}"),
            }
        }
        let types = [ColumnType::Integer];
        match fail(&mut db, vec![typed_query("SELECT 'x' AS a", &[], &types)]).await.error {
            DriverError::Value { column, reason } => {
                assert_eq!(column, "`a`");
                assert_eq!(reason, "expected an integer, found the type text");
            }
            other => panic!("{other}"),
        }
        let two = typed_query("SELECT 1, 2", &[], &types);
        match fail(&mut db, vec![two]).await.error {
            DriverError::Statement { reason, .. } => {
                assert_eq!(reason, "the statement gives 2 column(s), and 1 were expected");
            }
            other => panic!("{other}"),
        }
        #[cfg(feature = "chrono")]
        for sql in [
            "SELECT 'infinity'::timestamptz AS a",
            "SELECT '-infinity'::date AS a",
            "SELECT '24:00'::time AS a",
        ] {
            let failure = fail(&mut db, vec![query(sql, &[])]).await;
            assert!(failure.error.to_string().contains("`a`: it is infinite"), "{failure}");
        }
    });
}

#[test]
fn an_integer_can_be_read_as_a_floating_point_number() {
    check("", async |place| {
        let mut db = place.connection("").await;
        let types = [ColumnType::Double; 3];
        let sql = "SELECT 1::int2, 2::int4, 3::int8";
        let outcome = run(&mut db, vec![typed_query(sql, &[], &types)]).await;
        let values: Vec<Value> = outcome.rows[0].values().map(ValueRef::to_value).collect();
        assert_eq!(values, [1.0, 2.0, 3.0].map(Value::Float));
    });
}

#[test]
fn a_text_that_is_too_long_names_its_table() {
    check("CREATE TABLE t (a varchar(3), b numeric(3))", async |place| {
        for options in ["", "statement_cache=0"] {
            let mut db = place.connection(options).await;
            for values in [[text("long"), int(1)], [text("x"), int(1234)]] {
                match fail(&mut db, vec![insert("t", &["a", "b"], &values)]).await.error {
                    DriverError::Value { column, .. } => assert_eq!(column, "of `t`"),
                    other => panic!("{other}"),
                }
            }
            let failure = fail(&mut db, vec![query("SELECT 99999999999::int4", &[])]).await;
            assert!(matches!(failure.error, DriverError::Statement { .. }), "{failure}");
        }
    });
}
