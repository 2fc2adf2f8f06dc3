//! Runs the works W1 to W9 with entail, with hand-written code and with peers, and shows the ratios.
//!
//! ```text
//! work --> race: in every round each contender has a place of its own --> digest --> report
//! ```

mod asynchronous;
mod blocking;
mod contender;
mod data;
mod database;
mod digest;
mod hand;
mod memory;
mod peers;
mod place;
mod plot;
mod portions;
mod proxy;
mod race;
mod report;
mod scaling;
mod schema;
mod template;
mod threads;
mod work;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use contender::Contender;
use database::Database;
use peers::Peers;
use race::Race;
use threads::Threads;
use work::Work;

/// Whatever went wrong: a bench stops at the first failure.
type Failure = Box<dyn Error + Send + Sync>;

/// Measures entail beside hand-written code and peers doing the same work.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// The database to work on.
    #[arg(value_enum)]
    database: Choice,
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
    /// The peers that take part, such as `sqlalchemy,diesel` or `none`; all without it. They are
    /// built first.
    #[arg(long, value_enum, value_delimiter = ',')]
    peers: Vec<Peer>,
    /// What entail's async code and that of the drivers runs on: on a server one thread without it,
    /// on SQLite workers.
    #[arg(long, value_enum)]
    threads: Option<Threads>,
    /// Draws time over the size of the graph, for inserting and loading it.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Shows the memory that 100,000 loaded rows need.
    #[arg(long)]
    memory: bool,
    /// Shows the memory of a session that takes a million rows in portions, on SQLite.
    #[arg(long)]
    portions: bool,
    /// Shows which operations take more than in proportion to the number of objects, on SQLite.
    #[arg(long)]
    scaling: bool,
    /// Loads the database of this URL, and prints what memory that needed: a child of `--memory`.
    #[arg(long, hide = true)]
    load: Option<String>,
}

/// What to work on.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    /// A SQLite file in WAL mode with synchronous=NORMAL.
    Sqlite,
    /// PostgreSQL, at ENTAIL_POSTGRES_URL or 127.0.0.1:5432.
    Postgres,
    /// MariaDB, at ENTAIL_MYSQL_URL or 127.0.0.1:3306.
    Mariadb,
    /// One after the other.
    All,
}

/// Peers that take part.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Peer {
    /// Nobody.
    None,
    /// SQLAlchemy.
    Sqlalchemy,
    /// SeaORM.
    Seaorm,
    /// Diesel.
    Diesel,
    /// Toasty.
    Toasty,
}

impl Choice {
    fn databases(self) -> &'static [Database] {
        match self {
            Choice::Sqlite => &[Database::Sqlite],
            Choice::Postgres => &[Database::Postgres],
            Choice::Mariadb => &[Database::Mariadb],
            Choice::All => Database::ALL,
        }
    }
}

impl Peer {
    fn contender(self) -> Option<Contender> {
        match self {
            Peer::None => None,
            Peer::Sqlalchemy => Some(Contender::Sqlalchemy),
            Peer::Seaorm => Some(Contender::Seaorm),
            Peer::Diesel => Some(Contender::Diesel),
            Peer::Toasty => Some(Contender::Toasty),
        }
    }
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
    let databases = arguments.database.databases();
    if let Some(url) = &arguments.load {
        let contender = arguments.alone.ok_or("--load needs --alone")?;
        return memory::load(contender, databases[0], url);
    }
    if arguments.portions {
        return portions::show();
    }
    if arguments.scaling {
        return scaling::show();
    }
    if arguments.memory {
        return memory::show(databases);
    }
    settle_allocator();
    if let Some(file) = &arguments.plot {
        return plot::draw(file, databases, arguments.runs);
    }
    let contenders = contenders(arguments);
    let peers = Peers::build(&contenders);
    for &database in databases {
        race(arguments, database, &contenders, &peers)?;
    }
    Ok(())
}

/// Those who are asked for.
fn contenders(arguments: &Arguments) -> Vec<Contender> {
    if let Some(alone) = arguments.alone {
        return vec![alone];
    }
    let peers: Vec<Contender> =
        arguments.peers.iter().filter_map(|peer| peer.contender()).collect();
    let is_asked =
        |one: &Contender| !one.is_peer() || arguments.peers.is_empty() || peers.contains(one);
    Contender::ALL.iter().copied().filter(is_asked).collect()
}

fn race(
    arguments: &Arguments,
    database: Database,
    contenders: &[Contender],
    peers: &Peers,
) -> Result<(), Failure> {
    let takes_part = |one: &Contender| one.is_on(database) && (!one.is_peer() || peers.has(*one));
    let contenders: Vec<Contender> = contenders.iter().copied().filter(takes_part).collect();
    let works = if arguments.only.is_empty() { Work::ALL } else { &arguments.only };
    let mut ground = place::ground(database)?;
    let ground = ground.as_mut();
    let threads = arguments.threads.unwrap_or(database.threads());
    let (contenders, runs) = (contenders.as_slice(), arguments.runs);
    let mut race = Race { database, ground, contenders, peers, threads, runs };
    let table = report::Table::new(database, contenders);
    if !arguments.json {
        table.heading(arguments.runs);
    }
    for &work in works.iter().filter(|work| work.is_for(database)) {
        let standing = race.run(work.into())?;
        if arguments.json {
            report::json(&standing);
        } else {
            table.row(&standing);
        }
    }
    Ok(())
}
