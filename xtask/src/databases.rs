//! Databases: the servers that the tests use, found, started or installed, and those that somebody
//! wants covered.

pub mod private;
pub mod program;

use std::env;
use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use private::Private;

/// The variable that lists the databases that must be covered, separated by commas.
pub const REQUIRE: &str = "ENTAIL_REQUIRE";

/// A database server that the tests use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Postgres,
    MariaDb,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 2] = [Kind::Postgres, Kind::MariaDb];

    /// The word for it in [`REQUIRE`].
    fn word(self) -> &'static str {
        match self {
            Kind::Postgres => "postgres",
            Kind::MariaDb => "mysql",
        }
    }

    /// The variable with the URL of a server.
    fn variable(self) -> &'static str {
        match self {
            Kind::Postgres => "ENTAIL_POSTGRES_URL",
            Kind::MariaDb => "ENTAIL_MYSQL_URL",
        }
    }

    /// The URL of a server of which nobody said otherwise.
    pub fn url(self, port: u16) -> String {
        match self {
            Kind::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            Kind::MariaDb => format!("mysql://root@127.0.0.1:{port}/test"),
        }
    }

    fn standard_port(self) -> u16 {
        match self {
            Kind::Postgres => 5432,
            Kind::MariaDb => 3306,
        }
    }

    /// The package of Debian that brings the server.
    fn package(self) -> &'static str {
        match self {
            Kind::Postgres => "postgresql",
            Kind::MariaDb => "mariadb-server",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Postgres => "PostgreSQL",
            Kind::MariaDb => "MariaDB",
        })
    }
}

/// The servers for one run of the tests. Those that were started are stopped when it is dropped.
#[derive(Debug, Default)]
pub struct Servers {
    found: Vec<(Kind, String, &'static str)>,
    missing: Vec<(Kind, String)>,
    started: Vec<Private>,
}

impl Servers {
    /// Finds a server of each kind: the one that a variable names, one on the standard port, or a
    /// private one from installed programs, which are installed if that is possible.
    ///
    /// An unknown word in [`REQUIRE`] is an error, and so is a required server that is nowhere.
    pub fn find() -> Result<Self, String> {
        let required = required(&env::var(REQUIRE).unwrap_or_default())?;
        let mut servers = Self::default();
        for kind in Kind::ALL {
            servers.look_for(kind);
        }
        for (kind, reason) in &servers.missing {
            println!("== {kind}: NOT COVERED: {reason}");
        }
        let lacking = servers.missing.iter().find(|(kind, _)| required.contains(kind));
        match lacking {
            Some((kind, reason)) => Err(format!("{REQUIRE} asks for {kind}: {reason}")),
            None => Ok(servers),
        }
    }

    fn look_for(&mut self, kind: Kind) {
        if let Ok(url) = env::var(kind.variable()) {
            self.found.push((kind, url, "named by its variable"));
            return;
        }
        let port = kind.standard_port();
        if answers(port) {
            self.found.push((kind, kind.url(port), "on its standard port"));
            return;
        }
        match Private::start(kind).or_else(|reason| {
            println!("== {kind}: {reason}; installing {}", kind.package());
            program::install(kind.package())?;
            Private::start(kind)
        }) {
            Ok(private) => {
                self.found.push((kind, kind.url(private.port()), "started for this run"));
                self.started.push(private);
            }
            Err(reason) => self.missing.push((kind, reason)),
        }
    }

    /// What the tests are told: a URL for each server, and which of them must be there.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables: Vec<_> =
            self.found.iter().map(|(kind, url, _)| (kind.variable(), url.clone())).collect();
        // What was found must not be skipped by a test that cannot reach it.
        let words: Vec<_> = self.found.iter().map(|(kind, ..)| kind.word()).collect();
        variables.push((REQUIRE, words.join(",")));
        variables
    }

    /// One line: what the tests cover.
    pub fn covered(&self) -> String {
        let mut line = "databases covered: SQLite (embedded)".to_owned();
        for (kind, _, how) in &self.found {
            line.push_str(&format!(", {kind} ({how})"));
        }
        for (kind, _) in &self.missing {
            line.push_str(&format!("; {kind} SKIPPED"));
        }
        line
    }
}

/// Whether something listens on a port of this machine.
fn answers(port: u16) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// The servers of a list of words; an unknown word is an error.
fn required(list: &str) -> Result<Vec<Kind>, String> {
    let mut kinds = Vec::new();
    let mut unknown = Vec::new();
    for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match Kind::ALL.into_iter().find(|kind| kind.word() == word) {
            Some(kind) => kinds.push(kind),
            None if word == "sqlite" => {}
            None => unknown.push(format!("`{word}`")),
        }
    }
    if unknown.is_empty() {
        Ok(kinds)
    } else {
        let words = unknown.join(", ");
        Err(format!("{REQUIRE} knows no {words}: list any of `sqlite`, `postgres`, `mysql`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn nothing_need_be_required_and_sqlite_is_always_there() {
        assert_eq!(required(""), Ok(vec![]));
        assert_eq!(required(" , sqlite"), Ok(vec![]));
        assert_eq!(required("mysql, postgres"), Ok(vec![Kind::MariaDb, Kind::Postgres]));
    }

    #[test]
    fn all_unknown_words_are_named() {
        let error = required("postgres,oracle,Sqlite").unwrap_err();
        expect![
            "ENTAIL_REQUIRE knows no `oracle`, `Sqlite`: list any of `sqlite`, `postgres`, `mysql`"
        ]
        .assert_eq(&error);
    }

    #[test]
    fn what_is_covered_and_what_is_not_stands_in_one_line() {
        let servers = Servers {
            found: vec![(Kind::Postgres, Kind::Postgres.url(5432), "on its standard port")],
            missing: vec![(Kind::MariaDb, "it is nowhere".to_owned())],
            started: Vec::new(),
        };
        expect![
            "databases covered: SQLite (embedded), PostgreSQL (on its standard port); MariaDB SKIPPED"
        ]
        .assert_eq(&servers.covered());
        assert_eq!(servers.environment().last(), Some(&(REQUIRE, "postgres".to_owned())));
    }
}
