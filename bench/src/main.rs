//! Runs the works W1 to W7 with entail and with hand-written rusqlite, and shows the ratios.
//!
//! ```text
//! work --> race: every round copies the template and runs each contender --> digest --> report
//! ```

mod asynchronous;
mod blocking;
mod contender;
mod data;
mod digest;
mod hand;
mod race;
mod report;
mod schema;
mod template;
mod work;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use contender::Contender;
use race::Race;
use template::Templates;
use work::Work;

/// Whatever went wrong: a bench stops at the first failure.
type Failure = Box<dyn Error + Send + Sync>;

/// Measures entail beside hand-written code doing the same work.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// The database to work on.
    #[arg(value_enum)]
    database: Database,
    /// Writes one JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
    /// The works to run, such as `W1,W5`; all without it.
    #[arg(long, value_enum, value_delimiter = ',', ignore_case = true)]
    only: Vec<Work>,
    /// How many rounds are measured; one more goes before them to warm up.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Runs one contender only, for a profiler; there is no ratio then.
    #[arg(long, value_enum)]
    alone: Option<Contender>,
}

/// A database to work on.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Database {
    /// A SQLite file in WAL mode with synchronous=NORMAL.
    Sqlite,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Brings the allocator into the state of a process that has run for a while.
///
/// glibc gives memory at the end of the heap back to the system as long as no large block was ever
/// freed, and asks for it again page by page. Whether that happens in a short run is a matter of
/// chance, and costs whoever it meets two milliseconds. One large block, which is never touched,
/// ends it for all contenders alike.
fn settle_allocator() {
    const LARGE: usize = 24 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE)));
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Database::Sqlite = arguments.database;
    let works = if arguments.only.is_empty() { Work::ALL } else { &arguments.only };
    let contenders = match arguments.alone {
        Some(contender) => vec![contender],
        None => Contender::ALL.to_vec(),
    };
    settle_allocator();
    let templates = Templates::new()?;
    let race = Race { templates: &templates, contenders: &contenders, runs: arguments.runs };
    if !arguments.json {
        report::heading(arguments.runs);
    }
    for &work in works {
        let standing = race.run(work)?;
        if arguments.json {
            report::json(&standing);
        } else {
            report::row(&standing);
        }
    }
    Ok(())
}
