//! Tidy: the rules of the house that the compiler does not know.

mod documents;
mod files;
mod imports;
mod leaks;
mod mentions;
mod shape;
mod source;
mod tokens;

use std::fmt;
use std::fs;

pub use self::files::Files;
use self::imports::Exports;
use self::source::Source;

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: String,
    line: usize,
    text: String,
}

impl Finding {
    /// A finding; `text` says the rule and the cure.
    pub fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// The rules that need to see one Rust file only.
const RULES: &[fn(&Source<'_>) -> Vec<Finding>] = &[
    shape::opening,
    shape::length,
    shape::file_name,
    shape::module_names,
    leaks::sql_builder,
    leaks::outside_world,
];

/// Prints what breaks a rule.
pub fn run() -> Result<(), String> {
    let note = check()?;
    println!("{note}");
    Ok(())
}

/// Prints what breaks a rule; the note says how much was looked at.
pub fn check() -> Result<String, String> {
    let files = Files::known_to_git()?;
    let findings = findings(&files)?;
    findings.iter().for_each(|finding| println!("{finding}"));
    match findings.len() {
        0 => Ok(format!("{} files are tidy", files.len())),
        1 => Err("1 finding".to_owned()),
        count => Err(format!("{count} findings")),
    }
}

fn findings(files: &Files) -> Result<Vec<Finding>, String> {
    let library = "crates/entail-engine/src/lib.rs";
    let library_text = if files.has(library) { read(library)? } else { String::new() };
    let exports = Exports::of(&Source::new(library, &library_text));

    let mut findings = documents::presence(files);
    for path in files.iter() {
        if path.ends_with(".rs") {
            let text = read(path)?;
            let source = Source::new(path, &text);
            findings.extend(RULES.iter().flat_map(|rule| rule(&source)));
            findings.extend(imports::direction(&source, &exports));
        } else if path.ends_with(".stderr") {
            findings.extend(documents::compile_error(path, &read(path)?));
        } else if path == documents::MAP {
            findings.extend(documents::map(&read(path)?, files));
        }
    }
    findings.sort();
    Ok(findings)
}

fn read(path: &str) -> Result<String, String> {
    let bytes = fs::read(crate::root().join(path)).map_err(|error| format!("{path}: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The findings as text, one a line.
#[cfg(test)]
fn text(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}
