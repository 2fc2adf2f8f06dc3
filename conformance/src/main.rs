//! The scenario runner: runs scenarios on entail, and compares with what SQLAlchemy answered.

use std::fs::File;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::Value as Json;

use conformance::check::{check, quietly, scenario_of};
use conformance::differential::Differential;
use conformance::report::Report;
use conformance::runner::DeletesLoad;
use conformance::{Failed, generate, runner};

/// Runs scenarios of unit-of-work behaviour on entail.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes one result a line.
    Run(Input),
    /// Compares recorded results with entail's.
    Check {
        #[command(flatten)]
        input: Input,
        /// How many differences to print.
        #[arg(long, default_value_t = 10)]
        show: usize,
    },
    /// Makes scenarios at random, runs them on SQLAlchemy and on entail, and shrinks what differs.
    Differential(Differential),
    /// Makes scenarios at random, one a line; the same for the same seed.
    Generate {
        /// Where chance begins.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many of them.
        #[arg(long, default_value_t = 100)]
        count: u64,
        /// Of one kind only.
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(generate::kinds()))]
        kind: Option<String>,
    },
}

#[derive(Args, Debug)]
struct Input {
    /// Scenarios or recordings, one a line; `-` is standard input.
    file: String,
    /// The database; each scenario's tables are dropped and created there.
    #[arg(long, default_value = "sqlite::memory:")]
    database: String,
    /// When what a delete cascade comes to is loaded.
    #[arg(long, value_enum, default_value_t)]
    deletes_load: DeletesLoad,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(input) => run_all(&input).map(|()| true),
        Command::Check { input, show } => check_all(&input, show),
        Command::Differential(run) => run.run(),
        Command::Generate { seed, count, kind } => {
            generate_all(seed, count, kind.as_deref()).map(|()| true)
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Writes so many scenarios.
fn generate_all(seed: u64, count: u64, kind: Option<&str>) -> Result<(), Failed> {
    let mut out = stdout().lock();
    for number in 0..count {
        writeln!(out, "{}", generate::scenario(seed, number, kind))?;
    }
    Ok(())
}

/// The documents of the input, one a line, with the numbers of their lines.
fn documents(input: &Input) -> Result<impl Iterator<Item = Result<Json, Failed>>, Failed> {
    let lines: Box<dyn BufRead> = match input.file.as_str() {
        "-" => Box::new(BufReader::new(stdin())),
        path => {
            let file = File::open(path).map_err(|error| format!("cannot open {path}: {error}"))?;
            Box::new(BufReader::new(file))
        }
    };
    let kept = lines
        .lines()
        .enumerate()
        .filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
    Ok(kept.map(|(number, line)| {
        serde_json::from_str(&line?).map_err(|error| format!("line {}: {error}", number + 1).into())
    }))
}

fn run_all(input: &Input) -> Result<(), Failed> {
    let mut out = stdout().lock();
    for document in documents(input)? {
        let scenario = scenario_of(&document?)?;
        let result = runner::run(&scenario, &input.database, input.deletes_load)
            .map_err(|error| format!("the scenario {}: {error}", scenario.name))?;
        writeln!(out, "{result}")?;
        out.flush()?;
    }
    Ok(())
}

fn check_all(input: &Input, show: usize) -> Result<bool, Failed> {
    let mut report = Report::default();
    quietly(|| {
        for document in documents(input)? {
            let document = document?;
            let Some(expected) = document.get("expected") else {
                return Err("a document without an expected result cannot be checked".into());
            };
            let scenario = scenario_of(&document)?;
            let verdict = check(&scenario, expected, &input.database, input.deletes_load);
            report.note(scenario.kind(), &document["scenario"], &verdict);
        }
        Ok::<_, Failed>(())
    })?;
    print!("{}", report.text(show));
    Ok(report.is_clean())
}
