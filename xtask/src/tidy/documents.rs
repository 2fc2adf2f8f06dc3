//! Rules on what is not Rust: the documents, the paths that the map names, recorded errors.

use super::Finding;
use super::files::Files;

/// The map of the repository.
pub const MAP: &str = "ARCHITECTURE.md";

/// The documents that are always there.
const DOCUMENTS: &[&str] = &[
    "README.md",
    MAP,
    "GLOSSARY.md",
    "CHANGELOG.md",
    "DEVIATIONS.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

/// The greatest number of lines of a recorded compile error.
const ERROR_LINES: usize = 20;

/// Every document is there.
pub fn presence(files: &Files) -> Vec<Finding> {
    DOCUMENTS
        .iter()
        .filter(|path| !files.has(path))
        .map(|path| Finding::new(path, 1, "the repository must have this document: write it"))
        .collect()
}

/// Every path that the map names exists.
pub fn map(text: &str, files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let lost = spans(line).filter_map(path).filter(|path| !files.fits(path));
            findings.extend(lost.map(|path| {
                let text = format!(
                    "`{path}` does not exist: mend it, as a path from the root of the repository"
                );
                Finding::new(MAP, index + 1, text)
            }));
        }
    }
    findings
}

/// A compile error that the derive provokes fits on a screen.
pub fn compile_error(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().count();
    if lines <= ERROR_LINES {
        return Vec::new();
    }
    let text = format!(
        "a compile error of {lines} lines, {ERROR_LINES} are allowed: make the derive find the \
         mistake earlier"
    );
    vec![Finding::new(path, ERROR_LINES + 1, text)]
}

/// What stands in backticks in a line.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The path that a span names, without an anchor, if the span looks like a path.
fn path(span: &str) -> Option<&str> {
    let path = span.split('#').next()?;
    let looks = path.contains('/') || [".rs", ".md", ".toml"].iter().any(|end| path.ends_with(end));
    let plain = |c: char| c.is_alphanumeric() || "-_./*".contains(c);
    (looks && path.contains(char::is_alphanumeric) && path.chars().all(plain)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check_map(text: &str, expected: Expect) {
        let files = ["Cargo.toml", "crates/entail-engine/src/arena.rs"].into_iter().collect();
        expected.assert_eq(&super::super::text(&map(text, &files)));
    }

    #[test]
    fn paths_that_exist_are_fine() {
        let text = "`Cargo.toml`, `crates/entail-engine/src/arena.rs`, `crates/`, `crates/*/src`";
        check_map(text, expect![""]);
    }

    #[test]
    fn what_is_no_path_is_left_alone() {
        let text = "a/b.rs, `a / b`, `sqlite://a/b`, `Plan`, `cargo xtask ci`, `/`, `Vec<a/b>`\n\
                    ```text\n`a/b.rs`\n```\n";
        check_map(text, expect![""]);
    }

    #[test]
    fn a_lost_path_is_found() {
        check_map(
            "```text\n```\n`Cargo.toml` and `arena.rs` and\n`crates/entail/#top`, `crates/*/tests`",
            expect![[r#"
                ARCHITECTURE.md:3: `arena.rs` does not exist: mend it, as a path from the root of the repository
                ARCHITECTURE.md:4: `crates/entail/` does not exist: mend it, as a path from the root of the repository
                ARCHITECTURE.md:4: `crates/*/tests` does not exist: mend it, as a path from the root of the repository
            "#]],
        );
    }

    #[test]
    fn a_missing_document_is_found() {
        let mut there = DOCUMENTS.to_vec();
        assert_eq!(presence(&there.iter().copied().collect()), []);
        there.retain(|path| *path != "GLOSSARY.md");
        expect![[r#"
            GLOSSARY.md:1: the repository must have this document: write it
        "#]]
        .assert_eq(&super::super::text(&presence(&there.into_iter().collect())));
    }

    #[test]
    fn a_long_compile_error_is_a_defect() {
        assert_eq!(compile_error("tests/ui/a.stderr", &"a\n".repeat(20)), []);
        expect![[r#"
            tests/ui/a.stderr:21: a compile error of 21 lines, 20 are allowed: make the derive find the mistake earlier
        "#]]
        .assert_eq(&super::super::text(&compile_error("tests/ui/a.stderr", &"a\n".repeat(21))));
    }
}
