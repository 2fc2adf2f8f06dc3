//! Tasks of this repository: `cargo xtask ci`, `cargo xtask test`, `cargo xtask behaviours`,
//! `cargo xtask differential`, `cargo xtask fuzz`, `cargo xtask galera` and `cargo xtask tidy`.

mod behaviours;
mod cargo;
mod ci;
mod databases;
mod differential;
mod fuzz;
mod galera;
mod servers;
mod steps;
mod suite;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::steps::OnFailure;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Tasks of the entail repository")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the gate: formatting, lints, docs, tests, the engine's walls, examples and tidy
    Ci {
        /// Run the steps after a failed one, too
        #[arg(long)]
        keep_going: bool,
    },
    /// Run all tests of the workspace
    Test {
        /// Given to each test command as it stands, such as a filter by name
        #[arg(last = true)]
        extra: Vec<String>,
    },
    /// List SQLAlchemy's behaviours with the tests that cover them, and fail where one has neither a
    /// test nor a line in DEVIATIONS.md
    Behaviours,
    /// Fuzz scenarios, mappings and plans, all at once
    Fuzz {
        /// For how long
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Run a shop's load on a cluster of three MariaDB nodes, one of which is killed meanwhile
    Galera,
    /// Run scenarios made at random on SQLAlchemy, in an environment of its own, and on entail, and
    /// shrink those in which they differ
    Differential {
        /// Where chance begins
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many scenarios are made
        #[arg(long, default_value_t = 2000)]
        count: u64,
    },
    /// Run what needs servers of its own, as `test` does at its end: TLS, and a load on servers that
    /// are killed, stopped and started again
    Servers,
    /// Check the rules that the compiler does not know
    Tidy,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Ci { keep_going: false } => ci::run(OnFailure::Stop),
        Task::Ci { keep_going: true } => ci::run(OnFailure::KeepGoing),
        Task::Test { extra } => suite::run(&extra),
        Task::Differential { seed, count } => differential::run(seed, count),
        Task::Behaviours => behaviours::run(),
        Task::Fuzz { seconds } => fuzz::run(seconds).map(|note| println!("{note}")),
        Task::Galera => galera::run(),
        Task::Servers => servers::check().map(|_| ()),
        Task::Tidy => tidy::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root")
}
