//! Queries: prepared statements, raw SQL, and rows in parts.

use entail_engine::batch::Request;
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value, ValueRef};

use crate::requests::{batch, int, query, raw, typed_query};
use crate::server::{all, fail, is_mysql, one, run, scratch, scratch_with};

#[tokio::test]
async fn values_of_raw_queries_have_the_kinds_of_their_columns() {
    let schema = "CREATE TABLE t (a tinyint, b bigint unsigned, c float, d double, e decimal(30,2), \
                  f varchar(9), g longblob, h enum('x','y'), i bit(12), j json, k year, l char(2))";
    let Some(scratch) = scratch(&[schema]).await else { return };
    let mut db = scratch.take().await;
    let values = "(1, 2, 1.5, 0.1, 12345678901234567890.25, 'f', 'g', 'y', b'101', '{\"a\": 1}', \
                  2024, 'zz')";
    run(&mut db, vec![raw(&format!("INSERT INTO t VALUES {values}"), &[])]).await;
    let rows = run(&mut db, vec![query("SELECT t.*, NULL AS m FROM t", &[])]).await.rows.remove(0);
    assert_eq!(rows.names().join(" "), "a b c d e f g h i j k l m");
    let shown: Vec<String> = rows.values().map(|value| value.to_string()).collect();
    assert_eq!(
        shown.join(" "),
        "1 2 1.5 0.1 '12345678901234567890.25' 'f' X'67' 'y' 5 '{\"a\": 1}' 2024 'zz' NULL"
    );
    let typed = run(&mut db, vec![typed_query("SELECT 1 AS a", &[], &[ColumnType::Integer])]).await;
    assert!(typed.rows[0].names().is_empty());
}

#[tokio::test]
async fn sums_and_bits_are_numbers_where_numbers_are_expected() {
    let Some(scratch) = scratch(&[]).await else { return };
    let mut db = scratch.take().await;
    let sql = "SELECT SUM(n), SUM(n), b'1', b'11' FROM (SELECT 2 AS n UNION ALL SELECT 3) AS d";
    let types = [ColumnType::BigInt, ColumnType::Double, ColumnType::Bytes, ColumnType::Bytes];
    let rows = run(&mut db, vec![typed_query(sql, &[], &types)]).await.rows.remove(0);
    assert_eq!(
        (rows.value(0, 0), rows.value(0, 1)),
        (Some(ValueRef::Int(5)), Some(ValueRef::Float(5.0)))
    );
}

#[tokio::test]
async fn what_the_server_does_not_prepare_runs_as_a_text() {
    let Some(scratch) = scratch(&["CREATE TABLE t (id int)"]).await else { return };
    let mut db = scratch.take().await;
    // On one server or the other, these cannot be prepared.
    run(&mut db, vec![raw("LOCK TABLES t WRITE", &[]), raw("UNLOCK TABLES", &[])]).await;
    run(&mut db, vec![raw("PREPARE p FROM 'SELECT 1 AS one'", &[])]).await;
    let rows = run(&mut db, vec![query("EXECUTE p", &[])]).await.rows.remove(0);
    assert_eq!((rows.names(), rows.value(0, 0)), (&["one".to_owned()][..], Some(ValueRef::Int(1))));
}

#[tokio::test]
async fn statements_are_prepared_once_and_closed_when_others_take_their_places() {
    let counters = "SHOW SESSION STATUS WHERE Variable_name LIKE 'Com_stmt_close' \
                    OR Variable_name LIKE 'Com_stmt_prepare'";
    for (capacity, closed, prepared) in [("0", "7", "8"), ("2", "3", "5"), ("256", "0", "5")] {
        let options = format!("statement_cache={capacity}&");
        let Some(scratch) = scratch_with(&options, &[]).await else { return };
        let mut db = scratch.take().await;
        for number in [1, 1, 2, 2, 3, 3] {
            assert_eq!(one(&mut db, &format!("SELECT {number}")).await, int(number));
        }
        fail(&mut db, vec![query("SELECT (SELECT 1 UNION SELECT 2)", &[])]).await;
        let rows = run(&mut db, vec![query(counters, &[])]).await.rows.remove(0);
        let found = [(0, 1), (1, 1)].map(|(row, column)| rows.value(row, column));
        let expected = [closed, prepared].map(|number| Some(ValueRef::Text(number)));
        assert_eq!(found, expected, "capacity {capacity}");
    }
}

#[tokio::test]
async fn a_statement_with_other_parameters_than_given_says_so() {
    let Some(scratch) = scratch(&[]).await else { return };
    let mut db = scratch.take().await;
    let cases = [
        (query("SELECT ?", &[]), "has 1 placeholder(s), and 0"),
        (raw("DO 1", &[int(1)]), "has 0 placeholder(s), and 1"),
        (query("SELECT :a", &[int(1)]), "a parameter is written `?`"),
        (query("SELECT :a, ?", &[int(1)]), "a parameter is written `?`"),
        (query("SELECT 1; SELECT 2", &[]), "syntax"),
        (typed_query("SELECT 1", &[], &[ColumnType::Integer; 2]), "gives 1 column(s), and 2 were"),
    ];
    for (request, expected) in cases {
        let failure = fail(&mut db, vec![request]).await;
        let DriverError::Statement { reason, sql, .. } = failure.error else {
            panic!("{expected}: {:?}", failure.error);
        };
        assert!(reason.contains(expected) && !sql.is_empty(), "{reason}");
    }
    assert_eq!(one(&mut db, "SELECT 5").await, int(5));
}

/// Many rows of one number each.
const MANY: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
                    SELECT i, CONCAT('row ', i) FROM n";

#[tokio::test]
async fn long_answers_come_in_parts_and_whole_to_those_who_want_that() {
    let Some(scratch) = scratch(&[]).await else { return };
    let mut db = scratch.take().await;
    let depth = match is_mysql(&mut db).await {
        true => "cte_max_recursion_depth",
        false => "max_recursive_iterations",
    };
    run(&mut db, vec![raw(&format!("SET @@{depth} = 10000"), &[])]).await;
    let two = || batch(vec![query(MANY, &[]), query("SELECT 7", &[])]);
    let mut parts = Vec::new();
    let outcome = db
        .run_into(two(), &mut |query, rows| {
            parts.push((query, rows.len(), rows.value(0, 0).map(|value| value.to_value())));
            if parts.len() % 2 == 0 {
                std::mem::take(rows);
            }
        })
        .await
        .expect("it runs");
    assert_eq!(parts.iter().map(|part| (part.0, part.1)).collect::<Vec<_>>(), [(0, 1024); 4]);
    assert_eq!(parts[1].2, Some(int(1025)));
    assert_eq!((outcome.rows[0].len(), outcome.rows[1].len()), (5000 - 4096, 1));
    let outcome = db.run(two()).await.expect("it runs again");
    let all = &outcome.rows[0];
    assert_eq!((all.len(), all.names().len()), (5000, 2));
    assert!(all.iter().map(|row| row.value(0).to_value()).eq((1..=5000).map(int)));
    assert_eq!(all.value(4_999, 1), Some(ValueRef::Text("row 5000")));
}

#[tokio::test]
async fn several_queries_see_one_moment() {
    let Some(scratch) = scratch(&["CREATE TABLE t (id int PRIMARY KEY)"]).await else { return };
    let mut reader = scratch.take().await;
    for isolation in ["", "isolation=read-committed"] {
        let pool = scratch.other_pool(isolation);
        let mut db = pool.take().await.expect("a connection");
        let count = typed_query("SELECT count(*) FROM t", &[], &[ColumnType::BigInt]);
        let wait = typed_query("SELECT SLEEP(0.3)", &[], &[ColumnType::BigInt]);
        let batch = batch(vec![count.clone(), wait, count]);
        let (outcome, ()) = tokio::join!(db.run(batch), async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            run(&mut reader, vec![raw("INSERT INTO t SELECT count(*) FROM t", &[])]).await;
        });
        let rows = outcome.expect("it runs").rows;
        assert_eq!(rows[0], rows[2], "{isolation}");
        assert!(!db.in_transaction());
    }
    assert_eq!(one(&mut reader, "SELECT count(*) FROM t").await, int(2));
}

#[tokio::test]
async fn raw_sql_that_defines_tables_ends_the_transaction_and_is_seen_to() {
    let Some(scratch) = scratch(&["CREATE TABLE t (id int)"]).await else { return };
    let mut db = scratch.take().await;
    run(&mut db, vec![Request::Begin, raw("INSERT INTO t VALUES (?)", &[int(1)])]).await;
    assert!(db.in_transaction());
    run(&mut db, vec![raw("CREATE TABLE u (id int)", &[])]).await;
    assert!(!db.in_transaction());
    run(&mut db, vec![Request::Rollback]).await;
    assert_eq!(all(&mut db, "SELECT id FROM t").await, "1");
}

#[tokio::test]
async fn the_session_is_strict_in_utc_and_found_rows_count() {
    let Some(scratch) = scratch(&["CREATE TABLE t (id int PRIMARY KEY, v int)"]).await else {
        return;
    };
    let mut db = scratch.take().await;
    let sql = "SELECT @@time_zone, @@collation_connection, @@character_set_results, @@autocommit";
    assert_eq!(all(&mut db, sql).await, "'+00:00', 'utf8mb4_bin', 'utf8mb4', 1");
    run(&mut db, vec![raw("INSERT INTO t VALUES (1, 5)", &[])]).await;
    let same = raw("UPDATE t SET v = ? WHERE id = ?", &[int(5), int(1)]);
    assert_eq!(run(&mut db, vec![same]).await.written, [1]);
    let pool =
        scratch.other_pool("lock_timeout=7s&isolation=serializable&statement_timeout=1500ms");
    let mut db = pool.take().await.expect("a connection");
    assert_eq!(one(&mut db, "SELECT @@innodb_lock_wait_timeout").await, int(7));
    // MySQL's SLEEP would end with 1 instead.
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
                   SELECT count(*) FROM n a, n b, n c, n d";
    let slow = fail(&mut db, vec![query(endless, &[])]).await;
    assert!(matches!(slow.error, DriverError::Cancelled { .. }), "{slow:?}");
    assert_eq!(one(&mut db, "SELECT 'x' = 'X '").await, Value::Int(0));
}
