//! Programs: where those of a server lie, and how they come there.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The path of a program: in `PATH`, or in one of the folders.
pub fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(env::split_paths(&path));
    all.chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// Folders of PostgreSQL's programs as Debian has them, the newest version first.
pub fn postgres_folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    let version = |folder: &PathBuf| -> u32 {
        let name = folder.parent().and_then(Path::file_name);
        name.and_then(|name| name.to_str()?.parse().ok()).unwrap_or(0)
    };
    folders.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    folders
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Installs a package of Debian, where this process may.
pub fn install(package: &str) -> Result<(), String> {
    if find("apt-get", &[]).is_none() || !is_root() {
        return Err(format!("it is not installed, and {package} cannot be installed here"));
    }
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    apt(&["-q", "update"])?;
    apt(&["-q", "install", "-y", "--no-install-recommends", package])
}

/// Runs a command to its end; what it printed is in the error.
pub fn run(command: &mut Command) -> Result<(), String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{shown} did not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().rev().take(5).collect();
    let last = lines.into_iter().rev().collect::<Vec<_>>().join("; ");
    Err(format!("{shown} ended with {}: {last}", output.status))
}
