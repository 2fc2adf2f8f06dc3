//! Comparing: an answer of entail's with a recorded one, where a row's number is nobody's business.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json};

use crate::explained::{Case, Past, Then, one_word};
use crate::scenario::{Scenario, Step};

/// What comes of comparing two results.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The first place where they differ, and should not.
    pub difference: Option<Difference>,
    /// Why they may differ where else they do: the rules that explained it.
    pub explained: Vec<&'static str>,
}

/// The first place where two results differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The number of the step, or none where the whole results differ.
    pub step: Option<usize>,
    /// What was recorded.
    pub expected: Json,
    /// What entail answered.
    pub got: Json,
}

/// Compares a result with the recorded one.
pub fn compare(scenario: &Scenario, expected: &Json, got: &Json) -> Comparison {
    let results = |result: &'_ Json| result.get("results").and_then(Json::as_array).cloned();
    match (results(expected), results(got)) {
        (None, None) => Comparison::default(),
        (Some(expected), Some(got)) if expected.len() == got.len() => {
            compare_steps(scenario, &expected, &got)
        }
        _ => {
            let (expected, got) = (expected.clone(), got.clone());
            let difference = Some(Difference { step: None, expected, got });
            Comparison { difference, ..Comparison::default() }
        }
    }
}

fn compare_steps(scenario: &Scenario, expected: &[Json], got: &[Json]) -> Comparison {
    let keys = Keys::of(scenario);
    let mut comparison = Comparison::default();
    let mut past = Past::default();
    // Why the sessions may be in different states, though no answer has shown that yet.
    let mut parted = None;
    for (number, step) in scenario.steps.iter().enumerate() {
        let (expected, got) = (&expected[number], &got[number]);
        let one_word = one_word(scenario, &past);
        let case = Case::new(scenario, &past, step, expected, got);
        if keys.agree(step, expected, got, one_word) {
            parted = parted.or_else(|| case.parted());
            past.note(step, expected);
            continue;
        }
        let Some(rule) = case.explained().or(parted) else {
            let (expected, got) = (expected.clone(), got.clone());
            comparison.difference = Some(Difference { step: Some(number), expected, got });
            return comparison;
        };
        comparison.explained.push(rule.because);
        if rule.then == Then::Stop {
            return comparison;
        }
        past.note(step, expected);
    }
    comparison
}

/// A column of a table, by their names.
type Place<'s> = (&'s str, &'s str);

/// Which columns hold keys that the database generates.
struct Keys<'s> {
    /// Each such column, with the generated key that it holds or refers to.
    origins: HashMap<Place<'s>, Place<'s>>,
}

impl<'s> Keys<'s> {
    fn of(scenario: &'s Scenario) -> Self {
        let mut origins = HashMap::new();
        for table in &scenario.tables {
            for column in &table.columns {
                let place = (table.name.as_str(), column.name.as_str());
                if let Some(origin) = origin(scenario, place) {
                    origins.insert(place, origin);
                }
            }
        }
        Self { origins }
    }

    fn agree(&self, step: &Step, expected: &Json, got: &Json, one_word: bool) -> bool {
        let (Some(expected), Some(got)) = (expected.as_object(), got.as_object()) else {
            return false;
        };
        match step {
            Step::Tables => match (expected.get("tables"), got.get("tables")) {
                (Some(expected), Some(got)) => self.rows(expected) == self.rows(got),
                _ => expected.get("error") == got.get("error"),
            },
            Step::Read { column, .. } if self.is_key(column) => {
                let (expected, got) = (expected.get("value"), got.get("value"));
                expected == got || (is_number(expected) && is_number(got))
            }
            Step::States if one_word => states(expected) == states(got),
            _ => without_detail(expected) == without_detail(got),
        }
    }

    /// Whether a column of this name holds a generated key in some table.
    fn is_key(&self, column: &str) -> bool {
        self.origins.keys().any(|(_, known)| *known == column)
    }

    /// The rows of all tables, sorted, with labels in the place of generated keys.
    fn rows(&self, tables: &Json) -> BTreeMap<String, Vec<String>> {
        let labels = self.labels(tables);
        let mut all = BTreeMap::new();
        for (table, rows) in tables.as_object().into_iter().flatten() {
            let mut texts: Vec<_> = rows
                .as_array()
                .into_iter()
                .flatten()
                .map(|row| self.labelled(table, row, &labels))
                .collect();
            texts.sort();
            all.insert(table.clone(), texts);
        }
        all
    }

    fn labelled(&self, table: &str, row: &Json, labels: &Labels<'_>) -> String {
        let mut named = Map::new();
        for (column, value) in row.as_object().into_iter().flatten() {
            let label = self
                .origins
                .get(&(table, column.as_str()))
                .and_then(|origin| labels.get(&(*origin, value.to_string())));
            let value = label.map_or_else(|| value.clone(), |label| Json::String(label.clone()));
            named.insert(column.clone(), value);
        }
        Json::Object(named).to_string()
    }

    /// The label of each row that has a generated key.
    fn labels(&self, tables: &Json) -> Labels<'s> {
        let mut labels = Labels::new();
        for (&(table, column), origin) in &self.origins {
            if (table, column) != *origin {
                continue;
            }
            for row in tables.get(table).and_then(Json::as_array).into_iter().flatten() {
                if let (Some(key), Some(label)) = (row.get(column), row.get("label")) {
                    let text = format!("the key of {table} {label}");
                    labels.insert((*origin, key.to_string()), text);
                }
            }
        }
        labels
    }
}

/// Labels by generated key and its value.
type Labels<'s> = HashMap<(Place<'s>, String), String>;

/// The generated key that a column holds: its own, or one that it refers to.
fn origin<'s>(scenario: &'s Scenario, start: Place<'s>) -> Option<Place<'s>> {
    let mut place = start;
    // A ring of foreign keys has no origin; a chain is no longer than the tables are many.
    for _ in 0..=scenario.tables.len() {
        let table = scenario.table(place.0)?;
        let column = table.column(place.1)?;
        if column.primary_key && column.autoincrement {
            return Some(place);
        }
        place = table.foreign_keys.iter().find_map(|key| {
            let at = key.columns.iter().position(|one| *one == column.name)?;
            let column = key.references.columns.get(at)?;
            Some((key.references.table.as_str(), column.as_str()))
        })?;
    }
    None
}

fn is_number(value: Option<&Json>) -> bool {
    value.is_some_and(Json::is_number)
}

fn without_detail(answer: &Map<String, Json>) -> Map<String, Json> {
    answer.iter().filter(|(name, _)| *name != "detail").map(pair).collect()
}

fn pair((name, value): (&String, &Json)) -> (String, Json) {
    (name.clone(), value.clone())
}

/// The states, where `deleted` and `detached` are one word.
fn states(answer: &Map<String, Json>) -> Map<String, Json> {
    let states = answer.get("states").and_then(Json::as_object);
    let word = |(name, word): (&String, &Json)| match word.as_str() {
        Some("deleted") => (name.clone(), Json::from("detached")),
        _ => (name.clone(), word.clone()),
    };
    states.into_iter().flatten().map(word).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn scenario(steps: Json) -> Scenario {
        let id = json!({"name": "id", "type": "integer", "primary_key": true,
                        "autoincrement": true});
        let label = json!({"name": "label", "type": "text"});
        let parent = json!({"name": "parent_id", "type": "integer"});
        let key = json!({"columns": ["parent_id"],
                         "references": {"table": "nodes", "columns": ["id"]}});
        from_value(json!({
            "name": "tree-1", "entities": [], "steps": steps,
            "session": {"autoflush": false, "expire_on_commit": false},
            "tables": [{"name": "nodes", "columns": [id, label, parent], "foreign_keys": [key]}],
        }))
        .expect("the scenario is well-formed")
    }

    fn nodes(rows: Json) -> Json {
        json!({"results": [{"ok": true, "tables": {"nodes": rows}}]})
    }

    #[test]
    fn generated_keys_count_by_their_labels() {
        let scenario = scenario(json!([{"op": "tables"}]));
        let expected = nodes(json!([{"id": 1, "label": "a", "parent_id": null},
                                    {"id": 2, "label": "b", "parent_id": 1}]));
        let renumbered = nodes(json!([{"id": 1, "label": "b", "parent_id": 2},
                                      {"id": 2, "label": "a", "parent_id": null}]));
        let other_parent = nodes(json!([{"id": 1, "label": "b", "parent_id": 1},
                                        {"id": 2, "label": "a", "parent_id": null}]));
        assert_eq!(compare(&scenario, &expected, &renumbered).difference, None);
        let difference = compare(&scenario, &expected, &other_parent).difference;
        assert_eq!(difference.expect("the parents differ").step, Some(0));
    }

    #[test]
    fn nothing_counts_after_a_cycle_that_entail_breaks() {
        let scenario = scenario(json!([{"op": "flush"}, {"op": "dirty"}]));
        let expected = json!({"results": [{"error": "cycle"}, {"ok": true, "dirty": ["a"]}]});
        let got = json!({"results": [{"ok": true}, {"ok": true, "dirty": []}]});
        let comparison = compare(&scenario, &expected, &got);
        assert_eq!(comparison.difference, None);
        assert_eq!(comparison.explained, ["ORDER-05, ORDER-09"]);
        assert!(compare(&scenario, &got, &expected).difference.is_some());
    }

    #[test]
    fn after_a_refusal_in_part_a_difference_is_explained_where_it_shows() {
        let scenario = scenario(json!([{"op": "add", "ref": "a"}, {"op": "dirty"}]));
        let refused = json!({"error": "invalid_request", "detail": "another instance with key"});
        let result = |dirty: Json| json!({"results": [refused, {"ok": true, "dirty": dirty}]});
        let expected = result(json!(["a"]));
        assert_eq!(compare(&scenario, &expected, &expected), Comparison::default());
        let comparison = compare(&scenario, &expected, &result(json!(["b"])));
        assert_eq!((comparison.difference, comparison.explained), (None, vec!["STATE-09"]));
    }

    #[test]
    fn deleted_and_detached_are_one_word_after_a_commit() {
        let steps = json!([{"op": "states"}, {"op": "commit"}, {"op": "states"}]);
        let scenario = scenario(steps);
        let states = |word: &str| json!({"ok": true, "states": {"a": word}});
        let result = |before: &str, after: &str| json!({"results": [states(before), {"ok": true}, states(after)]});
        let expected = result("deleted", "deleted");
        let difference = |got: &Json| compare(&scenario, &expected, got).difference;
        assert_eq!(difference(&result("deleted", "detached")), None);
        assert!(difference(&result("detached", "detached")).is_some());
    }

    #[test]
    fn details_do_not_count() {
        let scenario = scenario(json!([{"op": "flush"}]));
        let expected = json!({"results": [{"error": "stale_data"}]});
        let got = json!({"results": [{"error": "stale_data", "detail": "E0305"}]});
        assert_eq!(compare(&scenario, &expected, &got), Comparison::default());
    }
}
