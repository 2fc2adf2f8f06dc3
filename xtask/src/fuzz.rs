//! Fuzzing: the targets of `fuzz`, built with the nightly compiler, all at once and for a while.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use crate::root;
use crate::steps::Step;

/// The targets, with the greatest length of an input.
const TARGETS: [(&str, u32); 3] = [("scenarios", 123), ("mappings", 1024), ("plans", 512)];

/// For how long the gate fuzzes.
const SECONDS: u64 = 60;

/// A step of the gate.
pub fn step() -> Step {
    let name = "fuzz";
    if nightly(&["fuzz", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        Step::check(name, || run(SECONDS))
    } else {
        let cure = "`rustup toolchain install nightly` and `cargo install cargo-fuzz` mend it";
        Step::skip(name, &format!("cargo-fuzz does not run: {cure}"))
    }
}

/// Fuzzes all targets for so many seconds; the note says how many inputs each has had.
pub fn run(seconds: u64) -> Result<String, String> {
    let status = nightly(&["fuzz", "build"]).status();
    if !status.as_ref().is_ok_and(|status| status.success()) {
        return Err(format!("`cargo fuzz build` failed: {status:?}"));
    }
    let mut running = Vec::new();
    for (target, longest) in TARGETS {
        running.push((target, start(target, longest, seconds)?));
    }
    let mut notes = Vec::new();
    let mut failed = Vec::new();
    for (target, mut child) in running {
        let status = child.wait().map_err(|error| format!("{target}: {error}"))?;
        let log = fs::read_to_string(log_of(target)).unwrap_or_default();
        if !status.success() {
            let last: Vec<&str> = log.lines().rev().take(60).collect();
            last.into_iter().rev().for_each(|line| println!("{target}: {line}"));
            failed.push(target);
        }
        let done = log.lines().find(|line| line.starts_with("Done ")).unwrap_or("no runs");
        notes.push(format!("{target}: {done}"));
    }
    if failed.is_empty() {
        return Ok(notes.join("; "));
    }
    Err(format!("{} failed; the input is under fuzz/artifacts", failed.join(", ")))
}

/// Starts a target. New inputs go to a folder of their own; those that are committed are read.
fn start(target: &str, longest: u32, seconds: u64) -> Result<Child, String> {
    let found = root().join("target/fuzz").join(target);
    let known = root().join("fuzz/corpus").join(target);
    for folder in [&found, &known] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let log = File::create(log_of(target)).map_err(|error| error.to_string())?;
    let time = format!("-max_total_time={seconds}");
    let length = format!("-max_len={longest}");
    let (found, known) = (found.display().to_string(), known.display().to_string());
    println!("== {target}: for {seconds} s");
    nightly(&["fuzz", "run", target, &found, &known, "--", &time, &length])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| format!("{target} did not start: {error}"))
}

fn log_of(target: &str) -> std::path::PathBuf {
    root().join("target/fuzz").join(format!("{target}.log"))
}

/// A call of the nightly cargo, which knows nothing of the one that runs this.
fn nightly(args: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).args(args).current_dir(root());
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN", "RUSTFLAGS"] {
        command.env_remove(variable);
    }
    command
}
