//! Looking at a case: what its step names, how its answers differ, what its scenario maps.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::{Case, Past};
use crate::scenario::{Entity, Kind, Relationship, Scenario, Step, Target};

pub fn all_relationships<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Relationship> {
    case.scenario.entities.iter().flat_map(|entity| &entity.relationships)
}

/// The names of the objects that a step is about.
pub fn names(step: &Step) -> impl Iterator<Item = &str> {
    let pair = match step {
        Step::Add { object }
        | Step::Expire { object }
        | Step::Expunge { object }
        | Step::Refresh { object }
        | Step::Delete { object }
        | Step::Set { object, .. } => [Some(object.as_str()), None],
        Step::SetRel { owner, value: Target::One(Some(value)), .. }
        | Step::Append { owner, value, .. } => [Some(owner.as_str()), Some(value.as_str())],
        Step::Get { key, .. } => [key.get("$key").and_then(Json::as_str), None],
        _ => [None, None],
    };
    pair.into_iter().flatten()
}

/// Whether the answers are states, and all that differ do so in one way: name, SQLAlchemy's word, entail's.
/// A deleted object counts as detached where [`one_word`] says so.
pub fn all_states(case: &Case<'_>, is_so: impl Fn(&str, &str, &str) -> bool) -> bool {
    let (Some(expected), Some(got)) = (case.expected.states(), case.got.states()) else {
        return false;
    };
    let word = |word: &'_ Json| word.as_str().unwrap_or_default().to_owned();
    let is_one = one_word(case.scenario, case.past);
    let is_outside = |word: &str| matches!(word, "deleted" | "detached");
    let agree = |expected: &str, got: &str| {
        expected == got || is_one && [expected, got].iter().all(|word| is_outside(word))
    };
    expected.len() == got.len()
        && expected.iter().all(|(name, expected)| {
            let got = got.get(name).map(word).unwrap_or_default();
            agree(&word(expected), &got) || is_so(name, &word(expected), &got)
        })
}

/// Whether an object stays in entail, and is gone in SQLAlchemy: for [`all_states`].
pub fn stays_here(_: &str, expected: &str, got: &str) -> bool {
    matches!(expected, "deleted" | "detached") && got == "persistent"
}

/// Whether an object is gone in entail, and stays in SQLAlchemy: for [`all_states`].
pub fn is_gone_here(_: &str, expected: &str, got: &str) -> bool {
    expected == "persistent" && matches!(got, "deleted" | "detached")
}

/// Whether `deleted` and `detached` are one word: without expiry SQLAlchemy says the first also after a
/// commit.
pub fn one_word(scenario: &Scenario, past: &Past) -> bool {
    past.committed && !scenario.session.expire_on_commit
}

/// Whether entail's tables have all rows of SQLAlchemy's and more, apart from generated keys and what
/// refers to others.
pub fn has_more_rows(case: &Case<'_>) -> bool {
    let (Some(fewer), Some(more)) = (case.expected.tables(), case.got.tables()) else {
        return false;
    };
    let counts = |table: &str, column: &str| is_own(case, table, column);
    let (fewer, mut more) = (texts(fewer, counts), texts(more, counts));
    let is_there = |row: &String| {
        let at = more.iter().position(|other| other == row);
        at.map(|at| more.swap_remove(at)).is_some()
    };
    fewer.iter().all(is_there) && !more.is_empty()
}

/// Whether the same rows are there, apart from generated keys and what refers to others.
pub fn same_but_references(case: &Case<'_>) -> bool {
    same_rows(case, |table, column| is_own(case, table, column))
}

/// Whether a column holds neither a generated key, nor what refers to another row, nor a version, which
/// counts changes of that.
pub fn is_own(case: &Case<'_>, table: &str, column: &str) -> bool {
    let is_version =
        case.scenario.entities.iter().any(|entity| {
            entity.table == table && entity.version_column.as_deref() == Some(column)
        });
    let Some(table) = case.scenario.table(table) else { return true };
    let is_generated = table.column(column).is_some_and(|one| one.autoincrement);
    let refers = table.foreign_keys.iter().any(|key| key.columns.iter().any(|one| one == column));
    !is_generated && !refers && !is_version
}

/// Whether the same rows are there, as far as some columns go, by table and name.
pub fn same_rows(case: &Case<'_>, counts: impl Fn(&str, &str) -> bool) -> bool {
    match (case.expected.tables(), case.got.tables()) {
        (Some(expected), Some(got)) => texts(expected, &counts) == texts(got, &counts),
        _ => false,
    }
}

/// The rows as sorted texts, with those columns that count.
pub fn texts(tables: &Map<String, Json>, counts: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut texts = Vec::new();
    for (table, rows) in tables {
        for row in rows.as_array().into_iter().flatten().filter_map(Json::as_object) {
            let kept = row.iter().filter(|(column, _)| counts(table, column));
            let kept: Vec<_> = kept.map(|(column, value)| format!("{column} {value}")).collect();
            texts.push(format!("{table} {}", kept.join(" ")));
        }
    }
    texts.sort_unstable();
    texts
}

/// Whether a relationship with post_update writes to a table.
pub fn has_post_update(scenario: &Scenario, table: &str) -> bool {
    scenario.entities.iter().any(|entity| {
        entity.relationships.iter().filter(|one| one.post_update).any(|one| {
            let writes_here = matches!(one.kind, Kind::ManyToOne) && entity.table == table;
            let target = scenario.entities.iter().find(|target| target.name == one.target);
            writes_here || target.is_some_and(|target| target.table == table)
        })
    })
}

/// Whether rows of some entity have a version.
pub fn has_version(scenario: &Scenario) -> bool {
    scenario.entities.iter().any(|one| one.version_column.is_some())
}

/// Whether the key of an entity is not one that the database counts up.
pub fn has_given_key(scenario: &Scenario, entity: &str) -> bool {
    let entity = scenario.entities.iter().find(|one| one.name == entity);
    let table = entity.and_then(|entity| scenario.table(&entity.table));
    table.is_some_and(|table| {
        table.columns.iter().any(|column| column.primary_key && !column.autoincrement)
    })
}

/// Whether rows of a table refer to others.
pub fn has_foreign_key(scenario: &Scenario, table: &str) -> bool {
    scenario.table(table).is_some_and(|table| !table.foreign_keys.is_empty())
}

/// Whether rows of a table can refer to each other in a ring.
pub fn is_in_a_ring(scenario: &Scenario, table: &str) -> bool {
    let leads_to = |from: &str| {
        let table = scenario.table(from);
        table.into_iter().flat_map(|table| &table.foreign_keys).map(|key| &key.references.table)
    };
    let mut seen: HashSet<&str> = HashSet::new();
    let mut open: Vec<&str> = leads_to(table).map(String::as_str).collect();
    while let Some(next) = open.pop() {
        if seen.insert(next) {
            open.extend(leads_to(next).map(String::as_str));
        }
    }
    seen.contains(table)
}

/// Whether rows of a table are linked by an association table.
pub fn is_linked(scenario: &Scenario, table: &str) -> bool {
    let is_end = |entity: &Entity| {
        entity.relationships.iter().filter(|one| one.secondary.is_some()).any(|one| {
            let target = scenario.entities.iter().find(|target| target.name == one.target);
            entity.table == table || target.is_some_and(|target| target.table == table)
        })
    };
    scenario.entities.iter().any(is_end)
}

/// Whether SQLAlchemy's tables have all rows of entail's and more.
pub fn has_fewer_rows(case: &Case<'_>) -> bool {
    let turned = Case { expected: case.got, got: case.expected, ..*case };
    has_more_rows(&turned)
}

/// The names in a list that a view shows.
pub fn members(view: Option<&Json>) -> Option<Vec<String>> {
    let names = view?.as_array()?.iter().filter_map(Json::as_str);
    Some(names.map(str::to_owned).collect())
}

/// The names that one list has beyond those of another, if it has all of those and more.
pub fn additions(more: Option<&Json>, fewer: Option<&Json>) -> Option<Vec<String>> {
    let are_lists = members(more).is_some() && members(fewer).is_some();
    let rest = beyond(more, fewer);
    (are_lists && beyond(fewer, more).is_empty() && !rest.is_empty()).then_some(rest)
}

/// The names in one list that are not in another.
pub fn beyond(list: Option<&Json>, other: Option<&Json>) -> Vec<String> {
    let mut rest = members(list).unwrap_or_default();
    for name in members(other).unwrap_or_default() {
        if let Some(at) = rest.iter().position(|one| *one == name) {
            rest.remove(at);
        }
    }
    rest
}

/// Whether an object may be expired, or stale.
pub fn may_be_stale(case: &Case<'_>) -> bool {
    let by_commit = case.scenario.session.expire_on_commit && case.past.committed;
    case.past.expired || case.past.rolled_back || by_commit
}

/// Whether a relationship deletes what it lets go of.
pub fn deletes_orphans(relationship: &Relationship) -> bool {
    relationship.cascade.as_deref().is_some_and(|cascade| cascade.contains("delete-orphan"))
}

/// Whether some relationship does, and allows it no second parent.
pub fn has_single_parent(case: &Case<'_>) -> bool {
    all_relationships(case).any(|one| one.single_parent && deletes_orphans(one))
}

/// Whether the database deletes rows of a table along with those that they refer to.
pub fn goes_along(case: &Case<'_>, table: &str) -> bool {
    let mut keys = case.scenario.table(table).into_iter().flat_map(|table| &table.foreign_keys);
    keys.any(|key| key.on_delete.as_deref() == Some("cascade"))
}

/// Whether it does so of any table.
pub fn cascades_below(case: &Case<'_>) -> bool {
    case.scenario.tables.iter().any(|table| goes_along(case, &table.name))
}

/// Whether a step brings an object to another, or into the session.
pub fn attaches(step: &Step) -> bool {
    matches!(step, Step::SetRel { .. } | Step::Append { .. } | Step::Add { .. })
}

/// Whether a step changes an object.
pub fn changes(step: &Step) -> bool {
    matches!(
        step,
        Step::Set { .. }
            | Step::SetRel { .. }
            | Step::ClearRel { .. }
            | Step::Append { .. }
            | Step::Remove { .. }
    )
}
