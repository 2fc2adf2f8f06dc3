//! Relationships: the steps that change and view them, loading where SQLAlchemy's attributes do.

use std::sync::Arc;

use entail::dynamic::{DynamicMany, DynamicOne, Record};
use entail::{Handle, State};
use entail_engine::mapping::{Kind, PassiveDeletes, RelationshipId};
use serde_json::{Value as Json, json};

use super::{Answer, Runner};
use crate::failure::Failure;
use crate::scenario::Target;

/// An object and one of its relationships.
struct Held {
    owner: Handle<Record>,
    id: RelationshipId,
    kind: Kind,
    /// Whether the target has no other parent: what the relationship held must be known before it is set.
    single_parent: bool,
}

impl Runner {
    fn held(&self, owner: &str, rel: &str) -> Result<Held, Failure> {
        let handle = self.names.object(owner)?;
        let mapping = Arc::clone(&self.mapping);
        let relationship = mapping
            .relationship_named(handle.raw().entity(), rel)
            .ok_or_else(|| Failure::invalid(format!("`{owner}` has no `{rel}`")))?;
        Ok(Held {
            owner: handle,
            id: relationship.id,
            kind: relationship.kind,
            single_parent: relationship.single_parent,
        })
    }

    /// Whether SQLAlchemy knows what a detached object leads to, although it is not loaded: it goes on
    /// to load for one whose deletion was committed, or has loaded its lists before it deleted it.
    fn is_known(&self, held: &Held) -> bool {
        let mapping = &self.mapping;
        let is_null = |&column: &usize| {
            let value = self.session.column(held.owner, column);
            value.is_ok_and(|value| value.is_none_or(|value| value.is_null()))
        };
        let leads_nowhere = || mapping.relationship(held.id).child_columns.iter().any(is_null);
        let is_loaded = !self.expire_on_commit
            || match held.kind {
                Kind::ManyToOne => leads_nowhere(),
                _ => mapping.relationship(held.id).passive_deletes == PassiveDeletes::No,
            };
        self.buried.contains(&held.owner) && is_loaded
    }

    /// Loads a relationship that is not loaded; this flushes first where autoflush is on.
    fn load(&mut self, held: &Held) -> Result<(), Failure> {
        if self.session.is_loaded(held.owner, DynamicMany(held.id))? {
            return Ok(());
        }
        let detached = self.session.state(held.owner) == State::Detached;
        if detached && !self.is_known(held) {
            return Err(Failure::invalid("a detached object cannot load its relationships"));
        }
        self.session.load(held.owner, DynamicMany(held.id))?;
        Ok(())
    }

    /// Loads what a member of a list has for its only parent, as SQLAlchemy does before it has another.
    fn load_only_parent(&mut self, held: &Held, member: Handle<Record>) -> Result<(), Failure> {
        let mapping = Arc::clone(&self.mapping);
        let other_side = mapping.relationship(held.id).inverse.map(|id| mapping.relationship(id));
        match other_side.filter(|one| one.single_parent && !one.kind.is_many()) {
            Some(one) if self.session.state(member) == State::Persistent => {
                let held = Held { owner: member, id: one.id, kind: one.kind, single_parent: true };
                self.load_quietly(&held)
            }
            _ => Ok(()),
        }
    }

    /// Loads a relationship without a flush before. Where its row is gone, nobody knows what it held.
    fn load_quietly(&mut self, held: &Held) -> Result<(), Failure> {
        let autoflush = self.session.set_autoflush(false);
        let loaded = self.load(held);
        self.session.set_autoflush(autoflush);
        loaded.or_else(|failure| if failure.is_of_a_lost_row() { Ok(()) } else { Err(failure) })
    }

    pub(super) fn append(&mut self, owner: &str, rel: &str, value: &str) -> Result<(), Failure> {
        let held = self.held(owner, rel)?;
        let value = self.names.object(value)?;
        self.load(&held)?;
        self.load_only_parent(&held, value)?;
        self.session.try_push(held.owner, DynamicMany(held.id), value)?;
        Ok(())
    }

    pub(super) fn remove(&mut self, owner: &str, rel: &str, value: &str) -> Result<(), Failure> {
        let held = self.held(owner, rel)?;
        let value = self.names.object(value)?;
        self.load(&held)?;
        self.load_only_parent(&held, value)?;
        self.session.try_remove(held.owner, DynamicMany(held.id), value)?;
        Ok(())
    }

    /// The recorded answers are those of an empty list that replaces the present one, which
    /// shows where an object is in it twice.
    pub(super) fn clear_relationship(&mut self, owner: &str, rel: &str) -> Result<(), Failure> {
        self.set_relationship(owner, rel, &Target::Many(Vec::new()))
    }

    pub(super) fn set_relationship(
        &mut self,
        owner: &str,
        rel: &str,
        value: &Target,
    ) -> Result<(), Failure> {
        let held = self.held(owner, rel)?;
        match value {
            Target::Many(names) => {
                let mut members = Vec::with_capacity(names.len());
                for name in names {
                    members.push(self.names.object(name)?);
                }
                self.load(&held)?;
                self.session.set_all(held.owner, DynamicMany(held.id), members)?;
            }
            Target::One(name) => {
                if held.single_parent {
                    self.load_quietly(&held)?;
                }
                let target = name.as_deref().and_then(|name| self.names.find(name));
                self.session.try_set(held.owner, DynamicOne(held.id), target)?;
            }
        }
        Ok(())
    }

    pub(super) fn view(&mut self, owner: &str, rel: &str) -> Result<Answer, Failure> {
        let held = self.held(owner, rel)?;
        self.load(&held)?;
        let view = if held.kind.is_many() {
            let members = self.session.many(held.owner, DynamicMany(held.id))?;
            let mut names: Vec<_> = members.into_iter().map(|one| self.names.of(one)).collect();
            names.sort();
            json!(names)
        } else {
            let target = self.session.one(held.owner, DynamicOne(held.id))?;
            target.map_or(Json::Null, |target| json!(self.names.of(target)))
        };
        Ok(Answer::from_iter([("view".to_owned(), view)]))
    }
}
