//! Building: from fates and foreign keys to the rows that are written.

mod insert;
mod link;
mod switch;
mod update;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::arena::Flags;
use crate::batch::{Expect, Operation, Param};
use crate::by_object::ByObject;
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::key::Key;
use crate::mapping::{EntityMap, Table};
use crate::value::{Value, ValueRef};

use switch::Switches;

use super::bulk::Pairs;
use super::fate::{Fates, Work};
use super::synchronise::{ColumnNumber, Follow, Follows, Foreign, Source};
use super::{ChangeSet, Phase, RowChange, WriteBack};

/// Builds the change set.
pub(super) fn build(fates: &mut Fates<'_>, foreign: Foreign) -> Result<ChangeSet, FlushError> {
    let mut changes = ChangeSet {
        causes: std::mem::take(&mut fates.causes),
        dropped: std::mem::take(&mut fates.dropped),
        kept: Vec::with_capacity(fates.all.len()),
        write_back: WriteBack::with_room_for(foreign.follows.len()),
        ..ChangeSet::default()
    };
    let mut builder = Builder {
        fates,
        follows: &foreign.follows,
        slots: ByObject::new(fates.arena, fates.all.len()),
        next: 0,
    };
    builder.assign_slots();
    let switches = builder.row_switches()?;
    let mut scratch = Scratch::default();
    for (place, (&id, fate)) in fates.all.iter().enumerate() {
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
                builder.update(id, fate.cause, &mut scratch, &mut changes)?;
            }
            Work::Save => match switches.by_new.get(&id) {
                Some(&old) => builder.switch(id, old, &mut changes),
                None => builder.insert(id, place as u32, fate.cause, &mut changes)?,
            },
        }
    }
    for (&id, follows) in foreign.follows.iter() {
        if !fates.all.contains_key(&id) {
            for one in follows.iter() {
                changes.write_back.push(id, one.column(), builder.resolve(one.source));
            }
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
    columns: SmallVec<[usize; 8]>,
    values: Pairs,
    key: Pairs,
}

/// How far a key is followed through keys that are foreign keys themselves. A longer chain is a
/// ring, and its rows have no key at all.
const MAX_CHAIN: usize = 64;

struct Builder<'a> {
    fates: &'a Fates<'a>,
    follows: &'a ByObject<Follows>,
    /// The slots of each object that is inserted.
    slots: ByObject<Slots>,
    next: u32,
}

/// Where the generated values of a new object go.
#[derive(Clone, Copy)]
struct Slots {
    /// The first of them.
    first: u32,
    /// Whether the database makes all columns that it can make.
    all: bool,
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
        match self.slots.get(&id) {
            None => Arc::default(),
            Some(slots) if slots.all => Arc::clone(&self.entity(id).generated),
            Some(_) => {
                let all = self.entity(id).generated.iter().copied();
                all.filter(|&column| self.is_made(id, column)).collect()
            }
        }
    }

    /// Gives slots to the generated columns of all new objects: those of one entity follow each
    /// other, as their rows will.
    fn assign_slots(&mut self) {
        let fates = self.fates;
        // By entity, once there is one.
        let mut counts: Vec<u32> = Vec::new();
        for (&id, fate) in fates.all.iter() {
            if fate.work == Work::Save && fates.arena.cell(id).key.is_none() {
                let all = &self.entity(id).generated;
                let count = all.iter().filter(|&&column| self.is_made(id, column)).count();
                if count > 0 {
                    if counts.is_empty() {
                        counts.resize(fates.mapping.entities().len(), 0);
                    }
                    let before = &mut counts[id.entity.0 as usize];
                    self.slots.insert(id, Slots { first: *before, all: count == all.len() });
                    *before += count as u32;
                }
            }
        }
        let mut starts = counts;
        for start in &mut starts {
            self.next += std::mem::replace(start, self.next);
        }
        for (id, slots) in self.slots.iter_mut() {
            slots.first += starts[id.entity.0 as usize];
        }
    }

    fn follow(&self, id: ObjectId, column: usize) -> Option<&Follow> {
        if !self.table(id).is_foreign[column] {
            return None;
        }
        self.follows.get(&id)?.iter().find(|one| one.column() == column)
    }

    fn resolve(&self, source: Source) -> Param {
        self.resolve_within(source, MAX_CHAIN)
    }

    fn resolve_within(&self, source: Source, steps: usize) -> Param {
        match source {
            Source::Null => Param::Value(Value::Null),
            Source::Column(id, column) => self.value_within(id, column.get(), steps),
        }
    }

    /// A column as it is after the flush.
    fn value(&self, id: ObjectId, column: usize) -> Param {
        self.value_within(id, column, MAX_CHAIN)
    }

    fn value_within(&self, id: ObjectId, column: usize, steps: usize) -> Param {
        if steps > 0
            && let Some(follow) = self.follow(id, column)
            && follow.source != Source::Column(id, ColumnNumber::new(column))
        {
            return self.resolve_within(follow.source, steps - 1);
        }
        let slots = self.slots.get(&id);
        if let Some(slots) = slots
            && slots.all
            && *self.entity(id).generated == [column]
        {
            return Param::Slot(slots.first);
        }
        match self.fates.arena.column(id, column) {
            Some(value) if !value.is_null() => Param::Value(value.to_value()),
            _ => match slots {
                Some(slots) => self.slot_of(id, column, slots.first),
                None => Param::Value(Value::Null),
            },
        }
    }

    fn slot_of(&self, id: ObjectId, column: usize, first: u32) -> Param {
        // It has a slot, so if one column alone can be made, that is it.
        if *self.entity(id).generated == [column] {
            return Param::Slot(first);
        }
        match self.generated(id).iter().position(|&one| one == column) {
            Some(place) => Param::Slot(first + place as u32),
            None => Param::Value(Value::Null),
        }
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
        changes.write_back.push(id, column, Param::Value(next.clone()));
        Some(next)
    }

    /// What the object's foreign keys become after the flush.
    fn write_back(&self, id: ObjectId, phase: Phase, changes: &mut ChangeSet) {
        let Some(follows) = self.follows.get(&id) else { return };
        for follow in follows.iter() {
            if !follow.separately || phase != Phase::Main {
                changes.write_back.push(id, follow.column(), self.resolve(follow.source));
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
            let committed = match inserted {
                true if self.table(id).columns[follow.column()].nullable => None,
                true => arena.column(id, follow.column()),
                false => arena.committed_column(id, follow.column()),
            };
            let same = match (&param, committed) {
                (Param::Value(new), Some(old)) => new.as_ref() == old,
                (Param::Value(new), None) => new.is_null(),
                (Param::Slot(_), _) => false,
            };
            if !same || inserted {
                changes.write_back.push(id, follow.column(), param.clone());
            }
            if !same {
                values.push((follow.column(), param));
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
            changes.write_back.push(id, column, Param::Value(next));
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
        let arena = self.fates.arena;
        // What was never set is NULL, unless nobody has read it.
        let unset = if arena.cell(id).is_stale() { None } else { Some(ValueRef::Null) };
        let columns = self.table(id).ordering_columns.iter();
        columns
            .filter_map(|&column| {
                let value = arena.committed_column(id, column).or(unset);
                Some((column, value?.to_value()))
            })
            .collect()
    }

    // --- Delete --------------------------------------------------------------------------------

    fn delete(&self, id: ObjectId, switches: &Switches, changes: &mut ChangeSet) {
        let arena = self.fates.arena;
        let entity = self.entity(id);
        // A number that the database makes may be another row's by now.
        let is_gone = arena.flags(id).has(Flags::DELETED)
            && entity.key.iter().any(|column| entity.generated.contains(column));
        if switches.by_old.contains_key(&id) || arena.cell(id).key.is_none() || is_gone {
            return;
        }
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

    fn cause(&self, id: ObjectId) -> u32 {
        self.fates.reason_of(id).unwrap_or(0)
    }
}
