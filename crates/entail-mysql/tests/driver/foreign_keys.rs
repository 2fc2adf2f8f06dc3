//! Foreign keys that refuse a statement: which one, which end, which key, how many rows.

use entail_engine::batch::{Bind, Call, CallKind, Expect, Operation, Request};
use entail_engine::value::Value;
use entail_mysql::PooledConnection;

use crate::requests::{delete, insert, int, params, raw, shown, target, text, update};
use crate::server::{run, scratch, violation};

/// Runs a request in a transaction, and shows why it was refused.
async fn refused(db: &mut PooledConnection, request: Request) -> String {
    run(db, vec![Request::Begin]).await;
    let found = shown(&violation(db, vec![request]).await);
    assert!(db.in_transaction());
    run(db, vec![Request::Rollback]).await;
    found
}

const SHOP: &[&str] = &[
    "CREATE TABLE users (id int PRIMARY KEY, name varchar(20) UNIQUE)",
    "CREATE TABLE orders (id int PRIMARY KEY, user_id int, friend_id int, \
     CONSTRAINT fk_user FOREIGN KEY (user_id) REFERENCES users (id), \
     CONSTRAINT fk_friend FOREIGN KEY (friend_id) REFERENCES users (id))",
    "CREATE TABLE items (id int PRIMARY KEY, order_id int NOT NULL, \
     CONSTRAINT fk_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE RESTRICT)",
    "INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    "INSERT INTO orders VALUES (10, 1, NULL), (11, 1, 2), (12, 2, 2)",
    "INSERT INTO items VALUES (100, 10), (101, 10)",
];

#[tokio::test]
async fn a_row_without_its_parent_names_the_parent() {
    let Some(scratch) = scratch(SHOP).await else { return };
    let mut db = scratch.take().await;
    let columns = &["id", "user_id", "friend_id"];
    assert_eq!(
        refused(&mut db, insert("orders", columns, &[int(13), int(1), int(77)])).await,
        "orders (friend_id) by fk_friend -> no users (id) = (77)"
    );
    assert_eq!(
        refused(&mut db, update("orders", &["user_id"], &["id"], &[int(9), int(10)])).await,
        "orders (user_id) by fk_user -> no users (id) = (9)"
    );
    let rows = [int(13), int(1), Value::Null, int(14), int(55), int(1), int(15), int(56), int(2)];
    assert_eq!(
        refused(&mut db, insert("orders", columns, &rows)).await,
        "orders (user_id) by fk_user -> no users (id) = (55)"
    );
}

#[tokio::test]
async fn a_thousand_rows_are_looked_at_in_one_go() {
    let Some(scratch) = scratch(SHOP).await else { return };
    let mut db = scratch.take().await;
    let parents: Vec<Value> =
        (1000..2000).flat_map(|id| [int(id), text(&id.to_string())]).collect();
    run(&mut db, vec![insert("users", &["id", "name"], &parents)]).await;
    let mut rows: Vec<Value> = (1000..2000).flat_map(|id| [int(id), int(id)]).collect();
    rows[999 * 2 + 1] = int(5000);
    let started = std::time::Instant::now();
    assert_eq!(
        refused(&mut db, insert("orders", &["id", "user_id"], &rows)).await,
        "orders (user_id) by fk_user -> no users (id) = (5000)"
    );
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}

#[tokio::test]
async fn a_row_that_others_refer_to_names_them() {
    let Some(scratch) = scratch(SHOP).await else { return };
    let mut db = scratch.take().await;
    assert_eq!(
        refused(&mut db, delete("users", &["id"], &[int(3), int(1)])).await,
        "orders (user_id) by fk_user = (1) in 2 row(s)"
    );
    assert_eq!(
        refused(&mut db, delete("orders", &["id"], &[int(10)])).await,
        "items (order_id) by fk_order = (10) in 2 row(s)"
    );
    // Rows that are found by something else than their key.
    assert_eq!(
        refused(&mut db, delete("users", &["name"], &[text("a")])).await,
        "orders (user_id) by fk_user = (1) in 2 row(s)"
    );
    assert_eq!(
        refused(&mut db, update("users", &["id"], &["id"], &[int(8), int(1)])).await,
        "orders (user_id) by fk_user = (1) in 2 row(s)"
    );
}

#[tokio::test]
async fn rows_that_are_reached_by_a_list_or_a_subquery_are_found() {
    let Some(scratch) = scratch(SHOP).await else { return };
    let mut db = scratch.take().await;
    let call = |sql: &str, values: &[Value], keys: &[&str]| {
        Request::Call(Call {
            sql: sql.into(),
            params: params(values),
            arity: values.len(),
            bind: Bind::Each,
            kind: CallKind::Execute { expect: Expect::Any },
            target: target(Operation::Delete, "orders", &[], keys),
        })
    };
    let list = "DELETE FROM `orders` WHERE `orders`.`id` IN (?, ?, ?)";
    assert_eq!(
        refused(&mut db, call(list, &[int(12), int(11), int(10)], &["id"])).await,
        "items (order_id) by fk_order = (10) in 2 row(s)"
    );
    let reached = "DELETE FROM `orders` WHERE `orders`.`user_id` IN (SELECT `users`.`id` FROM \
                   `users` WHERE `users`.`name` IN (?))";
    assert_eq!(
        refused(&mut db, call(reached, &[text("a")], &[])).await,
        "items (order_id) by fk_order = (10) in 2 row(s)"
    );
}

#[tokio::test]
async fn keys_of_several_columns_never_fail_where_one_is_null() {
    let Some(scratch) = scratch(&[
        "CREATE TABLE places (x int, y varchar(5) COLLATE utf8mb4_general_ci, PRIMARY KEY (x, y))",
        "CREATE TABLE pins (id int PRIMARY KEY, px int, py varchar(5) COLLATE utf8mb4_general_ci, \
         CONSTRAINT fk FOREIGN KEY (px, py) REFERENCES places (x, y))",
        "INSERT INTO places VALUES (1, 'a'), (2, 'b')",
        "INSERT INTO pins VALUES (1, 1, 'a'), (2, 1, NULL), (3, 9, NULL)",
    ])
    .await
    else {
        return;
    };
    let mut db = scratch.take().await;
    let rows = [int(4), int(9), Value::Null, int(5), int(1), text("b'")];
    assert_eq!(
        refused(&mut db, insert("pins", &["id", "px", "py"], &rows)).await,
        "pins (px, py) by fk -> no places (x, y) = (1, 'b''')"
    );
    assert_eq!(
        refused(&mut db, delete("places", &["x", "y"], &[int(1), text("a")])).await,
        "pins (px, py) by fk = (1, 'a') in 1 row(s)"
    );
}

#[tokio::test]
async fn rows_of_one_insert_can_be_parents_of_those_behind_them() {
    let Some(scratch) = scratch(&[
        "CREATE TABLE nodes (id int PRIMARY KEY, parent int, \
         CONSTRAINT fk FOREIGN KEY (parent) REFERENCES nodes (id))",
        "INSERT INTO nodes VALUES (1, NULL), (2, 1), (3, 1)",
    ])
    .await
    else {
        return;
    };
    let mut db = scratch.take().await;
    let rows = [int(20), int(20), int(21), int(20), int(22), int(23), int(23), int(1)];
    assert_eq!(
        refused(&mut db, insert("nodes", &["id", "parent"], &rows)).await,
        "nodes (parent) by fk -> no nodes (id) = (23)"
    );
    assert_eq!(
        refused(&mut db, delete("nodes", &["id"], &[int(1)])).await,
        "nodes (parent) by fk = (1) in 2 row(s)"
    );
}

#[tokio::test]
async fn a_parent_that_went_since_the_snapshot_is_missing() {
    let Some(scratch) = scratch(SHOP).await else { return };
    let (mut db, mut other) = (scratch.take().await, scratch.take().await);
    run(&mut db, vec![Request::Begin, crate::requests::query("SELECT * FROM users", &[])]).await;
    run(&mut other, vec![delete("users", &["id"], &[int(3)])]).await;
    let found = violation(&mut db, vec![insert("orders", &["id", "user_id"], &[int(20), int(3)])]);
    assert_eq!(shown(&found.await), "orders (user_id) by fk_user -> no users (id) = (3)");
}

#[cfg(feature = "uuid")]
#[tokio::test]
async fn keys_come_back_in_the_kind_in_which_they_were_given() {
    let Some(scratch) = scratch(&[
        "CREATE TABLE p (id binary(16) PRIMARY KEY)",
        "CREATE TABLE c (id int PRIMARY KEY, p binary(16), \
         CONSTRAINT fk FOREIGN KEY (p) REFERENCES p (id))",
    ])
    .await
    else {
        return;
    };
    let mut db = scratch.take().await;
    let id = Value::Uuid(uuid::Uuid::from_bytes([7; 16]));
    run(&mut db, vec![insert("p", &["id"], std::slice::from_ref(&id))]).await;
    run(&mut db, vec![insert("c", &["id", "p"], &[int(1), id.clone()])]).await;
    assert_eq!(
        refused(&mut db, delete("p", &["id"], std::slice::from_ref(&id))).await,
        format!("c (p) by fk = ({id}) in 1 row(s)")
    );
}

#[tokio::test]
async fn a_cascade_that_meets_a_refusal_further_down_names_it() {
    let Some(scratch) = scratch(&[
        "CREATE TABLE a (id int PRIMARY KEY)",
        "CREATE TABLE b (id int, a int, n int, PRIMARY KEY (id, n), FOREIGN KEY (a) REFERENCES a \
         (id) ON DELETE CASCADE)",
        "CREATE TABLE c (id int PRIMARY KEY, b int, n int, FOREIGN KEY (b, n) REFERENCES b (id, n) \
         ON DELETE CASCADE)",
        "CREATE TABLE d (id int PRIMARY KEY, c int, CONSTRAINT fk_c FOREIGN KEY (c) REFERENCES c \
         (id))",
        "INSERT INTO a VALUES (1), (2)",
        "INSERT INTO b VALUES (10, 1, 0), (11, 1, 0), (20, 2, 0)",
        "INSERT INTO c VALUES (4, 20, 0), (5, 11, 0)",
        "INSERT INTO d VALUES (1, 5), (2, 5), (3, 4), (4, NULL)",
    ])
    .await
    else {
        return;
    };
    let mut db = scratch.take().await;
    assert_eq!(
        refused(&mut db, delete("a", &["id"], &[int(1)])).await,
        "d (c) by fk_c = (5) in 2 row(s)"
    );
}

#[tokio::test]
async fn a_key_of_which_an_update_sets_a_part_only_is_found_whole() {
    let Some(scratch) = scratch(&[
        "CREATE TABLE p (x int, y int, PRIMARY KEY (x, y))",
        "CREATE TABLE c (id int PRIMARY KEY, x int, y int, \
         CONSTRAINT fk FOREIGN KEY (x, y) REFERENCES p (x, y))",
        "INSERT INTO p VALUES (1, 1), (1, 2), (2, 2)",
        "INSERT INTO c VALUES (1, 1, 2), (2, 1, 1)",
    ])
    .await
    else {
        return;
    };
    let mut db = scratch.take().await;
    let rows = [int(2), int(1), int(2), int(2)];
    assert_eq!(
        refused(&mut db, update("c", &["x"], &["id"], &rows)).await,
        "c (x, y) by fk -> no p (x, y) = (2, 1)"
    );
}

#[tokio::test]
async fn what_cannot_be_found_keeps_what_the_message_says() {
    let Some(scratch) = scratch(SHOP).await else { return };
    let mut db = scratch.take().await;
    let cases = [
        ("INSERT INTO orders VALUES (13, ?, NULL)", int(77), "fk_user"),
        ("DELETE FROM orders WHERE id = ?", int(10), "fk_order"),
    ];
    for (sql, value, key) in cases {
        let found = violation(&mut db, vec![raw(sql, &[value])]).await;
        assert_eq!(found.constraint.as_deref(), Some(key));
        assert!(found.table.is_some() && found.columns.len() == 1, "{found:?}");
    }
    // A statement whose target does not fit its parameters is no reason to panic.
    let Request::Call(mut call) = insert("orders", &["id", "user_id"], &[int(13), int(77)]) else {
        panic!("a call");
    };
    call.target = target(Operation::Insert, "orders", &["a", "b", "c"], &[]);
    violation(&mut db, vec![Request::Call(call.clone())]).await;
    call.target = target(Operation::Delete, "orders", &[], &[]);
    violation(&mut db, vec![Request::Call(call)]).await;
}
