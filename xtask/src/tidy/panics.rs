//! Rules on what may panic, and on tests that prove nothing.

use super::Finding;
use super::source::{Part, Source};

/// Nothing is left for later.
pub fn unfinished(source: &Source<'_>) -> Vec<Finding> {
    ["todo", "unimplemented"]
        .iter()
        .flat_map(|name| {
            let text = format!("no `{name}!`: write it, or leave the feature out");
            lines_to_findings(source, Part::All, &[name, "!"], &text)
        })
        .collect()
}

/// A test runs, and says itself what it expects.
pub fn blind_tests(source: &Source<'_>) -> Vec<Finding> {
    let ignore = "no `#[ignore]`: mend the test, or delete it";
    let panic = "no `#[should_panic]`: it takes any panic; check the error or the message itself";
    let mut findings = lines_to_findings(source, Part::All, &["#", "[", "ignore"], ignore);
    findings.extend(lines_to_findings(source, Part::All, &["#", "[", "should_panic"], panic));
    findings
}

/// The published crates say why a value must be there.
pub fn unwraps(source: &Source<'_>) -> Vec<Finding> {
    if source.path_in_crate().is_none() {
        return Vec::new();
    }
    let text = "no `.unwrap()`: write `expect(\"why this cannot be\")`, or hand the error up";
    lines_to_findings(source, Part::Product, &[".", "unwrap", "(", ")"], text)
}

fn lines_to_findings(
    source: &Source<'_>,
    part: Part,
    pattern: &[&str],
    text: &str,
) -> Vec<Finding> {
    source.lines_with(part, pattern).into_iter().map(|line| source.finding(line, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(path: &str, text: &str, expected: Expect) {
        let source = Source::new(path, text);
        let rules = [unfinished, blind_tests, unwraps];
        let findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(&source)).collect();
        expected.assert_eq(&super::super::text(&findings));
    }

    #[test]
    fn nothing_is_left_for_later() {
        check("a.rs", "// todo!()\nlet a = \"todo!()\"; my_todo!();", expect![""]);
        check(
            "a.rs",
            "todo!();\nstd::unimplemented![]",
            expect![[r#"
                a.rs:1: no `todo!`: write it, or leave the feature out
                a.rs:2: no `unimplemented!`: write it, or leave the feature out
            "#]],
        );
    }

    #[test]
    fn a_test_runs_and_says_what_it_expects() {
        check(
            "tests/a.rs",
            "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n#[test]\n#[should_panic(expected = \"b\")]\nfn b() {}",
            expect![[r#"
                tests/a.rs:2: no `#[ignore]`: mend the test, or delete it
                tests/a.rs:5: no `#[should_panic]`: it takes any panic; check the error or the message itself
            "#]],
        );
    }

    #[test]
    fn published_code_does_not_unwrap() {
        let text = "/// a.unwrap()\na.unwrap();\nb\n    .unwrap();\nc.unwrap_or(1);\n\
                    #[cfg(test)]\nmod tests { fn f() { d.unwrap(); } }\n";
        check("xtask/src/a.rs", text, expect![""]);
        check("crates/entail/tests/a.rs", text, expect![""]);
        check("crates/entail/src/a/tests.rs", text, expect![""]);
        check(
            "crates/entail/src/a.rs",
            text,
            expect![[r#"
                crates/entail/src/a.rs:2: no `.unwrap()`: write `expect("why this cannot be")`, or hand the error up
                crates/entail/src/a.rs:4: no `.unwrap()`: write `expect("why this cannot be")`, or hand the error up
            "#]],
        );
    }
}
