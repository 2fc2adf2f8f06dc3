//! The list of SQLAlchemy's behaviours, and what covers each: a test, or a deviation.

use std::collections::BTreeMap;
use std::fs;

use crate::tidy::Files;

/// The list of the rules.
const LIST: &str = "docs/behaviours.md";

/// Where entail differs on purpose.
const DEVIATIONS: &str = "DEVIATIONS.md";

/// The recorded cases that are named after what they show.
const CASES: &str = "conformance/cases/behaviours.jsonl";

/// What begins the line of a doc comment that names rules.
const TAG: &str = "Behaviours:";

/// What covers each rule, by its id.
type Coverage<'a> = BTreeMap<&'a str, Vec<String>>;

/// Prints what covers each rule; fails if one is covered by nothing.
pub fn run() -> Result<(), String> {
    let list = read(LIST)?;
    let (coverage, unknown) = coverage(&list)?;
    for (id, by) in &coverage {
        println!("{id}");
        by.iter().for_each(|one| println!("    {one}"));
    }
    println!("{}", verdict(&coverage, &unknown)?);
    Ok(())
}

/// Fails if a rule is covered by nothing, or something names a rule that there is not.
pub fn check() -> Result<String, String> {
    let list = read(LIST)?;
    let (coverage, unknown) = coverage(&list)?;
    verdict(&coverage, &unknown)
}

fn verdict(coverage: &Coverage<'_>, unknown: &[String]) -> Result<String, String> {
    let bare: Vec<_> = coverage.iter().filter(|(_, by)| by.is_empty()).map(|(id, _)| *id).collect();
    if !unknown.is_empty() {
        return Err(format!("{LIST} does not have what these name:\n  {}", unknown.join("\n  ")));
    }
    if !bare.is_empty() {
        return Err(format!(
            "{} of {} behaviours have neither a test nor a line in {DEVIATIONS}: {}",
            bare.len(),
            coverage.len(),
            bare.join(" ")
        ));
    }
    let deviations = |by: &[String]| by.iter().all(|one| one == DEVIATIONS);
    let tested = coverage.values().filter(|by| !deviations(by)).count();
    Ok(format!(
        "{} behaviours: {tested} with tests, {} by {DEVIATIONS} alone",
        coverage.len(),
        coverage.len() - tested
    ))
}

/// What covers each rule, and what names a rule that the list does not have.
fn coverage(list: &str) -> Result<(Coverage<'_>, Vec<String>), String> {
    let mut coverage: Coverage<'_> = ids_of_list(list).map(|id| (id, Vec::new())).collect();
    let mut unknown = Vec::new();
    let mut note = |ids: &[&str], by: &str| {
        for id in ids {
            match coverage.iter_mut().find(|(known, _)| known == &id) {
                Some((_, all)) => all.push(by.to_owned()),
                None => unknown.push(format!("{id}: {by}")),
            }
        }
    };
    for line in read(DEVIATIONS)?.lines() {
        note(&ids_of_deviation(line), DEVIATIONS);
    }
    for line in read(CASES)?.lines() {
        let case: serde_json::Value =
            serde_json::from_str(line).map_err(|error| format!("{CASES}: {error}"))?;
        let name = case["scenario"]["name"].as_str().unwrap_or_default();
        let ids = ids_of_name(name);
        if ids.is_empty() {
            note(&["?"], &format!("case `{name}`, whose name must begin with an id"));
        }
        note(&ids, &format!("case `{name}`"));
    }
    for path in Files::known_to_git()?.iter().filter(|path| path.ends_with(".rs")) {
        let text = read(path)?;
        for (ids, test) in ids_of_tests(&text) {
            note(&ids, &format!("{path}: {test}"));
        }
    }
    Ok((coverage, unknown))
}

/// The ids of the list: `- ORDER-01: text`.
fn ids_of_list(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("- ")?.split_once(':'))
        .map(|(id, _)| id)
        .filter(|id| is_id(id))
}

/// The ids that begin the name of a case.
fn ids_of_name(name: &str) -> Vec<&str> {
    name.split_whitespace().take_while(|word| is_id(word)).collect()
}

/// The ids of a line of the deviations: `| ORDER-03, ORDER-04 | ...` or `- ORDER-03, ORDER-04: ...`.
fn ids_of_deviation(line: &str) -> Vec<&str> {
    let cell = line.strip_prefix("| ").and_then(|rest| rest.split(" |").next());
    let item = || line.strip_prefix("- ").and_then(|rest| rest.split(':').next());
    let ids = cell.or_else(item).unwrap_or_default();
    ids.split(", ").map(str::trim).filter(|word| is_id(word)).collect()
}

/// The ids of the tests of a file, each with the name of its function: a doc comment has a line
/// `Behaviours: ORDER-03, ORDER-04.` Where no function follows, as in a program that must not
/// compile, the name is empty.
fn ids_of_tests(text: &str) -> Vec<(Vec<&str>, &str)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let comment = line.trim_start().trim_start_matches(['/', '!']);
        let is_comment = comment.len() < line.trim_start().len();
        let Some(named) = comment.trim_start().strip_prefix(TAG).filter(|_| is_comment) else {
            continue;
        };
        let words = named.split([',', '.', ' ']).filter(|word| !word.is_empty());
        let function = lines
            .clone()
            .take(4)
            .find_map(|line| line.split_once("fn "))
            .map(|(_, rest)| rest.split(['(', '<']).next().unwrap_or_default());
        found.push((words.collect(), function.unwrap_or_default()));
    }
    found
}

/// Whether a word is the id of a rule: words of capitals with digits, and a number of two digits.
fn is_id(word: &str) -> bool {
    let Some((subject, number)) = word.rsplit_once('-') else { return false };
    number.len() == 2
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !subject.is_empty()
        && subject
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(crate::root().join(path)).map_err(|error| format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_where_they_belong() {
        assert!(["M2M-01", "CASC-CFG-09", "RB-11"].into_iter().all(is_id));
        assert!(["M2M", "M2M-1", "UTF-8", "-01", "E0302", "a-01"].into_iter().all(|id| !is_id(id)));
        assert_eq!(ids_of_name("RB-01 RB-02 after a rollback RB-03"), ["RB-01", "RB-02"]);
        assert_eq!(ids_of_deviation("| RB-01, RB-06 | a | RB-02 |"), ["RB-01", "RB-06"]);
        assert_eq!(ids_of_deviation("- M2M-16, M2M-15: known"), ["M2M-16", "M2M-15"]);
        assert_eq!(ids_of_list("# A\n- RB-01: text\n- no: id\n").collect::<Vec<_>>(), ["RB-01"]);
    }

    #[test]
    fn tests_name_what_they_show() {
        let text = format!(
            "/// A test.\n///\n/// {TAG} BATCH-01, BATCH-08.\n#[test]\nfn inserts() {{\n}}\n\
             let not = \"{TAG} RB-01\";\n//! {TAG} RB-02.\n"
        );
        let found = ids_of_tests(&text);
        assert_eq!(found, [(vec!["BATCH-01", "BATCH-08"], "inserts"), (vec!["RB-02"], "")]);
    }

    #[test]
    fn a_rule_without_a_test_is_named() {
        let mut coverage = Coverage::new();
        coverage.insert("RB-01", vec![DEVIATIONS.to_owned()]);
        coverage.insert("RB-02", vec!["case `RB-02 a`".to_owned(), DEVIATIONS.to_owned()]);
        assert_eq!(
            verdict(&coverage, &[]).unwrap(),
            "2 behaviours: 1 with tests, 1 by DEVIATIONS.md alone"
        );
        coverage.insert("RB-03", Vec::new());
        assert!(verdict(&coverage, &[]).unwrap_err().ends_with("DEVIATIONS.md: RB-03"));
        assert!(verdict(&coverage, &["RB-99: here".to_owned()]).unwrap_err().contains("RB-99"));
    }
}
