//! Mentions: every path that a Rust file names, with the trees of its `use` lines unfolded.

use super::source::Source;
use super::tokens::Token;

/// One path that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention<'a> {
    /// The segments; a last `*` stands for all names behind the others.
    pub path: Vec<&'a str>,
    /// The name under which a `use` line brings it in; for any other place the last segment.
    pub name: &'a str,
    /// Where it stands.
    pub place: Place,
    /// The line of its last segment.
    pub line: usize,
    /// The index of the token of its last segment.
    pub index: usize,
}

/// Where a path stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a `use` line.
    Use,
    /// Anywhere else; it has two segments at least.
    Inline,
}

impl Mention<'_> {
    /// The path as it is written.
    pub fn written(&self) -> String {
        self.path.join("::")
    }
}

/// All paths that the file names, in their order.
pub fn mentions<'a>(source: &Source<'a>) -> Vec<Mention<'a>> {
    let mut walk = Walk { tokens: source.tokens(), at: 0, found: Vec::new() };
    while walk.at < walk.tokens.len() {
        walk.step();
    }
    walk.found
}

struct Walk<'s, 'a> {
    tokens: &'s [Token<'a>],
    at: usize,
    found: Vec<Mention<'a>>,
}

impl<'a> Walk<'_, 'a> {
    fn step(&mut self) {
        let Some(word) = self.word() else {
            self.at += 1;
            return;
        };
        if word == "use" {
            self.at += 1;
            // `use<'a>` in a type captures lifetimes and names nothing.
            if self.text() != "<" {
                self.tree(Vec::new());
            }
        } else {
            self.inline();
        }
    }

    /// `a::b::c`, up to the first thing that is no segment.
    fn inline(&mut self) {
        let mut path = Vec::new();
        let mut last = self.at;
        while let Some(word) = self.word() {
            path.push(word);
            last = self.at;
            self.at += 1;
            if self.text() != "::" {
                break;
            }
            self.at += 1;
        }
        if path.len() > 1 {
            let name = path[path.len() - 1];
            self.found(path, name, Place::Inline, last);
        }
    }

    /// `a::{b, c as d, e::*}` behind `prefix`, up to what closes the tree.
    fn tree(&mut self, mut prefix: Vec<&'a str>) {
        loop {
            let at = self.at;
            match self.text() {
                // A macro's `$name` is taken for a name.
                "::" | "$" => self.at += 1,
                "{" => {
                    self.at += 1;
                    return self.branches(&prefix);
                }
                "*" => {
                    self.at += 1;
                    prefix.push("*");
                    return self.found(prefix, "*", Place::Use, at);
                }
                _ => {
                    let Some(word) = self.word() else { return };
                    self.at += 1;
                    if word != "self" || prefix.is_empty() {
                        prefix.push(word);
                    }
                    if self.text() != "::" {
                        let name = self.alias().unwrap_or(prefix[prefix.len() - 1]);
                        return self.found(prefix, name, Place::Use, at);
                    }
                }
            }
        }
    }

    fn branches(&mut self, prefix: &[&'a str]) {
        while self.at < self.tokens.len() {
            match self.text() {
                "}" => {
                    self.at += 1;
                    return;
                }
                "," => self.at += 1,
                _ => {
                    let before = self.at;
                    self.tree(prefix.to_vec());
                    // What is no tree is stepped over.
                    self.at = self.at.max(before + 1);
                }
            }
        }
    }

    fn alias(&mut self) -> Option<&'a str> {
        if self.text() != "as" {
            return None;
        }
        self.at += 1;
        let name = self.word();
        self.at += 1;
        name
    }

    fn found(&mut self, path: Vec<&'a str>, name: &'a str, place: Place, index: usize) {
        self.found.push(Mention { path, name, place, line: self.tokens[index].line, index });
    }

    fn text(&self) -> &'a str {
        self.tokens.get(self.at).map_or("", |token| token.text)
    }

    fn word(&self) -> Option<&'a str> {
        let text = self.text();
        text.starts_with(|c: char| c.is_alphabetic() || c == '_').then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let source = Source::new("a.rs", text);
        let lines: Vec<String> = mentions(&source)
            .iter()
            .map(|m| format!("{} {:?} {} = {}\n", m.line, m.place, m.name, m.written()))
            .collect();
        expected.assert_eq(&lines.concat());
    }

    #[test]
    fn a_tree_unfolds() {
        check(
            "use std::{\n    fs, time::{self, Instant as Now},\n    net::*,\n};\nuse ::x as _;",
            expect![[r#"
                2 Use fs = std::fs
                2 Use time = std::time
                2 Use Now = std::time::Instant
                3 Use * = std::net::*
                5 Use _ = x
            "#]],
        );
    }

    #[test]
    fn paths_in_code_count_as_well() {
        check(
            "fn f(a: crate::plan::Plan<super::X>) -> impl Sized + use<'_> { Vec::<u8>::new(); b }",
            expect![[r#"
                1 Inline Plan = crate::plan::Plan
                1 Inline X = super::X
            "#]],
        );
    }

    #[test]
    fn a_generic_in_the_middle_cuts_a_path() {
        check("a::b::<C>::d()", expect!["1 Inline b = a::b\n"]);
    }

    #[test]
    fn what_is_no_tree_does_not_hold_the_walk_up() {
        check(
            "use $a::{$b, c, = d}; use e; use",
            expect![[r#"
                1 Use b = a::b
                1 Use c = a::c
                1 Use d = a::d
                1 Use e = e
            "#]],
        );
    }
}
