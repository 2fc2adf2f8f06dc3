//! Works: what is measured, and the ratios that entail is to keep.

use clap::ValueEnum;

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
}

impl Work {
    /// All works in their order.
    pub const ALL: &'static [Work] =
        &[Work::W1, Work::W2, Work::W3, Work::W4, Work::W5, Work::W6, Work::W7];

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
        }
    }

    /// The greatest ratio of blocking entail to hand-written that is aimed at.
    pub fn blocking_target(self) -> f64 {
        match self {
            Work::W1 | Work::W2 => 2.0,
            Work::W3 | Work::W4 => 1.7,
            Work::W5 => 1.25,
            Work::W6 => 1.4,
            Work::W7 => 1.5,
        }
    }

    /// The greatest ratio of async to blocking entail that is aimed at.
    pub fn async_target(self) -> f64 {
        if self == Work::W6 { 2.0 } else { 1.15 }
    }

    /// The database that it starts from.
    pub fn template(self) -> Template {
        match self {
            Work::W1 => Template::EmptyShop,
            Work::W2 | Work::W3 | Work::W4 | Work::W5 => Template::Shop,
            Work::W6 => Template::Users,
            Work::W7 => Template::Labels,
        }
    }
}
