//! Foreign keys: both ends are told, with typed keys, wherever they are violated.

use entail_engine::batch::Request;
use entail_engine::error::ForeignKeyViolation;
use entail_engine::value::Value;

use crate::database::check;
use crate::requests::{delete, foreign_key, insert, int, one, raw, run, text, update, violation};

const SCHEMA: &str = "
    CREATE TABLE users (id int8 PRIMARY KEY);
    CREATE TABLE orders (id int8 PRIMARY KEY, user_id int8, CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES users);
    CREATE TABLE late (id int8 PRIMARY KEY, user_id int8 CONSTRAINT late_user REFERENCES users DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE tree (id int8 PRIMARY KEY, parent int8 REFERENCES tree);
    CREATE TABLE pairs (a text, b int4, PRIMARY KEY (a, b));
    CREATE TABLE \"Sub pairs\" (a text, \"B\" int4, FOREIGN KEY (a, \"B\") REFERENCES pairs ON DELETE RESTRICT)";

fn missing(key: Value) -> ForeignKeyViolation {
    ForeignKeyViolation::MissingParent {
        parent: "users".to_owned(),
        parent_columns: vec!["id".to_owned()],
        key: vec![key],
    }
}

fn referenced(child: &str, column: &str, key: i64, rows: u64) -> ForeignKeyViolation {
    ForeignKeyViolation::StillReferenced {
        child: child.to_owned(),
        child_columns: vec![column.to_owned()],
        key: vec![int(key)],
        rows,
    }
}

#[test]
fn a_missing_parent_is_told() {
    check(SCHEMA, async |place| {
        for options in ["", "statement_cache=0"] {
            let mut db = place.connection(options).await;
            let order = insert("orders", &["id", "user_id"], &[int(1), int(999)]);
            let requests = vec![Request::Begin, order.clone(), Request::Commit];
            let found = violation(&mut db, requests).await;
            assert_eq!(foreign_key(&found), &missing(int(999)));
            assert_eq!(found.table.as_deref(), Some("orders"));
            assert_eq!(found.columns, ["user_id"]);
            assert_eq!(found.constraint.as_deref(), Some("of_user"));
            // In a transaction that is aborted another connection looks.
            run(&mut db, vec![Request::Begin, insert("users", &["id"], &[int(3)])]).await;
            let found = violation(&mut db, vec![order]).await;
            assert_eq!(foreign_key(&found), &missing(int(999)));
            run(&mut db, vec![Request::Rollback]).await;
        }
    });
}

#[test]
fn rows_that_still_refer_are_counted() {
    check(SCHEMA, async |place| {
        let mut db = place.connection("").await;
        run(&mut db, vec![insert("users", &["id"], &[int(1), int(2)])]).await;
        let orders = [int(1), int(1), int(2), int(1), int(3), int(2)];
        run(&mut db, vec![insert("orders", &["id", "user_id"], &orders)]).await;
        let gone = delete("users", &["id"], &[int(1)]);
        let found = violation(&mut db, vec![Request::Begin, gone.clone(), Request::Commit]).await;
        assert_eq!(foreign_key(&found), &referenced("orders", "user_id", 1, 2));
        assert_eq!(found.table.as_deref(), Some("orders"));
        assert_eq!(found.columns, ["user_id"]);
        let moved = update("users", &["id"], &["id"], &[int(7), int(1)]);
        let found = violation(&mut db, vec![moved]).await;
        assert_eq!(foreign_key(&found), &referenced("orders", "user_id", 1, 2));
        // Rows that only the aborted transaction has are not seen, but there is one.
        let own = insert("users", &["id"], &[int(5)]);
        let order = insert("orders", &["id", "user_id"], &[int(9), int(5)]);
        run(&mut db, vec![Request::Begin, own, order]).await;
        let found = violation(&mut db, vec![delete("users", &["id"], &[int(5)])]).await;
        assert_eq!(foreign_key(&found), &referenced("orders", "user_id", 5, 1));
    });
}

#[test]
fn both_ends_are_told_at_commit() {
    check(SCHEMA, async |place| {
        let mut db = place.connection("").await;
        let late = insert("late", &["id", "user_id"], &[int(1), int(8)]);
        let found = violation(&mut db, vec![Request::Begin, late.clone(), Request::Commit]).await;
        assert_eq!(foreign_key(&found), &missing(int(8)));
        assert!(!db.in_transaction());
        // The COMMIT of an older transaction.
        run(&mut db, vec![Request::Begin, late]).await;
        let found = violation(&mut db, vec![Request::Commit]).await;
        assert_eq!(foreign_key(&found), &missing(int(8)));
        assert!(!db.in_transaction());
        assert_eq!(one(&mut db, "SELECT count(*) FROM late").await, int(0));

        let user = insert("users", &["id"], &[int(8)]);
        let two = insert("late", &["id", "user_id"], &[int(1), int(8), int(2), int(8)]);
        run(&mut db, vec![Request::Begin, two, user, Request::Commit]).await;
        let gone = delete("users", &["id"], &[int(8)]);
        let found = violation(&mut db, vec![Request::Begin, gone, Request::Commit]).await;
        assert_eq!(foreign_key(&found), &referenced("late", "user_id", 8, 2));
    });
}

#[test]
fn a_table_may_refer_to_itself() {
    check(SCHEMA, async |place| {
        let mut db = place.connection("").await;
        let found =
            violation(&mut db, vec![insert("tree", &["id", "parent"], &[int(1), int(9)])]).await;
        let missing = ForeignKeyViolation::MissingParent {
            parent: "tree".to_owned(),
            parent_columns: vec!["id".to_owned()],
            key: vec![int(9)],
        };
        assert_eq!(foreign_key(&found), &missing);
        run(&mut db, vec![insert("tree", &["id", "parent"], &[int(1), int(1), int(2), int(1)])])
            .await;
        let found = violation(&mut db, vec![delete("tree", &["id"], &[int(1)])]).await;
        // Its own row is one of those that refer to it.
        assert_eq!(foreign_key(&found), &referenced("tree", "parent", 1, 2));
    });
}

#[test]
fn keys_may_have_several_columns_and_names_need_quotes() {
    check(SCHEMA, async |place| {
        let mut db = place.connection("").await;
        let key = || vec![text("x) y"), int(-3)];
        let sub = insert("Sub pairs", &["a", "\"B\""], &key());
        let found = violation(&mut db, vec![sub.clone()]).await;
        let missing = ForeignKeyViolation::MissingParent {
            parent: "pairs".to_owned(),
            parent_columns: vec!["a".to_owned(), "b".to_owned()],
            key: key(),
        };
        assert_eq!(foreign_key(&found), &missing);
        assert_eq!(found.table.as_deref(), Some("Sub pairs"));
        run(&mut db, vec![insert("pairs", &["a", "b"], &key()), sub]).await;
        let found = violation(&mut db, vec![raw("DELETE FROM pairs", &[])]).await;
        let referenced = ForeignKeyViolation::StillReferenced {
            child: "Sub pairs".to_owned(),
            child_columns: vec!["a".to_owned(), "B".to_owned()],
            key: key(),
            rows: 1,
        };
        assert_eq!(foreign_key(&found), &referenced);
    });
}

#[test]
fn what_cannot_be_looked_at_is_unknown() {
    check(SCHEMA, async |place| {
        let mut db = place.connection("").await;
        // The constraint exists nowhere but in the aborted transaction.
        db.run(crate::requests::batch(vec![
            Request::Begin,
            raw("CREATE TABLE fresh (u int8 REFERENCES users)", &[]),
        ]))
        .await
        .expect("it runs");
        let found = violation(&mut db, vec![insert("fresh", &["u"], &[int(1)])]).await;
        assert_eq!(foreign_key(&found), &ForeignKeyViolation::Unknown);
        assert_eq!(found.table.as_deref(), Some("fresh"));
        assert!(found.message.contains("(u)=(1)"), "{}", found.message);
    });
}

#[cfg(feature = "uuid")]
#[test]
fn keys_have_the_type_of_their_column() {
    let schema = "CREATE TABLE p (id uuid PRIMARY KEY); CREATE TABLE c (p uuid REFERENCES p)";
    check(schema, async |place| {
        let mut db = place.connection("").await;
        let id = Value::Uuid(uuid::Uuid::max());
        let found = violation(&mut db, vec![insert("c", &["p"], std::slice::from_ref(&id))]).await;
        match foreign_key(&found) {
            ForeignKeyViolation::MissingParent { key, .. } => assert_eq!(key, &[id]),
            other => panic!("{other:?}"),
        }
    });
}
