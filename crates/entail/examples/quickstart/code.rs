//! The layout of code that a step shows: statements on lines of their own, long ones broken up.

/// The statements of a text, on lines that are not too long.
pub fn lines(text: &str, width: usize) -> Vec<String> {
    // The compiler has broken the text up in its own way.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines = Vec::new();
    statements(&text).for_each(|one| lay_out(one, 0, width, &mut lines));
    lines
}

/// Writes one statement, or one part of it: on one line if it fits, or else with the contents of
/// its last pair of brackets on lines of their own.
fn lay_out(text: &str, indent: usize, width: usize, lines: &mut Vec<String>) {
    let margin = " ".repeat(indent);
    let Some((open, close)) = last_brackets(text).filter(|_| indent + text.len() > width) else {
        lines.push(format!("{margin}{text}"));
        return;
    };
    // `add(User { .. })` is broken inside of the inner brackets.
    let (mut open, mut close) = (open, close);
    while let [_] = parts(&text[open..close])[..]
        && text[..open].ends_with('(')
        && let Some((inner_open, inner_close)) = last_brackets(&text[open..close])
    {
        (open, close) = (open + inner_open, open + inner_close);
    }
    lines.push(format!("{margin}{}", text[..open].trim_end()));
    for part in parts(&text[open..close]) {
        let is_whole = part.ends_with([',', ';']) || part.starts_with("..");
        let comma = if is_whole { "" } else { "," };
        lay_out(&format!("{part}{comma}"), indent + 4, width, lines);
    }
    lines.push(format!("{margin}{}", text[close..].trim_start()));
}

/// The statements of a block.
fn statements(text: &str) -> impl Iterator<Item = &str> {
    split(text, |sign, rest| sign == ';' || (sign == '}' && rest.starts_with(' '))).into_iter()
}

/// What stands between brackets: members or statements.
fn parts(text: &str) -> Vec<&str> {
    split(text, |sign, _| matches!(sign, ',' | ';'))
}

/// Cuts a text after signs that are not inside of brackets or strings.
fn split(text: &str, ends: impl Fn(char, &str) -> bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (place, depth, sign) in signs(text) {
        let next = place + sign.len_utf8();
        if depth == 0 && ends(sign, &text[next..]) {
            parts.push(text[start..next].trim());
            start = next;
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Where the contents of the last brackets begin and end that are not empty.
fn last_brackets(text: &str) -> Option<(usize, usize)> {
    let mut found = None;
    let mut open = 0;
    for (place, depth, sign) in signs(text) {
        match (sign, depth) {
            ('(' | '[' | '{', 1) => open = place + 1,
            (')' | ']' | '}', 0) if place > open => found = Some((open, place)),
            _ => (),
        }
    }
    found
}

/// The signs outside of strings, each with its place and the number of open brackets after it.
fn signs(text: &str) -> Vec<(usize, usize, char)> {
    let mut depth = 0_usize;
    let mut is_quoted = false;
    let mut signs = Vec::new();
    for (place, sign) in text.char_indices() {
        match sign {
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => continue,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => (),
        }
        signs.push((place, depth, sign));
    }
    signs
}
