//! Tokens: just enough of SQL's text to tell what a statement does, and to what.

use entail_engine::batch::Operation;

/// One token of a statement. White space and comments are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A keyword or a name without quotes.
    Word(String),
    /// A name in quotes, without them.
    Quoted(String),
    /// Any other character, or a whole string literal.
    Other(char),
}

impl Token {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Token::Word(text) if text.eq_ignore_ascii_case(word))
    }

    /// The text, if the token can be a name.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Token::Word(text) | Token::Quoted(text) => Some(text),
            Token::Other(_) => None,
        }
    }
}

/// Splits a statement into tokens. Text that is no SQL gives tokens that mean nothing.
pub(crate) fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("--") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, after)| after);
        } else if first.is_whitespace() {
            rest = rest.trim_start();
        } else if let Some(close) = closing(first) {
            let (text, after) = quoted(&rest[1..], close);
            // A text in single quotes is a literal, save where a name must stand.
            tokens.push(if first == '\'' { Token::Other(first) } else { Token::Quoted(text) });
            rest = after;
        } else if is_name(first) {
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            tokens.push(Token::Other(first));
            rest = &rest[first.len_utf8()..];
        }
    }
    tokens
}

/// What a raw statement writes: the operation, and the table without its schema. None where it
/// is neither an INSERT, an UPDATE nor a DELETE.
pub(crate) fn written(sql: &str) -> Option<(Operation, String)> {
    let tokens = tokens(sql);
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Other('(') => depth += 1,
            Token::Other(')') => depth = depth.saturating_sub(1),
            Token::Word(word) if depth == 0 => {
                let operation = match word.to_ascii_uppercase().as_str() {
                    "INSERT" | "REPLACE" => Operation::Insert,
                    "UPDATE" => Operation::Update,
                    "DELETE" => Operation::Delete,
                    _ => continue,
                };
                return table(&tokens[index + 1..]).map(|table| (operation, table));
            }
            _ => {}
        }
    }
    None
}

/// The name after `[OR action] [INTO | FROM] [schema .]`.
fn table(mut tokens: &[Token]) -> Option<String> {
    if tokens.first()?.is_word("OR") {
        tokens = tokens.get(2..)?;
    }
    if tokens.first()?.is_word("INTO") || tokens.first()?.is_word("FROM") {
        tokens = &tokens[1..];
    }
    let first = tokens.first()?.name()?;
    let name = match tokens.get(1) {
        Some(Token::Other('.')) => tokens.get(2)?.name()?,
        _ => first,
    };
    Some(name.to_owned())
}

fn closing(open: char) -> Option<char> {
    match open {
        '"' | '`' | '\'' => Some(open),
        '[' => Some(']'),
        _ => None,
    }
}

/// The text up to the closing quote, and what follows. A doubled quote stands for one.
fn quoted(text: &str, close: char) -> (String, &str) {
    let mut inner = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(close) {
        inner.push_str(before);
        match after.strip_prefix(close) {
            Some(more) if close != ']' => {
                inner.push(close);
                rest = more;
            }
            _ => return (inner, after),
        }
    }
    inner.push_str(rest);
    (inner, "")
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_table_is_found() {
        let cases = [
            ("DELETE FROM users WHERE id = 1", Some((Operation::Delete, "users"))),
            ("/* a */ -- DELETE FROM x\n insert or ignore INTO main.[odd name] VALUES (1)", {
                Some((Operation::Insert, "odd name"))
            }),
            (
                "WITH d AS (DELETE FROM x) UPDATE \"a\"\"b\" SET c = 1",
                Some((Operation::Update, "a\"b")),
            ),
            ("REPLACE INTO `t` DEFAULT VALUES", Some((Operation::Insert, "t"))),
            ("UPDATE OR FAIL größe SET x = 'DELETE'", Some((Operation::Update, "größe"))),
            ("SELECT 'it''s DELETE FROM x', (1)", None),
            ("DELETE", None),
            ("\"unclosed", None),
        ];
        for (sql, expected) in cases {
            let expected = expected.map(|(operation, table)| (operation, table.to_owned()));
            assert_eq!(written(sql), expected, "{sql}");
        }
    }
}
