//! Generated keys: in the order of the rows, by RETURNING and by the first number.

use entail_engine::batch::{Fetch, Param, Request};
use entail_engine::error::DriverError;
use entail_engine::sql::Dialect;
use entail_engine::value::Value;
use entail_mysql::PooledConnection;

use crate::requests::{insert_made, insert_params, int, query, raw, text};
use crate::server::{all, fail, run, scratch, scratch_with};

const T: &str = "CREATE TABLE t (id bigint PRIMARY KEY AUTO_INCREMENT, name varchar(20) UNIQUE)";

fn names(names: &[&str]) -> Vec<Param> {
    names.iter().map(|name| Param::Value(text(name))).collect()
}

/// Inserts rows in one statement, and pairs their names with what the slots have.
async fn numbered(db: &mut PooledConnection, rows: &[&str]) -> String {
    let fetch = match db.dialect() {
        Dialect::MariaDb => Fetch::Returning,
        _ => Fetch::FirstNumber,
    };
    let request = insert_made("t", &["name"], names(rows), (0, rows.len()), fetch);
    let outcome = run(db, vec![request]).await;
    assert_eq!(outcome.written, [rows.len() as u64]);
    let pairs = rows.iter().zip(&outcome.slots).map(|(name, slot)| format!("{name}={slot}"));
    pairs.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn rows_get_their_keys_in_order_on_both_servers() {
    for (options, dialect) in [("", Dialect::MariaDb), ("returning=off", Dialect::MySql)] {
        let Some(scratch) = scratch_with(options, &[T]).await else { return };
        let mut db = scratch.take().await;
        if db.dialect() == Dialect::MySql && dialect == Dialect::MariaDb {
            continue;
        }
        assert_eq!(db.dialect(), dialect);
        assert_eq!(numbered(&mut db, &["a"]).await, "a=1", "{options}");
        assert_eq!(numbered(&mut db, &["z", "b", "y"]).await, "z=2 b=3 y=4", "{options}");
        assert_eq!(
            all(&mut db, "SELECT name, id FROM t ORDER BY id").await,
            "'a', 1; 'z', 2; 'b', 3; 'y', 4"
        );
    }
}

#[tokio::test]
async fn the_distance_between_numbers_is_the_one_of_the_moment() {
    for options in ["", "returning=off"] {
        let Some(scratch) = scratch_with(options, &[T]).await else { return };
        let mut db = scratch.take().await;
        assert_eq!(numbered(&mut db, &["a", "b"]).await, "a=1 b=2");
        run(&mut db, vec![raw("SET auto_increment_increment = 3", &[])]).await;
        assert_eq!(numbered(&mut db, &["c"]).await, "c=4", "{options}");
        assert_eq!(numbered(&mut db, &["d", "e", "f"]).await, "d=7 e=10 f=13", "{options}");
        assert_eq!(
            all(&mut db, "SELECT name, id FROM t WHERE id > 4 ORDER BY id").await,
            "'d', 7; 'e', 10; 'f', 13"
        );
        // The next owner does not inherit it.
        drop(db);
        let mut db = scratch.take().await;
        assert_eq!(all(&mut db, "SELECT @@auto_increment_increment").await, "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_right_whoever_else_inserts() {
    for options in ["returning=off", ""] {
        let Some(scratch) = scratch_with(options, &[T]).await else { return };
        let writers = (0..4).map(|writer| {
            let pool = scratch.pool.clone();
            tokio::spawn(async move {
                let mut db = pool.take().await.expect("a connection");
                for round in 0..20 {
                    let rows: Vec<String> =
                        (0..7).map(|row| format!("{writer}-{round}-{row}")).collect();
                    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
                    let told = numbered(&mut db, &rows).await;
                    let sql = format!(
                        "SELECT name, id FROM t WHERE name LIKE '{writer}-{round}-%' ORDER BY name"
                    );
                    let there = all(&mut db, &sql).await;
                    let there = there.replace('\'', "").replace(", ", "=").replace(';', "");
                    assert_eq!(told, there);
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("its numbers are right");
        }
    }
}

#[tokio::test]
async fn several_executions_fill_slots_one_after_the_other() {
    for (options, fetch) in [("", Fetch::Returning), ("returning=off", Fetch::FirstNumber)] {
        let Some(scratch) = scratch_with(options, &[T]).await else { return };
        let mut db = scratch.take().await;
        if fetch == Fetch::Returning && db.dialect() == Dialect::MySql {
            continue;
        }
        let all = names(&["a", "b", "c", "d"]);
        let request = insert_made("t", &["name"], all, (0, 2), fetch);
        let outcome = run(&mut db, vec![request]).await;
        assert_eq!((outcome.written, outcome.slots), (vec![4], (1..=4).map(int).collect()));
    }
}

#[tokio::test]
async fn parents_give_their_keys_to_their_children_in_one_batch() {
    let child = "CREATE TABLE c (id bigint PRIMARY KEY AUTO_INCREMENT, t bigint NOT NULL REFERENCES \
                 t (id), name varchar(20))";
    for (options, fetch) in [("", Fetch::Returning), ("returning=off", Fetch::FirstNumber)] {
        let Some(scratch) = scratch_with(options, &[T, child]).await else { return };
        let mut db = scratch.take().await;
        if fetch == Fetch::Returning && db.dialect() == Dialect::MySql {
            continue;
        }
        let row = |slot, name: &str| vec![Param::Slot(slot), Param::Value(text(name))];
        let children = [row(1, "x"), row(0, "y")].concat();
        let outcome = run(
            &mut db,
            vec![
                Request::Begin,
                insert_made("t", &["name"], names(&["a", "b"]), (0, 2), fetch.clone()),
                insert_made("c", &["t", "name"], children, (2, 2), fetch),
                insert_params("c", &["t", "name"], row(0, "z")),
                Request::Commit,
            ],
        )
        .await;
        assert_eq!(outcome.slots, [1, 2, 1, 2].map(int));
        assert_eq!(outcome.written, [0, 2, 2, 1, 0]);
        assert!(!db.in_transaction());
        assert_eq!(
            all(&mut db, "SELECT c.name, t.name FROM c JOIN t ON t.id = c.t ORDER BY c.id").await,
            "'x', 'b'; 'y', 'a'; 'z', 'a'"
        );
    }
}

#[tokio::test]
async fn texts_and_dates_that_the_database_makes_come_back_too() {
    let schema =
        "CREATE TABLE t (id varchar(40) PRIMARY KEY DEFAULT (CONCAT('n', 1 + 1)), name int)";
    let Some(scratch) = scratch(&[schema]).await else { return };
    let mut db = scratch.take().await;
    if db.dialect() == Dialect::MySql {
        return;
    }
    let request = insert_made("t", &["name"], vec![Param::Value(int(1))], (0, 1), Fetch::Returning);
    let Request::Call(mut call) = request else { panic!("a call") };
    let entail_engine::batch::CallKind::Insert { columns, .. } = &mut call.kind else {
        panic!("an insert");
    };
    *columns = [entail_engine::batch::GeneratedColumn {
        name: "id".into(),
        ty: entail_engine::value::ColumnType::Text { length: None },
    }]
    .into();
    let outcome = run(&mut db, vec![Request::Call(call)]).await;
    assert_eq!(outcome.slots, [text("n2")]);
}

#[tokio::test]
async fn keys_that_are_not_generated_are_no_numbers() {
    let Some(scratch) = scratch(&["CREATE TABLE t (id int PRIMARY KEY)"]).await else { return };
    let mut db = scratch.take().await;
    let row = vec![Param::Value(int(5))];
    let request = insert_made("t", &["id"], row.clone(), (0, 1), Fetch::FirstNumber);
    let failure = fail(&mut db, vec![Request::Begin, request]).await;
    assert!(matches!(failure.error, DriverError::Statement { .. }), "{failure:?}");
    assert_eq!((failure.request, failure.in_transaction), (Some(1), false));
    let consecutive = Fetch::Consecutive { single: "x".into() };
    let failure = fail(&mut db, vec![insert_made("t", &["id"], row, (0, 1), consecutive)]).await;
    assert!(failure.error.to_string().contains("consecutive keys"), "{failure}");
}

#[tokio::test]
async fn a_slot_that_nobody_fills_is_a_mistake() {
    let Some(scratch) = scratch(&[T]).await else { return };
    let mut db = scratch.take().await;
    let batch = entail_engine::batch::Batch {
        requests: vec![Request::Begin, insert_params("t", &["name"], vec![Param::Slot(0)])],
        slots: 1,
    };
    let failure = db.run(batch).await.expect_err("nobody fills it");
    assert!(matches!(failure.error, DriverError::Value { .. }), "{failure:?}");
    assert!(!failure.in_transaction && !db.in_transaction());
    let outcome = run(&mut db, vec![query("SELECT count(*) FROM t", &[])]).await;
    assert_eq!(outcome.rows[0].value(0, 0).map(|v| v.to_value()), Some(Value::Int(0)));
}

/// Behaviours: DEFAULTS-05.
#[tokio::test]
async fn what_the_database_makes_is_read_back_by_the_key_where_there_is_no_returning() {
    let schema = [
        "CREATE TABLE t (id bigint PRIMARY KEY AUTO_INCREMENT, name varchar(20), n int DEFAULT 7)",
        "CREATE TABLE k (a varchar(20), b int, n int DEFAULT 8, PRIMARY KEY (a, b))",
    ];
    let Some(scratch) = scratch_with("returning=off", &schema).await else { return };
    let mut db = scratch.take().await;
    let made = |name: &str| entail_engine::batch::GeneratedColumn {
        name: name.into(),
        ty: entail_engine::value::ColumnType::Integer,
    };
    let insert = |table, given: &[&str], params, columns: &[&str], select: &str, keys: &[usize]| {
        let fetch = Fetch::ByKey { select: select.into(), keys: keys.into() };
        let Request::Call(mut call) = insert_made(table, given, params, (0, 1), fetch) else {
            panic!("a call")
        };
        if let entail_engine::batch::CallKind::Insert { columns: all, first, .. } = &mut call.kind {
            *all = columns.iter().map(|name| made(name)).collect();
            *first = if table == "t" { 0 } else { 4 };
        }
        Request::Call(call)
    };
    let select = "SELECT id, n FROM t WHERE id = LAST_INSERT_ID()";
    let two = insert("t", &["name"], names(&["a", "b"]), &["id", "n"], select, &[]);
    let key = [Value::from("it's"), int(3)].map(Param::Value).to_vec();
    let select = "SELECT n FROM k WHERE a = ? AND b = ?";
    let one = insert("k", &["a", "b"], key.clone(), &["n"], select, &[0, 1]);
    let listed = vec![Request::Begin, two, one, Request::Commit];
    let outcome = run(&mut db, listed).await;
    assert_eq!(outcome.slots, [1, 7, 2, 7, 8].map(int));
    assert_eq!(outcome.written, [0, 2, 1, 0]);
    // A row that cannot be found again is none that was inserted.
    let lost = insert(
        "k",
        &["b", "a"],
        vec![key[1].clone(), Param::Value(text("x"))],
        &["n"],
        select,
        &[0, 1],
    );
    let failure = fail(&mut db, vec![Request::Begin, lost, Request::Commit]).await;
    assert!(matches!(failure.error, DriverError::RowCount { .. }), "{failure:?}");
    assert_eq!(all(&mut db, "SELECT a FROM k").await, "'it''s'");
}
