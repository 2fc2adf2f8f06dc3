//! Databases: what the bench runs on.

use std::env;

use clap::ValueEnum;

use crate::threads::Threads;

/// A database to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Database {
    /// A SQLite file in WAL mode with synchronous=NORMAL.
    Sqlite,
    /// PostgreSQL, at ENTAIL_POSTGRES_URL or 127.0.0.1:5432.
    Postgres,
    /// MariaDB, at ENTAIL_MYSQL_URL or 127.0.0.1:3306.
    Mariadb,
}

impl Database {
    /// All of them.
    pub const ALL: &'static [Database] = &[Database::Sqlite, Database::Postgres, Database::Mariadb];

    /// Its name in lines of JSON.
    pub fn name(self) -> &'static str {
        match self {
            Database::Sqlite => "sqlite",
            Database::Postgres => "postgres",
            Database::Mariadb => "mariadb",
        }
    }

    /// Its name in reports.
    pub fn title(self) -> &'static str {
        match self {
            Database::Sqlite => "SQLite",
            Database::Postgres => "PostgreSQL",
            Database::Mariadb => "MariaDB",
        }
    }

    /// How it is set up.
    pub fn setting(self) -> &'static str {
        match self {
            Database::Sqlite => "SQLite, file, WAL, synchronous=NORMAL",
            Database::Postgres => "PostgreSQL over loopback, W6 with synchronous_commit=off",
            Database::Mariadb => "MariaDB over loopback",
        }
    }

    /// What async code runs on if nothing else is asked for. On servers both sides run on one
    /// thread, so that the time of waking another is in neither.
    pub fn threads(self) -> Threads {
        if self.is_server() { Threads::One } else { Threads::Workers }
    }

    /// Whether it is reached over the network.
    pub fn is_server(self) -> bool {
        self != Database::Sqlite
    }
}

/// Where a server is, as URLs of its databases.
#[derive(Clone, Debug)]
pub struct Server {
    before: String,
    after: String,
}

impl Server {
    /// PostgreSQL.
    pub fn postgres() -> Self {
        let url = env::var("ENTAIL_POSTGRES_URL")
            .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".into());
        let mut server = Self::of(&url);
        // Nobody encrypts what goes over loopback.
        if !server.after.contains("sslmode") {
            server.after.push(if server.after.is_empty() { '?' } else { '&' });
            server.after.push_str("sslmode=disable");
        }
        server
    }

    /// MariaDB.
    pub fn mariadb() -> Self {
        let url = env::var("ENTAIL_MYSQL_URL")
            .unwrap_or_else(|_| "mysql://root@127.0.0.1:3306/mysql".into());
        Self::of(&url)
    }

    /// Cuts a URL where the name of the database is.
    fn of(url: &str) -> Self {
        let (path, after) = match url.split_once('?') {
            Some((path, options)) => (path, format!("?{options}")),
            None => (url, String::new()),
        };
        let host = path.find("://").map_or(0, |scheme| scheme + 3);
        let end = path[host..].find('/').map_or(path.len(), |slash| host + slash);
        Self { before: path[..end].to_owned(), after }
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.before, self.after)
    }
}

/// The name of the database in a URL.
pub fn name_in(url: &str) -> &str {
    let path = url.split('?').next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path)
}

/// The host and port in a URL.
pub fn address_in(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    Some(authority.rsplit('@').next().unwrap_or(authority))
}
