//! Building: from fates and foreign keys to the rows that are written.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::arena::Flags;
use crate::batch::{Expect, Operation, Param};
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::key::Key;
use crate::mapping::{EntityMap, Table};
use crate::value::{Value, ValueRef};

use super::bulk::{BulkRow, NewRow, Of, Pairs, put};
use super::fate::{Fates, Work};
use super::synchronise::{Follow, Follows, Foreign, Link, Source};
use super::{ChangeSet, LinkChange, Phase, Reason, RowChange};

/// Builds the change set.
pub(super) fn build(mut fates: Fates<'_>, foreign: Foreign) -> Result<ChangeSet, FlushError> {
    let mut changes = ChangeSet {
        causes: std::mem::take(&mut fates.causes),
        dropped: std::mem::take(&mut fates.dropped),
        kept: Vec::with_capacity(fates.all.len()),
        ..ChangeSet::default()
    };
    let mut builder =
        Builder { fates: &fates, follows: &foreign.follows, slots: FxHashMap::default(), next: 0 };
    builder.assign_slots();
    let switches = builder.row_switches()?;
    let mut scratch = Scratch::default();
    for (&id, fate) in &fates.all {
        match fate.work {
            Work::Save => changes.kept.push(id),
            Work::Delete => changes.deleted.push(id),
        }
        if fate.listed_only {
            builder.write_back(id, Phase::Main, &mut changes);
            continue;
        }
        match fate.work {
            Work::Delete => builder.delete(id, &switches, &mut changes),
            Work::Save if fates.arena.cell(id).key.is_some() => {
                builder.update(id, &mut scratch, &mut changes)?;
            }
            Work::Save => match switches.by_new.get(&id) {
                Some(&old) => builder.switch(id, old, &mut changes),
                None => builder.insert(id, &mut scratch, &mut changes)?,
            },
        }
    }
    for (&id, follows) in &foreign.follows {
        if !fates.all.contains_key(&id) && fates.arena.cell(id).key.is_none() {
            let values = follows.iter().map(|one| (id, one.column, builder.resolve(one.source)));
            changes.write_back.extend(values);
        }
    }
    for link in foreign.links {
        builder.link(link, &mut scratch, &mut changes);
    }
    changes.slots = builder.next as usize;
    fates.write_sets(&mut changes);
    Ok(changes)
}

/// Lists that are filled anew for each row.
#[derive(Default)]
struct Scratch {
    values: Pairs,
    key: Pairs,
}

/// New objects that take over the rows of deleted ones, because they have their keys.
#[derive(Default)]
struct Switches {
    by_new: FxHashMap<ObjectId, ObjectId>,
    by_old: FxHashMap<ObjectId, ObjectId>,
}

/// How far a key is followed through keys that are foreign keys themselves. A longer chain is a
/// ring, and its rows have no key at all.
const MAX_CHAIN: usize = 64;

struct Builder<'a> {
    fates: &'a Fates<'a>,
    follows: &'a IndexMap<ObjectId, Follows, FxBuildHasher>,
    /// The first slot of each object that is inserted.
    slots: FxHashMap<ObjectId, u32>,
    next: u32,
}

impl Builder<'_> {
    fn entity(&self, id: ObjectId) -> &EntityMap {
        self.fates.mapping.entity(id.entity)
    }

    fn table(&self, id: ObjectId) -> &Table {
        self.fates.mapping.table_of(id.entity)
    }

    /// Whether the database makes the value of a column that it can make: nothing is given.
    fn is_made(&self, id: ObjectId, column: usize) -> bool {
        self.fates.arena.column(id, column).is_none_or(ValueRef::is_null)
            && self.follow(id, column).is_none()
    }

    /// The columns that the database makes when the object is inserted.
    fn generated(&self, id: ObjectId) -> Arc<[usize]> {
        let all = &self.entity(id).generated;
        if all.iter().all(|&column| self.is_made(id, column)) {
            return Arc::clone(all);
        }
        all.iter().copied().filter(|&column| self.is_made(id, column)).collect()
    }

    /// Gives slots to the generated columns of all new objects: those of one entity follow each
    /// other, as their rows will.
    fn assign_slots(&mut self) {
        let fates = self.fates;
        let is_new = |id: ObjectId| fates.arena.cell(id).key.is_none();
        let mut starts = vec![0u32; fates.mapping.entities().len()];
        for (&id, fate) in &fates.all {
            if fate.work == Work::Save && is_new(id) {
                starts[id.entity.0 as usize] += self.generated(id).len() as u32;
            }
        }
        for start in &mut starts {
            self.next += std::mem::replace(start, self.next);
        }
        for (&id, fate) in &fates.all {
            if fate.work == Work::Save && is_new(id) {
                let count = self.generated(id).len() as u32;
                if count > 0 {
                    let start = &mut starts[id.entity.0 as usize];
                    self.slots.insert(id, *start);
                    *start += count;
                }
            }
        }
    }

    fn follow(&self, id: ObjectId, column: usize) -> Option<&Follow> {
        if !self.table(id).is_foreign[column] {
            return None;
        }
        self.follows.get(&id)?.iter().find(|one| one.column == column)
    }

    fn resolve(&self, source: Source) -> Param {
        self.resolve_within(source, MAX_CHAIN)
    }

    fn resolve_within(&self, source: Source, steps: usize) -> Param {
        match source {
            Source::Null => Param::Value(Value::Null),
            Source::Column(id, column) => self.value_within(id, column, steps),
        }
    }

    /// A column as it is after the flush.
    fn value(&self, id: ObjectId, column: usize) -> Param {
        self.value_within(id, column, MAX_CHAIN)
    }

    fn value_within(&self, id: ObjectId, column: usize, steps: usize) -> Param {
        if steps > 0
            && let Some(follow) = self.follow(id, column)
            && follow.source != Source::Column(id, column)
        {
            return self.resolve_within(follow.source, steps - 1);
        }
        match self.fates.arena.column(id, column) {
            Some(value) if !value.is_null() => Param::Value(value.to_value()),
            _ => match self.slots.get(&id) {
                Some(&first) => self.slot_of(id, column, first),
                None => Param::Value(Value::Null),
            },
        }
    }

    fn slot_of(&self, id: ObjectId, column: usize, first: u32) -> Param {
        match self.generated(id).iter().position(|&one| one == column) {
            Some(place) => Param::Slot(first + place as u32),
            None => Param::Value(Value::Null),
        }
    }

    // --- Insert --------------------------------------------------------------------------------

    fn insert(
        &self,
        id: ObjectId,
        scratch: &mut Scratch,
        changes: &mut ChangeSet,
    ) -> Result<(), FlushError> {
        let entity = self.entity(id);
        let table = self.table(id);
        let Scratch { values, key } = scratch;
        values.clear();
        key.clear();
        let slot = self.slots.get(&id).copied();
        let generated = if slot.is_some() { self.generated(id) } else { Arc::default() };
        for (index, column) in table.columns.iter().enumerate() {
            if generated.contains(&index) {
                continue;
            }
            let param = match self.follow(id, index) {
                Some(follow) if follow.separately => self.own_value(id, index),
                Some(follow) => {
                    let param = self.resolve(follow.source);
                    changes.write_back.push((id, index, param.clone()));
                    param
                }
                None => self.own_value(id, index),
            };
            let param = match (param, &column.default) {
                (Param::Value(Value::Null), Some(default)) => {
                    changes.write_back.push((id, index, Param::Value(default.clone())));
                    Param::Value(default.clone())
                }
                (Param::Value(Value::Null), None) if entity.version == Some(index) => {
                    changes.write_back.push((id, index, Param::Value(Value::Int(1))));
                    Param::Value(Value::Int(1))
                }
                (param, _) => param,
            };
            values.push((index, param));
        }
        self.check_key(id, entity, values)?;
        let row = BulkRow {
            object: Some(id),
            slot: slot.unwrap_or(0),
            order: self.fates.arena.cell(id).order,
            cause: self.cause(id),
        };
        put(
            &mut changes.bulks,
            NewRow {
                table: table.id,
                operation: Operation::Insert,
                of: Of::Objects,
                values,
                key,
                generated,
                row,
            },
        );
        self.post_update(id, Phase::After, None, changes);
        Ok(())
    }

    fn own_value(&self, id: ObjectId, column: usize) -> Param {
        let value = self.fates.arena.column(id, column);
        Param::Value(value.map_or(Value::Null, ValueRef::to_value))
    }

    /// A single key column without a value would be made up by some databases, and nobody would
    /// know it.
    fn check_key(
        &self,
        id: ObjectId,
        entity: &EntityMap,
        values: &[(usize, Param)],
    ) -> Result<(), FlushError> {
        let &[column] = entity.key.as_slice() else { return Ok(()) };
        let integer = !matches!(
            self.table(id).columns[column].ty,
            crate::value::ColumnType::Text { .. } | crate::value::ColumnType::Bytes
        );
        let missing = values.iter().any(|(c, v)| *c == column && *v == Param::Value(Value::Null));
        let follows = self.follow(id, column).is_some();
        if integer && missing && !follows {
            return Err(FlushError::NoKey {
                object: self.fates.arena.label(id),
                column: self.table(id).columns[column].name.to_string(),
            });
        }
        Ok(())
    }

    // --- Update --------------------------------------------------------------------------------

    fn update(
        &self,
        id: ObjectId,
        scratch: &mut Scratch,
        changes: &mut ChangeSet,
    ) -> Result<(), FlushError> {
        let arena = self.fates.arena;
        let entity = self.entity(id);
        let Scratch { values, key } = scratch;
        values.clear();
        key.clear();
        self.add_committed_key(id, key);
        let changed_columns = arena.cell(id).snapshot.is_some() || self.follows.contains_key(&id);
        let columns = if changed_columns { self.table(id).columns.len() } else { 0 };
        for column in 0..columns {
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
        self.write_back(id, Phase::Main, changes);
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
                cause: self.cause(id),
            });
        } else {
            let row = BulkRow { object: Some(id), slot: 0, order: 0, cause: self.cause(id) };
            put(
                &mut changes.bulks,
                NewRow {
                    table: self.table(id).id,
                    operation: Operation::Update,
                    of: Of::Objects,
                    values,
                    key,
                    generated: Arc::default(),
                    row,
                },
            );
        }
        self.post_update(id, Phase::After, version, changes);
        Ok(())
    }

    /// The value of a column that differs from what the row has.
    fn changed(&self, id: ObjectId, column: usize) -> Option<Param> {
        let arena = self.fates.arena;
        let committed = arena.committed_column(id, column);
        let blind = arena.cell(id).snapshot.as_ref().is_some_and(|one| one.is_blind(column));
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

    /// The key by which the row is found.
    fn committed_key(&self, id: ObjectId) -> Pairs {
        let mut pairs = Pairs::new();
        self.add_committed_key(id, &mut pairs);
        pairs
    }

    fn add_committed_key(&self, id: ObjectId, pairs: &mut Pairs) {
        let key = self.fates.arena.cell(id).key.as_ref().map_or(&[][..], Key::values);
        let columns = self.entity(id).key.iter().copied();
        pairs.extend(columns.zip(key.iter().cloned().map(Param::Value)));
    }

    /// Counts the version up if a column is written, and looks for the row with the old one.
    /// Returns the version that the row has then.
    fn bump(
        &self,
        id: ObjectId,
        entity: &EntityMap,
        values: &mut Vec<(usize, Param)>,
        key: &mut Vec<(usize, Param)>,
        changes: &mut ChangeSet,
    ) -> Option<Value> {
        let column = entity.version?;
        let old = self.fates.arena.committed_column(id, column).map(ValueRef::to_value)?;
        let Value::Int(number) = old else { return None };
        if values.is_empty() {
            return Some(old);
        }
        key.push((column, Param::Value(old)));
        if let Some((_, given)) = values.iter().find(|(one, _)| *one == column) {
            return match given {
                Param::Value(value) => Some(value.clone()),
                Param::Slot(_) => None,
            };
        }
        let next = Value::Int(number.wrapping_add(1));
        values.push((column, Param::Value(next.clone())));
        changes.write_back.push((id, column, Param::Value(next.clone())));
        Some(next)
    }

    /// What the object's foreign keys become after the flush.
    fn write_back(&self, id: ObjectId, phase: Phase, changes: &mut ChangeSet) {
        let Some(follows) = self.follows.get(&id) else { return };
        for follow in follows.iter() {
            if !follow.separately || phase != Phase::Main {
                changes.write_back.push((id, follow.column, self.resolve(follow.source)));
            }
        }
    }

    /// The statement of its own for relationships with post_update.
    fn post_update(
        &self,
        id: ObjectId,
        phase: Phase,
        version: Option<Value>,
        changes: &mut ChangeSet,
    ) {
        let Some(follows) = self.follows.get(&id) else { return };
        let arena = self.fates.arena;
        let inserted = arena.cell(id).key.is_none();
        let mut values = Vec::new();
        for follow in follows.iter().filter(|follow| follow.separately) {
            let param = self.resolve(follow.source);
            let now = arena.column(id, follow.column);
            let committed = if inserted { now } else { arena.committed_column(id, follow.column) };
            let same = match (&param, committed) {
                (Param::Value(new), Some(old)) => new.as_ref() == old,
                (Param::Value(new), None) => new.is_null(),
                (Param::Slot(_), _) => false,
            };
            if !same {
                changes.write_back.push((id, follow.column, param.clone()));
                values.push((follow.column, param));
            }
        }
        if values.is_empty() {
            return;
        }
        let columns = self.entity(id).key.iter();
        let mut key: Vec<_> = columns.map(|&column| (column, self.value(id, column))).collect();
        if let (Some(column), Some(Value::Int(number))) = (self.entity(id).version, version) {
            key.push((column, Param::Value(Value::Int(number))));
            let next = Value::Int(number.wrapping_add(1));
            values.push((column, Param::Value(next.clone())));
            changes.write_back.push((id, column, Param::Value(next)));
        }
        changes.rows.push(RowChange {
            object: id,
            table: self.table(id).id,
            operation: Operation::Update,
            phase,
            values,
            key,
            generated: None,
            old: if inserted { Vec::new() } else { self.given_up(id) },
            expect: Expect::Exactly(1),
            order: 0,
            cause: self.cause(id),
        });
    }

    /// What the row has in the columns by which rows wait for each other: foreign keys, and what
    /// is unique.
    fn given_up(&self, id: ObjectId) -> Vec<(usize, Value)> {
        let columns = self.table(id).ordering_columns.iter();
        columns
            .filter_map(|&column| {
                Some((column, self.fates.arena.committed_column(id, column)?.to_value()))
            })
            .collect()
    }

    // --- Delete --------------------------------------------------------------------------------

    fn delete(&self, id: ObjectId, switches: &Switches, changes: &mut ChangeSet) {
        let arena = self.fates.arena;
        if switches.by_old.contains_key(&id) || arena.cell(id).key.is_none() {
            return;
        }
        let entity = self.entity(id);
        let table = self.table(id);
        let mut version = entity
            .version
            .and_then(|column| arena.committed_column(id, column))
            .map(ValueRef::to_value);
        if self.follows.contains_key(&id) {
            let before = changes.rows.len();
            self.post_update(id, Phase::BeforeDelete, version.clone(), changes);
            if changes.rows.len() > before
                && let Some(Value::Int(number)) = version
            {
                version = Some(Value::Int(number.wrapping_add(1)));
            }
        }
        let mut key = self.committed_key(id);
        let mut expect = Expect::Any;
        if let (Some(column), Some(version)) = (entity.version, version) {
            key.push((column, Param::Value(version)));
            expect = Expect::Exactly(1);
        }
        changes.rows.push(RowChange {
            object: id,
            table: table.id,
            operation: Operation::Delete,
            phase: Phase::Main,
            values: Vec::new(),
            key,
            generated: None,
            old: self.given_up(id),
            expect,
            order: 0,
            cause: self.cause(id),
        });
    }

    // --- Row switch ------------------------------------------------------------------------------

    /// Finds new objects that have the key of an object that is deleted.
    fn row_switches(&self) -> Result<Switches, FlushError> {
        let mut switches = Switches::default();
        let any_deleted = self.fates.all.values().any(|fate| fate.work == Work::Delete);
        if !any_deleted {
            return Ok(switches);
        }
        for (&id, fate) in &self.fates.all {
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
    fn switch(&self, id: ObjectId, former: ObjectId, changes: &mut ChangeSet) {
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
            changes.causes.push(super::CauseNode {
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
        changes.write_back.push((id, column, Param::Value(next.clone())));
        Some(next)
    }

    // --- Association rows ------------------------------------------------------------------------

    fn link(&self, link: Link, scratch: &mut Scratch, changes: &mut ChangeSet) {
        let relationship = self.fates.mapping.relationship(link.relationship);
        let Some(table) = &relationship.link else { return };
        let near = relationship.child_columns.iter().zip(&relationship.parent_columns);
        let far = table.remote.iter().zip(&table.remote_references);
        let ends = near
            .map(|(&column, &from)| (column, link.owner, from))
            .chain(far.map(|(&column, &from)| (column, link.member, from)));
        let Scratch { values, key } = scratch;
        values.clear();
        key.clear();
        values.extend(ends.clone().map(|(column, id, from)| (column, self.value(id, from))));
        if link.operation == Operation::Update {
            let old = |id: ObjectId, from| {
                let value = self.fates.arena.committed_column(id, from);
                Param::Value(value.map_or(Value::Null, ValueRef::to_value))
            };
            key.extend(ends.map(|(column, id, from)| (column, old(id, from))));
        }
        let parent = self.fates.reason_of(link.owner);
        let cause = changes.causes.len() as u32;
        changes.causes.push(super::CauseNode {
            object: link.member,
            key: self.fates.arena.cell(link.member).key.clone(),
            reason: Reason::Linked(link.relationship),
            parent,
        });
        if link.operation == Operation::Update {
            changes.links.push(LinkChange {
                table: table.table,
                operation: link.operation,
                values: std::mem::take(values),
                key: std::mem::take(key),
                cause,
            });
            return;
        }
        // A row that goes is found by all of its columns.
        if link.operation == Operation::Delete {
            std::mem::swap(values, key);
        }
        let row = BulkRow { object: None, slot: 0, order: 0, cause };
        put(
            &mut changes.bulks,
            NewRow {
                table: table.table,
                operation: link.operation,
                of: Of::Links,
                values,
                key,
                generated: Arc::default(),
                row,
            },
        );
    }

    fn cause(&self, id: ObjectId) -> u32 {
        self.fates.reason_of(id).unwrap_or(0)
    }
}
