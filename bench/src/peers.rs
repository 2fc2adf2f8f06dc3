//! Peers: other libraries, as programs of their own that are built when they are asked for.
//!
//! A peer is called as `PROGRAM WORK URL`. It opens the place, does the work once, and prints one
//! line: `{"ms": 12.5, "objects": 0, "sum": 0}`, or `{"unable": "why"}`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::Failure;
use crate::contender::{Contender, Run, Seen};
use crate::place::Place;
use crate::work::Job;

/// The programs that could be built.
#[derive(Debug, Default)]
pub struct Peers {
    programs: HashMap<&'static str, Vec<PathBuf>>,
}

/// What a peer prints.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Done { ms: f64, objects: i64, sum: i64 },
    Unable { unable: String },
}

impl Peers {
    /// Builds the programs of some contenders. One that cannot be built is said so and left out.
    pub fn build(contenders: &[Contender]) -> Self {
        let mut peers = Self::default();
        for &contender in contenders.iter().filter(|one| one.is_peer()) {
            let built = match contender {
                Contender::Sqlalchemy => environment(),
                _ => workspace(contender.name()),
            };
            match built {
                Ok(program) => {
                    peers.programs.insert(contender.name(), program);
                }
                Err(failure) => {
                    let name = contender.name().to_uppercase();
                    eprintln!("bench: {name} IS LEFT OUT, it cannot be built: {failure}");
                }
            }
        }
        peers
    }

    /// Whether a contender's program is there.
    pub fn has(&self, contender: Contender) -> bool {
        self.programs.contains_key(contender.name())
    }

    /// Does a work with a peer. None, once it has said why, if it cannot do it.
    pub fn run(
        &self,
        contender: Contender,
        job: Job,
        place: &Place,
    ) -> Result<Option<Run>, Failure> {
        let (name, work) = (contender.name(), job.work.name());
        let program = self.programs.get(name).ok_or("its program is not built")?;
        let output = Command::new(&program[0])
            .args(&program[1..])
            .args([work, &place.url])
            .env("RUST_BACKTRACE", "0")
            .stderr(Stdio::piped())
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last: Vec<&str> = said.lines().rev().take(6).collect();
            return Err(last.into_iter().rev().collect::<Vec<_>>().join("\n").into());
        }
        match serde_json::from_slice(&output.stdout)? {
            Line::Done { ms, objects, sum } => Ok(Some(Run {
                took: Duration::from_secs_f64(ms / 1e3),
                seen: Seen { objects, sum },
                trips: None,
            })),
            Line::Unable { unable } => {
                let database = place.database.name();
                eprintln!("bench: {name} does not take part in {work} on {database}: {unable}");
                Ok(None)
            }
        }
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

fn target(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers").join(name)
}

/// Builds the workspace of a peer.
fn workspace(name: &str) -> Result<Vec<PathBuf>, Failure> {
    let target = target(name);
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args(["build", "--release", "--quiet", "--locked", "--manifest-path"]);
    succeed(cargo.arg(folder(name).join("Cargo.toml")).arg("--target-dir").arg(&target))?;
    Ok(vec![target.join("release").join(format!("peer-{name}"))])
}

/// Makes a virtual environment with SQLAlchemy in it. Without the headers for mysqlclient it takes
/// PyMySQL, and says so.
fn environment() -> Result<Vec<PathBuf>, Failure> {
    let place = target("sqlalchemy");
    let (python, ready) = (place.join("bin/python"), place.join("ready"));
    if !ready.exists() {
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        let install = |packages: &[&str]| {
            let mut pip = Command::new(&python);
            succeed(pip.args(["-m", "pip", "install", "--quiet"]).args(packages))
        };
        install(&["sqlalchemy==2.1.9", "psycopg[binary]"])?;
        if install(&["mysqlclient"]).is_err() {
            eprintln!("bench: MYSQLCLIENT CANNOT BE BUILT, SQLAlchemy works on PyMySQL");
            eprintln!("bench: it needs default-libmysqlclient-dev and pkg-config");
            install(&["pymysql"])?;
        }
        fs::write(ready, "")?;
    }
    Ok(vec![python, folder("sqlalchemy").join("bench.py")])
}

fn succeed(command: &mut Command) -> Result<(), Failure> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().take(12).collect();
    Err(last.into_iter().rev().collect::<Vec<_>>().join("\n").into())
}
