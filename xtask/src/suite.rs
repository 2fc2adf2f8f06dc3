//! The suite: the commands that run all tests of the workspace.

use crate::cargo::Invocation;
use crate::databases::Servers;
use crate::servers;
use crate::steps::{self, OnFailure, Step};

/// What runs the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// `cargo nextest`, which leaves the examples in the docs to `cargo test --doc`.
    Nextest,
    /// `cargo test`.
    Cargo,
}

impl Runner {
    /// The one that is installed.
    pub fn installed() -> Self {
        if Invocation::new("nextest --version").succeeds() { Self::Nextest } else { Self::Cargo }
    }
}

/// How long eight threads work on each database.
const LOAD_SECONDS: &str = "60";

/// Runs the whole suite, with `extra` arguments to each of its commands.
pub fn run(extra: &[String]) -> Result<(), String> {
    let servers = Servers::find()?;
    steps::run(&test_steps(Runner::installed(), extra, &servers), OnFailure::Stop)?;
    // Behind a filter nobody knows what ran.
    if extra.is_empty() {
        println!("{}", servers.covered());
    }
    Ok(())
}

/// The steps of the suite: everything with all features, and the engine as users first get it.
pub fn test_steps(runner: Runner, extra: &[String], servers: &Servers) -> Vec<Step> {
    let environment = servers.environment();
    let calls = invocations(runner, extra).into_iter();
    let mut steps: Vec<Step> = calls
        .map(|(name, call)| {
            Step::cargo(name, call.envs(&environment).env("ENTAIL_LOAD_SECONDS", LOAD_SECONDS))
        })
        .collect();
    if extra.is_empty() {
        steps.push(Step::check("tests: own servers", servers::check));
    }
    steps
}

fn invocations(runner: Runner, extra: &[String]) -> Vec<(&'static str, Invocation)> {
    let all = "--workspace --all-features";
    let engine = "--package entail-engine";
    // A filter may leave nothing to run in one of the commands, which nextest takes as a failure.
    let none = if extra.is_empty() { "" } else { "--no-tests=pass" };
    let call = |line: String| Invocation::new(&line).args(extra);
    match runner {
        Runner::Nextest => vec![
            ("tests", call(format!("nextest run {all} {none}"))),
            ("tests: examples in docs", call(format!("test --doc {all}"))),
            ("tests: engine, default features", call(format!("nextest run {engine} {none}"))),
        ],
        Runner::Cargo => vec![
            ("tests", call(format!("test {all}"))),
            ("tests: engine, default features", call(format!("test {engine}"))),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(runner: Runner, extra: &[&str], expected: Expect) {
        let extra: Vec<String> = extra.iter().map(|&word| word.to_owned()).collect();
        let lines: Vec<String> = invocations(runner, &extra)
            .into_iter()
            .map(|(name, call)| format!("{name}: {call}\n"))
            .collect();
        expected.assert_eq(&lines.concat());
    }

    #[test]
    fn nextest_leaves_the_docs_to_cargo() {
        check(
            Runner::Nextest,
            &[],
            expect![[r#"
                tests: cargo nextest run --workspace --all-features
                tests: examples in docs: cargo test --doc --workspace --all-features
                tests: engine, default features: cargo nextest run --package entail-engine
            "#]],
        );
    }

    #[test]
    fn a_filter_reaches_every_command_and_may_match_nothing() {
        check(
            Runner::Nextest,
            &["orphan"],
            expect![[r#"
                tests: cargo nextest run --workspace --all-features --no-tests=pass orphan
                tests: examples in docs: cargo test --doc --workspace --all-features orphan
                tests: engine, default features: cargo nextest run --package entail-engine --no-tests=pass orphan
            "#]],
        );
    }

    #[test]
    fn without_nextest_cargo_runs_all() {
        check(
            Runner::Cargo,
            &["orphan"],
            expect![[r#"
                tests: cargo test --workspace --all-features orphan
                tests: engine, default features: cargo test --package entail-engine orphan
            "#]],
        );
    }
}
