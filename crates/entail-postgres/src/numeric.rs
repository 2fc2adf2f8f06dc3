//! Numbers of any length: from PostgreSQL's binary form of `numeric` to digits.
//!
//! ```text
//! number of groups | weight of the first | sign | digits behind the point | groups of 4 digits
//!       u16        |        i16          | u16  |          u16            |   u16 each
//! ```

use std::fmt::Write;

/// Appends the digits of a number to a text; none if the bytes are no number.
pub(crate) fn write(raw: &[u8], text: &mut String) -> Option<()> {
    let mut words = raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight) = (usize::from(words.next()?), i32::from(words.next()? as i16));
    let (sign, scale) = (words.next()?, usize::from(words.next()?));
    let groups: Vec<u16> = words.collect();
    if groups.len() != count || groups.iter().any(|group| *group > 9_999) {
        return None;
    }
    let special = match sign {
        0x0000 => None,
        0x4000 => {
            text.push('-');
            None
        }
        0xc000 => Some("NaN"),
        0xd000 => Some("Infinity"),
        0xf000 => Some("-Infinity"),
        _ => return None,
    };
    if let Some(special) = special {
        text.push_str(special);
        return Some(());
    }
    let group = |place: i32| {
        let index = usize::try_from(weight - place).ok();
        index.and_then(|index| groups.get(index)).copied().unwrap_or(0)
    };
    if weight < 0 {
        text.push('0');
    }
    for place in (0..=weight).rev() {
        // Writing to a text does not fail.
        let _ = if place == weight {
            write!(text, "{}", group(place))
        } else {
            write!(text, "{:04}", group(place))
        };
    }
    if scale > 0 {
        text.push('.');
        let end = text.len() + scale;
        let mut place = -1;
        while text.len() < end {
            let _ = write!(text, "{:04}", group(place));
            place -= 1;
        }
        text.truncate(end);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &[u16]) -> Option<String> {
        let raw: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let mut text = String::new();
        write(&raw, &mut text).map(|()| text)
    }

    #[test]
    fn numbers_are_written_as_the_database_writes_them() {
        let cases: &[(&[u16], &str)] = &[
            (&[0, 0, 0, 0], "0"),
            (&[0, 0, 0, 2], "0.00"),
            (&[2, 1, 0, 0, 1, 2], "10002"),
            (&[1, 1, 0, 0, 12], "120000"),
            (&[1, 65_535, 0x4000, 3, 1200], "-0.120"),
            (&[1, 65_534, 0, 8, 5], "0.00000005"),
            (&[3, 1, 0, 1, 1, 2345, 6000], "12345.6"),
            (&[0, 0, 0xc000, 0], "NaN"),
            (&[0, 0, 0xf000, 0], "-Infinity"),
        ];
        for (words, expected) in cases {
            assert_eq!(text(words).as_deref(), Some(*expected), "{words:?}");
        }
    }

    #[test]
    fn other_bytes_are_no_number() {
        let cases: &[&[u16]] = &[&[], &[1, 0, 0, 0], &[1, 0, 0, 0, 10_000], &[0, 0, 1, 0]];
        for words in cases {
            assert_eq!(text(words), None, "{words:?}");
        }
    }
}
