//! Memory: what loaded rows need, as plain structs and as entail's objects.
//!
//! Each is loaded by a child process. The peak of its memory once the database is open is
//! subtracted from the peak in the end.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::contender::Contender;
use crate::database::Database;
use crate::place::{self, Place};
use crate::template::Template;
use crate::{Failure, asynchronous, blocking, hand};

/// Users of a graph of 100,100 rows.
const USERS: i64 = 7_700;
/// The greatest ratio that is aimed at.
const AIM: f64 = 1.5;

/// Loads the graph on each database, and prints a table.
pub fn show(databases: &[Database]) -> Result<(), Failure> {
    println!("Peak of memory for 100,100 loaded rows in MB, above that of a program that has");
    println!("only opened the database; `!` misses what is aimed at");
    println!();
    println!("|            | structs |  entail | ratio |    aim |");
    println!("|------------|--------:|--------:|------:|-------:|");
    for &database in databases {
        let mut ground = place::ground(database)?;
        let url = ground.make(Template::Shop { users: USERS })?;
        let structs = child(Contender::HandWritten, database, &url)?;
        let entail = match database {
            Database::Sqlite => Contender::EntailBlocking,
            Database::Postgres | Database::Mariadb => Contender::Entail,
        };
        let title = database.title();
        if !entail.is_on(database) {
            println!("| {title:<10} | {structs:>7.1} |         |       |        |");
            continue;
        }
        let objects = child(entail, database, &url)?;
        let ratio = objects / structs;
        let mark = if ratio > AIM { '!' } else { ' ' };
        println!(
            "| {title:<10} | {structs:>7.1} | {objects:>7.1} | {ratio:>5.2} | {AIM:>4.2} {mark} |"
        );
    }
    Ok(())
}

/// The megabytes that loading took in a process of its own.
fn child(contender: Contender, database: Database, url: &str) -> Result<f64, Failure> {
    let output = Command::new(std::env::current_exe()?)
        .args([database.name(), "--alone", contender.name(), "--load", url])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let said: Value = serde_json::from_slice(&output.stdout)?;
    let kilobytes = |name: &str| said[name].as_f64().ok_or("a child said something else");
    Ok((kilobytes("loaded")? - kilobytes("opened")?) / 1024.0)
}

/// What the child does: loads, and prints the peaks in kilobytes.
pub fn load(contender: Contender, database: Database, url: &str) -> Result<(), Failure> {
    let place = Place::new(database, url.to_owned(), database.threads());
    let mut before = None;
    let opened = || before = Some(peak());
    match (contender, database) {
        (Contender::HandWritten, Database::Sqlite) => drop(hand::load_sqlite(&place, opened)?),
        (Contender::HandWritten, Database::Postgres) => drop(hand::load_postgres(&place, opened)?),
        (Contender::HandWritten, Database::Mariadb) => drop(hand::load_mariadb(&place, opened)?),
        (Contender::EntailBlocking, _) => drop(blocking::load_for_memory(&place, opened)?),
        _ => drop(asynchronous::load_for_memory(&place, opened)?),
    }
    let before = before.ok_or("the database was not opened")??;
    println!("{}", json!({"opened": before, "loaded": peak()?}));
    Ok(())
}

/// The peak of the memory of this process in kilobytes.
fn peak() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmHWM")?;
    Ok(number.parse()?)
}
