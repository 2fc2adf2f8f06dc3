//! What holds of every session, whatever it did: generated scenarios are played on entail alone, and
//! after each commit or rollback memory and database must say the same, and nothing is left to write.

use std::collections::{BTreeMap, BTreeSet};

use conformance::runner::DeletesLoad;
use conformance::{generate, runner};
use serde_json::{Map, Value as Json, from_value, json};

/// How many scenarios are played.
const COUNT: u64 = 1500;

type Object = Map<String, Json>;

fn text<'a>(object: &'a Json, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A scenario as it is played here, without what nobody could keep apart by its label.
struct Play {
    scenario: Json,
    /// The entities of the objects, by their names, which are their labels.
    named: BTreeMap<String, String>,
}

impl Play {
    /// Takes out statements behind the session, merges and what lets go of objects, gives every
    /// commit and rollback its questions, and has commits expire.
    fn of(mut scenario: Json) -> Self {
        let mut steps = scenario["steps"].as_array().cloned().unwrap_or_default();
        let merged: BTreeSet<String> = steps
            .iter()
            .filter(|step| step["op"] == "merge")
            .map(|one| text(one, "as").to_owned())
            .collect();
        let is_out = |step: &Json| {
            let op = text(step, "op");
            let names_merged =
                merged.iter().any(|name| step.to_string().contains(&format!("\"{name}\"")));
            matches!(op, "sql" | "merge" | "expunge" | "expunge_all" | "tables" | "states")
                || names_merged
                || step["column"] == "label"
        };
        steps.retain(|step| !is_out(step));
        let has_label = |entity: &str| {
            let table = Self::find(&scenario["entities"], entity)["table"].clone();
            list(&Self::find(&scenario["tables"], table.as_str().unwrap_or_default())["columns"])
                .iter()
                .any(|column| column["name"] == "label")
        };
        let named: BTreeMap<String, String> = steps
            .iter()
            .filter(|step| step["op"] == "new" && step["set"]["label"].is_null())
            .filter(|step| has_label(text(step, "entity")))
            .map(|step| (text(step, "as").to_owned(), text(step, "entity").to_owned()))
            .collect();
        let mut asked = Vec::new();
        for step in steps {
            let asks = matches!(text(&step, "op"), "commit" | "rollback");
            asked.push(step);
            if !asks {
                continue;
            }
            asked.extend(["tables", "states", "dirty"].map(|op| json!({"op": op})));
            for (name, entity) in &named {
                for relationship in
                    list(&Self::find(&scenario["entities"], entity)["relationships"])
                {
                    asked.push(json!({"op": "view", "owner": name, "rel": relationship["name"]}));
                }
            }
            asked.extend(["flush", "tables", "dirty"].map(|op| json!({"op": op})));
        }
        scenario["steps"] = Json::Array(asked);
        scenario["session"]["expire_on_commit"] = json!(true);
        Self { scenario, named }
    }

    fn find<'a>(all: &'a Json, name: &str) -> &'a Json {
        list(all).iter().find(|one| one["name"] == name).unwrap_or(&Json::Null)
    }

    fn entity(&self, name: &str) -> &Json {
        Self::find(&self.scenario["entities"], name)
    }

    fn rows<'a>(&self, tables: &'a Json, entity: &str) -> impl Iterator<Item = &'a Object> {
        list(&tables[text(self.entity(entity), "table")]).iter().filter_map(Json::as_object)
    }

    /// The labels of what a relationship of an object leads to, by the rows; none if they do not tell.
    fn targets(&self, tables: &Json, owner: &str, relationship: &Json) -> Option<Vec<String>> {
        let entity = &self.named[owner];
        let own = self.rows(tables, entity).find(|row| row["label"] == owner)?;
        let target = text(relationship, "target");
        if !self.rows(tables, target).all(|row| row.contains_key("label")) {
            return None;
        }
        let table = |entity| text(self.entity(entity), "table");
        let columns = |field: &str| -> Vec<&str> {
            list(&relationship[field]).iter().filter_map(Json::as_str).collect()
        };
        let refers = |from: &str, with: Vec<&str>, to: &str, row: &Object, other: &Object| {
            let keys = &Self::find(&self.scenario["tables"], from)["foreign_keys"];
            list(keys).iter().any(|key| {
                let others = list(&key["references"]["columns"]).iter().filter_map(Json::as_str);
                key["references"]["table"] == to
                    && list(&key["columns"])
                        .iter()
                        .filter_map(Json::as_str)
                        .eq(with.iter().copied())
                    && with.iter().zip(others).all(|(one, other_column)| {
                        !row[*one].is_null() && row[*one] == other[other_column]
                    })
            })
        };
        let (here, there) = (table(entity), table(target));
        let leads_to = |other: &&Object| match text(relationship, "kind") {
            "many_to_one" => refers(here, columns("foreign_key"), there, own, other),
            "many_to_many" => {
                let links = text(relationship, "secondary");
                list(&tables[links]).iter().filter_map(Json::as_object).any(|link| {
                    refers(links, columns("local"), here, link, own)
                        && refers(links, columns("remote"), there, link, other)
                })
            }
            _ => refers(there, columns("foreign_key"), here, other, own),
        };
        let found = self.rows(tables, target).filter(leads_to);
        let mut labels: Vec<_> =
            found.map(|row| row["label"].as_str().unwrap_or_default().to_owned()).collect();
        labels.sort_unstable();
        Some(labels)
    }

    /// Plays it, and says what does not hold.
    fn faults(&self, deletes_load: DeletesLoad) -> Vec<String> {
        let scenario = from_value(self.scenario.clone()).expect("it is of the format");
        let answers =
            runner::run(&scenario, "sqlite::memory:", deletes_load).expect("it can be played");
        let answers = list(&answers["results"]);
        let steps = list(&self.scenario["steps"]);
        let mut faults = Vec::new();
        let mut tables = &Json::Null;
        let mut states = &Json::Null;
        for (place, (step, answer)) in steps.iter().zip(answers).enumerate() {
            let mut fault = |what: String| faults.push(format!("step {place}, {step}: {what}"));
            match text(step, "op") {
                "commit" | "rollback" => {
                    (tables, states) = (&Json::Null, &Json::Null);
                    if answer["ok"] == true {
                        (tables, states) =
                            (&answers[place + 1]["tables"], &answers[place + 2]["states"]);
                        for (name, entity) in &self.named {
                            let rows = self
                                .rows(tables, entity)
                                .filter(|row| row["label"] == **name)
                                .count();
                            let state = text(states, name);
                            // An expunge cascade, along with a pending orphan, may let go of one.
                            let has_none = matches!(state, "transient" | "pending" | "deleted");
                            if rows > 1 || rows == 1 && has_none {
                                fault(format!("{name} is {state} and has {rows} rows"));
                            }
                        }
                    }
                }
                "dirty" if !tables.is_null() && answer["dirty"] != json!([]) => {
                    fault(format!("left: {answer}"));
                }
                "flush" if !tables.is_null() && answer["ok"] != true => fault(format!("{answer}")),
                "tables" if !tables.is_null() && answer["tables"] != *tables => {
                    fault(format!("{tables} became {answer}"));
                }
                "view" if text(states, text(step, "owner")) == "persistent" => {
                    let owner = text(step, "owner");
                    let Some(entity) = self.named.get(owner) else { continue };
                    let relationship =
                        Self::find(&self.entity(entity)["relationships"], text(step, "rel"));
                    let view = &answer["view"];
                    let mut shown: Vec<_> = match view {
                        Json::Null => Vec::new(),
                        Json::Array(names) => names.iter().filter_map(Json::as_str).collect(),
                        one => one.as_str().into_iter().collect(),
                    };
                    shown.sort_unstable();
                    if let Some(targets) = self.targets(tables, owner, relationship)
                        && targets != shown
                        && targets.iter().all(|name| states[name] != "detached")
                        && (relationship["kind"] != "one_to_one" || targets.len() < 2)
                    {
                        fault(format!("shows {answer}, but the rows say {targets:?}"));
                    }
                }
                // What comes next changes something.
                "tables" | "states" | "dirty" | "flush" | "view" => {}
                _ => (tables, states) = (&Json::Null, &Json::Null),
            }
        }
        faults
    }
}

#[test]
fn after_a_commit_or_a_rollback_memory_says_what_the_database_has() {
    let mut asked = 0;
    for number in 0..COUNT {
        let play = Play::of(generate::scenario(7, number, None));
        asked += list(&play.scenario["steps"]).iter().filter(|step| step["op"] == "view").count();
        for deletes_load in [DeletesLoad::AtOnce, DeletesLoad::InTheFlush] {
            let faults = play.faults(deletes_load);
            assert!(
                faults.is_empty(),
                "{}, deletes load {deletes_load:?}\n{}\n{}",
                play.scenario["name"],
                faults.join("\n"),
                play.scenario["steps"]
            );
        }
    }
    assert!(asked > 10_000, "{asked} questions are too few");
}

/// SQLAlchemy fails where a delete cascade comes to an object that was never inserted.
#[test]
fn what_a_cascade_deletes_before_its_insert_is_let_go_of() {
    let id = json!({"name": "id", "type": "integer", "primary_key": true, "autoincrement": true});
    let label = json!({"name": "label", "type": "text"});
    let pref_id = json!({"name": "pref_id", "type": "integer"});
    let key = json!({"columns": ["pref_id"], "references": {"table": "prefs", "columns": ["id"]}});
    let pref = json!({"name": "pref", "target": "Pref", "kind": "many_to_one",
                      "foreign_key": ["pref_id"], "cascade": "save-update, delete"});
    let scenario = from_value(json!({
        "name": "owner_side-1", "session": {"autoflush": false, "expire_on_commit": false},
        "tables": [{"name": "prefs", "columns": [id, label], "foreign_keys": []},
                   {"name": "users", "columns": [id, label, pref_id], "foreign_keys": [key]}],
        "entities": [{"name": "Pref", "table": "prefs", "relationships": []},
                     {"name": "User", "table": "users", "relationships": [pref]}],
        "steps": [{"op": "new", "entity": "User", "as": "u"},
                  {"op": "new", "entity": "Pref", "as": "p"},
                  {"op": "add", "ref": "u"}, {"op": "commit"},
                  {"op": "set_rel", "owner": "u", "rel": "pref", "value": "p"},
                  {"op": "delete", "ref": "u"}, {"op": "flush"}, {"op": "states"},
                  {"op": "commit"}, {"op": "tables"}],
    }));
    let scenario = scenario.expect("it is of the format");
    let answers = runner::run(&scenario, "sqlite::memory:", DeletesLoad::AtOnce);
    let answers = answers.expect("it can be played");
    assert_eq!(answers["results"][7]["states"], json!({"u": "deleted", "p": "transient"}));
    assert_eq!(answers["results"][9]["tables"], json!({"prefs": [], "users": []}));
}
