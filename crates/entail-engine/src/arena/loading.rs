//! Loading: rows from the database become objects and links.

use std::sync::Arc;

use crate::batch::Row;
use crate::error::LoadError;
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{Cascade, EntityId, RelationshipId};
use crate::room;
use crate::value::{Value, ValueError, ValueRef};

use super::cell::{Cell, Flags};
use super::identity::hash_values;
use super::link::{One, OneLink, Was};
use super::{Arena, ObjectTable};

/// From so many keys on, an identity map is large.
const MANY_KEYS: usize = 16_384;

impl ObjectTable {
    /// Appends an object made of a row; on failure says also which column it was.
    #[inline(always)] // As `room::push_with`.
    fn load_at_end(
        &mut self,
        key: impl FnOnce() -> Key,
        row: &Row<'_>,
    ) -> Result<Slot, (usize, ValueError)> {
        let slot = self.store.push_decoded(row)?;
        let (generation, mut key) = (self.generation, Some(key));
        room::push_with(&mut self.cells, || Cell {
            generation,
            flags: Flags::OCCUPIED.and(Flags::LOADED),
            key: key.take().map(|key| key()),
            snapshot: None,
        });
        Ok(slot)
    }

    /// Puts an object made of a row at a place that was freed; on failure says also which column it was.
    fn load_at_free(
        &mut self,
        key: impl FnOnce() -> Key,
        row: &Row<'_>,
    ) -> Result<Slot, (usize, ValueError)> {
        let slot = self.reserve();
        if let Err(failed) = self.store.decode(slot, row) {
            self.free(slot);
            return Err(failed);
        }
        let cell = &mut self.cells[slot.0 as usize];
        cell.key = Some(key());
        cell.flags.insert(Flags::LOADED);
        Ok(slot)
    }
}

impl Arena {
    /// Takes a row: the object with its key, or a new one. A present object keeps its values,
    /// unless they are stale or expired; what was set since then stays even so.
    pub(crate) fn load_row(
        &mut self,
        entity: EntityId,
        row: &Row<'_>,
    ) -> Result<ObjectId, LoadError> {
        if let &[column] = self.mapping.entity(entity).key.as_slice()
            && let ValueRef::Int(number) = row.value(column)
        {
            // Most keys are numbers, and are put together where they belong, see `room::push_with`.
            let values = [Value::Int(number)];
            let hash = hash_values(&values);
            return match self.known(entity, &values, hash, row)? {
                Some(known) => Ok(known),
                None => self.load_new(entity, hash, || Key::one(number), row),
            };
        }
        let key = self.key_of_row(entity, row);
        let hash = hash_values(key.values());
        match self.known(entity, key.values(), hash, row)? {
            Some(known) => Ok(known),
            None => self.load_new(entity, hash, || key, row),
        }
    }

    fn key_of_row(&self, entity: EntityId, row: &Row<'_>) -> Key {
        let columns = self.mapping.entity(entity).key.iter();
        Key::of(columns.map(|&column| row.value(column).to_value()))
    }

    /// The object of a row that is there already. If its values are not to be trusted, it takes those of
    /// the row.
    #[inline]
    fn known(
        &mut self,
        entity: EntityId,
        key: &[Value],
        hash: u64,
        row: &Row<'_>,
    ) -> Result<Option<ObjectId>, LoadError> {
        let table = &self.tables[entity.0 as usize];
        let Some(slot) = table.identity.find_hashed(&table.cells, key, hash) else {
            return Ok(None);
        };
        let known = ObjectId { entity, slot };
        if self.cell(known).is_stale() {
            self.overwrite(known, row)?;
        }
        Ok(Some(known))
    }

    /// Makes an object of a row.
    #[inline(always)] // As `room::push_with`.
    fn load_new(
        &mut self,
        entity: EntityId,
        hash: u64,
        key: impl FnOnce() -> Key,
        row: &Row<'_>,
    ) -> Result<ObjectId, LoadError> {
        let table = &mut self.tables[entity.0 as usize];
        let slot = match table.free.is_empty() {
            true => table.load_at_end(key, row),
            false => table.load_at_free(key, row),
        };
        let slot = slot.map_err(|(column, error)| self.bad_row(entity, row, column, &error))?;
        let table = &mut self.tables[entity.0 as usize];
        table.identity.insert_new(&table.cells, slot, hash);
        Ok(ObjectId { entity, slot })
    }

    #[cold]
    fn bad_row(
        &self,
        entity: EntityId,
        row: &Row<'_>,
        column: usize,
        error: &ValueError,
    ) -> LoadError {
        let columns = &self.mapping.table_of(entity).columns;
        LoadError::Row {
            entity: self.mapping.entity(entity).name.to_string(),
            key: self.key_of_row(entity, row).to_string(),
            column: columns.get(column).map_or("?", |column| &column.name).to_owned(),
            reason: error.to_string(),
        }
    }

    /// Writes a row over the values of an object whose own are not to be trusted.
    fn overwrite(&mut self, id: ObjectId, row: &Row<'_>) -> Result<(), LoadError> {
        for (column, value) in row.iter().enumerate() {
            let set_since = self.snapshot(id).is_some_and(|snapshot| {
                snapshot.is_blind(column)
                    || (!self.flags(id).has(Flags::EXPIRED)
                        && snapshot.value(column) != self.column(id, column))
            });
            if !set_since {
                let store = &mut self.tables[id.entity.0 as usize].store;
                if let Err(error) = store.set_column(id.slot, column, Some(value.to_value())) {
                    return Err(self.bad_row(id.entity, row, column, &error));
                }
            }
        }
        let table = &mut self.tables[id.entity.0 as usize];
        let cell = &mut table.cells[id.slot.0 as usize];
        cell.flags.remove(Flags::EXPIRED.and(Flags::STALE));
        if let Some(snapshot) = cell.snapshot {
            table.snapshots.forget_blind(snapshot);
            for (column, value) in row.iter().enumerate() {
                table.snapshots.set(snapshot, column, Some(value));
            }
        }
        Ok(())
    }

    /// Room for so many more objects of an entity. The identity map writes to all of its own: a large one
    /// only doubles.
    pub(crate) fn make_room(&mut self, entity: EntityId, additional: usize) {
        let table = &mut self.tables[entity.0 as usize];
        let needed = table.cells.len() + additional;
        if needed <= table.cells.capacity() {
            return;
        }
        let room = room::for_more(table.cells.len(), additional);
        table.cells.reserve(room);
        table.store.make_room(room);
        let room = if needed < MANY_KEYS { room } else { additional };
        table.identity.make_room(&table.cells, room);
    }

    /// Takes the members of a list from the database; what was queued is applied. A list that is
    /// loaded stays as it is.
    pub(crate) fn load_many(
        &mut self,
        relationship: RelationshipId,
        owner: Slot,
        members: Vec<Slot>,
    ) {
        if self.is_loaded(relationship, owner) {
            return;
        }
        self.note_load(relationship, owner);
        self.many_link_mut(relationship, owner).load(members);
    }

    /// Takes the target of a relationship to one from the database. One that is loaded stays as
    /// it is.
    pub(crate) fn load_one(
        &mut self,
        relationship: RelationshipId,
        owner: Slot,
        target: Option<Slot>,
    ) {
        if self.is_loaded(relationship, owner) {
            return;
        }
        self.note_load(relationship, owner);
        let current = target.map_or(One::Nobody, One::Object);
        *self.one_link_mut(relationship, owner) = OneLink::new(current, Was::Unchanged);
    }

    /// What the identity map knows of a relationship to one is taken for loaded.
    pub(crate) fn keep_known_target(&mut self, relationship: RelationshipId, owner: Slot) {
        let mapping = Arc::clone(&self.mapping);
        let map = mapping.relationship(relationship);
        if !map.kind.is_many()
            && !self.is_loaded(relationship, owner)
            && let Some(target) = self.known_target(map, owner)
        {
            self.load_one(relationship, owner, target);
        }
    }

    /// So it is along the relationships that have a cascade.
    pub(crate) fn keep_targets_along(&mut self, cascade: Cascade, id: ObjectId) {
        let mapping = Arc::clone(&self.mapping);
        for &relationship in &mapping.entity(id.entity).relationships {
            if mapping.relationship(relationship).cascade.has(cascade) {
                self.keep_known_target(relationship, id.slot);
            }
        }
    }

    /// What the identity map knows of the relationships to one of an object is taken for loaded.
    pub(crate) fn keep_known_targets(&mut self, id: ObjectId) {
        let mapping = Arc::clone(&self.mapping);
        for &relationship in &mapping.entity(id.entity).relationships {
            self.keep_known_target(relationship, id.slot);
        }
    }

    /// The row of an object is gone: the session lets go of it, as if it had been deleted.
    pub(crate) fn row_gone(&mut self, id: ObjectId) {
        self.unmark(id);
        self.unmap(id);
        self.cell_mut(id).flags.insert(Flags::DELETED);
        self.note_deleted(id);
    }

    /// The mapping, to be held beside changes of the arena.
    pub(crate) fn shared_mapping(&self) -> Arc<crate::mapping::Mapping> {
        Arc::clone(&self.mapping)
    }
}
