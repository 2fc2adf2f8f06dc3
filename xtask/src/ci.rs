//! The gate: every step that a change must pass.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::behaviours;
use crate::cargo::Invocation;
use crate::databases::Servers;
use crate::fuzz;
use crate::steps::{self, OnFailure, Step};
use crate::suite::{self, Runner};
use crate::tidy;

/// The target that proves that the engine needs no operating system.
const WASM: &str = "wasm32-unknown-unknown";

/// The greatest number of crates that the engine may build from, itself included.
const ENGINE_CRATES: usize = 25;

/// Runs the gate.
pub fn run(on_failure: OnFailure) -> Result<(), String> {
    let servers = Servers::find()?;
    steps::run(&gate(crate::root(), &servers), on_failure)?;
    println!("{}", servers.covered());
    Ok(())
}

/// The steps of the gate, those that answer in a second first.
fn gate(root: &Path, servers: &Servers) -> Vec<Step> {
    let mut steps = vec![
        Step::cargo("fmt", Invocation::new("fmt --all --check")),
        Step::check("tidy", tidy::check),
        Step::check("behaviours", behaviours::check),
        Step::check("engine: dependencies", engine_dependencies),
        Step::cargo(
            "clippy",
            Invocation::new("clippy --workspace --all-targets --all-features -- -D warnings"),
        ),
        Step::cargo(
            "docs",
            Invocation::new("doc --no-deps --workspace --all-features")
                .env("RUSTDOCFLAGS", "-D warnings"),
        ),
        engine_wasm(),
    ];
    steps.extend(suite::test_steps(Runner::installed(), &[], servers));
    steps.push(graphs());
    steps.push(fuzz::step());
    steps.push(Step::cargo("examples", Invocation::new("build --workspace --examples")));
    steps.push(quickstart(root));
    steps.push(bench(root));
    steps
}

/// Counts the crates that the engine builds from.
fn engine_dependencies() -> Result<String, String> {
    let tree = Invocation::new("tree --package entail-engine --edges normal --prefix none");
    let crates = crates(&tree.output()?);
    let count = crates.len();
    if count <= ENGINE_CRATES {
        Ok(format!("{count} crates, {ENGINE_CRATES} allowed"))
    } else {
        crates.iter().for_each(|line| println!("{line}"));
        Err(format!("the engine builds from {count} crates, {ENGINE_CRATES} are allowed: drop one"))
    }
}

/// The different crates that `cargo tree` lists; it marks those that it has listed before.
fn crates(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .map(|line| line.trim_end().trim_end_matches(" (*)"))
        .filter(|line| !line.is_empty())
        .map(String::from)
        .collect()
}

fn engine_wasm() -> Step {
    let name = "engine: wasm";
    if has_target(WASM) {
        let line = format!("check --package entail-engine --target {WASM}");
        Step::cargo(name, Invocation::new(&line))
    } else {
        let reason = format!("{WASM} is not installed: `rustup target add {WASM}` mends it");
        Step::skip(name, &reason)
    }
}

/// Whether the compiler has the standard library for a target.
fn has_target(target: &str) -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(crate::root())
        .stderr(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
        }
        _ => false,
    }
}

/// All graphs of five rows: without optimization the test stops at four.
fn graphs() -> Step {
    let line = "test --release --package entail-engine --test model graphs";
    Step::cargo("models: all graphs of five rows", Invocation::new(line))
}

fn quickstart(root: &Path) -> Step {
    let name = "examples: quickstart";
    let file = "crates/entail/examples/quickstart.rs";
    if root.join(file).is_file() {
        Step::cargo(name, Invocation::new("run -q --package entail --example quickstart"))
    } else {
        Step::skip(name, &format!("there is no {file}"))
    }
}

fn bench(root: &Path) -> Step {
    let name = "bench";
    let manifest = "bench/Cargo.toml";
    if root.join(manifest).is_file() {
        let line = format!("check --manifest-path {manifest} --workspace --all-targets");
        Step::cargo(name, Invocation::new(&line))
    } else {
        Step::skip(name, &format!("there is no {manifest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_crate_that_is_listed_twice_counts_once() {
        let tree = "\
entail-engine v0.1.0 (/home/me/entail)
indexmap v2.14.2
hashbrown v0.17.1
hashbrown v0.17.1 (*)
";
        let crates: Vec<String> = crates(tree).into_iter().collect();
        expect![[r#"
            entail-engine v0.1.0 (/home/me/entail)
            hashbrown v0.17.1
            indexmap v2.14.2"#]]
        .assert_eq(&crates.join("\n"));
    }
}
