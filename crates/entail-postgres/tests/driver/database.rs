//! A place of its own for each test: a schema that is dropped when the test ends.

use std::sync::atomic::{AtomicU32, Ordering};

use entail_engine::error::DriverError;
use entail_postgres::{Options, Pool, PooledConnection};
use tokio::runtime::{Builder, Runtime};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The schema of one test.
pub struct Place {
    server: String,
    schema: String,
}

impl Place {
    /// The URL of the schema, with more options.
    pub fn url(&self, options: &str) -> String {
        let join = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{join}search_path={}&{options}", self.server, self.schema)
    }

    /// A pool of connections to the schema.
    pub fn pool(&self, options: &str) -> Pool {
        let options = Options::parse(&self.url(options)).expect("the URL is right");
        Pool::new(options).expect("the options are right")
    }

    /// A connection to the schema.
    pub async fn connection(&self, options: &str) -> PooledConnection {
        self.pool(options).take().await.expect("a connection")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (server, schema) = (self.server.clone(), self.schema.clone());
        // The test may have panicked inside of its runtime.
        let dropped = std::thread::spawn(move || {
            runtime().block_on(script(&server, format!("DROP SCHEMA IF EXISTS {schema} CASCADE")))
        });
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("a schema of a test is left behind: {error}");
        }
    }
}

/// The server that tests use.
pub fn server() -> String {
    std::env::var("ENTAIL_POSTGRES_URL")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned())
}

/// Runs a test in a new schema in which this script has run.
pub fn check(schema: &str, test: impl AsyncFnOnce(&Place)) {
    let runtime = runtime();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("entail_test_{}_{number}", std::process::id());
    let server = server();
    match runtime.block_on(script(&server, format!("CREATE SCHEMA {name}"))) {
        Ok(()) => {}
        Err(error) => {
            let required = std::env::var("ENTAIL_REQUIRE").unwrap_or_default();
            assert!(!required.contains("postgres"), "PostgreSQL is required: {error}");
            eprintln!("SKIPPED: there is no PostgreSQL to test with: {error}");
            return;
        }
    }
    let place = Place { server, schema: name };
    runtime.block_on(async {
        if !schema.is_empty() {
            let mut connection = place.connection("").await;
            connection.run_script(vec![schema.to_owned()]).await.expect("the schema is right");
        }
        test(&place).await;
    });
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

async fn script(server: &str, sql: String) -> Result<(), DriverError> {
    let pool = Pool::new(Options::parse(server)?)?;
    let mut connection = pool.take().await?;
    connection.run_script(vec![sql]).await.map_err(|failure| failure.error)?;
    pool.close().await;
    Ok(())
}
