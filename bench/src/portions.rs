//! A million rows in portions: one session makes them, loads, changes and commits them, and clears
//! itself after each portion. Its memory must not grow.

use std::fs;

use entail::blocking::Database;
use entail::prelude::*;

use crate::Failure;

/// A row.
#[derive(Entity)]
#[entity(table = "portions_rows")]
struct Row {
    #[key]
    id: Auto<i64>,
    name: String,
    number: i64,
}

/// How many rows there are.
const ROWS: i64 = 1_000_000;
/// How many of them the session has at once.
const PORTION: i64 = 10_000;
/// After how many rows its memory is looked at.
const STOP: i64 = 100_000;

/// Runs it on a new file of SQLite, and prints a table.
pub fn show() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("entail-portions-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = run(&format!("sqlite:{}", folder.join("rows.db").display()));
    fs::remove_dir_all(&folder)?;
    result
}

fn run(url: &str) -> Result<(), Failure> {
    let db = Database::connect(url, mapping![Row]?)?;
    db.create_all()?;
    let mut session = db.session();
    println!("Memory of the process in MB, one session, {PORTION} rows at once");
    println!();
    println!("| rows      | inserted | loaded, changed |");
    println!("|-----------|---------:|----------------:|");
    let mut inserted = Vec::new();
    for first in (0..ROWS).step_by(PORTION as usize) {
        session.add_all((first..first + PORTION).map(|number| Row {
            id: auto(),
            name: format!("row {number}"),
            number,
        }));
        session.commit()?;
        session.clear();
        if (first + PORTION) % STOP == 0 {
            inserted.push(resident()?);
        }
    }
    for (stop, inserted) in (0..).zip(inserted) {
        for portion in 0..STOP / PORTION {
            let first = stop * STOP + portion * PORTION;
            let range = Row::ID.gt(first).and(Row::ID.le(first + PORTION));
            let rows = session.query::<Row>().filter(range).all()?;
            for &row in &rows {
                session[row].number += 1;
                session[row].name.push('!');
            }
            session.commit()?;
            session.clear();
        }
        println!("| {:>9} | {inserted:>8.1} | {:>15.1} |", (stop + 1) * STOP, resident()?);
    }
    Ok(())
}

/// The memory that this process has now, in megabytes.
fn resident() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(number.parse::<f64>()? / 1024.0)
}
