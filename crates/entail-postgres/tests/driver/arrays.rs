//! Arrays: rows that go in one statement, of every type, with NULLs.

use entail_engine::batch::Param;
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value, ValueRef};

use crate::database::check;
use crate::requests::{fail, insert_arrays, int, query, run, text, type_name};
use crate::values::samples;

#[test]
fn arrays_of_every_type_with_nulls_come_back_as_they_went() {
    check("", async |place| {
        for options in ["", "statement_cache=0"] {
            let mut db = place.connection(options).await;
            for (ty, mut values) in samples() {
                let name = type_name(ty);
                db.run_script(vec![
                    "DROP TABLE IF EXISTS t".to_owned(),
                    format!("CREATE TABLE t (id int8, v {name})"),
                ])
                .await
                .expect("it runs");
                values.insert(1, Value::Null);
                let rows: Vec<Param> = values
                    .iter()
                    .enumerate()
                    .flat_map(|(id, value)| [int(id as i64), value.clone()])
                    .map(Param::from)
                    .collect();
                let columns = [("id", ColumnType::BigInt), ("v", ty)];
                let outcome = run(&mut db, vec![insert_arrays("t", &columns, rows, 0, &[])]).await;
                assert_eq!(outcome.written, [values.len() as u64]);
                let outcome = run(&mut db, vec![query("SELECT v FROM t ORDER BY id", &[])]).await;
                let read: Vec<Value> = outcome.rows[0].values().map(ValueRef::to_value).collect();
                assert_eq!(read, values, "{name} {options}");
            }
        }
    });
}

#[test]
fn what_does_not_fit_into_an_array_names_its_parameter() {
    check("CREATE TABLE t (a int2, b text)", async |place| {
        let mut db = place.connection("").await;
        let columns = [("a", ColumnType::SmallInt), ("b", ColumnType::Text { length: None })];
        for (a, b, expected) in [
            (int(40_000), text("x"), "parameter 1: 40000 does not fit into the type int2"),
            (text("x"), text("x"), "parameter 1: a text for a parameter of type int2"),
            (int(1), text("\0"), "parameter 2: a text with a NUL character"),
            (int(1), Value::from(vec![0u8]), "parameter 2: bytes for a parameter of type text"),
        ] {
            let rows = [int(1), text("y"), a, b].map(Param::from).to_vec();
            let failure = fail(&mut db, vec![insert_arrays("t", &columns, rows, 0, &[])]).await;
            assert!(matches!(failure.error, DriverError::Value { .. }), "{failure}");
            assert!(failure.to_string().contains(expected), "{failure}");
        }
    });
}
