//! Databases: which of them the tests cover, and which of them somebody wants covered.

use std::env;

/// The variable that lists the databases that must be covered, separated by commas.
pub const REQUIRE: &str = "ENTAIL_REQUIRE";

/// What the tests of this version cover.
pub const COVERED: &str = "databases covered: SQLite (embedded)";

/// Reads [`REQUIRE`] and prints a line for each database that cannot be required yet.
pub fn announce() -> Result<(), String> {
    let list = env::var(REQUIRE).unwrap_or_default();
    for line in notes(&list)? {
        println!("{REQUIRE}: {line}");
    }
    Ok(())
}

/// One line for each required database that has no driver yet; an unknown word is an error.
fn notes(list: &str) -> Result<Vec<String>, String> {
    let mut notes = Vec::new();
    let mut unknown = Vec::new();
    for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "sqlite" => {}
            "postgres" | "mysql" => {
                notes.push(format!("no driver for {word} in this version: nothing to require"));
            }
            _ => unknown.push(format!("`{word}`")),
        }
    }
    if unknown.is_empty() {
        Ok(notes)
    } else {
        let words = unknown.join(", ");
        Err(format!("{REQUIRE} knows no {words}: list any of `sqlite`, `postgres`, `mysql`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(list: &str, expected: Expect) {
        let text = match notes(list) {
            Ok(notes) => notes.join("\n"),
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn nothing_required_says_nothing() {
        check("", expect![""]);
        check(" , ", expect![""]);
    }

    #[test]
    fn sqlite_is_always_there() {
        check("sqlite", expect![""]);
    }

    #[test]
    fn a_database_without_a_driver_is_passed_over_in_one_line() {
        check(
            "postgres, mysql",
            expect![[r#"
                no driver for postgres in this version: nothing to require
                no driver for mysql in this version: nothing to require"#]],
        );
    }

    #[test]
    fn all_unknown_words_are_named() {
        check(
            "postgres,oracle,Sqlite",
            expect![
                "error: ENTAIL_REQUIRE knows no `oracle`, `Sqlite`: list any of `sqlite`, `postgres`, `mysql`"
            ],
        );
    }
}
