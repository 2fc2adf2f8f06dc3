//! Attaching: a new object moves into the arena, and the initial values of its relationship
//! fields become links.

use std::sync::Arc;

use crate::entity::{Item, Object};
use crate::error::StateError;
use crate::handle::{ObjectId, Slot};
use crate::mapping::{EntityId, Mapping, Relationship};

use super::Arena;

/// Takes the initial values of an object's relationship fields.
#[derive(Debug)]
pub struct Links<'a> {
    arena: &'a mut Arena,
    mapping: &'a Mapping,
    owner: ObjectId,
    error: Option<StateError>,
}

impl<'a> Links<'a> {
    /// Takes the members of a relationship to many, by its place among the entity's.
    pub fn many<T: Object>(&mut self, relationship: usize, items: Vec<Item<T>>) {
        if let Err(error) = self.try_many(relationship, items) {
            self.error.get_or_insert(error);
        }
    }

    /// Takes the target of a relationship to one, by its place among the entity's.
    pub fn one<T: Object>(&mut self, relationship: usize, item: Option<Item<T>>) {
        if let Err(error) = self.try_one(relationship, item) {
            self.error.get_or_insert(error);
        }
    }

    fn try_many<T: Object>(&mut self, index: usize, items: Vec<Item<T>>) -> Result<(), StateError> {
        let relationship = self.relationship(index)?;
        let owner = self.owner.slot;
        let all_new = items.iter().all(|item| matches!(item, Item::New(_)));
        let mut members = Vec::with_capacity(items.len());
        self.arena.tables[relationship.target.0 as usize].store.make_room(items.len());
        for item in items {
            members.push(self.place(relationship, item)?);
        }
        if all_new && self.arena.can_bring(self.mapping, relationship, owner, &members) {
            self.arena.bring(self.mapping, relationship, owner, members);
            return Ok(());
        }
        self.arena.set_many(self.mapping, relationship, owner, members)
    }

    fn try_one<T: Object>(
        &mut self,
        index: usize,
        item: Option<Item<T>>,
    ) -> Result<(), StateError> {
        let relationship = self.relationship(index)?;
        let target = item.map(|item| self.place(relationship, item)).transpose()?;
        self.arena.set_one(self.mapping, relationship, self.owner.slot, target)
    }

    fn relationship(&self, index: usize) -> Result<&'a Relationship, StateError> {
        let ids = &self.mapping.entity(self.owner.entity).relationships;
        let id = ids
            .get(index)
            .ok_or_else(|| StateError::NoRelationship { object: self.arena.label(self.owner) })?;
        Ok(self.mapping.relationship(*id))
    }

    fn place<T: Object>(
        &mut self,
        relationship: &Relationship,
        item: Item<T>,
    ) -> Result<Slot, StateError> {
        self.arena.place(self.mapping, relationship.target, item).map(|id| id.slot)
    }
}

impl Arena {
    /// Takes a new object without adding it: it is transient until it is added or a cascade
    /// comes to it.
    ///
    /// # Errors
    ///
    /// E0209 if its type is not mapped, E0201 and E0202 for a bad handle among its initial
    /// values.
    pub fn hold<T: Object>(&mut self, value: T) -> Result<ObjectId, StateError> {
        let mapping = Arc::clone(&self.mapping);
        let entity = value
            .entity_in(&mapping)
            .ok_or_else(|| StateError::NotMapped { entity: T::NAME.to_owned() })?;
        self.hold_as(&mapping, entity, value)
    }

    /// The object of a handle, or a new one, which must be of the given entity.
    pub(crate) fn place<T: Object>(
        &mut self,
        mapping: &Mapping,
        entity: EntityId,
        item: Item<T>,
    ) -> Result<ObjectId, StateError> {
        match item {
            Item::New(value) => self.hold_as(mapping, entity, value),
            Item::Of(handle) => {
                let id = self.object_id(handle.raw())?;
                if id.entity != entity {
                    return Err(StateError::NoRelationship { object: self.label(id) });
                }
                Ok(id)
            }
        }
    }

    fn hold_as<T: Object>(
        &mut self,
        mapping: &Mapping,
        entity: EntityId,
        mut value: T,
    ) -> Result<ObjectId, StateError> {
        if self.typed_store::<T>(entity).is_none() {
            return Err(StateError::NotMapped { entity: T::NAME.to_owned() });
        }
        let id = self.reserve(entity);
        let error = if value.has_links() {
            let mut links = Links { arena: self, mapping, owner: id, error: None };
            value.give_links(&mut links);
            links.error
        } else {
            None
        };
        if let Some(store) = self.typed_store_mut::<T>(entity) {
            store.objects[id.slot.0 as usize] = Some(value);
        }
        error.map_or(Ok(id), Err)
    }
}
