//! The sql station: dialects, and from plans and queries to SQL text.
//!
//! Texts are built once a shape and kept; see [`Texts`]. A text never depends on values, so it is
//! final before the first byte is sent.

mod draw;
mod select;
mod texts;
mod words;
mod write;

pub(crate) use draw::draw;
pub use select::{count, select, select_by, select_linked};
pub use texts::Texts;
pub(crate) use words::{identifier, literal, postgres_type, table_name, table_ref};
pub use write::{Place, render};

/// A database's way to write SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL, and databases that speak like it.
    Postgres,
    /// MariaDB, which has RETURNING after INSERT.
    MariaDb,
    /// MySQL.
    MySql,
}

impl Dialect {
    /// The name of the database.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
            Dialect::MariaDb => "MariaDB",
            Dialect::MySql => "MySQL",
        }
    }

    /// How many parameters a statement may have.
    pub fn max_params(self) -> usize {
        match self {
            Dialect::Sqlite => 32_766,
            Dialect::Postgres | Dialect::MariaDb | Dialect::MySql => 65_535,
        }
    }

    /// How many rows one INSERT takes. More rows in a statement save nothing more, but make its
    /// text longer.
    pub fn rows_per_insert(self) -> usize {
        match self {
            Dialect::Sqlite => 100,
            Dialect::Postgres | Dialect::MariaDb | Dialect::MySql => 1000,
        }
    }
}

/// Builds the text of a sea-query statement in a dialect. Its values are placeholders only.
macro_rules! text {
    ($dialect:expr, $statement:expr) => {
        match $dialect {
            $crate::sql::Dialect::Sqlite => {
                std::sync::Arc::<str>::from($statement.build(sea_query::SqliteQueryBuilder).0)
            }
            $crate::sql::Dialect::Postgres => {
                std::sync::Arc::<str>::from($statement.build(sea_query::PostgresQueryBuilder).0)
            }
            $crate::sql::Dialect::MariaDb | $crate::sql::Dialect::MySql => {
                std::sync::Arc::<str>::from($statement.build(sea_query::MysqlQueryBuilder).0)
            }
        }
    };
}
use text;
