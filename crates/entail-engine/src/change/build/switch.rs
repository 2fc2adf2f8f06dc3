//! Row switches: a new object with the key of a deleted one takes over its row.

use rustc_hash::FxHashMap;

use crate::arena::Flags;
use crate::batch::{Expect, Operation, Param};
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::mapping::EntityMap;
use crate::value::{Value, ValueRef};

use super::super::fate::Work;
use super::super::{CauseNode, ChangeSet, Phase, Reason, RowChange};
use super::Builder;

/// New objects that take over the rows of deleted ones, because they have their keys.
#[derive(Default)]
pub(super) struct Switches {
    pub by_new: FxHashMap<ObjectId, ObjectId>,
    pub by_old: FxHashMap<ObjectId, ObjectId>,
}

impl Builder<'_> {
    /// Finds new objects that have the key of an object that is deleted.
    pub(super) fn row_switches(&self) -> Result<Switches, FlushError> {
        let mut switches = Switches::default();
        if !self.fates.any_deleted {
            return Ok(switches);
        }
        for (&id, fate) in self.fates.all.iter() {
            if fate.work != Work::Save || self.fates.arena.cell(id).key.is_some() {
                continue;
            }
            let key: Option<Vec<Value>> = self
                .entity(id)
                .key
                .iter()
                .map(|&column| match self.value(id, column) {
                    Param::Value(value) if !value.is_null() => Some(value),
                    _ => None,
                })
                .collect();
            let old = key.and_then(|key| self.fates.arena.find(id.entity, &key));
            if let Some(old) = old
                && self.fates.is_deleted(old)
                && !self.fates.arena.flags(old).has(Flags::DELETED)
                && !switches.by_old.contains_key(&old)
            {
                switches.by_new.insert(id, old);
                switches.by_old.insert(old, id);
            }
        }
        Ok(switches)
    }

    /// The new object's values go into the row of the old one; what it leaves unset stays.
    pub(super) fn switch(&self, id: ObjectId, former: ObjectId, changes: &mut ChangeSet) {
        let arena = self.fates.arena;
        let entity = self.entity(id);
        let mut values = Vec::new();
        for column in 0..self.table(id).columns.len() {
            if entity.key.contains(&column) {
                continue;
            }
            let follow = self.follow(id, column).filter(|follow| !follow.separately);
            let param = match follow {
                Some(follow) => self.resolve(follow.source),
                None => match arena.column(id, column) {
                    Some(value) => Param::Value(value.to_value()),
                    None => continue,
                },
            };
            values.push((column, param));
        }
        let old = self.given_up(former);
        let mut key = self.committed_key(former);
        let version = self.bump_switch(id, former, entity, &mut values, &mut key, changes);
        self.write_back(id, Phase::Main, changes);
        if !values.is_empty() {
            let cause = changes.causes.len() as u32;
            changes.causes.push(CauseNode {
                object: id,
                key: arena.cell(former).key.clone(),
                reason: Reason::Switched,
                parent: None,
            });
            changes.rows.push(RowChange {
                object: id,
                table: self.table(id).id,
                operation: Operation::Update,
                phase: Phase::Main,
                values,
                key,
                generated: None,
                old,
                expect: Expect::Exactly(1),
                order: 0,
                cause,
            });
        }
        self.post_update(id, Phase::After, version, changes);
    }

    fn bump_switch(
        &self,
        id: ObjectId,
        former: ObjectId,
        entity: &EntityMap,
        values: &mut Vec<(usize, Param)>,
        key: &mut Vec<(usize, Param)>,
        changes: &mut ChangeSet,
    ) -> Option<Value> {
        let column = entity.version?;
        let old = self.fates.arena.committed_column(former, column).map(ValueRef::to_value)?;
        let Value::Int(number) = old else { return None };
        if values.is_empty() {
            return Some(old);
        }
        // The new object's own version says nothing about the row that it takes over.
        values.retain(|(one, _)| *one != column);
        key.push((column, Param::Value(old)));
        let next = Value::Int(number.wrapping_add(1));
        values.push((column, Param::Value(next.clone())));
        changes.write_back.push(id, column, Param::Value(next.clone()));
        Some(next)
    }
}
