//! Pools: who gets a connection, in what state, and what happens to broken ones.

use std::time::Duration;

use entail_engine::batch::Request;
use entail_engine::error::DriverError;
use entail_sqlite::{AsyncPool, Options, Pool};
use tempfile::TempDir;

use crate::requests::{batch, insert, int, one, query, raw, run};

const T: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY)";
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";

fn options(url: &str) -> Options {
    Options::parse(url).expect("the URL is right")
}

fn file(rest: &str) -> (TempDir, Options) {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite:{}/a.db?{rest}", directory.path().display());
    (directory, options(&url))
}

fn row(id: i64) -> Request {
    insert("t", &["id"], &[int(id)])
}

#[test]
fn a_connection_comes_back_without_its_transaction() {
    let (_directory, options) = file("connections=1");
    let pool = Pool::new(options);
    let mut first = pool.take().expect("it opens");
    first.run_script(&[T.to_owned()]).expect("it runs");
    run(&mut first, vec![raw("CREATE TEMP TABLE mark (a)", &[]), Request::Begin, row(1)]);
    drop(first);
    let mut second = pool.take().expect("it is there");
    assert!(!second.in_transaction());
    assert_eq!(one(&mut second, "SELECT count(*) FROM t"), int(0));
    assert_eq!(one(&mut second, "SELECT count(*) FROM mark"), int(0), "it is the same connection");
}

#[test]
fn sessions_of_a_memory_database_see_the_same_and_pools_do_not_share() {
    let pool = Pool::new(options("sqlite::memory:"));
    pool.take().expect("it opens").run_script(&[T.to_owned()]).expect("it runs");
    run(&mut pool.take().expect("it is there"), vec![row(1)]);
    assert_eq!(one(&mut pool.take().expect("it is there"), "SELECT count(*) FROM t"), int(1));
    let other = Pool::new(options("sqlite::memory:"));
    let sql = "SELECT count(*) FROM sqlite_schema";
    assert_eq!(one(&mut other.take().expect("it opens"), sql), int(0));
}

#[test]
fn a_second_session_of_a_memory_database_is_told_what_to_do() {
    let pool = Pool::new(options("sqlite::memory:?busy_timeout=10"));
    let first = pool.take().expect("it opens");
    match pool.take() {
        Err(DriverError::Busy { reason }) => {
            assert!(reason.contains("a memory database has one connection"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    drop(first);
    pool.take().expect("it is free again");
}

#[test]
fn who_waits_gets_the_connection_that_comes_back() {
    let pool = Pool::new(options("sqlite::memory:?busy_timeout=20000"));
    let first = pool.take().expect("it opens");
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..4).map(|_| scope.spawn(|| pool.take().map(drop))).collect();
        drop(first);
        for thread in waiting {
            thread.join().expect("no panic").expect("it gets its turn");
        }
    });
}

#[test]
fn a_file_has_several_connections_that_read_beside_a_writer() {
    let (_directory, options) = file("connections=2&busy_timeout=10");
    let pool = Pool::new(options);
    let mut writer = pool.take().expect("it opens");
    writer.run_script(&[T.to_owned()]).expect("it runs");
    run(&mut writer, vec![Request::Begin, row(1)]);
    let mut reader = pool.take().expect("it opens");
    assert_eq!(one(&mut reader, "SELECT count(*) FROM t"), int(0));
    match pool.take() {
        Err(DriverError::Busy { reason }) => {
            assert!(reason.contains("all 2 connection(s)"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failed_opening_leaves_its_place_free() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("later/a.db");
    let url = format!("sqlite:{}?connections=1&busy_timeout=10", path.display());
    let pool = Pool::new(options(&url));
    for _ in 0..2 {
        assert!(matches!(pool.take(), Err(DriverError::Connect { .. })));
    }
    std::fs::create_dir(directory.path().join("later")).expect("it is made");
    pool.take().expect("it opens");
}

#[test]
fn a_broken_connection_is_thrown_away() {
    let (directory, options) = file("connections=1&journal_mode=delete&busy_timeout=10");
    let pool = Pool::new(options);
    let mut first = pool.take().expect("it opens");
    first.run_script(&[T.to_owned()]).expect("it runs");
    run(&mut first, vec![raw("CREATE TEMP TABLE mark (a)", &[])]);
    // SQLite looks at the file again because another connection has written it.
    let path = directory.path().join("a.db");
    let sound = std::fs::read(&path).expect("it is read");
    std::fs::write(&path, vec![0x5a_u8; sound.len()]).expect("it is written");
    let error =
        first.run(&batch(vec![query("SELECT * FROM t", &[])])).expect_err("it is damaged").error;
    assert!(matches!(error, DriverError::Corrupt { .. }), "{error}");
    std::fs::write(&path, sound).expect("it is written");
    drop(first);
    let mut second = pool.take().expect("a new one opens");
    let sql = "SELECT count(*) FROM temp.sqlite_schema";
    assert_eq!(one(&mut second, sql), int(0), "it is another connection");
}

#[tokio::test]
async fn async_sessions_take_turns() {
    let pool = AsyncPool::new(options("sqlite::memory:?busy_timeout=20000"));
    let mut first = pool.take().await.expect("it opens");
    first.run_script(vec![T.to_owned()]).await.expect("it runs");
    first.run(batch(vec![Request::Begin, row(1)])).await.expect("it runs");
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move {
            let mut second = pool.take().await.expect("it gets its turn");
            assert!(!second.in_transaction() && !second.was_interrupted());
            let outcome = second.run(batch(vec![query("SELECT count(*) FROM t", &[])])).await;
            outcome.expect("it counts").rows[0].value(0, 0).expect("a value").to_value()
        }
    });
    tokio::task::yield_now().await;
    drop(first);
    assert_eq!(waiting.await.expect("no panic"), int(0));
}

#[tokio::test]
async fn an_async_wait_ends_with_the_busy_timeout() {
    let pool = AsyncPool::new(options("sqlite::memory:?busy_timeout=10"));
    let first = pool.take().await.expect("it opens");
    for _ in 0..2 {
        let error = pool.take().await.expect_err("the only connection is taken");
        assert!(matches!(error, DriverError::Busy { .. }), "{error}");
    }
    drop(first);
}

#[tokio::test]
async fn a_wait_that_is_given_up_passes_the_connection_on() {
    let pool = AsyncPool::new(options("sqlite::memory:?busy_timeout=20000"));
    let first = pool.take().await.expect("it opens");
    let mut given_up = Box::pin(pool.take());
    let late = Duration::from_millis(5);
    tokio::time::timeout(late, &mut given_up).await.expect_err("it waits");
    drop(first);
    // The connection is granted to the first, whether it has it already or not.
    drop(given_up);
    pool.take().await.expect("the next one gets it");
}

#[tokio::test]
async fn a_dropped_future_gives_its_connection_back_clean() {
    let pool = AsyncPool::new(options("sqlite::memory:?busy_timeout=20000"));
    let mut first = pool.take().await.expect("it opens");
    first.run_script(vec![T.to_owned()]).await.expect("it runs");
    let endless = batch(vec![Request::Begin, row(1), query(ENDLESS, &[])]);
    tokio::time::timeout(Duration::from_millis(30), first.run(endless))
        .await
        .expect_err("it is endless");
    drop(first);
    let mut second = pool.take().await.expect("it comes back");
    assert!(!second.in_transaction() && !second.was_interrupted());
    let outcome = second.run(batch(vec![query("SELECT count(*) FROM t", &[])])).await;
    assert_eq!(outcome.expect("it counts").rows[0].value(0, 0), Some(int(0).as_ref()));
}

#[tokio::test]
async fn a_closed_pool_of_a_memory_database_says_that_its_data_is_gone() {
    let pool = AsyncPool::new(options("sqlite::memory:"));
    pool.take().await.expect("it opens");
    // The connection is on its way back; taking it again waits for that.
    drop(pool.take().await.expect("it is there"));
    let held = pool.take().await.expect("it is there");
    drop(held);
    let mut error = None;
    for _ in 0..1000 {
        pool.close().await;
        match pool.take().await {
            Err(refused) => {
                error = Some(refused);
                break;
            }
            Ok(connection) => drop(connection),
        }
    }
    assert!(matches!(error, Some(DriverError::ConnectionLost { .. })), "{error:?}");
}
