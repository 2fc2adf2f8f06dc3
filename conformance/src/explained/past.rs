//! The past of a scenario: what SQLAlchemy answered so far, as far as the rules need it.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use super::Answer;
use super::look::changes;
use crate::scenario::{Branch, Graph, Step, Target};

/// What happened so far in a scenario.
#[derive(Debug, Default)]
pub struct Past {
    /// Whether a commit succeeded.
    pub committed: bool,
    /// Whether a flush failed.
    pub failed: bool,
    /// Whether a transaction was rolled back, by a step or after a failure.
    pub rolled_back: bool,
    /// Whether a statement of the scenario's own wrote something.
    pub raw: bool,
    /// Whether such a statement deleted rows.
    pub raw_delete: bool,
    /// Whether an object was expired.
    pub expired: bool,
    /// Whether an object was refreshed.
    pub refreshed: bool,
    /// Whether an object was expunged.
    pub expunged: bool,
    /// Whether something was given to `delete` after something was.
    pub deleted_again: bool,
    /// Whether an object was given to `delete` twice.
    pub deleted_twice: bool,
    /// Whether something was deleted, or a column set, since the last step that flushes: with
    /// autoflush SQLAlchemy may have flushed to load something for that.
    pub may_have_flushed: bool,
    /// Whether something was deleted since the last step that flushes.
    pub unflushed_delete: bool,
    /// Whether something was merged.
    pub merged: bool,
    /// Whether a column was read after something was merged.
    pub read_after_a_merge: bool,
    /// Whether something was merged after a flush had failed.
    pub merged_after_failure: bool,
    /// Whether something was merged that has the key of a deleted object.
    pub merged_onto_deleted: bool,
    /// Whether an object of which a column was set was read before the next step that flushes.
    pub read_what_was_set: bool,
    /// The columns that were set to NULL.
    pub nulled: HashSet<String>,
    /// Whether a column was set of an object that had been given to `delete`.
    pub set_after_delete: bool,
    /// Whether something was deleted while changes had not been flushed.
    pub deleted_unflushed: bool,
    /// Whether two were brought together after something was given to `delete`.
    pub joined_after_delete: bool,
    /// Whether an object was expunged after something was given to `delete`, and before a flush.
    pub expunged_after_delete: bool,
    /// Whether a relationship was set to nobody, or somebody taken out of a list.
    pub let_go: bool,
    /// Whether a mark to be deleted was taken back by an `add`.
    pub taken_back: bool,
    /// Whether an object was put into the lists of several owners.
    pub shared: bool,
    /// Whether an object may be twice in a list.
    pub doubled: bool,
    /// The names of objects that were deleted, detached or transient when states were asked for last.
    pub gone: HashSet<String>,
    /// Which pairs were brought together: twice, and one may be twice in the list of the other.
    appended: HashSet<[String; 2]>,
    /// Who was put into whose list first.
    owners: HashMap<String, String>,
    /// Whether there are changes that were not flushed.
    unflushed: bool,
    /// Which columns of which objects were set.
    set: HashSet<(String, String)>,
    /// The names of expired objects whose rows were found gone when they were read.
    lost: HashSet<String>,
    /// The names that were given to `delete`.
    deleted: HashSet<String>,
    /// The names by which `get` found what had another name.
    aliases: HashMap<String, String>,
    /// The entities of the names.
    entities: HashMap<String, String>,
    /// The names of objects that were made new.
    made: HashSet<String>,
    /// Whether somebody may have been taken out of the list of an object that was made new.
    pub let_go_of_by_made: bool,
    /// Whether something was done to the list of an object that was made new.
    pub made_lists: bool,
}

fn sorted(mut pair: [String; 2]) -> [String; 2] {
    pair.sort_unstable();
    pair
}

impl Past {
    /// Notes what SQLAlchemy answered to a step.
    pub fn note(&mut self, step: &Step, answer: &Json) {
        let answer = Answer::new(answer);
        if let Step::SetRel { owner, value: Target::Many(_), .. }
        | Step::Remove { owner, .. }
        | Step::ClearRel { owner, .. } = step
        {
            self.let_go_of_by_made |= self.is_made(owner);
        }
        match step {
            Step::New { entity, name, .. } => {
                self.is_a(name, entity);
                self.made.insert(name.clone());
            }
            Step::Merge { name, value } => {
                self.is_a(name, &value.entity);
                self.note_graph(value);
                self.merged = true;
                self.merged_after_failure |= self.failed;
            }
            Step::Get { entity, key, name: Some(name) } => {
                self.is_a(name, entity);
                if let Some(first) = key.get("$key").and_then(Json::as_str) {
                    let first = self.first_name(first).to_owned();
                    self.aliases.insert(name.clone(), first);
                }
            }
            Step::Append { owner, value, .. } => {
                self.taken_back |= answer.is_ok() && self.was_deleted(value);
                self.join(owner, value);
                self.share(owner, value);
                self.made_lists |= self.is_made(owner);
            }
            Step::SetRel { owner: value, value: Target::One(Some(owner)), .. } => {
                self.join(owner, value);
                self.made_lists |= self.is_made(owner);
            }
            Step::SetRel { owner, value: Target::Many(members), .. } => {
                for member in members {
                    self.join(owner, member);
                    self.share(owner, member);
                }
            }
            Step::SetRel { value: Target::One(None), .. }
            | Step::Remove { .. }
            | Step::ClearRel { .. } => self.let_go = true,
            Step::Expire { .. } => self.expired = true,
            Step::Refresh { .. } => self.refreshed |= answer.is_ok(),
            Step::Delete { object } => {
                self.deleted_unflushed |= self.unflushed;
                self.may_have_flushed = true;
                self.unflushed_delete = true;
                if answer.is_ok() {
                    self.deleted_again |= !self.deleted.is_empty();
                    self.deleted_twice |= !self.deleted.insert(self.first_name(object).to_owned());
                }
            }
            Step::Add { object } => {
                self.taken_back |= answer.is_ok() && self.was_deleted(object);
            }
            Step::Set { object, column, value } => {
                self.may_have_flushed = true;
                self.set_after_delete |= self.was_deleted(object);
                self.set.insert((self.first_name(object).to_owned(), column.clone()));
                if value.is_null() {
                    self.nulled.insert(column.clone());
                }
            }
            Step::Expunge { .. } | Step::ExpungeAll => {
                self.expunged |= answer.is_ok();
                self.expunged_after_delete |= answer.is_ok() && self.unflushed_delete;
            }
            Step::Read { object, .. } if answer.error() == "invalid_request" => {
                self.lost.insert(self.first_name(object).to_owned());
            }
            Step::Read { object, .. } => {
                self.read_after_a_merge |= self.merged;
                let was_set = self.columns_set(object).next().is_some();
                self.read_what_was_set |= self.unflushed && was_set;
            }
            Step::Flush => self.note_flush(),
            Step::Commit => {
                self.note_flush();
                self.committed |= answer.is_ok();
            }
            Step::Rollback => {
                self.note_flush();
                self.rolled_back = true;
            }
            Step::RollbackTo => self.rolled_back = true,
            Step::Sql { sql } if answer.is_ok() => {
                self.raw = true;
                self.raw_delete |= sql.trim_start().starts_with("DELETE");
            }
            Step::States => self.note_states(answer),
            _ => {}
        }
        self.unflushed |= changes(step) || matches!(step, Step::Merge { .. });
        self.failed |= answer.is_of_a_flush();
        self.rolled_back |= self.failed;
    }

    /// Nothing is unflushed any more.
    fn note_flush(&mut self) {
        self.may_have_flushed = false;
        self.unflushed = false;
        self.unflushed_delete = false;
        self.read_what_was_set = false;
    }

    /// A graph is merged: what it sets to NULL, and whether it has the key of a deleted object.
    fn note_graph(&mut self, graph: &Graph) {
        for (column, value) in &graph.set {
            if value.is_null() {
                self.nulled.insert(column.clone());
            }
            let key_of = value.get("$key").and_then(Json::as_str);
            self.merged_onto_deleted |= key_of.is_some_and(|name| self.was_deleted(name));
        }
        for branch in graph.rels.values() {
            match branch {
                Branch::Many(graphs) => graphs.iter().for_each(|one| self.note_graph(one)),
                Branch::One(one) => one.iter().for_each(|one| self.note_graph(one)),
            }
        }
    }

    /// Two objects were brought together.
    fn join(&mut self, one: &str, other: &str) {
        let both = [one, other].map(|name| self.first_name(name).to_owned());
        self.joined_after_delete |= self.unflushed_delete;
        self.doubled |= !self.appended.insert(sorted(both));
    }

    /// An object was put into a list.
    fn share(&mut self, owner: &str, member: &str) {
        let [owner, member] = [owner, member].map(|name| self.first_name(name).to_owned());
        let first = self.owners.entry(member).or_insert_with(|| owner.clone());
        self.shared |= *first != owner;
    }

    fn is_a(&mut self, name: &str, entity: &str) {
        self.entities.insert(name.to_owned(), entity.to_owned());
    }

    fn note_states(&mut self, answer: Answer<'_>) {
        let Some(states) = answer.states() else { return };
        let gone = states.iter().filter(|(_, word)| {
            matches!(word.as_str(), Some("deleted" | "detached" | "transient"))
        });
        self.gone = gone.map(|(name, _)| name.clone()).collect();
    }

    /// The name that an object was given first.
    fn first_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }

    /// Whether an object was given to `delete`, by any of its names.
    pub fn was_deleted(&self, name: &str) -> bool {
        self.deleted.contains(self.first_name(name))
    }

    /// Who was given to `delete`, by the names that they were given first.
    pub fn deleted(&self) -> impl Iterator<Item = &str> {
        self.deleted.iter().map(String::as_str)
    }

    /// Whether an object was made new.
    pub fn is_made(&self, name: &str) -> bool {
        self.made.contains(self.first_name(name))
    }

    /// Whether two objects were brought together.
    pub fn were_joined(&self, one: &str, other: &str) -> bool {
        let both = [one, other].map(|name| self.first_name(name).to_owned());
        self.appended.contains(&sorted(both))
    }

    /// With how many others an object was brought together.
    pub fn companions(&self, name: &str) -> usize {
        let name = self.first_name(name);
        self.appended.iter().filter(|pair| pair.iter().any(|one| one == name)).count()
    }

    /// The columns of an object that were set.
    pub fn columns_set<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let name = self.first_name(name);
        self.set.iter().filter(move |(object, _)| object == name).map(|(_, column)| column.as_str())
    }

    /// Whether anything was given to `delete`.
    pub fn has_deleted(&self) -> bool {
        !self.deleted.is_empty()
    }

    /// Whether an object was expired, and its row was found gone.
    pub fn was_lost(&self, name: &str) -> bool {
        self.lost.contains(self.first_name(name))
    }

    /// Whether an object was brought together with such a one.
    pub fn joined_the_lost(&self, name: &str) -> bool {
        self.lost.iter().any(|lost| self.were_joined(name, lost))
    }

    /// The names that objects were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entities.keys().map(String::as_str)
    }

    /// The entity of an object.
    pub fn entity(&self, name: &str) -> Option<&str> {
        self.entities.get(name).map(String::as_str)
    }
}
