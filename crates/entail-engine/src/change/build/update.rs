//! Updates: what of an object differs from its row.

use smallvec::SmallVec;

use crate::batch::{Expect, Operation, Param, ParamRef};
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::value::{Value, ValueRef};

use super::super::bulk::{BulkRow, NewRow, Of, Pairs, put, updated};
use super::super::{ChangeSet, Phase, RowChange};
use super::{Builder, Scratch};

impl Builder<'_> {
    pub(super) fn update(
        &self,
        id: ObjectId,
        cause: u32,
        scratch: &mut Scratch,
        changes: &mut ChangeSet,
    ) -> Result<(), FlushError> {
        let entity = self.entity(id);
        if self.update_plainly(id, cause, &mut scratch.columns, changes) {
            return Ok(());
        }
        let Scratch { values, key, .. } = scratch;
        values.clear();
        key.clear();
        self.add_committed_key(id, key);
        let follows = self.follows.contains_key(&id);
        if !follows {
            self.add_own_changes(id, values)?;
        }
        for column in 0..if follows { self.table(id).columns.len() } else { 0 } {
            let Some(param) = self.changed(id, column) else { continue };
            let part = entity.key.iter().position(|&one| one == column);
            if let Some(part) = part {
                self.check_generated_key(id, column, &param)?;
                if self.follow(id, column).is_some_and(|follow| follow.carried) {
                    key[part].1 = param;
                    continue;
                }
            }
            values.push((column, param));
        }
        let ordering = &self.table(id).ordering_columns;
        let waits = values.iter().any(|(column, _)| ordering.contains(column));
        let version = self.bump(id, entity, values, key, changes);
        if follows {
            self.write_back(id, Phase::Main, changes);
        }
        if values.is_empty() {
        } else if waits {
            changes.rows.push(RowChange {
                object: id,
                table: self.table(id).id,
                operation: Operation::Update,
                phase: Phase::Main,
                values: std::mem::take(values),
                key: std::mem::take(key),
                generated: None,
                old: self.given_up(id),
                expect: Expect::Exactly(1),
                order: 0,
                cause,
            });
        } else {
            let row = BulkRow { object: Some(id), slot: 0, order: 0, cause };
            put(
                &mut changes.bulks,
                NewRow {
                    table: self.table(id).id,
                    operation: Operation::Update,
                    of: Of::Objects,
                    values,
                    key,
                    generated: &[],
                    row,
                },
            );
        }
        if follows {
            self.post_update(id, Phase::After, version, changes);
        }
        Ok(())
    }

    /// Writes an object whose changed columns nobody waits for, or says that there is more to it.
    fn update_plainly(
        &self,
        id: ObjectId,
        cause: u32,
        columns: &mut SmallVec<[usize; 8]>,
        changes: &mut ChangeSet,
    ) -> bool {
        let arena = self.fates.arena;
        let (entity, table) = (self.entity(id), self.table(id));
        if entity.version.is_some() || self.follows.contains_key(&id) {
            return false;
        }
        columns.clear();
        arena.compare(id, &mut |column, _| columns.push(column));
        if columns.is_empty() {
            return true;
        }
        let waits = |column| entity.key.contains(column) || table.ordering_columns.contains(column);
        let Some(key) = &arena.cell(id).key else { return false };
        if columns.iter().any(waits) {
            return false;
        }
        let bulk = updated(&mut changes.bulks, table.id, columns, &entity.key);
        arena.push_params(id, columns, &mut bulk.params);
        bulk.params.extend(key.values().iter().map(|value| ParamRef::Value(value.as_ref())));
        bulk.push(BulkRow { object: Some(id), slot: 0, order: 0, cause });
        true
    }

    /// The columns of an object that follow no relationship and differ from the row.
    fn add_own_changes(&self, id: ObjectId, values: &mut Pairs) -> Result<(), FlushError> {
        let arena = self.fates.arena;
        let key = &self.entity(id).key;
        let mut key_changed = None;
        arena.compare(id, &mut |column, now| {
            values.push((column, Param::Value(now.map_or(Value::Null, ValueRef::to_value))));
            if key.contains(&column) {
                key_changed = Some(values.len() - 1);
            }
        });
        match key_changed.map(|place| &values[place]) {
            Some((column, param)) => self.check_generated_key(id, *column, param),
            None => Ok(()),
        }
    }

    /// The value of a column that differs from what the row has.
    fn changed(&self, id: ObjectId, column: usize) -> Option<Param> {
        let arena = self.fates.arena;
        let committed = arena.committed_column(id, column);
        let blind = arena.is_blind(id, column);
        let follow = self.follow(id, column).filter(|follow| !follow.separately);
        if let Some(follow) = follow {
            let param = self.resolve(follow.source);
            let same = match (&param, committed) {
                (Param::Value(new), Some(old)) => new.as_ref() == old,
                (Param::Value(new), None) => new.is_null(),
                (Param::Slot(_), _) => false,
            };
            return (!same || blind).then_some(param);
        }
        let now = arena.column(id, column);
        let differs = match (now, committed) {
            (Some(now), Some(committed)) => now != committed,
            (None, None) => false,
            (Some(one), None) | (None, Some(one)) => !one.is_null(),
        };
        (differs || blind).then(|| Param::Value(now.map_or(Value::Null, ValueRef::to_value)))
    }

    fn check_generated_key(
        &self,
        id: ObjectId,
        column: usize,
        new: &Param,
    ) -> Result<(), FlushError> {
        if self.entity(id).generated_key != Some(column) {
            return Ok(());
        }
        let arena = self.fates.arena;
        Err(FlushError::GeneratedKeyChanged {
            object: arena.label(id),
            old: arena.committed_column(id, column).map_or("unset".to_owned(), |v| v.to_string()),
            new: match new {
                Param::Value(value) => value.to_string(),
                Param::Slot(_) => "a key of another row".to_owned(),
            },
        })
    }
}
