//! Sets: rows that a delete reaches and nothing in memory needs are written by the keys of their
//! parents, one statement a table, instead of being loaded.

use crate::cascade::Missing;
use crate::handle::ObjectId;
use crate::mapping::{Cascade, Kind, PassiveDeletes, Relationship};

use super::fate::Fates;
use super::{CauseNode, ChangeSet, Hop, Reason, SetChange, Unloaded};
use crate::batch::Operation;

impl Fates<'_> {
    /// A delete cascade that was not loaded when the owner was marked. If it was loaded since,
    /// those that are still there go along.
    pub fn reach_deferred(&mut self, missing: Missing, number: u64) {
        let Missing { relationship, owner } = missing;
        if !self.arena.is_loaded(relationship, owner.slot) {
            self.reach_unloaded(missing);
            return;
        }
        let target = self.mapping.relationship(relationship).target;
        let of = self.reason_of(owner);
        for slot in self.arena.history(relationship, owner.slot).unchanged {
            let child = ObjectId { entity: target, slot };
            let cause = self.cause(child, Reason::Cascaded(relationship, Cascade::Delete), of);
            self.delete_belatedly(child, cause, number);
        }
    }

    /// An unloaded relationship of a deleted object: by a set if nothing in memory needs the
    /// rows, else it must be loaded.
    pub fn reach_unloaded(&mut self, missing: Missing) {
        let relationship = self.mapping.relationship(missing.relationship);
        if self.unloaded == Unloaded::InSets
            && self.can_be_a_set(relationship)
            && !self.arena.is_loaded(missing.relationship, missing.owner.slot)
        {
            self.sets.entry(missing.relationship).or_default().insert(missing.owner);
        } else {
            self.needs.relationships.push(missing);
        }
    }

    /// Whether the rows behind a relationship can be written without being known.
    fn can_be_a_set(&mut self, relationship: &Relationship) -> bool {
        if let Some(&known) = self.set_able.get(&relationship.id) {
            return known;
        }
        // A ring of relationships ends here: it has no last table.
        self.set_able.insert(relationship.id, false);
        let able = self.is_set_able(relationship);
        self.set_able.insert(relationship.id, able);
        able
    }

    fn is_set_able(&mut self, relationship: &Relationship) -> bool {
        let mapping = self.mapping;
        match relationship.kind {
            Kind::ManyToOne => return false,
            Kind::ManyToMany => {
                return !relationship.cascade.has(Cascade::Delete)
                    && !relationship.cascade.has(Cascade::DeleteOrphan);
            }
            Kind::OneToMany | Kind::OneToOne => {}
        }
        let target = mapping.entity(relationship.target);
        if relationship.post_update
            || target.version.is_some()
            || self.arena.has_objects(relationship.target)
        {
            return false;
        }
        if !relationship.cascade.has(Cascade::Delete) {
            let blanks_key = relationship.child_columns.iter().any(|c| target.key.contains(c));
            return !blanks_key;
        }
        target.relationships.iter().all(|&next| {
            let next = mapping.relationship(next);
            let left_alone = next.viewonly || next.passive_deletes != PassiveDeletes::No;
            match next.kind {
                Kind::ManyToOne => !next.cascade.has(Cascade::Delete) && !next.post_update,
                _ => left_alone || self.can_be_a_set(next),
            }
        })
    }

    /// Writes down the sets, for each relationship from the nearest rows to the farthest.
    pub fn write_sets(&self, changes: &mut ChangeSet) {
        for (&relationship, owners) in &self.sets {
            let relationship = self.mapping.relationship(relationship);
            let keys: Vec<_> = owners
                .iter()
                .filter_map(|&owner| {
                    self.arena.committed_values(owner, &relationship.parent_columns)
                })
                .filter(|key| !key.iter().any(|value| value.is_null()))
                .collect();
            let first = owners.first().and_then(|&owner| self.reason_of(owner)).unwrap_or(0);
            if !keys.is_empty() {
                let reach = Reached { keys: &keys, cause: first };
                self.write_set(relationship, Vec::new(), &reach, changes);
            }
        }
    }

    fn write_set(
        &self,
        relationship: &Relationship,
        hops: Vec<Hop>,
        reach: &Reached<'_>,
        changes: &mut ChangeSet,
    ) {
        let deletes = relationship.cascade.has(Cascade::Delete);
        let (table, operation) = match &relationship.link {
            Some(link) => (link.table, Operation::Delete),
            None if deletes => (self.mapping.entity(relationship.target).table, Operation::Delete),
            None => (self.mapping.entity(relationship.target).table, Operation::Update),
        };
        let cause = changes.causes.len() as u32;
        let of = &changes.causes[reach.cause as usize];
        let node = CauseNode {
            object: of.object,
            key: of.key.clone(),
            reason: Reason::Reached(relationship.id),
            parent: Some(reach.cause),
        };
        changes.causes.push(node);
        changes.sets.push(SetChange {
            operation,
            table,
            columns: relationship.child_columns.clone(),
            hops: hops.clone(),
            keys: reach.keys.to_vec(),
            cause,
        });
        if relationship.link.is_some() || !deletes {
            return;
        }
        for &next in &self.mapping.entity(relationship.target).relationships {
            let next = self.mapping.relationship(next);
            if next.viewonly
                || next.kind == Kind::ManyToOne
                || next.passive_deletes != PassiveDeletes::No
            {
                continue;
            }
            let mut further = vec![Hop {
                table,
                select: next.parent_columns.clone(),
                columns: relationship.child_columns.clone(),
            }];
            further.extend(hops.iter().cloned());
            self.write_set(next, further, &Reached { keys: reach.keys, cause }, changes);
        }
    }
}

/// The keys at the far end of a set, and the reason behind it.
struct Reached<'a> {
    keys: &'a [Vec<crate::value::Value>],
    cause: u32,
}
