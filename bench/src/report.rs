//! Reports: the outcome as a table to read, or as lines of JSON.

use serde_json::{Value, json};

use crate::contender::Contender;
use crate::database::Database;
use crate::race::Standing;

use Contender::{Entail, EntailAsync, EntailBlocking, HandWritten};

/// The table of a database.
pub struct Table {
    database: Database,
    columns: Vec<Column>,
}

/// A column behind the one of the works.
#[derive(Clone, Copy)]
enum Column {
    /// Milliseconds, or round trips.
    Amount(Contender),
    /// The ratio to hand-written.
    Ratio(Contender),
    /// The ratio that is aimed at; it is missed as well by who is behind a peer.
    Aim(Contender),
    /// The ratio of async to blocking.
    AsyncRatio,
    /// The ratio that is aimed at between these.
    AsyncAim,
}

impl Table {
    /// A table with columns for those who take part.
    pub fn new(database: Database, contenders: &[Contender]) -> Self {
        let mut columns = Vec::new();
        for &contender in contenders {
            columns.push(Column::Amount(contender));
            if contender != HandWritten {
                columns.push(Column::Ratio(contender));
            }
            match contender {
                EntailBlocking | Entail => columns.push(Column::Aim(contender)),
                EntailAsync => columns.extend([Column::AsyncRatio, Column::AsyncAim]),
                _ => {}
            }
        }
        Self { database, columns }
    }

    /// Its head.
    pub fn heading(&self, runs: u32) {
        let setting = self.database.setting();
        println!("{setting}; median of {runs}; `!` misses what is aimed at");
        println!();
        let heads = self.columns.iter().map(|column| column.head().to_owned());
        self.line("", heads);
        let dashes = self.columns.iter().map(|column| format!("{:->1$}:", "", column.width() + 1));
        println!("|{:-<36}|{}|", "", dashes.collect::<Vec<_>>().join("|"));
    }

    /// One work as a row.
    pub fn row(&self, standing: &Standing) {
        let title = format!("{} {}", standing.work.name(), standing.work.title());
        self.line(&title, self.columns.iter().map(|column| column.cell(standing)));
    }

    fn line(&self, title: &str, cells: impl Iterator<Item = String>) {
        let cells = cells.zip(&self.columns).map(|(cell, of)| format!(" {cell:>0$} ", of.width()));
        println!("| {title:<34} |{}|", cells.collect::<Vec<_>>().join("|"));
    }
}

impl Column {
    fn head(self) -> &'static str {
        match self {
            Column::Amount(EntailBlocking) => "blocking",
            Column::Amount(EntailAsync) => "async",
            Column::Amount(contender) => contender.name(),
            Column::Ratio(_) => "ratio",
            Column::Aim(_) | Column::AsyncAim => "aim",
            Column::AsyncRatio => "async/blocking",
        }
    }

    fn width(self) -> usize {
        let least = match self {
            Column::Amount(_) => 8,
            Column::Ratio(_) => 6,
            Column::Aim(_) | Column::AsyncAim => 6,
            Column::AsyncRatio => 14,
        };
        self.head().len().max(least)
    }

    fn cell(self, standing: &Standing) -> String {
        let ratio = |one, other| {
            let ratio = standing.ratio(one, other).filter(|_| !counts_trips(standing));
            ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default()
        };
        match self {
            Column::Amount(contender) => match standing.entry(contender) {
                Some(entry) => match entry.trips {
                    Some(trips) => trips.to_string(),
                    None => format!("{:.1}", entry.ms),
                },
                None => String::new(),
            },
            Column::Ratio(contender) => ratio(contender, HandWritten),
            Column::Aim(contender) => aim(standing, contender),
            Column::AsyncRatio => ratio(EntailAsync, EntailBlocking),
            Column::AsyncAim => {
                let aim = standing.work.async_target();
                let ratio = standing.ratio(EntailAsync, EntailBlocking);
                marked(format!("{aim:.2}"), ratio.is_some_and(|ratio| ratio > aim))
            }
        }
    }
}

/// Whether a work is measured in round trips.
fn counts_trips(standing: &Standing) -> bool {
    standing.work.most_trips(standing.database).is_some()
}

/// What entail aims at: a ratio, or round trips; and to be ahead of every peer.
fn aim(standing: &Standing, contender: Contender) -> String {
    let (work, database) = (standing.work, standing.database);
    if let Some(most) = work.most_trips(database) {
        let trips = standing.entry(contender).and_then(|entry| entry.trips);
        return marked(most.to_string(), trips.is_some_and(|trips| trips > most));
    }
    let Some(aim) = work.target(database) else { return String::new() };
    let over = standing.ratio(contender, HandWritten).is_some_and(|ratio| ratio > aim);
    let mut peers = standing.contenders().filter(|one| one.is_peer());
    let behind = peers.any(|peer| standing.ratio(contender, peer).is_some_and(|ratio| ratio > 1.0));
    marked(format!("{aim:.2}"), over || behind)
}

fn marked(aim: String, is_missed: bool) -> String {
    aim + if is_missed { " !" } else { "  " }
}

/// One work as lines of JSON, one a contender.
pub fn json(standing: &Standing) {
    for contender in standing.contenders() {
        let mut line = json!({
            "database": standing.database.name(),
            "work": standing.work.name(),
            "contender": contender.name(),
            "ms": standing.ms(contender).map(|ms| rounded(ms, 1e3)),
            "ratio": standing.ratio(contender, HandWritten).map(|ratio| rounded(ratio, 1e3)),
        });
        if counts_trips(standing) {
            line["ms"] = Value::Null;
            line["ratio"] = Value::Null;
            line["round_trips"] = json!(standing.entry(contender).and_then(|entry| entry.trips));
        }
        println!("{line}");
    }
}

fn rounded(number: f64, by: f64) -> f64 {
    (number * by).round() / by
}
