//! Reports: the outcome as a table to read, or as lines of JSON.

use serde_json::json;

use crate::contender::Contender;
use crate::race::Standing;

use Contender::{EntailAsync, EntailBlocking, HandWritten};

/// The head of the table.
pub fn heading(runs: u32) {
    println!(
        "SQLite, file, WAL, synchronous=NORMAL; median of {runs}; `!` misses what is aimed at"
    );
    println!();
    println!(
        "| {:<34} | {:>12} | {:>8} | {:>5} | {:>6} | {:>8} | {:>5} | {:>14} | {:>6} |",
        "", "hand-written", "blocking", "ratio", "aim", "async", "ratio", "async/blocking", "aim"
    );
    println!(
        "|{:-<36}|{:->13}:|{:->9}:|{:->6}:|{:->7}:|{:->9}:|{:->6}:|{:->15}:|{:->7}:|",
        "", "", "", "", "", "", "", "", ""
    );
}

/// One work as a row of the table.
pub fn row(standing: &Standing) {
    let work = standing.work;
    let ms = |contender| match standing.ms(contender) {
        Some(ms) => format!("{ms:.1}"),
        None => String::new(),
    };
    let ratio = |contender, other| match standing.ratio(contender, other) {
        Some(ratio) => format!("{ratio:.2}"),
        None => String::new(),
    };
    let aim = |contender, other, aim| {
        let missed = standing.ratio(contender, other).is_some_and(|ratio| ratio > aim);
        format!("{aim:.2}{}", if missed { " !" } else { "  " })
    };
    println!(
        "| {:<2} {:<31} | {:>12} | {:>8} | {:>5} | {:>6} | {:>8} | {:>5} | {:>14} | {:>6} |",
        work.name(),
        work.title(),
        ms(HandWritten),
        ms(EntailBlocking),
        ratio(EntailBlocking, HandWritten),
        aim(EntailBlocking, HandWritten, work.blocking_target()),
        ms(EntailAsync),
        ratio(EntailAsync, HandWritten),
        ratio(EntailAsync, EntailBlocking),
        aim(EntailAsync, EntailBlocking, work.async_target()),
    );
}

/// One work as lines of JSON, one a contender.
pub fn json(standing: &Standing) {
    for contender in standing.contenders() {
        let line = json!({
            "database": "sqlite",
            "work": standing.work.name(),
            "contender": contender.name(),
            "ms": standing.ms(contender).map(|ms| rounded(ms, 1e3)),
            "ratio": standing.ratio(contender, HandWritten).map(|ratio| rounded(ratio, 1e3)),
        });
        println!("{line}");
    }
}

fn rounded(number: f64, by: f64) -> f64 {
    (number * by).round() / by
}
