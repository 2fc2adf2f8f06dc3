//! Names of the sql station's schemas: constraints and indexes are called after their columns.

use rustc_hash::FxHashSet;

use crate::mapping::Mapping;

/// What the strictest database (PostgreSQL) keeps of a name, in bytes.
const LIMIT: usize = 63;

/// The names that a schema has used up.
pub(super) struct Names {
    /// In lower case, because databases do not tell names apart by case.
    taken: FxHashSet<String>,
}

impl Names {
    /// Starts with the names of the tables, which SQLite and PostgreSQL do not give to an index.
    pub(super) fn new(mapping: &Mapping) -> Self {
        let taken = mapping.tables().iter().map(|table| table.name.to_lowercase()).collect();
        Self { taken }
    }

    /// Makes a name of `prefix`, `table` and `parts` that no one has yet.
    pub(super) fn take(&mut self, prefix: &str, table: &str, parts: &[&str]) -> String {
        let plain = format!("{prefix}_{table}_{}", parts.join("_"));
        if plain.len() <= LIMIT && self.taken.insert(plain.to_lowercase()) {
            return plain;
        }
        // The parts are hashed with a separator, so that (`a_b`, `c`) and (`a`, `b_c`) differ.
        let mut hash = fnv(&[&[prefix, table], parts].concat().join("\0"));
        loop {
            let name = format!("{}_{hash:08x}", cut(&plain, LIMIT - 9));
            if self.taken.insert(name.to_lowercase()) {
                return name;
            }
            hash = hash.wrapping_add(1);
        }
    }
}

/// At most `limit` bytes of a text, whole characters only.
fn cut(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// FNV-1a: names live in databases, so their hash must never change with a library.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names { taken: FxHashSet::default() }
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv(""), 0x811c_9dc5);
        assert_eq!(fnv("foobar"), 0xbf9c_f968);
    }

    #[test]
    fn a_name_of_63_bytes_stays_and_a_longer_one_is_cut_between_characters() {
        let table = "t".repeat(58);
        assert_eq!(names().take("ix", &table, &["c"]), format!("ix_{table}_c"));
        let long = names().take("ix", &table, &["cc"]);
        assert_eq!(long, format!("ix_{}_{:08x}", "t".repeat(51), fnv(&format!("ix\0{table}\0cc"))));
        let wide = names().take("ix", &"ß".repeat(40), &["c"]);
        assert!(wide.starts_with(&format!("ix_{}_", "ß".repeat(25))), "{wide}");
        assert_eq!(wide.len(), 62);
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names = names();
        let all = [
            names.take("ix", "a", &["b_c"]),
            names.take("ix", "a_b", &["c"]),
            names.take("ix", "A_b", &["c"]),
            names.take("ix", "a_b", &["c"]),
        ];
        let distinct: FxHashSet<_> = all.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(distinct.len(), all.len(), "{all:?}");
        assert_eq!(all[0], "ix_a_b_c");
    }
}
