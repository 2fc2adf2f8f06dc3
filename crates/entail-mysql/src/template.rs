//! Templates: the text of a statement, taken apart at its placeholders.

use std::ops::Range;

/// A statement's text and where its placeholders are.
#[derive(Debug)]
pub(crate) struct Template<'a> {
    sql: &'a str,
    /// The byte of each placeholder.
    marks: Vec<usize>,
}

impl<'a> Template<'a> {
    /// Looks for the `?` that stand outside of quotes, backticks and comments.
    pub(crate) fn new(sql: &'a str) -> Self {
        let bytes = sql.as_bytes();
        let mut marks = Vec::new();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at = match byte {
                b'?' => {
                    marks.push(at);
                    at + 1
                }
                b'\'' | b'"' | b'`' => behind_quotes(bytes, at),
                b'#' => behind(bytes, at, b"\n"),
                b'-' if bytes[at..].starts_with(b"-- ") => behind(bytes, at, b"\n"),
                b'/' if is_comment(&bytes[at..]) => behind(bytes, at + 2, b"*/"),
                _ => at + 1,
            };
        }
        Self { sql, marks }
    }

    /// How many placeholders there are.
    pub(crate) fn arity(&self) -> usize {
        self.marks.len()
    }

    /// The texts around the placeholders: one more than there are placeholders.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &'a str> {
        let starts = std::iter::once(0).chain(self.marks.iter().map(|mark| mark + 1));
        let ends = self.marks.iter().copied().chain(std::iter::once(self.sql.len()));
        starts.zip(ends).map(|(start, end)| self.part(start..end))
    }

    fn part(&self, range: Range<usize>) -> &'a str {
        // Placeholders are single bytes, so both ends are between characters.
        self.sql.get(range).unwrap_or_default()
    }
}

/// Whether a comment begins that the server skips; `/*!` and `/*M!` it reads.
fn is_comment(rest: &[u8]) -> bool {
    rest.starts_with(b"/*") && !rest.starts_with(b"/*!") && !rest.starts_with(b"/*M!")
}

/// The place behind the quotes that begin at `at`. Doubled quotes are two texts in a row here,
/// which comes to the same.
fn behind_quotes(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let mut next = at + 1;
    while let Some(&byte) = bytes.get(next) {
        next += 1;
        match byte {
            b'\\' if quote != b'`' => next += 1,
            byte if byte == quote => break,
            _ => {}
        }
    }
    next
}

/// The place behind the next `end`, or the end of the text.
fn behind(bytes: &[u8], at: usize, end: &[u8]) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.windows(end.len()).position(|window| window == end) {
        Some(place) => at + place + end.len(),
        None => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(sql: &str) -> Vec<&str> {
        Template::new(sql).pieces().collect()
    }

    #[test]
    fn placeholders_are_found_outside_of_quotes() {
        assert_eq!(pieces("a = ? AND b = ?"), ["a = ", " AND b = ", ""]);
        assert_eq!(pieces("`what?` = ?"), ["`what?` = ", ""]);
        assert_eq!(pieces("`a``?` = ?"), ["`a``?` = ", ""]);
        assert_eq!(pieces("'it''s ?' = ?"), ["'it''s ?' = ", ""]);
        assert_eq!(pieces(r#"'\'?' = "?" + ?"#), [r#"'\'?' = "?" + "#, ""]);
        assert_eq!(pieces("größe = ?-- ?\n+ ?"), ["größe = ", "-- ?\n+ ", ""]);
        assert_eq!(pieces("/* ? */ ? /*! ? */ # ?"), ["/* ? */ ", " /*! ", " */ # ?"]);
        assert_eq!(pieces("'open ?"), ["'open ?"]);
        assert_eq!(pieces(""), [""]);
    }
}
