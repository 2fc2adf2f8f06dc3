//! Works: what is measured, and the ratios that entail is to keep.

use clap::ValueEnum;

use crate::data;
use crate::database::Database;
use crate::template::Template;

/// One of the works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum Work {
    /// Insert a graph.
    W1,
    /// Load the graph with its relationships.
    W2,
    /// Load 10,000 items and change each.
    W3,
    /// Load 10,000 items and change some.
    W4,
    /// Delete users with what is below them.
    W5,
    /// Fetch one user, change it, commit, many times.
    W6,
    /// Link and unlink items and tags.
    W7,
    /// Merge detached orders.
    W8,
    /// Insert a graph over a slow network, and count round trips.
    W9,
}

/// A work, and how large it is.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// What is done.
    pub work: Work,
    /// The users of the graph in W1, W2 and W9.
    pub users: i64,
}

impl From<Work> for Job {
    fn from(work: Work) -> Self {
        Self { work, users: data::USERS }
    }
}

impl Job {
    /// The database that it starts from.
    pub fn template(self) -> Template {
        match self.work {
            Work::W1 | Work::W9 => Template::EmptyShop,
            Work::W2 | Work::W3 | Work::W4 | Work::W5 => Template::Shop { users: self.users },
            Work::W6 => Template::Users,
            Work::W7 => Template::Labels,
            Work::W8 => Template::Baskets,
        }
    }
}

impl Work {
    /// All works in their order.
    pub const ALL: &'static [Work] =
        &[Work::W1, Work::W2, Work::W3, Work::W4, Work::W5, Work::W6, Work::W7, Work::W8, Work::W9];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Work::W1 => "W1",
            Work::W2 => "W2",
            Work::W3 => "W3",
            Work::W4 => "W4",
            Work::W5 => "W5",
            Work::W6 => "W6",
            Work::W7 => "W7",
            Work::W8 => "W8",
            Work::W9 => "W9",
        }
    }

    /// What it does.
    pub fn title(self) -> &'static str {
        match self {
            Work::W1 => "insert a graph of 13,000 rows",
            Work::W2 => "load that graph",
            Work::W3 => "load 10,000, change each",
            Work::W4 => "load 10,000, change 100",
            Work::W5 => "delete 500 users by cascade",
            Work::W6 => "2,000 x (get, change, commit)",
            Work::W7 => "link 1,000 x 5 tags, unlink 2",
            Work::W8 => "merge 1,000 orders of 10 items",
            Work::W9 => "W1 in round trips",
        }
    }

    /// Whether it can be done on a database: nothing lies between a program and a file.
    pub fn is_for(self, database: Database) -> bool {
        self != Work::W9 || database.is_server()
    }

    /// The greatest ratio of entail to hand-written that is aimed at.
    pub fn target(self, database: Database) -> Option<f64> {
        let [sqlite, postgres, mariadb] = match self {
            Work::W1 => [1.8, 1.3, 1.5],
            Work::W2 => [1.7, 1.5, 1.5],
            Work::W3 => [1.6, 1.3, 1.5],
            Work::W4 => [1.5, 1.3, 1.3],
            Work::W5 => [1.2, 1.2, 1.2],
            Work::W6 => [1.3, 1.1, 1.1],
            Work::W7 => [1.4, 1.3, 1.4],
            Work::W8 => [1.6, 1.5, 1.5],
            Work::W9 => return None,
        };
        Some(match database {
            Database::Sqlite => sqlite,
            Database::Postgres => postgres,
            Database::Mariadb => mariadb,
        })
    }

    /// The most round trips that are aimed at.
    pub fn most_trips(self, database: Database) -> Option<u64> {
        match (self, database) {
            (Work::W9, Database::Postgres) => Some(6),
            (Work::W9, Database::Mariadb) => Some(12),
            _ => None,
        }
    }

    /// The greatest ratio of async to blocking entail that is aimed at.
    pub fn async_target(self) -> f64 {
        if self == Work::W6 { 2.0 } else { 1.15 }
    }
}
