//! Foreign keys that refuse a statement: which one, which end, which key, how many rows.

use entail_engine::batch::{Operation, Request};
use entail_engine::error::{DriverError, ForeignKeyViolation, ViolationKind};
use entail_engine::value::Value;
use entail_sqlite::Connection;

use crate::requests::{
    delete, fail, insert, int, memory, one, raw, run, shown, text, update, violation, written,
};

/// Runs the last request after the others, in a transaction, and shows why it was refused.
/// Nothing of the look may stay.
fn refused(connection: &mut Connection, request: Request) -> String {
    run(connection, vec![Request::Begin]);
    let before = traces(connection);
    let violation = violation(connection, vec![request]);
    assert!(connection.in_transaction());
    assert_eq!(traces(connection), before, "the look left something behind");
    run(connection, vec![Request::Rollback]);
    shown(&violation)
}

fn traces(connection: &mut Connection) -> Vec<Value> {
    [
        "SELECT count(*) FROM temp.sqlite_schema",
        "PRAGMA defer_foreign_keys",
        "SELECT group_concat(name) FROM pragma_table_list WHERE name LIKE 'entail%'",
    ]
    .map(|sql| one(connection, sql))
    .to_vec()
}

const SHOP: &str = "
    CREATE TABLE Users (Id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users,
                         friend_id INTEGER REFERENCES users (id));
    CREATE TABLE items (id INTEGER PRIMARY KEY,
                        order_id INTEGER NOT NULL REFERENCES orders ON DELETE RESTRICT);
    INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'c');
    INSERT INTO orders VALUES (10, 1, NULL), (11, 1, 2), (12, 2, 2);
    INSERT INTO items VALUES (100, 10), (101, 10);";

#[test]
fn a_row_without_its_parent_names_the_parent() {
    let mut db = memory(SHOP);
    let row = [int(13), int(1), int(77)];
    assert_eq!(
        refused(&mut db, insert("ORDERS", &["id", "user_id", "friend_id"], &row)),
        "orders (friend_id) -> no Users (Id) = (77)"
    );
    assert_eq!(
        refused(&mut db, update("orders", &["user_id"], &["id"], &[int(9), int(10)])),
        "orders (user_id) -> no Users (Id) = (9)"
    );
}

#[test]
fn several_rows_of_one_insert_are_told_apart() {
    let mut db = memory(SHOP);
    let rows = [int(13), int(1), int(14), int(55), int(15), int(56)];
    let request = written(
        "INSERT INTO orders (id, user_id) VALUES (?, ?), (?, ?), (?, ?)",
        Operation::Insert,
        "orders",
        (&["id", "user_id", "id", "user_id", "id", "user_id"], &[]),
        &rows,
    );
    assert_eq!(refused(&mut db, request), "orders (user_id) -> no Users (Id) = (55)");
}

#[test]
fn a_row_that_others_refer_to_names_them() {
    let mut db = memory(SHOP);
    assert_eq!(
        refused(&mut db, delete("users", &["id"], &[int(1)])),
        "orders (user_id) = (1) in 2 row(s)"
    );
    assert_eq!(
        refused(&mut db, update("users", &["id"], &["id"], &[int(8), int(2)])),
        "orders (user_id) = (2) in 1 row(s)"
    );
}

#[test]
fn restrict_is_a_foreign_key_too() {
    let mut db = memory(SHOP);
    assert_eq!(
        refused(&mut db, delete("orders", &["id"], &[int(10)])),
        "items (order_id) = (10) in 2 row(s)"
    );
    assert_eq!(
        refused(
            &mut db,
            raw(
                "WITH x AS (SELECT 10 AS n) DELETE FROM orders WHERE id = (SELECT n FROM x) AND 1 = ?",
                &[int(1)]
            )
        ),
        "items (order_id) = (10) in 2 row(s)"
    );
}

#[test]
fn raw_sql_is_looked_into_as_well() {
    let mut db = memory(SHOP);
    let cases = [
        ("REPLACE INTO users VALUES (20, ?)", text("a"), "orders (user_id) = (1) in 2 row(s)"),
        ("DELETE FROM users WHERE name = ?", text("a"), "orders (user_id) = (1) in 2 row(s)"),
        (
            "DELETE FROM users WHERE name >= ? RETURNING id",
            text("a"),
            "orders (user_id) = (1) in 2 row(s)",
        ),
        (
            "/* x */ INSERT OR ABORT INTO orders SELECT 13, 1, ?",
            int(4),
            "orders (friend_id) -> no Users (Id) = (4)",
        ),
        (
            "UPDATE orders SET user_id = id WHERE id > ?",
            int(10),
            "orders (user_id) -> no Users (Id) = (11)",
        ),
        ("UPDATE users SET id = id + ?", int(100), "orders (user_id) = (1) in 2 row(s)"),
    ];
    for (sql, param, expected) in cases {
        assert_eq!(refused(&mut db, raw(sql, &[param])), expected, "{sql}");
    }
}

#[test]
fn outside_of_a_transaction_nothing_stays_either() {
    let mut db = memory(SHOP);
    let before = traces(&mut db);
    // REPLACE is not seen in the rows, and so the statement runs again.
    for sql in ["DELETE FROM users WHERE id = 1", "REPLACE INTO users VALUES (20, 'a')"] {
        let failure = fail(&mut db, vec![raw(sql, &[])]);
        assert!(!failure.in_transaction, "{sql}");
        assert!(matches!(failure.error, DriverError::Integrity(_)), "{sql}");
        assert_eq!(traces(&mut db), before, "{sql}");
    }
    assert_eq!(one(&mut db, "SELECT count(*) FROM users"), int(3));
}

#[test]
fn keys_of_several_columns_never_fail_where_one_is_null() {
    let mut db = memory(
        "CREATE TABLE places (x INTEGER, y TEXT, PRIMARY KEY (x, y)) WITHOUT ROWID;
         CREATE TABLE pins (id INTEGER PRIMARY KEY, px INTEGER, py TEXT,
                            FOREIGN KEY (px, py) REFERENCES places (x, y));
         INSERT INTO places VALUES (1, 'a'), (2, 'b');
         INSERT INTO pins VALUES (1, 1, 'a'), (2, 1, NULL), (3, 9, NULL);",
    );
    assert_eq!(
        refused(&mut db, insert("pins", &["id", "px", "py"], &[int(4), int(1), text("b")])),
        "pins (px, py) -> no places (x, y) = (1, 'b')"
    );
    assert_eq!(
        refused(&mut db, update("pins", &["py"], &["id"], &[text("z"), int(1)])),
        "pins (px, py) -> no places (x, y) = (1, 'z')"
    );
    assert_eq!(
        refused(&mut db, delete("places", &["x", "y"], &[int(1), text("a")])),
        "pins (px, py) = (1, 'a') in 1 row(s)"
    );
}

const TREE: &str = "
    CREATE TABLE nodes (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES nodes, tag TEXT);
    INSERT INTO nodes VALUES (1, NULL, 'root'), (2, 1, 'leaf'), (3, 1, 'leaf'), (4, 4, 'loop');";

#[test]
fn a_table_that_refers_to_itself_does_not_count_what_goes() {
    let mut db = memory(TREE);
    assert_eq!(
        refused(&mut db, delete("nodes", &["id"], &[int(1)])),
        "nodes (parent) = (1) in 2 row(s)"
    );
    // Row 2 goes together with row 1; row 3 stays.
    assert_eq!(
        refused(&mut db, raw("DELETE FROM nodes WHERE id IN (1, 2)", &[])),
        "nodes (parent) = (1) in 1 row(s)"
    );
    run(&mut db, vec![raw("DELETE FROM nodes WHERE id = 4", &[])]);
}

#[test]
fn rows_of_one_insert_can_be_parents_of_each_other() {
    let mut db = memory(TREE);
    let sql = "INSERT INTO nodes (id, parent) VALUES (20, 21), (21, 22), (22, 20), (23, 99)";
    assert_eq!(refused(&mut db, raw(sql, &[])), "nodes (parent) -> no nodes (id) = (99)");
}

#[test]
fn a_cascade_that_meets_a_refusal_further_down_names_it() {
    for (action, deep) in [("", 2), ("ON DELETE RESTRICT", 2)] {
        let mut db = memory(&format!(
            "CREATE TABLE a (id INTEGER PRIMARY KEY);
             CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a ON DELETE CASCADE);
             CREATE TABLE c (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b ON DELETE CASCADE);
             CREATE TABLE d (id INTEGER PRIMARY KEY, c INTEGER REFERENCES c {action},
                             a INTEGER REFERENCES a ON DELETE SET NULL);
             INSERT INTO a VALUES (1); INSERT INTO b VALUES (10, 1); INSERT INTO c VALUES (5, 10);
             INSERT INTO d VALUES (1, 5, 1), (2, 5, NULL);"
        ));
        let expected = format!("d (c) = (5) in {deep} row(s)");
        assert_eq!(refused(&mut db, delete("a", &["id"], &[int(1)])), expected, "{action}");
    }
}

#[test]
fn what_triggers_and_actions_do_is_seen_too() {
    let mut db = memory(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE log (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p);
         CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER DEFAULT 7
                         REFERENCES p ON DELETE SET DEFAULT);
         CREATE VIEW v AS SELECT id FROM t;
         CREATE TRIGGER v_insert INSTEAD OF INSERT ON v BEGIN
             INSERT INTO log (p) VALUES (NEW.id + 40);
         END;
         INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1);",
    );
    assert_eq!(
        refused(&mut db, raw("INSERT INTO v (id) VALUES (2)", &[])),
        "log (p) -> no p (id) = (42)"
    );
    assert_eq!(refused(&mut db, delete("p", &["id"], &[int(1)])), "t (p) -> no p (id) = (7)");
    // REPLACE takes the old row away without a word.
    run(&mut db, vec![raw("INSERT INTO log (p) VALUES (1)", &[])]);
    assert_eq!(refused(&mut db, insert("t", &["p"], &[int(3)])), "t (p) -> no p (id) = (3)");
}

#[test]
fn orphans_from_before_are_not_blamed() {
    let mut db = memory(SHOP);
    run(&mut db, vec![raw("PRAGMA foreign_keys = OFF", &[])]);
    run(&mut db, vec![raw("INSERT INTO orders VALUES (50, 500, NULL)", &[])]);
    run(&mut db, vec![raw("PRAGMA foreign_keys = ON", &[])]);
    // The trigger hides the row from the first way of looking.
    run(
        &mut db,
        vec![raw(
            "CREATE TRIGGER more AFTER INSERT ON users BEGIN INSERT INTO items VALUES (900, 901); END",
            &[],
        )],
    );
    assert_eq!(
        refused(&mut db, insert("users", &["id"], &[int(4)])),
        "items (order_id) -> no orders (id) = (901)"
    );
}

#[test]
fn names_in_need_of_quotes_are_quoted() {
    let mut db = memory(
        r#"CREATE TABLE "odd ""table" ("the key" TEXT PRIMARY KEY);
           CREATE TABLE "select" (id INTEGER PRIMARY KEY,
               "from" TEXT REFERENCES "odd ""table" ("the key") ON DELETE RESTRICT);
           INSERT INTO "odd ""table" VALUES ('it''s');
           INSERT INTO "select" VALUES (1, 'it''s');"#,
    );
    assert_eq!(
        refused(&mut db, raw(r#"DELETE FROM "odd ""table""#, &[])),
        "select (from) = ('it''s') in 1 row(s)"
    );
    assert_eq!(
        refused(&mut db, raw(r#"INSERT INTO [select] VALUES (2, 'x')"#, &[])),
        "select (from) -> no odd \"table (the key) = ('x')"
    );
}

#[test]
fn a_trigger_of_the_user_is_no_foreign_key() {
    let mut db = memory(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         CREATE TRIGGER refuse BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'not today'); END;",
    );
    match fail(&mut db, vec![insert("t", &["id"], &[int(1)])]).error {
        DriverError::Statement { reason, code, .. } => {
            assert_eq!((reason.as_str(), code.as_deref()), ("not today", Some("1811")));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_found_is_unknown_and_no_other_error() {
    // A trigger that claims to be a foreign key: there is none to be found.
    let mut db = memory(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         CREATE TRIGGER refuse BEFORE INSERT ON t BEGIN
             SELECT RAISE(ABORT, 'FOREIGN KEY constraint failed');
         END;",
    );
    let violation = violation(&mut db, vec![insert("t", &["id"], &[int(1)])]);
    assert_eq!(violation.kind, ViolationKind::ForeignKey(ForeignKeyViolation::Unknown));
    assert_eq!(violation.message, "FOREIGN KEY constraint failed");
}

#[test]
fn the_last_rowid_is_that_of_the_last_row() {
    let mut db = memory(SHOP);
    run(&mut db, vec![raw("INSERT INTO users VALUES (70, 'x')", &[])]);
    for sql in ["DELETE FROM users WHERE id = 1", "UPDATE orders SET user_id = 5"] {
        violation(&mut db, vec![raw(sql, &[])]);
        assert_eq!(one(&mut db, "SELECT last_insert_rowid()"), int(70), "{sql}");
    }
}
