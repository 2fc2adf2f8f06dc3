//! Constraints that refuse a statement, other than foreign keys: which one, of which table.

use entail_engine::error::{DriverError, ViolationKind};

use crate::requests::{insert, int, raw, shown, text, update};
use crate::server::{fail, scratch, violation};

const USERS: &str = "CREATE TABLE users (id int PRIMARY KEY, name varchar(20) NOT NULL, \
                     a int, b int, CONSTRAINT small CHECK (a < 100), d int, \
                     UNIQUE KEY uq_users_name (name), UNIQUE KEY `uq.a b` (b, a))";

#[tokio::test]
async fn each_kind_names_its_table_its_columns_and_itself() {
    let Some(scratch) = scratch(&[USERS]).await else { return };
    let mut db = scratch.take().await;
    let columns = &["id", "name", "a", "b"];
    let row =
        |id, name: &str, a, b| insert("users", columns, &[int(id), text(name), int(a), int(b)]);
    crate::server::run(&mut db, vec![row(1, "it's for key 'x'", 2, 3)]).await;
    let cases = [
        (row(1, "b", 1, 1), "users (id) by PRIMARY: Unique"),
        (row(2, "it's for key 'x'", 1, 1), "users (name) by uq_users_name: Unique"),
        (row(2, "b", 2, 3), "users (b, a) by uq.a b: Unique"),
        (row(2, "b", 200, 3), "users () by small: Check"),
        (insert("users", &["id"], &[int(2)]), "users (name) by ?: NotNull"),
        (
            update("users", &["name"], &["id"], &[entail_engine::value::Value::Null, int(1)]),
            "users (name) by ?: NotNull",
        ),
    ];
    for (request, expected) in cases {
        let violation = violation(&mut db, vec![request]).await;
        assert_eq!(shown(&violation), expected);
        assert!(!violation.message.is_empty());
    }
}

#[tokio::test]
async fn raw_sql_is_told_as_far_as_the_message_goes() {
    let Some(scratch) = scratch(&[USERS]).await else { return };
    let mut db = scratch.take().await;
    let sql = "INSERT INTO users (id, name) VALUES (1, 'a'), (2, 'a')";
    let found = violation(&mut db, vec![raw(sql, &[])]).await;
    assert_eq!(shown(&found), "users (name) by uq_users_name: Unique");
    let sql = "INSERT INTO users (id, name, a) VALUES (1, 'a', ?)";
    let found = violation(&mut db, vec![raw(sql, &[int(100)])]).await;
    assert_eq!(found.constraint.as_deref(), Some("small"));
    assert_eq!(found.kind, ViolationKind::Check);
}

#[tokio::test]
async fn other_refusals_keep_the_code_of_the_server() {
    let Some(scratch) = scratch(&[]).await else { return };
    let mut db = scratch.take().await;
    match fail(&mut db, vec![raw("INSERT INTO nowhere VALUES (?)", &[int(1)])]).await.error {
        DriverError::Statement { code, sql, .. } => {
            assert_eq!((code.as_deref(), &*sql), (Some("1146"), "INSERT INTO nowhere VALUES (?)"));
        }
        other => panic!("{other:?}"),
    }
}
