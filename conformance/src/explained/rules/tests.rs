//! Differences that the rules explain, and such that they do not.

use serde_json::{Value as Json, from_value, json};

use super::super::Past;
use super::*;
use crate::scenario::Scenario;

/// Trees of nodes with names, which own each other by `post_update`, and tags that are linked to them.
fn scenario(autoflush: bool, expire_on_commit: bool) -> Scenario {
    let id =
        || json!({"name": "id", "type": "integer", "primary_key": true, "autoincrement": true});
    let parent = json!({"columns": ["up"], "references": {"table": "nodes", "columns": ["id"]}});
    let link = |column: &str, table: &str| json!({"columns": [column], "references": {"table": table, "columns": ["id"]}});
    let word = json!({"name": "word", "type": "text", "primary_key": true});
    from_value(json!({
        "name": "a-1",
        "session": {"autoflush": autoflush, "expire_on_commit": expire_on_commit},
        "tables": [
            {"name": "nodes", "foreign_keys": [parent], "columns": [
                id(), {"name": "up", "type": "integer"}, {"name": "label", "type": "text"},
                {"name": "version", "type": "integer"},
            ]},
            {"name": "tags", "columns": [id()]},
            {"name": "words", "columns": [word]},
            {"name": "links", "columns": [],
             "foreign_keys": [link("node", "nodes"), link("tag", "tags")]},
        ],
        "entities": [
            {"name": "Node", "table": "nodes", "version_column": "version", "relationships": [
                {"name": "up", "target": "Node", "kind": "many_to_one", "foreign_key": ["up"],
                 "post_update": true, "single_parent": true, "cascade": "all, delete-orphan"},
                {"name": "tags", "target": "Tag", "kind": "many_to_many", "secondary": "links"},
            ]},
            {"name": "Tag", "table": "tags"},
            {"name": "Word", "table": "words"},
        ],
        "steps": [],
    }))
    .expect("the scenario is well-formed")
}

/// What went before: steps that SQLAlchemy carried out or refused.
fn past(steps: &[(Json, Json)]) -> Past {
    let mut past = Past::default();
    for (step, answer) in steps {
        past.note(&from_value(step.clone()).expect("the step is well-formed"), answer);
    }
    past
}

/// The ids of the rule that explains a difference; empty if none does.
fn explained(past: &Past, step: Json, expected: Json, got: Json) -> &'static str {
    explained_with(&scenario(true, false), past, step, expected, got)
}

fn explained_with(
    scenario: &Scenario,
    past: &Past,
    step: Json,
    expected: Json,
    got: Json,
) -> &'static str {
    let step = from_value(step).expect("the step is well-formed");
    let case = Case::new(scenario, past, &step, &expected, &got);
    case.explained().map_or("", |rule| rule.because)
}

fn ok() -> Json {
    json!({"ok": true})
}

fn error(kind: &str, detail: &str) -> Json {
    json!({"error": kind, "detail": detail})
}

fn op(op: &str) -> Json {
    json!({"op": op})
}

fn states(word: &str) -> Json {
    json!({"ok": true, "states": {"a": word}})
}

fn view(shown: Json) -> Json {
    json!({"ok": true, "view": shown})
}

fn node(label: &str, up: Json, version: i64) -> Json {
    json!({"id": 1, "label": label, "up": up, "version": version})
}

fn nodes(rows: &[Json]) -> Json {
    json!({"ok": true, "tables": {"nodes": rows}})
}

fn of(op: &str, name: &str) -> Json {
    json!({"op": op, "ref": name})
}

fn failed() -> Past {
    past(&[(op("flush"), error("integrity.not_null", ""))])
}

fn deleted() -> Past {
    past(&[(of("delete", "a"), ok())])
}

#[test]
fn each_rule_has_lines_in_the_page_of_deviations() {
    let page = include_str!("../../../../DEVIATIONS.md");
    for rule in OF_DIFFERENCES.iter().chain(OF_AGREEMENTS) {
        for id in rule.because.split(", ") {
            assert!(page.contains(id), "{id} is nowhere in DEVIATIONS.md");
        }
    }
}

#[test]
fn what_nothing_has_led_to_is_explained_by_no_rule() {
    let fresh = Past::default();
    let key = json!({"op": "get", "entity": "Node", "key": {"$key": "a"}});
    let found = |found: bool| json!({"ok": true, "found": found});
    let show = json!({"op": "view", "owner": "a", "rel": "tags"});
    for (step, expected, got) in [
        (op("flush"), ok(), error("cycle", "")),
        (op("flush"), error("cycle", ""), error("stale_data", "E0305")),
        (op("flush"), ok(), error("integrity.not_null", "E0502")),
        (op("flush"), error("stale_data", "UPDATE statement on table 'words'"), ok()),
        (op("commit"), error("integrity.foreign_key", "[SQL: DELETE FROM words"), ok()),
        (op("states"), states("persistent"), states("detached")),
        (op("states"), states("deleted"), states("persistent")),
        (op("states"), states("persistent"), states("pending")),
        (key.clone(), found(true), found(false)),
        (key, found(false), found(true)),
        (show.clone(), view(json!(["b"])), view(json!([]))),
        (show.clone(), view(json!([])), view(json!(["b"]))),
        (show, view(json!("b")), view(json!(null))),
        (op("tables"), nodes(&[node("n", json!(1), 1)]), nodes(&[node("n", json!(null), 1)])),
        (op("tables"), nodes(&[node("n", json!(1), 1)]), nodes(&[node("m", json!(1), 1)])),
        (op("tables"), nodes(&[node("n", json!(1), 1)]), nodes(&[])),
        (of("add", "a"), ok(), error("invalid_request", "E0206")),
        (of("refresh", "a"), ok(), error("invalid_request", "E0404")),
        (op("dirty"), json!({"ok": true, "dirty": ["a"]}), json!({"ok": true, "dirty": []})),
    ] {
        let why = explained(&fresh, step.clone(), expected.clone(), got.clone());
        assert_eq!(why, "", "{step}: {expected} and {got}");
    }
}

#[test]
fn a_flush_that_entail_plans_is_explained_by_its_table() {
    let fresh = Past::default();
    let flush = |expected: Json, got: Json| explained(&fresh, op("flush"), expected, got);
    let foreign = |detail: &str| error("integrity.foreign_key", detail);
    assert_eq!(flush(error("cycle", ""), ok()), "ORDER-05, ORDER-09");
    let later = flush(error("integrity.unique", ""), foreign("E0502"));
    assert_eq!(later, "ORDER-05, ORDER-09");
    assert_eq!(flush(foreign("[SQL: DELETE FROM nodes WHERE"), ok()), "ORDER-13, M2M-07");
    assert_eq!(flush(foreign("[SQL: DELETE FROM tags WHERE"), ok()), "ORDER-13, M2M-07");
    assert_eq!(flush(foreign("[SQL: INSERT INTO links ("), ok()), "ORDER-13, M2M-07");
    assert_eq!(flush(foreign("[SQL: INSERT INTO words ("), ok()), "");
    let own = json!({"op": "sql", "sql": "DELETE FROM nodes"});
    assert_eq!(explained(&fresh, own, foreign("[SQL: DELETE FROM nodes]"), ok()), "");
    let given = error("flush", "E0304: no key");
    assert_eq!(flush(error("integrity.not_null", ""), given), "SYNC-07");
    assert_eq!(flush(ok(), error("flush", "E0304: no key")), "");
    let blanked = error("key_blanked", "E0301");
    assert_eq!(flush(foreign(""), blanked.clone()), "NULLIFY-06");
    assert_eq!(flush(ok(), blanked), "");
}

#[test]
fn statements_behind_the_session_explain_stale_rows_and_numbers() {
    let raw = past(&[(json!({"op": "sql", "sql": "DELETE FROM nodes"}), ok())]);
    let stale =
        |table: &str| error("stale_data", &format!("UPDATE statement on table '{table}' expected"));
    assert_eq!(explained(&raw, op("flush"), stale("nodes"), ok()), "VERS-03");
    assert_eq!(explained(&raw, op("flush"), stale("words"), ok()), "");
    let counted = error("stale_data", "E0305");
    let missing = error("integrity.foreign_key", "");
    assert_eq!(explained(&raw, op("flush"), missing, counted.clone()), "STALE-01");
    assert_eq!(explained(&raw, op("flush"), ok(), counted), "");
    let get = |entity: &str| json!({"op": "get", "entity": entity, "key": 1});
    let found = |found: bool| json!({"ok": true, "found": found});
    assert_eq!(explained(&raw, get("Node"), found(true), found(false)), "IDMAP-02");
    assert_eq!(explained(&raw, get("Word"), found(true), found(false)), "");
    let (null, set) = (nodes(&[node("n", json!(null), 1)]), nodes(&[node("n", json!(1), 1)]));
    assert_eq!(explained(&raw, op("tables"), null, set.clone()), "SYNC-04");
    let counted = nodes(&[node("n", json!(1), 2)]);
    assert_eq!(explained(&Past::default(), op("tables"), counted, set), "VERS-03");
}

#[test]
fn deletes_explain_what_was_loaded_or_flushed_for_them() {
    let deleted = deleted();
    let auto = |table: &str| {
        let text = format!("Query-invoked autoflush [SQL: INSERT INTO {table} (");
        error("integrity.not_null", &text)
    };
    let add = of("add", "b");
    assert_eq!(explained(&Past::default(), add, auto("tags"), ok()), "");
    let set = json!({"op": "set", "ref": "b", "column": "id", "value": 1});
    assert_eq!(explained(&deleted, set, auto("tags"), ok()), "CASC-DEL-01");
    let manual = scenario(false, false);
    let (one, other) = (states("deleted"), states("persistent"));
    let why = explained(&deleted, op("states"), one.clone(), other.clone());
    assert_eq!(why, "CASC-DEL-01");
    assert_eq!(explained_with(&manual, &deleted, op("states"), one, other), "");
    let show = |owner: &str| json!({"op": "view", "owner": owner, "rel": "tags"});
    let (full, empty) = (view(json!(["b"])), view(json!([])));
    let why = explained(&deleted, show("a"), full.clone(), empty.clone());
    assert_eq!(why, "CASC-DEL-01, STATE-11");
    assert_eq!(explained(&deleted, show("c"), full, empty), "");
    let more = view(json!(["a", "b"]));
    let why = explained(&deleted, show("c"), view(json!(["b"])), more.clone());
    assert_eq!(why, "CASC-DEL-21");
    assert_eq!(explained(&deleted, show("c"), view(json!(["a"])), more), "");
}

#[test]
fn what_is_deleted_twice_is_explained_only_then() {
    let once = deleted();
    let twice = past(&[(of("delete", "a"), ok()), (op("flush"), ok()), (of("delete", "b"), ok())]);
    let manual = scenario(false, false);
    let gone = || error("invalid_request", "E0206: it was deleted");
    assert_eq!(explained(&once, of("add", "a"), ok(), gone()), "");
    assert_eq!(explained(&twice, of("add", "a"), ok(), gone()), "CASC-DEL-21");
    assert_eq!(explained(&twice, of("add", "c"), ok(), gone()), "");
    let refers = || error("integrity.foreign_key", "E0502: 1 row(s) of `a` still refer by (b)");
    assert_eq!(explained_with(&manual, &twice, op("flush"), ok(), refers()), "CASC-DEL-21");
    let null = || error("integrity.not_null", "E0502: `a` must not be NULL");
    assert_eq!(explained(&twice, op("flush"), ok(), null()), "");
}

#[test]
fn failed_flushes_and_rollbacks_explain_what_was_kept() {
    let (fresh, failed) = (Past::default(), failed());
    let null = || error("integrity.not_null", "E0502");
    let foreign = |detail: &str| error("integrity.foreign_key", detail);
    let insert = || foreign("[SQL: INSERT INTO words (");
    assert_eq!(explained(&fresh, op("flush"), insert(), null()), "");
    assert_eq!(explained(&failed, op("flush"), insert(), null()), "RB-01");
    let stale = error("stale_data", "E0305");
    assert_eq!(explained(&failed, op("flush"), null(), stale), "");
    let get = |key: Json| json!({"op": "get", "entity": "Word", "key": key});
    let found = |found: bool| json!({"ok": true, "found": found});
    let why = explained(&failed, get(json!({"$key": "a"})), found(true), found(false));
    assert_eq!(why, "RB-01");
    assert_eq!(explained(&failed, get(json!("a")), found(true), found(false)), "");
    let back = past(&[(op("rollback"), ok())]);
    let show = json!({"op": "view", "owner": "a", "rel": "up"});
    let (one, nobody) = (view(json!("b")), view(json!(null)));
    assert_eq!(explained(&back, show.clone(), one.clone(), nobody), "RB-03");
    assert_eq!(explained(&back, show, one, view(json!("c"))), "");
    let word = json!({"op": "new", "entity": "Word", "as": "a"});
    let named = past(&[(word, ok()), (op("rollback"), ok())]);
    let (detached, transient) = (states("detached"), states("transient"));
    let why = explained(&named, op("states"), detached.clone(), transient.clone());
    assert_eq!(why, "RB-04");
    assert_eq!(explained(&back, op("states"), detached, transient), "");
}

#[test]
fn without_expiry_a_deleted_object_may_live_on() {
    let committed = past(&[(of("delete", "a"), ok()), (op("commit"), ok())]);
    let (lives, gone) = (states("persistent"), states("detached"));
    let why = explained(&committed, op("states"), lives.clone(), gone.clone());
    assert_eq!(why, "STATE-04");
    let expiring = scenario(false, true);
    assert_eq!(explained_with(&expiring, &committed, op("states"), lives.clone(), gone), "");
    assert_eq!(explained(&committed, op("states"), lives, states("transient")), "");
}

fn set(object: &str, column: &str, value: Json) -> (Json, Json) {
    (json!({"op": "set", "ref": object, "column": column, "value": value}), ok())
}

fn up(owner: &str, target: &str) -> (Json, Json) {
    (json!({"op": "set_rel", "owner": owner, "rel": "up", "value": target}), ok())
}

#[test]
fn a_column_that_is_null_already_explains_an_update_of_it_alone() {
    let raw = (json!({"op": "sql", "sql": "UPDATE nodes SET label = 'raw'"}), ok());
    let filled = past(&[raw.clone(), set("a", "label", json!(null))]);
    let (null, kept) = (
        nodes(&[json!({"label": null, "up": null, "version": 1})]),
        nodes(&[json!({"label": "raw", "up": null, "version": 1})]),
    );
    let tables = || op("tables");
    assert_eq!(explained(&filled, tables(), null.clone(), kept.clone()), "VERS-03");
    let named = past(&[raw, set("a", "label", json!("a"))]);
    assert_eq!(explained(&named, tables(), null, kept), "");
}

#[test]
fn what_a_flush_loads_explains_who_comes_along() {
    let deleted = deleted();
    let gone = || error("invalid_request", "Instance <Node> has been deleted.  Use the function");
    let add = || of("add", "b");
    assert_eq!(explained(&deleted, add(), gone(), ok()), "CASC-DEL-01, NULLIFY-01");
    assert_eq!(explained(&deleted, of("refresh", "b"), gone(), ok()), "");
    let back = past(&[(op("rollback"), ok())]);
    let (pending, transient) = (states("pending"), states("transient"));
    let why = explained(&back, op("states"), pending.clone(), transient.clone());
    assert_eq!(why, "NULLIFY-01");
    assert_eq!(explained(&Past::default(), op("states"), pending, transient), "");
}

#[test]
fn a_parent_that_somebody_else_holds_is_explained_by_its_children() {
    let (gone, there) = (states("deleted"), states("persistent"));
    let manual = scenario(false, false);
    let of_one = past(&[up("b", "a")]);
    let of_two = past(&[up("b", "a"), up("c", "a")]);
    let why =
        |past: &Past| explained_with(&manual, past, op("states"), gone.clone(), there.clone());
    assert_eq!(why(&of_one), "");
    assert_eq!(why(&of_two), "CASC-ORPH-18");
}

#[test]
fn lists_that_are_asked_for_otherwise_are_explained_by_what_is_known() {
    let show = |owner: &str| json!({"op": "view", "owner": owner, "rel": "tags"});
    let (full, empty) = (view(json!(["b"])), view(json!([])));
    let word = (json!({"op": "new", "entity": "Word", "as": "w"}), ok());
    let renamed = past(&[word.clone(), set("w", "word", json!("new"))]);
    let why = explained(&renamed, show("w"), empty.clone(), full.clone());
    assert_eq!(why, "SYNC-11");
    // What the flush has loaded so remains.
    let flushed = past(&[word.clone(), set("w", "word", json!("new")), (op("flush"), ok())]);
    assert_eq!(explained(&flushed, show("w"), empty.clone(), full.clone()), "SYNC-11");
    assert_eq!(explained(&past(&[word]), show("w"), empty.clone(), full.clone()), "");
    let expired = past(&[(of("expire", "a"), ok()), up("b", "a"), up("b", "c")]);
    assert_eq!(explained(&expired, show("a"), empty.clone(), full.clone()), "DIRTY-02");
    let still = past(&[(of("expire", "a"), ok()), up("b", "a")]);
    assert_eq!(explained(&still, show("a"), empty, full), "");
}

#[test]
fn what_is_not_known_of_a_former_owner_is_explained_where_it_may_not_be() {
    let show = json!({"op": "view", "owner": "b", "rel": "up"});
    let manual = scenario(false, false);
    let why = |past: &Past, step: &Json, expected: &Json, got: &Json| {
        explained_with(&manual, past, step.clone(), expected.clone(), got.clone())
    };
    let (first, other, nobody) = (view(json!("a")), view(json!("c")), view(json!(null)));
    let known = past(&[up("b", "a"), up("b", "c"), (of("delete", "a"), ok())]);
    let commit = (op("commit"), ok());
    let unknown = past(&[commit, up("b", "a"), up("b", "c"), (of("delete", "a"), ok())]);
    assert_eq!(why(&known, &show, &first, &other), "");
    let expiring = scenario(false, true);
    let found = explained_with(&expiring, &unknown, show.clone(), first.clone(), other.clone());
    assert_eq!(found, "CASC-DEL-01, DIRTY-02");
    let afresh = past(&[up("b", "a"), (of("refresh", "b"), ok())]);
    assert_eq!(why(&afresh, &show, &first, &nobody), "BACKREF-05");
    assert_eq!(why(&past(&[up("b", "a")]), &show, &first, &nobody), "");
    let (there, gone) = (states("persistent"), states("deleted"));
    let expired = past(&[(of("expire", "b"), ok())]);
    assert_eq!(why(&expired, &op("states"), &there, &gone), "DIRTY-02");
    assert_eq!(why(&Past::default(), &op("states"), &there, &gone), "");
    let back = past(&[(op("rollback"), ok())]);
    let (transient, pending) = (states("transient"), states("pending"));
    assert_eq!(why(&back, &op("states"), &transient, &pending), "BACKREF-05");
    assert_eq!(why(&Past::default(), &op("states"), &transient, &pending), "");
    assert_eq!(explained(&back, op("states"), there.clone(), pending.clone()), "AUTOFL-01");
    assert_eq!(why(&back, &op("states"), &there, &pending), "");
}

#[test]
fn another_object_of_the_row_is_explained_where_the_first_was_let_go_of() {
    let show = json!({"op": "view", "owner": "b", "rel": "up"});
    let (first, stranger) = (view(json!("a")), view(json!("?")));
    let outside = past(&[(of("expunge", "a"), ok()), (op("rollback"), ok())]);
    let why = explained(&outside, show.clone(), first.clone(), stranger.clone());
    assert_eq!(why, "RB-04, CASC-DEL-01");
    let back = past(&[(op("rollback"), ok())]);
    assert_eq!(explained(&back, show.clone(), first.clone(), stranger.clone()), "");
    let loaded = past(&[(op("expunge_all"), ok()), (of("delete", "b"), ok())]);
    let why = explained(&loaded, show.clone(), stranger.clone(), first.clone());
    assert_eq!(why, "RB-04, CASC-DEL-01");
    assert_eq!(explained(&outside, show, stranger, first), "");
}

#[test]
fn a_key_that_is_set_is_read_at_the_call() {
    let tables = |word: &str| json!({"ok": true, "tables": {"words": [{"word": word}]}});
    let set = json!({"op": "set", "ref": "w", "column": "word", "value": "new"});
    let read = json!({"op": "read", "ref": "w", "column": "word"});
    let mut steps = vec![(of("expire", "w"), ok()), (set, ok()), (read, ok())];
    let why = |past: &Past| explained(past, op("tables"), tables("old"), tables("new"));
    assert_eq!(why(&past(&steps)), "EXPIRE-03");
    assert_eq!(why(&past(&steps[..2])), "");
    steps.push((op("flush"), ok()));
    assert_eq!(why(&past(&steps)), "");
}

#[test]
fn who_is_given_away_or_let_go_of_after_a_delete_is_told_from_who_was_before() {
    let tables = |labels: &[&str]| {
        let rows: Vec<_> = labels.iter().map(|label| json!({"label": label})).collect();
        json!({"ok": true, "tables": {"nodes": rows}})
    };
    let (fewer, more) = (tables(&["b"]), tables(&["a", "b"]));
    let give = json!({"op": "set_rel", "owner": "a", "rel": "up", "value": "b"});
    let (delete, expire) = ((of("delete", "c"), ok()), (of("expire", "a"), ok()));
    let mut shared = scenario(false, false);
    shared.entities[0].relationships[0].single_parent = false;
    let why = |steps: &[(Json, Json)], expected: &Json, got: &Json| {
        explained_with(&shared, &past(steps), op("tables"), expected.clone(), got.clone())
    };
    let after = [expire.clone(), delete.clone(), (give.clone(), ok())];
    assert_eq!(why(&after, &fewer, &more), "CASC-DEL-10");
    assert_eq!(why(&after[1..], &fewer, &more), "");
    assert_eq!(why(&[expire, (give, ok()), delete.clone()], &fewer, &more), "");
    let expunge = (of("expunge", "a"), ok());
    assert_eq!(why(&[delete.clone(), expunge.clone()], &more, &fewer), "CASC-DEL-01");
    assert_eq!(why(&[expunge, delete], &more, &fewer), "");
}

#[test]
fn a_second_delete_of_its_own_is_told_from_one_of_another() {
    let states = |word: &str| json!({"ok": true, "states": {"a": word}});
    let why = |again: &str, expected: &str, got: &str| {
        let steps = [of("expunge", "a"), of("delete", "c"), of("delete", again)];
        let past = past(&steps.map(|step| (step, ok())));
        explained_with(&scenario(false, true), &past, op("states"), states(expected), states(got))
    };
    assert_eq!(why("c", "persistent", "detached"), "CASC-DEL-01");
    assert_eq!(why("c", "detached", "transient"), "");
    assert_eq!(why("d", "persistent", "detached"), "");
}

#[test]
fn who_is_twice_in_the_list_of_a_new_object_was_set_to_it_twice() {
    let new = json!({"op": "new", "entity": "Node", "as": "a", "set": {}});
    let give = json!({"op": "set_rel", "owner": "b", "rel": "up", "value": "a"});
    let view = json!({"op": "view", "owner": "a", "rel": "tags"});
    let shows = |names: &[&str]| json!({"ok": true, "view": names});
    let why = |steps: &[&Json], got: &[&str]| {
        let steps: Vec<_> = steps.iter().map(|&step| (step.clone(), ok())).collect();
        explained(&past(&steps), view.clone(), shows(&["b"]), shows(got))
    };
    let expire = of("expire", "b");
    assert_eq!(why(&[&new, &give, &expire, &give], &["b", "b"]), "AUTOFL-01");
    assert_eq!(why(&[&new, &give, &expire, &give], &["b", "c"]), "");
    assert_eq!(why(&[&new, &give, &give], &["b", "b"]), "");
}

#[test]
fn the_list_of_a_deleted_object_has_whom_it_was_given_or_whom_sqlalchemy_has_loaded() {
    let give = json!({"op": "append", "owner": "b", "rel": "tags", "value": "a"});
    let view = json!({"op": "view", "owner": "a", "rel": "tags"});
    let shows = |name: &str| json!({"ok": true, "view": [name]});
    let why = |steps: &[Json], got: &str| {
        let steps: Vec<_> = steps.iter().map(|step| (step.clone(), ok())).collect();
        explained(&past(&steps), view.clone(), shows("c"), shows(got))
    };
    let steps = [give, of("delete", "a")];
    assert_eq!(why(&steps, "b"), "CASC-DEL-01, STATE-11");
    assert_eq!(why(&steps, "d"), "");
    assert_eq!(why(&steps[..1], "b"), "");
}

#[test]
fn a_merge_onto_a_row_that_went_along_makes_another() {
    let of_a_merge = json!({"op": "merge", "as": "m", "value": {"entity": "Node"}});
    let steps = [(of("expire", "a"), ok()), (of("delete", "b"), ok()), (of_a_merge, ok())];
    let states = |word: &str| json!({"ok": true, "states": {"m": word}});
    let mut below = scenario(false, true);
    below.tables[0].foreign_keys[0].on_delete = Some("cascade".to_owned());
    let why = |scenario: &Scenario, past: &Past| {
        let (there, new) = (states("persistent"), states("pending"));
        explained_with(scenario, past, op("states"), there, new)
    };
    assert_eq!(why(&below, &past(&steps)), "EXPIRE-09");
    assert_eq!(why(&scenario(false, true), &past(&steps)), "");
    assert_eq!(why(&below, &past(&steps[..2])), "");
}

#[test]
fn a_recording_without_details_may_have_said_what_a_rule_asks_for() {
    let fresh = Past::default();
    let bare = json!({"error": "integrity.foreign_key"});
    assert_eq!(explained(&fresh, op("flush"), bare, ok()), "ORDER-13, M2M-07");
    let set = json!({"op": "set_rel", "owner": "a", "rel": "up", "value": null});
    let bare = json!({"error": "invalid_request"});
    assert_eq!(explained(&fresh, set.clone(), bare, ok()), "EXPIRE-03, RB-03");
    let other = error("invalid_request", "it is something else");
    assert_eq!(explained(&fresh, set, other, ok()), "");
}

#[test]
fn after_answers_that_agree_the_sessions_may_differ() {
    let parted = |step: Json, answer: Json| {
        let (scenario, past) = (scenario(true, false), Past::default());
        let step = from_value(step).expect("the step is well-formed");
        let case = Case::new(&scenario, &past, &step, &answer, &answer);
        case.parted().map_or("", |rule| rule.because)
    };
    let show = json!({"op": "view", "owner": "a", "rel": "up"});
    let refused = || error("integrity.not_null", "E0502");
    assert_eq!(parted(show.clone(), refused()), "DBFK-02, RB-06");
    assert_eq!(parted(op("flush"), refused()), "");
    let way = error("invalid_request", "another instance with key (1,)");
    assert_eq!(parted(of("add", "a"), way.clone()), "STATE-09");
    assert_eq!(parted(show, way), "");
}
