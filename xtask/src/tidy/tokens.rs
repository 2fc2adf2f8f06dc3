//! Tokens: a Rust text without its comments and its strings, each token with its line.

use std::ops::Range;

use proc_macro2::{Spacing, Span, TokenStream, TokenTree};

/// A word, a number, `::` or another single character of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// The token as it is written.
    pub text: &'a str,
    /// Its line, counted from 1.
    pub line: usize,
}

/// The tokens of a Rust text. What is no Rust has none: the compiler says so first.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Tokens { text, found: Vec::new() };
    if let Ok(stream) = text.parse() {
        tokens.read(stream);
    }
    tokens.found
}

struct Tokens<'a> {
    text: &'a str,
    found: Vec<Token<'a>>,
}

impl Tokens<'_> {
    fn read(&mut self, stream: TokenStream) {
        let mut trees = stream.into_iter().peekable();
        while let Some(tree) = trees.next() {
            match tree {
                TokenTree::Group(group) if self.is_comment(group.span_open()) => {}
                TokenTree::Group(group) => {
                    self.push(group.span_open());
                    self.read(group.stream());
                    self.push(group.span_close());
                }
                TokenTree::Ident(ident) => self.push(ident.span()),
                TokenTree::Literal(literal) => {
                    if literal.to_string().starts_with(|first: char| first.is_ascii_digit()) {
                        self.push(literal.span());
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                    trees.next();
                }
                TokenTree::Punct(punct) if self.is_comment(punct.span()) => {}
                TokenTree::Punct(punct) => {
                    let range = punct.span().byte_range();
                    let is_path = punct.as_char() == ':' && punct.spacing() == Spacing::Joint;
                    match trees.next_if(|next| is_path && is_colon(next)) {
                        Some(_) => self.push_range(range.start..range.end + 1, punct.span()),
                        None => self.push(punct.span()),
                    }
                }
            }
        }
    }

    /// Whether the tokens at `span` stand for a comment: `/// a` is read as `#[doc = "a"]`.
    fn is_comment(&self, span: Span) -> bool {
        let rest = &self.text[span.byte_range().start..];
        rest.starts_with("//") || rest.starts_with("/*")
    }

    fn push(&mut self, span: Span) {
        self.push_range(span.byte_range(), span);
    }

    fn push_range(&mut self, range: Range<usize>, span: Span) {
        self.found.push(Token { text: &self.text[range], line: span.start().line });
    }
}

fn is_colon(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let lines: Vec<String> =
            tokens(text).iter().map(|token| format!("{} {}\n", token.line, token.text)).collect();
        expected.assert_eq(&lines.concat());
    }

    #[test]
    fn comments_are_no_code() {
        check(
            "a // b\n/* b /* c */ d */ e\n/// f\n//! g\nh",
            expect![[r#"
                1 a
                2 e
                5 h
            "#]],
        );
    }

    #[test]
    fn strings_are_no_code_and_keep_the_count_of_lines() {
        check(
            "a(\"x \\\" y\n z\") b\nr#\"c \" d\n\"# e b\"f\" br##\"\"# g\"## c\"h\" i",
            expect![[r#"
                1 a
                1 (
                2 )
                2 b
                4 e
                4 i
            "#]],
        );
    }

    #[test]
    fn characters_and_lifetimes_are_no_code() {
        check(
            r"a '\'' b '{' c b'\\' 'static d '\u{1F600}' e '_ f 'é' g",
            expect![[r#"
                1 a
                1 b
                1 c
                1 d
                1 e
                1 f
                1 g
            "#]],
        );
    }

    #[test]
    fn words_are_whole_and_may_be_raw() {
        check(
            "crab::r#async.0.await? br",
            expect![[r#"
                1 crab
                1 ::
                1 r#async
                1 .
                1 0
                1 .
                1 await
                1 ?
                1 br
            "#]],
        );
    }

    #[test]
    fn what_is_no_rust_has_no_tokens() {
        check("a \"b", expect![""]);
        check("a )", expect![""]);
    }
}
