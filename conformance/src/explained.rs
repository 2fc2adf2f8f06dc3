//! Differences that are explained: each rule stands for a line of DEVIATIONS.md, which it names.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use crate::scenario::{Entity, Scenario, Step, Target};

/// What follows from a difference that is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explained {
    /// From here on the two sessions are in different states: nothing more is compared.
    FromHere,
    /// Only this answer is not compared.
    Here,
}

/// What happened so far in a scenario, as far as the rules need it.
#[derive(Debug, Default)]
pub struct Past {
    committed: bool,
    /// Whether a flush failed before.
    failed: bool,
    /// Whether a transaction was rolled back before, by a step or after a failure.
    rolled_back: bool,
    /// Whether a statement of the scenario's own wrote something.
    raw: bool,
    /// Whether something was given to `delete` after something else was.
    deleted_again: bool,
    /// Whether an object was expunged.
    expunged: bool,
    /// What was appended to which owners: twice to one, and the object is twice in a list.
    appended: HashSet<(String, String)>,
    /// Whether an object may be twice in a list.
    doubled: bool,
    /// Whether something was deleted or set since the last step that flushes, for which SQLAlchemy may
    /// have read something.
    after_delete: bool,
    /// Whether an assignment was refused.
    refused: bool,
    /// The names of expired objects whose rows were found gone when they were read.
    lost: HashSet<String>,
    /// Whether something was merged after a flush had failed.
    merged_after_failure: bool,
    /// The names that were given to `delete`, each with all names of its object.
    deleted: HashSet<String>,
    /// The names of objects that were deleted, detached or transient when states were asked for last.
    gone: HashSet<String>,
    /// The names by which `get` found what had another name.
    aliases: HashMap<String, String>,
    /// The entities of the names.
    entities: HashMap<String, String>,
}

impl Past {
    /// Notes what SQLAlchemy answered to a step.
    pub fn note(&mut self, step: &Step, expected: &Json) {
        let ok = expected.get("ok").is_some();
        match step {
            Step::New { entity, name, .. } => self.is_a(name, entity),
            Step::Merge { name, value } => {
                self.is_a(name, &value.entity);
                self.merged_after_failure |= self.failed;
            }
            Step::Expunge { .. } | Step::ExpungeAll => self.expunged = true,
            Step::Get { entity, key, name: Some(name) } => {
                self.is_a(name, entity);
                if let Some(first) = key.get("$key").and_then(Json::as_str) {
                    let first = self.first_name(first).to_owned();
                    self.aliases.insert(name.clone(), first);
                }
            }
            Step::Commit => self.committed |= ok,
            Step::Append { owner, value, .. }
            | Step::SetRel { owner: value, value: Target::One(Some(owner)), .. } => {
                let pair = (owner.clone(), value.clone());
                self.doubled |= !self.appended.insert(pair);
            }
            Step::Delete { object } if ok => {
                self.deleted_again |= !self.deleted.is_empty();
                let first = self.first_name(object).to_owned();
                self.deleted.insert(first);
            }
            Step::Read { object, .. } if error(expected) == Some("invalid_request") => {
                let first = self.first_name(object).to_owned();
                self.lost.insert(first);
            }
            Step::Sql { .. } => self.raw |= ok,
            Step::States => self.note_states(expected),
            _ => {}
        }
        match step {
            // Setting a key reads the old one first.
            Step::Delete { .. } | Step::Set { .. } => self.after_delete = true,
            Step::Flush | Step::Commit | Step::Rollback => self.after_delete = false,
            _ => {}
        }
        let attaches = matches!(step, Step::SetRel { .. } | Step::Append { .. });
        self.refused |= attaches && error(expected) == Some("invalid_request");
        self.failed |= error(expected).is_some_and(is_of_a_flush);
        self.rolled_back |= self.failed || matches!(step, Step::Rollback | Step::RollbackTo);
    }

    fn is_a(&mut self, name: &str, entity: &str) {
        self.entities.insert(name.to_owned(), entity.to_owned());
    }

    fn note_states(&mut self, expected: &Json) {
        let Some(states) = expected.get("states").and_then(Json::as_object) else { return };
        let gone = states.iter().filter(|(_, word)| {
            matches!(word.as_str(), Some("deleted" | "detached" | "transient"))
        });
        self.gone = gone.map(|(name, _)| name.clone()).collect();
    }

    /// The name that an object was given first.
    fn first_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }

    fn was_deleted(&self, name: &str) -> bool {
        self.deleted.contains(self.first_name(name))
    }

    /// Whether a commit succeeded.
    pub fn committed(&self) -> bool {
        self.committed
    }

    /// Why two answers may differ; none if they may not.
    pub fn explains(
        &self,
        scenario: &Scenario,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        if error(expected).is_some() && error(expected) == error(got) {
            return failed_without_rollback(step, expected)
                .or_else(|| refused_in_part(step, expected));
        }
        let rules = [
            self.planned_past(scenario, step, expected, got),
            self.row_not_needed(step, expected, got),
            key_not_given(expected, got),
            refused_beforehand(expected, got),
            deleted_by_null(expected, got),
            self.number_given_again(step, expected, got),
            not_loaded(step, expected, got),
            still_there(step, expected, got),
            gone_behind_it(step, expected, got),
            read_to_show(scenario, step, expected, got),
            self.flushed_by_a_delete(scenario, step, expected, got),
            self.two_owners(step, expected, got),
            self.counted_first(expected, got),
            counted_together(scenario, expected, got),
            self.lost_by_reading(step, expected, got),
            self.kept_from_a_failed_flush(step, expected, got),
            self.deleted_twice(scenario, step, expected, got),
            self.deleted_once_more(step, expected, got),
            self.never_had_the_row(scenario, step, expected, got),
            self.not_loaded_by_a_delete(step, expected, got),
            self.read_by_a_delete(step, expected, got),
            self.known_after_a_rollback(step, expected, got),
        ];
        rules.into_iter().flatten().next()
    }

    /// ORDER-05, ORDER-09: where SQLAlchemy cannot order the statements, or trips over a unique value,
    /// entail plans past it. The database may still refuse what SQLAlchemy never came to (RB-06). ORDER-13,
    /// M2M-07: so it does where rows that are deleted refer to each other, or a link is added to one.
    /// STATE-09: or two objects stand for one row, one of them in the session only for SQLAlchemy. CASC-ORPH-20:
    /// or a refused assignment has made an orphan of what the row still refers to. POSTUPD-01:
    /// a new row whose reference is written afterwards is inserted with NULL, not with what an insert that
    /// was rolled back has left in its column.
    fn planned_past(
        &self,
        scenario: &Scenario,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        let kind = error(expected)?;
        let passed = got.get("ok").is_some();
        let later = error(got).is_some_and(|error| error.starts_with("integrity."));
        if matches!(kind, "cycle" | "integrity.unique") && (passed || later) {
            return Some(Explained::FromHere);
        }
        let detail = expected["detail"].as_str().unwrap_or_default();
        let of_a_delete = kind == "integrity.foreign_key" && detail.contains("[SQL: DELETE FROM");
        let is_own = matches!(step, Step::Sql { .. });
        let may_be = has_rings_or_links(scenario) || self.expunged || self.refused;
        let of_an_insert = kind == "integrity.foreign_key" && detail.contains("[SQL: INSERT INTO");
        let left_over = of_an_insert && self.rolled_back && has_post_update(scenario);
        (passed && !is_own && (of_a_delete && may_be || left_over)).then_some(Explained::FromHere)
    }

    /// RB-01: after a failed flush SQLAlchemy's objects keep keys and foreign keys that it had given
    /// them, so that the next one is refused, or refused for another reason, and a key is known by
    /// which somebody looks.
    fn kept_from_a_failed_flush(
        &self,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        let of_flush = |answer: &Json| error(answer).is_some_and(is_of_a_flush);
        let passes = |answer: &Json| of_flush(answer) || answer.get("ok").is_some();
        let refused = of_flush(expected) || of_flush(got);
        let otherwise = refused && passes(expected) && passes(got);
        let found = matches!(step, Step::Get { .. }) && expected.get("found") != got.get("found");
        // Merging finds by keys, too; and a foreign key that was kept may be written.
        let merged = self.merged_after_failure && matches!(step, Step::View { .. } | Step::States);
        let kept = matches!(step, Step::Tables) && differs_in_numbers(expected, got);
        (self.failed && (otherwise || found || merged || kept)).then_some(Explained::FromHere)
    }

    /// RB-03, EXPIRE-03: SQLAlchemy must read an expired object whose row is gone, to flush it, to delete
    /// it or to merge onto it, after a rollback above all; entail knows enough without that.
    fn row_not_needed(&self, step: &Step, expected: &Json, got: &Json) -> Option<Explained> {
        let detail = expected["detail"].as_str().unwrap_or_default();
        let is_gone = detail.contains("or its row is otherwise not present");
        if is_gone && (got.get("ok").is_some() || error(got) == Some("stale_data")) {
            return Some(Explained::FromHere);
        }
        let reads = match step {
            Step::Flush | Step::Commit => true,
            Step::Delete { .. } | Step::Merge { .. } => self.rolled_back,
            _ => false,
        };
        (reads && error(expected)? == "invalid_request").then_some(Explained::FromHere)
    }

    /// STATE-04: without expiry SQLAlchemy's deleted objects stay in the session after the commit; one
    /// that is deleted once more counts as persistent after a rollback, although it has no row.
    fn deleted_twice(
        &self,
        scenario: &Scenario,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        let Step::States = step else { return None };
        if scenario.session.expire_on_commit || !self.committed || self.deleted.is_empty() {
            return None;
        }
        let (expected, got) =
            (expected.get("states")?.as_object()?, got.get("states")?.as_object()?);
        let mut differing = expected.iter().filter(|(name, word)| {
            let found = got.get(*name);
            found != Some(word) && !(*word == "deleted" && found == Some(&Json::from("detached")))
        });
        let lives_on = |(name, word): (&String, &Json)| {
            *word == "persistent" && got.get(name) == Some(&Json::from("detached"))
        };
        differing.clone().next()?;
        differing.all(lives_on).then_some(Explained::FromHere)
    }

    /// CASC-DEL-21: SQLAlchemy deletes an object once more that is deleted already, if its owner is
    /// deleted: the object is found again, and where SQLite has given its number to another row, that
    /// row goes.
    fn deleted_once_more(&self, step: &Step, expected: &Json, got: &Json) -> Option<Explained> {
        if !self.deleted_again {
            return None;
        }
        let passes = expected.get("ok").is_some();
        let differs_so = match step {
            Step::Get { .. } => expected.get("found") == Some(&Json::Bool(true)) && passes,
            Step::Flush | Step::Commit => {
                passes && error(got) == Some("integrity.foreign_key")
                    || error(expected) == Some("stale_data") && got.get("ok").is_some()
            }
            Step::SetRel { .. } | Step::Append { .. } => passes && is_code(got, "E0206"),
            Step::Tables => has_rows_of(expected, got),
            Step::Rollback => error(expected) == Some("invalid_request"),
            _ => false,
        };
        differs_so.then_some(Explained::FromHere)
    }

    /// CASC-DEL-01, WRITE-03: where SQLAlchemy's `delete` or the change of a key loads, it flushes first if autoflush is on; the next
    /// flush may then refuse what is half done, while entail has flushed nothing yet.
    fn flushed_by_a_delete(
        &self,
        scenario: &Scenario,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        let detail = expected["detail"].as_str().unwrap_or_default();
        let refused = detail.contains("Query-invoked autoflush") && got.get("ok").is_some();
        let shows = self.after_delete && matches!(step, Step::States | Step::Tables);
        let deletes = !self.deleted.is_empty() || matches!(step, Step::Delete { .. });
        let may_have = scenario.session.autoflush && (deletes || self.after_delete);
        (may_have && (refused || shows)).then_some(Explained::FromHere)
    }

    /// IDMAP-02: a number whose row was deleted by a statement is given to another row by SQLite, and
    /// to which one depends on the order of the inserts.
    fn number_given_again(&self, step: &Step, expected: &Json, got: &Json) -> Option<Explained> {
        let differs = expected.get("found").is_some() && expected.get("found") != got.get("found");
        (self.raw && matches!(step, Step::Get { .. }) && differs).then_some(Explained::FromHere)
    }

    /// EXPIRE-09: reading an expired object whose row is gone leaves it where it is; entail has asked for it
    /// by its key, which says that it is gone.
    fn lost_by_reading(&self, step: &Step, expected: &Json, got: &Json) -> Option<Explained> {
        let Step::States = step else { return None };
        let (expected, got) =
            (expected.get("states")?.as_object()?, got.get("states")?.as_object()?);
        let mut differing = expected.iter().filter(|(name, word)| got.get(*name) != Some(word));
        differing.clone().next()?;
        let is_lost = |(name, _): (&String, &Json)| self.lost.contains(self.first_name(name));
        differing.all(is_lost).then_some(Explained::FromHere)
    }

    /// BACKREF-10: of two owners that have an object in their lists, because it was twice in one of
    /// them, chance says in SQLAlchemy which one has the last word.
    fn two_owners(&self, step: &Step, expected: &Json, got: &Json) -> Option<Explained> {
        let shows = matches!(step, Step::Tables) && differs_in_numbers(expected, got);
        (self.doubled && shows).then_some(Explained::FromHere)
    }

    /// RB-04: where a new object's key was changed in the transaction that is rolled back, SQLAlchemy
    /// gives it the key back that it had first. It is detached then, although it never had a row.
    fn never_had_the_row(
        &self,
        scenario: &Scenario,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        let (Step::States, true) = (step, self.rolled_back) else { return None };
        let (expected, got) =
            (expected.get("states")?.as_object()?, got.get("states")?.as_object()?);
        let mut differing = expected.iter().filter(|(name, word)| got.get(*name) != Some(word));
        differing.clone().next()?;
        let is_so = |(name, word): (&String, &Json)| {
            *word == "detached"
                && got.get(name) == Some(&Json::from("transient"))
                && self.entities.get(name).is_some_and(|one| has_given_key(scenario, one))
        };
        differing.all(is_so).then_some(Explained::FromHere)
    }

    /// CASC-DEL-01, NULLIFY-01, STATE-11: SQLAlchemy has loaded what a deleted object led to, or goes
    /// on to load it; entail has reached it without loading it.
    fn not_loaded_by_a_delete(
        &self,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        let Step::View { owner, .. } = step else { return None };
        let view = got.get("view");
        let empty =
            view.is_some_and(|view| view.is_null() || view.as_array().is_some_and(Vec::is_empty));
        let cannot = got["detail"] == "a detached object cannot load its relationships";
        let unknown = empty || cannot && expected.get("ok").is_some();
        let is_gone = self.was_deleted(owner) || self.gone.contains(owner);
        (is_gone && unknown).then_some(Explained::Here)
    }

    /// CASC-DEL-01: SQLAlchemy has read an expired object to delete it; entail reads it when it is asked
    /// for, and a flush that goes before deletes it.
    fn read_by_a_delete(&self, step: &Step, expected: &Json, got: &Json) -> Option<Explained> {
        let Step::Read { object, .. } = step else { return None };
        let is_gone = error(got) == Some("invalid_request") && expected.get("ok").is_some();
        (self.was_deleted(object) && is_gone).then_some(Explained::FromHere)
    }

    /// RB-03: after a rollback SQLAlchemy has expired both ends, and the one that is let go of keeps
    /// what it leads to, since nobody reads it; entail's objects have their values. RB-01: what a
    /// transient object leads to is as before the transaction, not as the failed flush left it.
    fn known_after_a_rollback(
        &self,
        step: &Step,
        expected: &Json,
        got: &Json,
    ) -> Option<Explained> {
        let Step::View { .. } = step else { return None };
        let (one, other) = (expected.get("view")?, got.get("view")?);
        let differs_so = one.is_string() && other.is_null() || one.is_null() && other.is_string();
        (self.rolled_back && differs_so).then_some(Explained::Here)
    }

    /// STALE-01: entail counts the rows of every statement as it runs; SQLAlchemy counts those of one
    /// shape together, so that another failure may come first where a row was deleted behind it.
    fn counted_first(&self, expected: &Json, got: &Json) -> Option<Explained> {
        let kind = error(expected).unwrap_or_default();
        // It flushes less often by itself, too, and may not have come to the row yet.
        let not_yet = expected.get("ok").is_some();
        let other = kind.starts_with("integrity.") || kind == "cycle" || not_yet;
        (self.raw && other && error(got) == Some("stale_data")).then_some(Explained::FromHere)
    }
}

/// Whether an answer is a refusal with this code.
fn is_code(got: &Json, code: &str) -> bool {
    got["detail"].as_str().is_some_and(|detail| detail.starts_with(code))
}

/// Whether all rows of the one answer are in the other.
fn has_rows_of(fewer: &Json, more: &Json) -> bool {
    let (Some(fewer), Some(more)) = (fewer["tables"].as_object(), more["tables"].as_object())
    else {
        return false;
    };
    fewer.iter().all(|(table, rows)| {
        let (rows, others) = (rows.as_array(), more.get(table).and_then(Json::as_array));
        rows.zip(others).is_some_and(|(rows, others)| rows.iter().all(|row| others.contains(row)))
    })
}

/// Whether the same rows are there, apart from the numbers in them.
fn differs_in_numbers(one: &Json, other: &Json) -> bool {
    let bare = |answer: &Json| -> Vec<String> {
        let tables = answer["tables"].as_object().into_iter().flatten();
        let rows = tables.flat_map(|(table, rows)| {
            let rows = rows.as_array().into_iter().flatten().filter_map(Json::as_object);
            rows.map(move |row| {
                let kept = row.iter().filter(|(_, value)| !value.is_number() && !value.is_null());
                let kept: Vec<_> = kept.map(|(name, value)| format!("{name} {value}")).collect();
                format!("{table} {}", kept.join(" "))
            })
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable();
        rows
    };
    bare(one) == bare(other)
}

/// Whether a relationship of the scenario has post_update.
fn has_post_update(scenario: &Scenario) -> bool {
    scenario.entities.iter().flat_map(|one| &one.relationships).any(|one| one.post_update)
}

/// Whether the key of an entity is not one that the database counts up.
fn has_given_key(scenario: &Scenario, entity: &str) -> bool {
    let entity = scenario.entities.iter().find(|one| one.name == entity);
    let table = entity.and_then(|entity| scenario.table(&entity.table));
    table.is_some_and(|table| {
        table.columns.iter().any(|column| column.primary_key && !column.autoincrement)
    })
}

/// Whether rows of the scenario's tables can refer to each other in a ring, or are linked.
fn has_rings_or_links(scenario: &Scenario) -> bool {
    let leads_to = |from: &str| {
        let table = scenario.table(from);
        table.into_iter().flat_map(|table| &table.foreign_keys).map(|key| &key.references.table)
    };
    let in_a_ring = |start: &str| {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut open: Vec<&str> = leads_to(start).map(String::as_str).collect();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(leads_to(next).map(String::as_str));
            }
        }
        seen.contains(start)
    };
    let is_linked =
        |entity: &Entity| entity.relationships.iter().any(|one| one.secondary.is_some());
    scenario.tables.iter().any(|table| in_a_ring(&table.name))
        || scenario.entities.iter().any(is_linked)
}

/// STALE-01, POSTUPD-10: references that are written afterwards are counted together in SQLAlchemy, before
/// the deletes; entail lets go of each where its row's turn comes.
fn counted_together(scenario: &Scenario, expected: &Json, got: &Json) -> Option<Explained> {
    let refused = error(got).is_some_and(|error| error.starts_with("integrity."));
    let stale = error(expected)? == "stale_data";
    (stale && refused && has_post_update(scenario)).then_some(Explained::FromHere)
}

/// WRITE-06: SQLAlchemy has given an object a key of NULL, which it then cannot delete by.
fn deleted_by_null(expected: &Json, got: &Json) -> Option<Explained> {
    let refused = expected["detail"].as_str()?.contains("using NULL for primary key value");
    (refused && error(got).is_some_and(is_of_a_flush)).then_some(Explained::FromHere)
}

/// NULLIFY-06: a key that would be lost is refused before anything is sent. SQLAlchemy may have sent
/// something before that the database refuses.
fn refused_beforehand(expected: &Json, got: &Json) -> Option<Explained> {
    let refused = error(got) == Some("key_blanked");
    (error(expected)?.starts_with("integrity.") && refused).then_some(Explained::FromHere)
}

/// WRITE-03, STATE-11: SQLAlchemy must load before it changes an attribute, and cannot. CASC-DEL-01: or
/// it has loaded something, to delete it, that stands in the way.
fn not_loaded(step: &Step, expected: &Json, got: &Json) -> Option<Explained> {
    let changes = matches!(
        step,
        Step::Set { .. }
            | Step::SetRel { .. }
            | Step::ClearRel { .. }
            | Step::Append { .. }
            | Step::Remove { .. }
            | Step::Add { .. }
            | Step::Delete { .. }
            | Step::Read { .. }
    );
    let detail = expected["detail"].as_str().unwrap_or_default();
    let cannot = is_in_the_way(detail)
        || detail.contains("is not bound to a Session")
        || detail.contains("has been deleted, or its row is otherwise not present");
    (changes && cannot && got.get("ok").is_some()).then_some(Explained::FromHere)
}

/// STATE-09: SQLAlchemy refuses to attach an object after part of its graph has come in, or other
/// members of its list have. A merge that is refused has copied in part, in another order here and there.
fn refused_in_part(step: &Step, expected: &Json) -> Option<Explained> {
    let detail = expected["detail"].as_str().unwrap_or_default();
    let is_list = matches!(step, Step::SetRel { value: Target::Many(_), .. });
    let of_a_merge =
        matches!(step, Step::Merge { .. }) && error(expected) == Some("invalid_request");
    let of_a_list = is_list && detail.contains("has been deleted.  Use");
    (is_in_the_way(detail) || of_a_list || of_a_merge).then_some(Explained::FromHere)
}

/// EXPIRE-03: to show a column of an expired object, or that it leads to nobody, entail reads it, and
/// flushes before; SQLAlchemy may know that from a flush that has read it.
fn read_to_show(
    scenario: &Scenario,
    step: &Step,
    expected: &Json,
    got: &Json,
) -> Option<Explained> {
    let shows = match step {
        Step::View { .. } => expected.get("view").is_some_and(Json::is_null),
        Step::Read { .. } => expected.get("ok").is_some(),
        _ => false,
    };
    let refused = scenario.session.autoflush && error(got).is_some_and(is_of_a_flush);
    (shows && refused).then_some(Explained::FromHere)
}

/// EXPIRE-09: SQLAlchemy shows an empty list of an expired object whose row is gone, if it asks by a column
/// that it cannot read any more; entail says that the row is gone.
fn gone_behind_it(step: &Step, expected: &Json, got: &Json) -> Option<Explained> {
    let view = expected.get("view").filter(|_| matches!(step, Step::View { .. }))?;
    let empty = view.is_null() || view.as_array().is_some_and(Vec::is_empty);
    (empty && is_code(got, "E0404")).then_some(Explained::Here)
}

/// STATE-09: an object that SQLAlchemy has loaded, and nobody refers to any more, is gone from its
/// session; entail's session owns what it has loaded.
fn still_there(step: &Step, expected: &Json, got: &Json) -> Option<Explained> {
    let attaches = matches!(step, Step::SetRel { .. } | Step::Append { .. } | Step::Add { .. });
    let differs_so = expected.get("ok").is_some() && is_code(got, "E0207");
    (attaches && differs_so).then_some(Explained::FromHere)
}

/// Whether SQLAlchemy says that an object stands for the row already.
fn is_in_the_way(detail: &str) -> bool {
    detail.contains("another instance with key")
}

/// DBFK-02, RB-06: after a flush that failed within a step that does not roll back, SQLAlchemy's objects
/// are transient and its session refuses all use, while entail's are as before.
fn failed_without_rollback(step: &Step, error_of_both: &Json) -> Option<Explained> {
    let rolls_back = matches!(step, Step::Flush | Step::Commit | Step::Release | Step::Sql { .. });
    (is_of_a_flush(error(error_of_both)?) && !rolls_back).then_some(Explained::FromHere)
}

/// SYNC-07: an object without a value for a key that the database does not make is refused before
/// anything is sent. SQLAlchemy leaves it to the database, and SQLite makes up an integer.
fn key_not_given(expected: &Json, got: &Json) -> Option<Explained> {
    (error(expected)?.starts_with("integrity.") && is_code(got, "E0304"))
        .then_some(Explained::FromHere)
}

fn error(answer: &Json) -> Option<&str> {
    answer.get("error").and_then(Json::as_str)
}

/// Whether an error is one that a flush gives.
fn is_of_a_flush(error: &str) -> bool {
    error.starts_with("integrity.")
        || matches!(error, "stale_data" | "flush" | "key_blanked" | "cycle")
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn scenario() -> Scenario {
        let session = json!({"autoflush": false, "expire_on_commit": false});
        let scenario =
            json!({"name": "a-1", "session": session, "tables": [], "entities": [], "steps": []});
        from_value(scenario).expect("the scenario is well-formed")
    }

    fn explains(past: &Past, step: Json, expected: Json, got: Json) -> Option<Explained> {
        let step: Step = from_value(step).expect("the step is well-formed");
        past.explains(&scenario(), &step, &expected, &got)
    }

    #[test]
    fn a_ring_that_entail_cuts_is_explained_and_one_that_it_refuses_is_not() {
        let past = Past::default();
        let flush = || json!({"op": "flush"});
        let cycle = || json!({"error": "cycle"});
        let ok = || json!({"ok": true});
        assert_eq!(explains(&past, flush(), cycle(), ok()), Some(Explained::FromHere));
        assert_eq!(explains(&past, flush(), ok(), cycle()), None);
        assert_eq!(explains(&past, flush(), cycle(), json!({"error": "stale_data"})), None);
    }

    #[test]
    fn a_failed_autoflush_ends_the_comparison_only_if_both_failed_alike() {
        let past = Past::default();
        let view = || json!({"op": "view", "owner": "a", "rel": "b"});
        let unique = || json!({"error": "integrity.unique"});
        let null = || json!({"error": "integrity.not_null"});
        assert_eq!(explains(&past, view(), null(), null()), Some(Explained::FromHere));
        assert_eq!(explains(&past, view(), null(), unique()), None);
        assert_eq!(explains(&past, json!({"op": "flush"}), null(), null()), None);
    }

    #[test]
    fn other_refusals_are_explained_only_after_a_failed_flush() {
        let mut past = Past::default();
        let refusals =
            || (json!({"error": "integrity.foreign_key"}), json!({"error": "integrity.not_null"}));
        let (expected, got) = refusals();
        assert_eq!(explains(&past, json!({"op": "commit"}), expected, got), None);
        past.note(&Step::Flush, &json!({"error": "integrity.not_null"}));
        let (expected, got) = refusals();
        let explained = explains(&past, json!({"op": "commit"}), expected, got);
        assert_eq!(explained, Some(Explained::FromHere));
    }

    #[test]
    fn a_deleted_object_may_live_on_without_expiry_and_shows_no_lists() {
        let mut past = Past::default();
        let states = |word: &str| json!({"ok": true, "states": {"a": word}});
        let step = || json!({"op": "states"});
        assert_eq!(explains(&past, step(), states("persistent"), states("detached")), None);
        let delete = from_value(json!({"op": "delete", "ref": "a"})).expect("a step");
        past.note(&delete, &json!({"ok": true}));
        past.note(&Step::Commit, &json!({"ok": true}));
        let explained = explains(&past, step(), states("persistent"), states("detached"));
        assert_eq!(explained, Some(Explained::FromHere));
        assert_eq!(explains(&past, step(), states("persistent"), states("transient")), None);
        let view = |owner: &str| json!({"op": "view", "owner": owner, "rel": "r"});
        let (full, empty) = (json!({"ok": true, "view": ["b"]}), json!({"ok": true, "view": []}));
        assert_eq!(explains(&past, view("a"), full.clone(), empty.clone()), Some(Explained::Here));
        assert_eq!(explains(&past, view("c"), full, empty), None);
    }
}
