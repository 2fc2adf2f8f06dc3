//! Rules on the shape of a file: how it opens, how long it is, what it is called.

use super::Finding;
use super::source::Source;

/// The greatest number of lines of a file, its tests aside.
const LINES: usize = 700;

/// Names that say nothing about what is inside.
const NAMELESS: &[&str] = &["utils", "helpers", "common", "base", "manager", "misc"];

/// A file opens with one sentence: its only job.
pub fn opening(source: &Source<'_>) -> Vec<Finding> {
    if source.text.lines().take(3).any(|line| line.starts_with("//!")) {
        return Vec::new();
    }
    let text = "a file opens with `//!` and one sentence, its only job: write it";
    vec![source.finding(1, text)]
}

/// A file that grows past its limit wants splitting.
pub fn length(source: &Source<'_>) -> Vec<Finding> {
    let lines = source.product_lines();
    if source.is_test_file() || lines <= LINES {
        return Vec::new();
    }
    let text = format!("{lines} lines without the tests, {LINES} are allowed: split it by noun");
    vec![source.finding(LINES + 1, text)]
}

/// `foo.rs` stands beside `foo/`.
pub fn file_name(source: &Source<'_>) -> Vec<Finding> {
    match source.path.strip_suffix("/mod.rs") {
        Some(folder) => vec![source.finding(1, format!("no `mod.rs`: call it `{folder}.rs`"))],
        None => Vec::new(),
    }
}

/// A module is a noun of the domain.
pub fn module_names(source: &Source<'_>) -> Vec<Finding> {
    let cure = "a module is a noun of the domain: name it after what it holds";
    let by_path = source
        .path
        .split('/')
        .map(|part| part.trim_end_matches(".rs"))
        .filter(|part| NAMELESS.contains(part))
        .map(|name| source.finding(1, format!("no module named `{name}`: {cure}")));
    let inline = source
        .tokens()
        .windows(3)
        .filter(|window| window[0].text == "mod" && window[2].text == "{")
        .filter(|window| NAMELESS.contains(&window[1].text))
        .map(|window| {
            source.finding(window[1].line, format!("no module named `{}`: {cure}", window[1].text))
        });
    by_path.chain(inline).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(path: &str, text: &str, expected: Expect) {
        let source = Source::new(path, text);
        let rules = [opening, length, file_name, module_names];
        let findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(&source)).collect();
        expected.assert_eq(&super::super::text(&findings));
    }

    #[test]
    fn a_file_opens_with_its_job() {
        check("a.rs", "#![no_std]\n\n//! A.\n", expect![""]);
        check(
            "a.rs",
            "// A.\n\n\n//! A.\n",
            expect![[r#"
                a.rs:1: a file opens with `//!` and one sentence, its only job: write it
            "#]],
        );
    }

    #[test]
    fn a_long_file_wants_splitting() {
        let long = format!("//! A.\n{}", "a\n".repeat(700));
        let tests = format!("//! A.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "a\n".repeat(700));
        check("a.rs", &format!("//! A.\n{}", "a\n".repeat(699)), expect![""]);
        check("a.rs", &tests, expect![""]);
        check("tests/a.rs", &long, expect![""]);
        check("src/a/tests.rs", &long, expect![""]);
        check("bench/src/a.rs", &long, expect![""]);
        check(
            "a.rs",
            &long,
            expect![[r#"
                a.rs:701: 701 lines without the tests, 700 are allowed: split it by noun
            "#]],
        );
    }

    #[test]
    fn a_module_stands_beside_its_folder() {
        check(
            "src/arena/mod.rs",
            "//! A.",
            expect![[r#"
                src/arena/mod.rs:1: no `mod.rs`: call it `src/arena.rs`
            "#]],
        );
    }

    #[test]
    fn a_module_is_a_noun() {
        check("src/database.rs", "//! A.\nmod commons {}\n// mod utils {}", expect![""]);
        check(
            "tests/common/base.rs",
            "//! A.\n\nmod helpers {}",
            expect![[r#"
                tests/common/base.rs:1: no module named `common`: a module is a noun of the domain: name it after what it holds
                tests/common/base.rs:1: no module named `base`: a module is a noun of the domain: name it after what it holds
                tests/common/base.rs:3: no module named `helpers`: a module is a noun of the domain: name it after what it holds
            "#]],
        );
    }
}
