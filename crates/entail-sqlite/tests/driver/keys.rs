//! Keys of rows that are inserted several at a time: always those that the rows really have.

use entail_engine::batch::{
    Bind, Call, CallKind, Fetch, GeneratedColumn, Operation, Outcome, Param, Params, Request,
};
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value};
use entail_sqlite::{Connection, Options};

use crate::requests::{batch, fail, int, memory, numbered, one, raw, run, target, text, values};

/// Inserts five rows, two an execution and then one, and compares the keys with the table.
fn check(db: &mut Connection, table: &str) -> Vec<i64> {
    let names = ["a", "b", "c", "d"];
    let outcome = run(
        db,
        vec![
            Request::Begin,
            numbered(table, 2, &names, 0),
            numbered(table, 1, &["e"], 4),
            Request::Commit,
        ],
    );
    assert_eq!(outcome.written, [0, 4, 1, 0]);
    assert_keys(db, table, &outcome, &["a", "b", "c", "d", "e"])
}

fn assert_keys(db: &mut Connection, table: &str, outcome: &Outcome, names: &[&str]) -> Vec<i64> {
    let quoted = table.replace('"', "\"\"");
    names
        .iter()
        .zip(&outcome.slots)
        .map(|(name, slot)| {
            let sql = format!("SELECT id FROM \"{quoted}\" WHERE name = '{name}'");
            let key = one(db, &sql);
            assert_eq!(&key, slot, "{table}: {name}");
            match key {
                Value::Int(key) => key,
                other => panic!("{other:?}"),
            }
        })
        .collect()
}

const PLAIN: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);";

#[test]
fn an_empty_table_begins_with_one() {
    assert_eq!(check(&mut memory(PLAIN), "t"), [1, 2, 3, 4, 5]);
}

#[test]
fn the_name_of_the_table_may_be_odd_and_in_other_case() {
    let schema = "CREATE TABLE \"My \"\"odd\"\" ' table\" (ID integer primary key, name TEXT);";
    assert_eq!(check(&mut memory(schema), "my \"ODD\" ' table"), [1, 2, 3, 4, 5]);
}

#[test]
fn numbers_go_on_after_the_greatest_also_a_negative_one() {
    let mut db = memory(&format!("{PLAIN} INSERT INTO t VALUES (-3, 'x'), (-9, 'y');"));
    assert_eq!(check(&mut db, "t"), [-2, -1, 0, 1, 2]);
}

#[test]
fn autoincrement_does_not_use_a_number_twice() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
                  INSERT INTO t VALUES (40, 'x'); DELETE FROM t;
                  INSERT INTO t VALUES (-7, 'y');";
    assert_eq!(check(&mut memory(schema), "t"), [41, 42, 43, 44, 45]);
}

#[test]
fn autoincrement_begins_with_one_above_negative_keys() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
                  INSERT INTO t VALUES (-7, 'y');";
    assert_eq!(check(&mut memory(schema), "t"), [1, 2, 3, 4, 5]);
}

#[test]
fn a_used_up_rowid_makes_sqlite_guess_and_the_driver_ask() {
    for greatest in [i64::MAX, i64::MAX - 1, i64::MAX - 2, i64::MAX - 3, i64::MAX - 4] {
        let mut db = memory(&format!("{PLAIN} INSERT INTO t VALUES ({greatest}, 'x');"));
        let keys = check(&mut db, "t");
        assert!(keys.iter().all(|key| *key != greatest), "{greatest}: {keys:?}");
    }
}

#[test]
fn triggers_that_write_elsewhere_or_here_do_not_mislead() {
    let elsewhere = format!(
        "{PLAIN} CREATE TABLE log (id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO log VALUES (900, 'x');
         CREATE TRIGGER note AFTER INSERT ON t BEGIN INSERT INTO log (name) VALUES (NEW.name); END;"
    );
    assert_eq!(check(&mut memory(&elsewhere), "t"), [1, 2, 3, 4, 5]);
    let here = format!(
        "{PLAIN} CREATE TRIGGER twice AFTER INSERT ON t WHEN NEW.name < 'f' BEGIN
             INSERT INTO t (name) VALUES ('copy of ' || NEW.name); END;"
    );
    assert_eq!(check(&mut memory(&here), "t"), [1, 3, 5, 7, 9]);
}

#[test]
fn a_trigger_that_comes_later_is_noticed() {
    let log = format!("{PLAIN} CREATE TABLE log (id INTEGER PRIMARY KEY);");
    for kind in ["TRIGGER", "TEMP TRIGGER"] {
        let mut db = memory(&log);
        check(&mut db, "t");
        run(&mut db, vec![raw("DELETE FROM t", &[])]);
        let sql = format!(
            "CREATE {kind} twice AFTER INSERT ON main.t WHEN NEW.name < 'f' BEGIN
                 INSERT INTO t (name) VALUES ('copy'); END"
        );
        let sql = if kind == "TRIGGER" { sql.replace("main.", "") } else { sql };
        run(&mut db, vec![raw(&sql, &[])]);
        assert_eq!(check(&mut db, "t"), [1, 3, 5, 7, 9], "{kind}");
    }
}

#[test]
fn tables_whose_key_is_no_rowid_are_asked() {
    for (schema, what) in [
        ("id INT PRIMARY KEY NOT NULL DEFAULT (abs(random()) % 1000000000), name TEXT)", "INT"),
        (
            "id INTEGER PRIMARY KEY DEFAULT (abs(random()) % 1000000000), name TEXT) WITHOUT ROWID",
            "wr",
        ),
        ("id INTEGER DEFAULT (abs(random()) % 1000000000) PRIMARY KEY DESC, name TEXT)", "desc"),
        (
            "id INTEGER DEFAULT (abs(random()) % 1000000000), name TEXT, PRIMARY KEY (id, name))",
            "two",
        ),
    ] {
        let mut db = memory(&format!("CREATE TABLE t ({schema};"));
        assert_eq!(check(&mut db, "t").len(), 5, "{what}");
    }
}

#[test]
fn a_temporary_table_that_hides_the_table_is_asked() {
    let mut db = memory(&format!("{PLAIN} INSERT INTO t VALUES (70, 'x');"));
    run(&mut db, vec![raw("CREATE TEMP TABLE t (id INTEGER PRIMARY KEY, name TEXT)", &[])]);
    assert_eq!(check(&mut db, "t"), [1, 2, 3, 4, 5]);
}

#[test]
fn without_a_transaction_the_keys_are_right_too() {
    let mut db = memory(PLAIN);
    let outcome = run(&mut db, vec![numbered("t", 2, &["a", "b"], 0)]);
    assert_eq!(assert_keys(&mut db, "t", &outcome, &["a", "b"]), [1, 2]);
}

#[test]
fn a_row_that_a_trigger_drops_is_missed() {
    for rows in [1, 2] {
        let mut db = memory(&format!(
            "{PLAIN} CREATE TRIGGER drop_it BEFORE INSERT ON t WHEN NEW.name = 'b' BEGIN
                 SELECT RAISE(IGNORE); END;"
        ));
        let failure = fail(
            &mut db,
            vec![Request::Begin, numbered("t", rows, &["a", "b", "c", "d"], 0), Request::Commit],
        );
        let place = (failure.request, failure.execution, failure.in_transaction);
        assert_eq!(place, (Some(1), if rows == 1 { 1 } else { 0 }, false));
        let expected = DriverError::RowCount { table: "t".into(), expected: 1, written: 0 };
        assert_eq!(failure.error, expected);
    }
}

#[test]
fn slots_are_parameters_of_later_requests() {
    let mut db = memory(&format!(
        "{PLAIN} CREATE TABLE c (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t, name TEXT);"
    ));
    let child = Request::Call(Call {
        sql: "INSERT INTO c (t, name) VALUES (?, ?) RETURNING id, upper(name)".into(),
        params: Params::from(vec![
            Param::Slot(1),
            Param::Value(text("x")),
            Param::Slot(0),
            Param::Value(text("y")),
        ]),
        arity: 2,
        bind: Bind::Each,
        kind: CallKind::Insert {
            first: 2,
            rows: 1,
            columns: [
                GeneratedColumn { name: "id".into(), ty: ColumnType::BigInt },
                GeneratedColumn { name: "name".into(), ty: ColumnType::Text { length: None } },
            ]
            .into(),
            fetch: Fetch::Returning,
        },
        target: Some(target(Operation::Insert, "c", &["t", "name"], &[])),
    });
    let outcome = run(
        &mut db,
        vec![Request::Begin, numbered("t", 2, &["a", "b"], 0), child, Request::Commit],
    );
    assert_eq!(outcome.slots, [int(1), int(2), int(1), text("X"), int(2), text("Y")]);
    assert_eq!(
        one(&mut db, "SELECT group_concat(t) FROM (SELECT t FROM c ORDER BY id)"),
        text("2,1")
    );
}

#[test]
fn a_slot_that_the_batch_does_not_have_is_an_error() {
    let mut db = memory(PLAIN);
    let mut short = batch(vec![numbered("t", 2, &["a", "b"], 0)]);
    short.slots = 1;
    let error = db.run(&short).expect_err("two slots are needed").error;
    assert!(matches!(&error, DriverError::Value { column, .. } if column == "slot 1"), "{error}");
    let call = Call {
        sql: "SELECT ?".into(),
        params: Params::from(vec![Param::Slot(3)]),
        arity: 1,
        bind: Bind::Each,
        kind: CallKind::Query { types: [].into() },
        target: None,
    };
    let error = fail(&mut db, vec![Request::Call(call)]).error;
    assert!(
        matches!(&error, DriverError::Value { column, .. } if column == "parameter 1"),
        "{error}"
    );
    assert_eq!(values(&[]).len(), 0);
}

#[test]
fn a_change_of_the_schema_that_was_rolled_back_does_not_hide_the_next() {
    let mut db = memory(PLAIN);
    run(
        &mut db,
        vec![
            Request::Begin,
            raw("CREATE TABLE gone (a)", &[]),
            numbered("t", 2, &["x", "y"], 0),
            Request::Rollback,
        ],
    );
    let trigger = "CREATE TRIGGER twice AFTER INSERT ON t WHEN NEW.name < 'f' BEGIN
                       INSERT INTO t (name) VALUES ('copy'); END";
    db.run_script(&[trigger.to_owned()]).expect("it runs");
    assert_eq!(check(&mut db, "t"), [1, 3, 5, 7, 9]);
}

#[test]
fn without_transactions_two_writers_do_not_mix_up_their_keys() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite:{}/a.db", directory.path().display());
    let options = Options::parse(&url).expect("the URL is right");
    let open = || Connection::open(&options).expect("it opens");
    open().run_script(&[PLAIN.to_owned()]).expect("the schema is right");
    let write = |name: &str| {
        let mut db = open();
        for _ in 0..100 {
            let outcome = run(&mut db, vec![numbered("t", 2, &[name, name], 0)]);
            for key in &outcome.slots {
                assert_eq!(
                    one(&mut db, &format!("SELECT name FROM t WHERE id = {key}")),
                    text(name)
                );
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| write("left"));
        scope.spawn(|| write("right"));
    });
}
