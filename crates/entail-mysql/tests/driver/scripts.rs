//! Scripts: statements that define tables.

use entail_engine::error::DriverError;

use crate::requests::{int, text};
use crate::server::{one, scratch};

fn script(statements: &[&str]) -> Vec<String> {
    statements.iter().map(|sql| (*sql).to_owned()).collect()
}

#[tokio::test]
async fn settings_are_as_before_a_script_that_failed() {
    let Some(scratch) = scratch(&[]).await else { return };
    let mut db = scratch.take().await;
    let failure = db
        .run_script(script(&[
            "SET FOREIGN_KEY_CHECKS = 0",
            "CREATE TABLE a (id int PRIMARY KEY)",
            "CREATE TABLE a (id int PRIMARY KEY)",
            "SET FOREIGN_KEY_CHECKS = 1",
        ]))
        .await
        .expect_err("the table is there");
    assert_eq!((failure.request, failure.in_transaction), (Some(2), false));
    assert!(matches!(failure.error, DriverError::Statement { .. }), "{failure:?}");
    assert_eq!(one(&mut db, "SELECT @@foreign_key_checks").await, int(1));
    assert_eq!(one(&mut db, "SELECT @@collation_connection").await, text("utf8mb4_bin"));
    assert_eq!(one(&mut db, "SELECT @@time_zone").await, text("+00:00"));
    assert_eq!(one(&mut db, "SELECT count(*) FROM a").await, int(0));
}

#[tokio::test]
async fn a_script_ends_the_open_transaction() {
    let Some(scratch) = scratch(&["CREATE TABLE t (id int PRIMARY KEY)"]).await else { return };
    let mut db = scratch.take().await;
    db.run_script(script(&["START TRANSACTION", "INSERT INTO t VALUES (1)"])).await.expect("right");
    assert!(db.in_transaction());
    db.run_script(script(&["CREATE TABLE u (id int)"])).await.expect("it is right");
    assert!(!db.in_transaction());
    let failure = db.run_script(script(&["INSERT INTO t VALUES (1)"])).await.expect_err("twice");
    assert!(matches!(failure.error, DriverError::Integrity(_)), "{failure:?}");
}
