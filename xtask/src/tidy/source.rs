//! Source: a Rust file as the rules see it, with its tests told from its code.

use std::ops::Range;

use super::Finding;
use super::tokens::{Token, tokens};

/// A Rust file.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The path from the root of the repository.
    pub path: &'a str,
    /// The whole text.
    pub text: &'a str,
    tokens: Vec<Token<'a>>,
    tests: Vec<Range<usize>>,
}

/// Which part of a file a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of its code.
    All,
    /// All but the tests.
    Product,
}

impl<'a> Source<'a> {
    /// Reads a text.
    pub fn new(path: &'a str, text: &'a str) -> Self {
        let tokens = tokens(text);
        let tests = tests(&tokens);
        Self { path, text, tokens, tests }
    }

    /// The code.
    pub fn tokens(&self) -> &[Token<'a>] {
        &self.tokens
    }

    /// Whether the token at `index` belongs to the part.
    pub fn is_in(&self, part: Part, index: usize) -> bool {
        part == Part::All
            || !(self.is_test_file() || self.tests.iter().any(|range| range.contains(&index)))
    }

    /// The lines on which the tokens of `pattern` begin, one behind the other.
    pub fn lines_with(&self, part: Part, pattern: &[&str]) -> Vec<usize> {
        self.tokens
            .windows(pattern.len())
            .enumerate()
            .filter(|(index, window)| self.is_in(part, *index) && matches(window, pattern))
            .map(|(_, window)| window[0].line)
            .collect()
    }

    /// How many lines stand before the tests at the end.
    pub fn product_lines(&self) -> usize {
        let mut end = self.tokens.len();
        for range in self.tests.iter().rev().filter(|range| !range.is_empty()) {
            if range.end == end {
                end = range.start;
            }
        }
        match self.tokens.get(end) {
            Some(token) => token.line - 1,
            None => self.text.lines().count(),
        }
    }

    /// Whether the file holds nothing but tests or benches, going by its path.
    pub fn is_test_file(&self) -> bool {
        self.path.starts_with("bench/")
            || self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
    }

    /// The path within `crates/<name>/src/`, if the file lies in that of a published crate.
    pub fn path_in_crate(&self) -> Option<(&'a str, &'a str)> {
        let (name, path) = self.path.strip_prefix("crates/")?.split_once('/')?;
        Some((name, path.strip_prefix("src/")?))
    }

    /// The path within the sources of the engine, if the file is one of them.
    pub fn path_in_engine(&self) -> Option<&'a str> {
        self.path_in_crate().filter(|(name, _)| *name == "entail-engine").map(|(_, path)| path)
    }

    /// A finding in this file.
    pub fn finding(&self, line: usize, text: impl Into<String>) -> Finding {
        Finding::new(self.path, line, text)
    }
}

/// The ranges of tokens that are compiled for tests only.
fn tests(tokens: &[Token<'_>]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let rest = &tokens[index..];
        let alone = matches(rest, &["#", "[", "cfg", "(", "test", ")"]);
        if alone || matches(rest, &["#", "[", "cfg", "(", "all", "(", "test"]) {
            let end = index + item(rest);
            ranges.push(index..end);
            index = end;
        } else {
            index += 1;
        }
    }
    ranges
}

/// The number of tokens of the item that `tokens` begin with, attributes included.
fn item(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return index,
            "}" if depth == 1 => return index + 1,
            ")" | "]" | "}" => depth -= 1,
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

fn matches(tokens: &[Token<'_>], pattern: &[&str]) -> bool {
    tokens.len() >= pattern.len()
        && tokens.iter().zip(pattern).all(|(token, &word)| token.text == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines on which the word `x` stands outside of tests.
    fn lines(path: &str, text: &str) -> Vec<usize> {
        Source::new(path, text).lines_with(Part::Product, &["x"])
    }

    #[test]
    fn a_test_module_ends_with_its_brace() {
        let text = "x\n#[cfg(test)]\nmod tests { fn f() { x } }\nx\n";
        assert_eq!(lines("a.rs", text), [1, 4]);
        assert_eq!(Source::new("a.rs", text).product_lines(), 4);
    }

    #[test]
    fn a_test_item_ends_with_its_semicolon_or_its_body() {
        let text = "#[cfg(test)]\nuse x;\n#[cfg(all(test, unix))]\n#[rustfmt::skip]\n\
                    fn f() -> [u8; 3] { x }\nx\n#[cfg(test)]\nmod tests;\nx\n";
        assert_eq!(lines("a.rs", text), [6, 9]);
    }

    #[test]
    fn what_is_compiled_without_tests_is_code() {
        assert_eq!(lines("a.rs", "#[cfg(not(test))]\nx;\n"), [2]);
        assert_eq!(lines("a.rs", "#[cfg(any(test, unix))]\nx;\n"), [2]);
    }

    #[test]
    fn test_files_are_known_by_their_path() {
        assert!(lines("crates/a/tests/b.rs", "x").is_empty());
        assert!(lines("crates/a/src/b/tests.rs", "x").is_empty());
        assert!(lines("bench/src/main.rs", "x").is_empty());
        assert_eq!(lines("crates/a/src/bench.rs", "x"), [1]);
    }

    #[test]
    fn lines_are_counted_up_to_the_tests_at_the_end() {
        let text = "a\nb\n#[cfg(test)]\nmod tests {\n}\n#[cfg(test)]\nmod model {\n}\n";
        assert_eq!(Source::new("a.rs", text).product_lines(), 2);
        assert_eq!(Source::new("a.rs", "a\n// b\n").product_lines(), 2);
    }

    #[test]
    fn paths_within_a_crate() {
        let path = |path| Source::new(path, "").path_in_engine();
        assert_eq!(path("crates/entail-engine/src/arena/links.rs"), Some("arena/links.rs"));
        assert_eq!(path("crates/entail-engine/tests/arena.rs"), None);
        assert_eq!(path("crates/entail/src/lib.rs"), None);
    }
}
