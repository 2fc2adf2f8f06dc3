//! A database for each test: SQLite in memory or in a file of its own, a schema of its own on
//! PostgreSQL, a database of its own on MariaDB. It is gone when the test is over.

use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use entail::Error;
use entail::blocking::Database;
use entail::prelude::*;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // Each program of the suite has one of them.
pub enum Kind {
    Sqlite,
    Postgres,
    MariaDb,
}

/// Where a test works.
pub struct Place {
    /// The URL, to connect once more.
    pub url: String,
    /// A name that no other test has.
    #[allow(dead_code)] // As below: not every program needs it.
    pub name: String,
    server: Option<Server>,
    _folder: Option<tempfile::TempDir>,
}

/// What must be cleaned up on a server.
struct Server {
    url: String,
    drop: String,
}

impl Place {
    /// A place for one connection at least; in memory where that is enough.
    #[allow(dead_code)]
    pub fn small() -> Self {
        match crate::DATABASE {
            Kind::Sqlite => Self {
                url: "sqlite::memory:".to_owned(),
                name: name(),
                server: None,
                _folder: None,
            },
            _ => Self::shared(),
        }
    }

    /// Drops a schema that the test made beside its own place.
    #[allow(dead_code)]
    pub fn drop_schema(&self, name: &str) {
        if let Some(server) = &self.server {
            let cascade = if crate::DATABASE == Kind::Postgres { " CASCADE" } else { "" };
            let _ = try_run(&server.url, &format!("DROP SCHEMA IF EXISTS {name}{cascade}"));
        }
    }

    /// A place for several connections at the same time.
    #[allow(dead_code)]
    pub fn shared() -> Self {
        Self::on(crate::DATABASE)
    }

    /// A place on a kind of database, for several connections at the same time.
    pub fn on(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().expect("a folder");
                let url = format!("sqlite:{}", folder.path().join("test.db").display());
                Self { url, name: name(), server: None, _folder: Some(folder) }
            }
            Kind::Postgres => {
                let url =
                    server("ENTAIL_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres");
                let name = name();
                run(&url, &format!("CREATE SCHEMA {name}"));
                let drop = format!("DROP SCHEMA {name} CASCADE");
                let separator = if url.contains('?') { '&' } else { '?' };
                let own = format!("{url}{separator}search_path={name}");
                Self { url: own, name, server: Some(Server { url, drop }), _folder: None }
            }
            Kind::MariaDb => {
                let url = server("ENTAIL_MYSQL_URL", "mysql://root@127.0.0.1:3306/test");
                let name = name();
                run(&url, &format!("CREATE DATABASE {name}"));
                let (path, options) = url.split_once('?').unwrap_or((&url, ""));
                let start = path.rfind('/').expect("the URL has a path");
                let own = format!("{}/{name}?{options}", &path[..start]);
                let drop = format!("DROP DATABASE {name}");
                let own = own.trim_end_matches('?').to_owned();
                Self { url: own, name, server: Some(Server { url, drop }), _folder: None }
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            // A test that failed may still hold locks; its connections end with it.
            let _ = try_run(&server.url, &server.drop);
        }
    }
}

fn name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let time = time.map_or(0, |time| time.as_micros());
    format!("entail_{}_{time}_{number}", process::id())
}

fn try_run(url: &str, sql: &str) -> Result<(), Error> {
    // The test may run within a runtime of its own, where nothing may block.
    let (url, sql) = (url.to_owned(), sql.to_owned());
    let run = move || {
        let db = Database::connect(&url, mapping![]?)?;
        let mut session = db.session();
        session.execute(&sql, [])?;
        session.commit()
    };
    std::thread::spawn(run).join().expect("it does not panic")
}

fn run(url: &str, sql: &str) {
    try_run(url, sql).expect("a place for the test can be made");
}

/// The URL of a server. If there is none, and nobody insists on it, the test is passed over.
fn server(variable: &str, standard: &str) -> String {
    let url = env::var(variable).unwrap_or_else(|_| standard.to_owned());
    let word = standard.split(':').next().unwrap_or_default();
    let required = env::var("ENTAIL_REQUIRE").unwrap_or_default().split(',').any(|one| one == word);
    if let Err(error) = try_run(&url, "SELECT 1")
        && !required
    {
        eprintln!("SKIPPED: there is no server for {variable}: {error}");
        process::exit(0);
    }
    url
}
