//! Tokens: a Rust text without its comments and literals, each token with its line.
//!
//! It is no compiler's lexer: it only has to tell code from what is not, so that a rule never
//! stumbles over a comment or a string that speaks of what the rule forbids.

/// A word, `::` or another single character of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// The token as it is written.
    pub text: &'a str,
    /// Its line, counted from 1.
    pub line: usize,
}

/// The tokens of a Rust text.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let (length, is_code) = match gap(rest).or_else(|| literal(rest)) {
            Some(length) => (length, false),
            None => (code(rest), true),
        };
        let (piece, behind) = rest.split_at(length);
        if is_code {
            tokens.push(Token { text: piece, line });
        }
        line += newlines(piece);
        rest = behind;
    }
    tokens
}

/// The length of the white space or the comment that `rest` begins with.
fn gap(rest: &str) -> Option<usize> {
    let space = rest.len() - rest.trim_start().len();
    if space > 0 {
        return Some(space);
    }
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += character(&rest[at..]);
        }
    }
    Some(rest.len())
}

/// The length of the string, character or lifetime that `rest` begins with.
fn literal(rest: &str) -> Option<usize> {
    let prefix = rest.len() - rest.trim_start_matches(['b', 'c', 'r']).len();
    let body = &rest[prefix..];
    if rest[..prefix].contains('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let inside = body[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", &body[..hashes]);
        let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
        return Some(prefix + hashes + 1 + length);
    }
    match body.chars().next()? {
        '"' => Some(prefix + 1 + closed(&body[1..], '"')),
        '\'' if prefix <= 1 => Some(prefix + 1 + character_or_lifetime(&body[1..])),
        _ => None,
    }
}

/// The length up to and with the closing `quote`, heeding what a backslash escapes.
fn closed(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    inside.len()
}

/// The length of what follows a single quote.
fn character_or_lifetime(inside: &str) -> usize {
    let first = character(inside);
    if inside.starts_with('\\') || inside[first..].starts_with('\'') {
        closed(inside, '\'')
    } else {
        word(inside)
    }
}

/// The length of the token that `rest` begins with.
fn code(rest: &str) -> usize {
    let raw = if rest.starts_with("r#") { 2 } else { 0 };
    match word(&rest[raw..]) {
        0 if rest.starts_with("::") => 2,
        0 => character(rest),
        length => raw + length,
    }
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

fn character(rest: &str) -> usize {
    rest.chars().next().map_or(0, char::len_utf8)
}

fn newlines(piece: &str) -> usize {
    piece.bytes().filter(|&byte| byte == b'\n').count()
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
    fn what_is_left_open_ends_with_the_text() {
        check("a \"b", expect!["1 a\n"]);
        check("a /* b", expect!["1 a\n"]);
        check("a r#\"b", expect!["1 a\n"]);
        check("a '", expect!["1 a\n"]);
    }
}
