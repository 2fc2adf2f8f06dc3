//! Steps: what a task runs one after the other, how each ended, and the table of them.

use std::time::{Duration, Instant};

use crate::cargo::Invocation;

/// One step of a task.
#[derive(Clone, Debug)]
pub struct Step {
    name: &'static str,
    work: Work,
}

/// What a step does.
#[derive(Clone, Debug)]
enum Work {
    /// Runs cargo.
    Cargo(Invocation),
    /// Runs a check of our own, which answers a note.
    Check(fn() -> Result<String, String>),
    /// Does nothing, for this reason.
    Skip(String),
}

/// What happens after a failed step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The steps behind it are not run.
    Stop,
    /// The steps behind it are run, too.
    KeepGoing,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Passed(String),
    Skipped(String),
    Failed(String),
    NotRun,
}

/// A step that has had its turn.
#[derive(Clone, Debug)]
struct Done {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

impl Step {
    /// A step that runs cargo.
    pub fn cargo(name: &'static str, invocation: Invocation) -> Self {
        Self { name, work: Work::Cargo(invocation) }
    }

    /// A step that runs a check of our own; its note stands in the table.
    pub fn check(name: &'static str, check: fn() -> Result<String, String>) -> Self {
        Self { name, work: Work::Check(check) }
    }

    /// A step that cannot run here.
    pub fn skip(name: &'static str, reason: &str) -> Self {
        Self { name, work: Work::Skip(reason.to_owned()) }
    }

    fn run(&self) -> Done {
        let start = Instant::now();
        let outcome = match &self.work {
            Work::Cargo(invocation) => {
                println!("\n== {}: {invocation}", self.name);
                from_result(invocation.run().map(|()| String::new()))
            }
            Work::Check(check) => {
                println!("\n== {}", self.name);
                from_result(check())
            }
            Work::Skip(reason) => {
                println!("\n== {}: SKIPPED: {reason}", self.name);
                Outcome::Skipped(reason.clone())
            }
        };
        let took = start.elapsed();
        match &outcome {
            Outcome::Passed(_) => println!("== {}: passed in {}", self.name, seconds(took)),
            Outcome::Failed(reason) => {
                println!("== {}: FAILED after {}: {reason}", self.name, seconds(took));
            }
            Outcome::Skipped(_) | Outcome::NotRun => {}
        }
        Done { name: self.name, outcome, took }
    }
}

/// Runs the steps and prints their table; an error names those that failed.
pub fn run(steps: &[Step], on_failure: OnFailure) -> Result<(), String> {
    let mut done: Vec<Done> = Vec::new();
    let mut stopped = false;
    for step in steps {
        if stopped {
            done.push(Done { name: step.name, outcome: Outcome::NotRun, took: Duration::ZERO });
            continue;
        }
        let turn = step.run();
        stopped = on_failure == OnFailure::Stop && matches!(turn.outcome, Outcome::Failed(_));
        done.push(turn);
    }
    println!("\n{}", table(&done));
    let failed: Vec<&str> = done
        .iter()
        .filter(|turn| matches!(turn.outcome, Outcome::Failed(_)))
        .map(|turn| turn.name)
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn from_result(result: Result<String, String>) -> Outcome {
    match result {
        Ok(note) => Outcome::Passed(note),
        Err(reason) => Outcome::Failed(reason),
    }
}

fn table(done: &[Done]) -> String {
    let width = done.iter().map(|turn| turn.name.len()).max().unwrap_or(0);
    let mut lines = String::new();
    for turn in done {
        let (word, note) = match &turn.outcome {
            Outcome::Passed(note) => ("passed", note.as_str()),
            Outcome::Skipped(reason) => ("SKIPPED", reason.as_str()),
            Outcome::Failed(reason) => ("FAILED", reason.as_str()),
            Outcome::NotRun => ("not run", ""),
        };
        let took = seconds(turn.took);
        let line = format!("{:width$}  {word:7}  {took:>8}  {note}", turn.name);
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    let total = seconds(done.iter().map(|turn| turn.took).sum());
    lines.push_str(&format!("{:width$}  {:7}  {total:>8}\n", "total", ""));
    lines
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn done(name: &'static str, outcome: Outcome, millis: u64) -> Done {
        Done { name, outcome, took: Duration::from_millis(millis) }
    }

    #[test]
    fn the_table_shows_every_step_with_its_end_and_time() {
        let all = [
            done("fmt", Outcome::Passed(String::new()), 420),
            done("engine: dependencies", Outcome::Passed("17 crates".into()), 80),
            done("engine: wasm", Outcome::Skipped("no target".into()), 0),
            done("tests", Outcome::Failed("`cargo test` ended with 101".into()), 123_456),
            done("tidy", Outcome::NotRun, 0),
        ];
        expect![[r#"
            fmt                   passed      0.4 s
            engine: dependencies  passed      0.1 s  17 crates
            engine: wasm          SKIPPED     0.0 s  no target
            tests                 FAILED    123.5 s  `cargo test` ended with 101
            tidy                  not run     0.0 s
            total                           124.0 s
        "#]]
        .assert_eq(&table(&all));
    }

    #[test]
    fn a_failed_step_stops_the_rest_unless_told_otherwise() {
        let steps = [
            Step::check("first", || Err("no".into())),
            Step::skip("second", "not here"),
            Step::check("third", || Err("no".into())),
        ];
        expect!["failed: first"].assert_eq(&run(&steps, OnFailure::Stop).unwrap_err());
        expect!["failed: first, third"].assert_eq(&run(&steps, OnFailure::KeepGoing).unwrap_err());
    }

    #[test]
    fn a_skipped_step_does_not_fail_the_task() {
        assert_eq!(run(&[Step::skip("only", "not here")], OnFailure::Stop), Ok(()));
    }
}
