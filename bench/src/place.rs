//! Places: the database of one run, as the work finds it. Every run gets one of its own.

mod mariadb;
mod postgres;
mod sqlite;

use std::path::Path;
use std::sync::Arc;

use crate::Failure;
use crate::database::Database;
use crate::proxy::{Proxy, Trips};
use crate::template::Template;
use crate::threads::Threads;

/// The database of one run.
#[derive(Clone, Debug)]
pub struct Place {
    /// What it is.
    pub database: Database,
    /// Where it is.
    pub url: String,
    /// What async code runs on.
    pub threads: Threads,
    /// The count of round trips, if it is reached through the proxy.
    pub trips: Option<Arc<Trips>>,
}

/// Where places come from.
pub trait Ground {
    /// Makes a database of the template, under a name that no run has had.
    fn make(&mut self, template: Template) -> Result<String, Failure>;

    /// Lets those who commit in it not wait for the disk, where the database can do so.
    fn relax(&mut self, url: &str) -> Result<(), Failure>;

    /// Waits until nobody has a database open: connections may be closed by threads of their own,
    /// which must not get in the way of the next contender.
    fn wait_until_closed(&mut self, url: &str) -> Result<(), Failure>;

    /// The only row of a query for whole numbers.
    fn numbers(&mut self, url: &str, query: &str) -> Result<Vec<i64>, Failure>;

    /// Removes a database.
    fn remove(&mut self, url: &str) -> Result<(), Failure>;
}

/// Opens the ground of a database. What is made there goes with it.
pub fn ground(database: Database) -> Result<Box<dyn Ground>, Failure> {
    Ok(match database {
        Database::Sqlite => Box::new(sqlite::Files::new()?),
        Database::Postgres => Box::new(postgres::Databases::connect()?),
        Database::Mariadb => Box::new(mariadb::Databases::connect()?),
    })
}

impl Place {
    /// A place without a proxy.
    pub fn new(database: Database, url: String, threads: Threads) -> Self {
        Self { database, url, threads, trips: None }
    }

    /// Its file, on SQLite.
    pub fn path(&self) -> &Path {
        sqlite::path(&self.url)
    }

    /// The same place behind a proxy.
    pub fn behind(&self, proxy: &Proxy) -> Result<Self, Failure> {
        let url = proxy.url(&self.url).ok_or("the URL has no address")?;
        Ok(Self { url, trips: Some(proxy.trips()), ..self.clone() })
    }
}

/// A name for what this run of the bench makes, which no other run has.
fn unique_name() -> String {
    format!("entail_bench_{}_{:08x}", std::process::id(), fastrand::u32(..))
}
