//! The server that the tests talk to, and a database of its own for each of them.

use std::sync::atomic::{AtomicU32, Ordering};

use entail_engine::batch::{Batch, Outcome, Request};
use entail_engine::error::{BatchFailure, DriverError, Violation};
use entail_engine::value::Value;
use entail_mysql::{Options, Pool, PooledConnection};

use crate::requests::{batch, query};

/// A database that is dropped at the end of its test.
pub struct Scratch {
    name: String,
    address: String,
    /// Connections to it.
    pub pool: Pool,
}

/// Makes a database with these tables; none if there is no server.
pub async fn scratch(schema: &[&str]) -> Option<Scratch> {
    scratch_with("", schema).await
}

/// The same, with further options of the URL, each followed by `&`.
pub async fn scratch_with(options: &str, schema: &[&str]) -> Option<Scratch> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let url = std::env::var("ENTAIL_MYSQL_URL")
        .unwrap_or_else(|_| "mysql://root@127.0.0.1:3306/test".to_owned());
    let admin = pool(&url);
    let mut connection = match admin.take().await {
        Ok(connection) => connection,
        Err(error) => {
            let required = std::env::var("ENTAIL_REQUIRE").unwrap_or_default();
            assert!(!required.contains("mysql"), "a server is required: {error}");
            eprintln!("SKIPPED: no MySQL server answers: {error}");
            return None;
        }
    };
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("entail_test_{}_{number}", std::process::id());
    connection
        .run_script(vec![
            format!("DROP DATABASE IF EXISTS {name}"),
            format!("CREATE DATABASE {name} DEFAULT CHARACTER SET utf8mb4"),
        ])
        .await
        .expect("a database can be made");
    let address = url.split('?').next().unwrap_or(&url);
    let address = address.rsplit_once('/').map_or(address, |(address, _)| address).to_owned();
    let scratch = Scratch { pool: pool(&format!("{address}/{name}?{options}")), name, address };
    let mut connection = scratch.take().await;
    let script = schema.iter().map(|sql| (*sql).to_owned()).collect();
    connection.run_script(script).await.expect("the schema is right");
    Some(scratch)
}

fn pool(url: &str) -> Pool {
    Pool::new(Options::parse(url).expect("the URL is right")).expect("a pool")
}

impl Scratch {
    /// Takes a connection.
    pub async fn take(&self) -> PooledConnection {
        self.pool.take().await.expect("a connection")
    }

    /// Another pool on the same database.
    pub fn other_pool(&self, options: &str) -> Pool {
        pool(&format!("{}/{}?{options}", self.address, self.name))
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Scratch {
    /// Drops the database on a thread of its own, because the test's runtime may be at its end.
    fn drop(&mut self) {
        let url = format!("{}/{}?lock_timeout=5s", self.address, self.name);
        let name = self.name.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(drop_database(&url, &name));
        });
        let _ = thread.join();
    }
}

/// Drops a database, after it has ended whoever still holds something in it.
async fn drop_database(url: &str, name: &str) {
    let Ok(mut connection) = pool(url).take().await else { return };
    let others = format!(
        "SELECT id FROM information_schema.processlist WHERE db = '{name}' AND id <> CONNECTION_ID()"
    );
    if let Ok(outcome) = connection.run(batch(vec![query(&others, &[])])).await {
        for id in outcome.rows[0].values() {
            let _ = connection.run_script(vec![format!("KILL {id}")]).await;
        }
    }
    let script =
        vec!["SET lock_wait_timeout = 10".to_owned(), format!("DROP DATABASE IF EXISTS {name}")];
    let _ = connection.run_script(script).await;
}

/// Whether the server is MySQL's own, which lacks some of MariaDB's words.
pub async fn is_mysql(connection: &mut PooledConnection) -> bool {
    let Value::Text(version) = one(connection, "SELECT @@version").await else { panic!("a text") };
    !version.contains("MariaDB")
}

/// Whether the server has a transaction of the connection open, as another connection sees it.
pub async fn has_transaction(scratch: &Scratch, connection: &mut PooledConnection) -> bool {
    let id = one(connection, "SELECT CONNECTION_ID()").await;
    let mut other = scratch.take().await;
    let sql = "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = ?";
    let outcome = run(&mut other, vec![query(sql, &[id])]).await;
    outcome.rows[0].value(0, 0).expect("a value").to_value() != Value::Int(0)
}

/// Runs requests that must succeed.
pub async fn run(connection: &mut PooledConnection, requests: Vec<Request>) -> Outcome {
    run_batch(connection, batch(requests)).await
}

pub async fn run_batch(connection: &mut PooledConnection, batch: Batch) -> Outcome {
    connection.run(batch).await.expect("the batch is right")
}

/// Runs requests that must fail.
pub async fn fail(connection: &mut PooledConnection, requests: Vec<Request>) -> BatchFailure {
    connection.run(batch(requests)).await.expect_err("the batch is wrong")
}

/// Runs requests that must be refused by a constraint.
pub async fn violation(connection: &mut PooledConnection, requests: Vec<Request>) -> Violation {
    match fail(connection, requests).await.error {
        DriverError::Integrity(violation) => *violation,
        other => panic!("expected a violation: {other:?}"),
    }
}

/// The only value of the only row of a query.
pub async fn one(connection: &mut PooledConnection, sql: &str) -> Value {
    let outcome = run(connection, vec![query(sql, &[])]).await;
    assert_eq!(outcome.rows[0].values().count(), 1, "{sql}");
    outcome.rows[0].value(0, 0).expect("a value").to_value()
}

/// All values of a query as a text: values with commas, rows with semicolons.
pub async fn all(connection: &mut PooledConnection, sql: &str) -> String {
    let outcome = run(connection, vec![query(sql, &[])]).await;
    let rows = outcome.rows[0]
        .iter()
        .map(|row| row.iter().map(|value| value.to_string()).collect::<Vec<_>>().join(", "));
    rows.collect::<Vec<_>>().join("; ")
}
