//! The differential run: an environment of Python with SQLAlchemy, and the runner that compares
//! entail with it.

use std::path::PathBuf;
use std::process::Command;

use crate::cargo::Invocation;
use crate::root;

/// The version that entail is measured against.
const SQLALCHEMY: &str = "sqlalchemy==2.1.9";

/// Makes `count` scenarios, runs them on both, and fails where one differs without a reason.
pub fn run(seed: u64, count: u64) -> Result<(), String> {
    let python = environment()?;
    let call = "run --release -q -p conformance -- differential";
    let options = [
        "--seed".to_owned(),
        seed.to_string(),
        "--count".to_owned(),
        count.to_string(),
        "--python".to_owned(),
        python.display().to_string(),
    ];
    Invocation::new(call).args(&options).run()
}

/// The interpreter of a virtual environment of our own, which is made the first time.
fn environment() -> Result<PathBuf, String> {
    let place = root().join("target").join("sqlalchemy");
    let python = place.join("bin").join("python");
    let import = ["-c", "import sqlalchemy; assert sqlalchemy.__version__ == '2.1.9'"];
    if runs(Command::new(&python).args(import)) {
        return Ok(python);
    }
    println!("== making {} with {SQLALCHEMY}", place.display());
    if !runs(Command::new("python3").args(["-m", "venv"]).arg(&place)) {
        return Err("`python3 -m venv` failed; install Python 3.11 or later with venv".to_owned());
    }
    if !runs(Command::new(&python).args(["-m", "pip", "install", "-q", SQLALCHEMY])) {
        return Err(format!("pip could not install {SQLALCHEMY}"));
    }
    Ok(python)
}

fn runs(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}
