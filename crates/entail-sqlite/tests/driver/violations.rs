//! Violations of unique, not null and check constraints: table, columns and name.

use entail_engine::error::{DriverError, ViolationKind};

use crate::requests::{fail, insert, int, memory, raw, shown, text, violation};

const SCHEMA: &str = "
    CREATE TABLE Users (id INTEGER PRIMARY KEY, Mail TEXT UNIQUE, name TEXT NOT NULL DEFAULT 'x',
        age INTEGER CHECK (age >= 0), CONSTRAINT \"name short\" CHECK (length(name) < 5));
    CREATE UNIQUE INDEX by_name_age ON users (name, age);
    CREATE UNIQUE INDEX by_lower ON users (lower(mail) || name);
    CREATE TABLE pairs (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE \"odd.t, x\" (\"a, b\" UNIQUE);
    CREATE TABLE bare (v);
    CREATE TABLE other (v CHECK (v <> 7));
    CREATE TABLE strict_one (v INTEGER) STRICT;
    INSERT INTO users (id, mail, name, age) VALUES (1, 'a@x', 'ann', 30);
    INSERT INTO pairs VALUES (1, 2);
    INSERT INTO bare (rowid, v) VALUES (4, 4);
    INSERT INTO \"odd.t, x\" VALUES (1);";

#[test]
fn each_constraint_is_named() {
    let mut db = memory(SCHEMA);
    let cases = [
        ("INSERT INTO users (mail, name) VALUES ('a@x', 'bob')", "Users (Mail): Unique None"),
        ("INSERT INTO users (id) VALUES (1)", "Users (id): Unique None"),
        (
            "INSERT INTO users (name, age) VALUES ('ann', 30)",
            "Users (name, age): Unique Some(\"by_name_age\")",
        ),
        (
            "INSERT INTO users (mail, name) VALUES ('A@X', 'ann')",
            "Users (): Unique Some(\"by_lower\")",
        ),
        ("INSERT INTO pairs VALUES (1, 2)", "pairs (a, b): Unique None"),
        ("INSERT INTO bare (rowid) VALUES (4)", "bare (rowid): Unique None"),
        ("INSERT INTO \"odd.t, x\" VALUES (1)", "odd.t, x (a, b): Unique None"),
        ("UPDATE USERS SET NAME = NULL", "Users (name): NotNull None"),
        ("UPDATE users SET age = -1", "Users (): Check None"),
        ("UPDATE users SET name = 'alexander'", "Users (): Check Some(\"name short\")"),
    ];
    for (sql, expected) in cases {
        assert_eq!(shown(&violation(&mut db, vec![raw(sql, &[])])), expected, "{sql}");
    }
}

#[test]
fn the_target_tells_two_checks_of_one_text_apart() {
    let mut db = memory(SCHEMA);
    let mut table = |sql: &str| {
        crate::requests::run(&mut db, vec![raw(sql, &[])]);
        violation(&mut db, vec![insert("OTHER", &["v"], &[int(7)])]).table
    };
    assert_eq!(table("SELECT 1").as_deref(), Some("other"));
    assert_eq!(table("CREATE TABLE third (v CHECK (v <> 7))").as_deref(), Some("other"));
    let raw_one = violation(&mut db, vec![raw("INSERT INTO other VALUES (7)", &[])]);
    assert_eq!((raw_one.kind, raw_one.table), (ViolationKind::Check, None));
}

#[test]
fn a_violation_in_a_trigger_names_the_table_of_the_constraint() {
    let mut db = memory(SCHEMA);
    let trigger =
        "CREATE TRIGGER copy AFTER INSERT ON bare BEGIN INSERT INTO pairs VALUES (1, NEW.v); END";
    crate::requests::run(&mut db, vec![raw(trigger, &[])]);
    let found = violation(&mut db, vec![insert("bare", &["v"], &[int(2)])]);
    assert_eq!(shown(&found), "pairs (a, b): Unique None");
}

#[test]
fn a_type_that_a_strict_table_refuses_is_a_refused_statement() {
    let mut db = memory(SCHEMA);
    match fail(&mut db, vec![insert("strict_one", &["v"], &[text("x")])]).error {
        DriverError::Statement { code, sql, .. } => {
            assert_eq!(code.as_deref(), Some("3091"));
            assert!(sql.contains("strict_one"));
        }
        other => panic!("{other:?}"),
    }
}
