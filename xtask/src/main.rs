//! Tasks of this repository: `cargo xtask ci`, `cargo xtask test`, `cargo xtask galera` and
//! `cargo xtask tidy`.

mod cargo;
mod ci;
mod databases;
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
    /// Run a shop's load on a cluster of three MariaDB nodes, one of which is killed meanwhile
    Galera,
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
