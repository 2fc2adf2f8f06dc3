//! Attaching: a new object moves into the arena, and the initial values of its relationship
//! fields become links.

use std::sync::Arc;

use crate::entity::{Item, Object};
use crate::error::StateError;
use crate::handle::{ObjectId, Slot};
use crate::mapping::{EntityId, Mapping, Relationship};

use super::Arena;
use super::merge::MergeGraph;

/// Takes the initial values of an object's relationship fields.
#[derive(Debug)]
pub struct Links<'a> {
    mapping: &'a Mapping,
    entity: EntityId,
    to: Taker<'a>,
    error: Option<StateError>,
}

/// Who takes them.
#[derive(Debug)]
enum Taker<'a> {
    /// The arena makes links of them.
    Arena(&'a mut Arena, Slot),
    /// A graph that is merged makes edges of them; its handles are those of the arena.
    Graph(&'a mut MergeGraph, &'a Arena),
}

/// Values whose relationship fields are taken, each with what is in them.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// How many are being taken, each in a field of the one before.
    depth: u32,
    /// Those that lie deeper: their fields are taken later, because a graph may be deeper than a stack.
    deeper: Vec<(ObjectId, Give)>,
}

/// So many values are taken one in the other.
const DEEP: u32 = 64;

/// Takes the relationship fields of an object that is in the arena.
type Give = fn(&mut Arena, &Mapping, ObjectId) -> Result<(), StateError>;

impl<'a> Links<'a> {
    /// Takes the members of a relationship to many, by its place among the entity's.
    pub fn many<T: Object>(&mut self, relationship: usize, items: Vec<Item<T>>) {
        let taken = self.relationship(relationship).and_then(|relationship| match &mut self.to {
            Taker::Arena(arena, owner) => {
                arena.take_many(self.mapping, relationship, *owner, items)
            }
            Taker::Graph(graph, arena) => graph.take(arena, self.mapping, relationship.id, items),
        });
        self.note(taken);
    }

    /// Takes the target of a relationship to one, by its place among the entity's.
    pub fn one<T: Object>(&mut self, relationship: usize, item: Option<Item<T>>) {
        let taken = self.relationship(relationship).and_then(|relationship| match &mut self.to {
            Taker::Arena(arena, owner) => arena.take_one(self.mapping, relationship, *owner, item),
            Taker::Graph(graph, arena) => graph.take(arena, self.mapping, relationship.id, item),
        });
        self.note(taken);
    }

    fn note(&mut self, taken: Result<(), StateError>) {
        if let Err(error) = taken {
            self.error.get_or_insert(error);
        }
    }

    fn relationship(&self, index: usize) -> Result<&'a Relationship, StateError> {
        let entity = self.mapping.entity(self.entity);
        let id = entity
            .relationships
            .get(index)
            .ok_or_else(|| StateError::NoRelationship { object: entity.name.to_string() })?;
        Ok(self.mapping.relationship(*id))
    }

    fn finish(self) -> Result<(), StateError> {
        self.error.map_or(Ok(()), Err)
    }

    /// Gives the relationship fields of a value to a graph that is merged.
    pub(super) fn give_to_graph<T: Object>(
        value: &mut T,
        graph: &'a mut MergeGraph,
        arena: &'a Arena,
        mapping: &'a Mapping,
        entity: EntityId,
    ) -> Result<(), StateError> {
        let mut links = Links { mapping, entity, to: Taker::Graph(graph, arena), error: None };
        value.give_links(&mut links);
        links.finish()
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
        let mut given = Ok(());
        if value.has_links() {
            if self.holding.depth < DEEP {
                given = self.take_links(mapping, id, &mut value);
            } else {
                self.holding.deeper.push((id, give::<T>));
            }
        }
        if let Some(store) = self.typed_store_mut::<T>(entity) {
            store.objects[id.slot.0 as usize] = Some(value);
        }
        while self.holding.depth == 0
            && let Some((deeper, give)) = self.holding.deeper.pop()
        {
            given = given.and(give(self, mapping, deeper));
        }
        given.map(|()| id)
    }

    fn take_links<T: Object>(
        &mut self,
        mapping: &Mapping,
        id: ObjectId,
        value: &mut T,
    ) -> Result<(), StateError> {
        self.holding.depth += 1;
        let to = Taker::Arena(self, id.slot);
        let mut links = Links { mapping, entity: id.entity, to, error: None };
        value.give_links(&mut links);
        let taken = links.finish();
        self.holding.depth -= 1;
        taken
    }

    fn take_many<T: Object>(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        items: Vec<Item<T>>,
    ) -> Result<(), StateError> {
        let all_new = items.iter().all(|item| matches!(item, Item::New(_)));
        let mut members = Vec::with_capacity(items.len());
        self.tables[relationship.target.0 as usize].store.make_room(items.len());
        for item in items {
            members.push(self.place(mapping, relationship.target, item)?.slot);
        }
        if all_new && self.can_bring(mapping, relationship, owner, &members) {
            self.bring(mapping, relationship, owner, members);
            return Ok(());
        }
        self.set_many(mapping, relationship, owner, members)
    }

    fn take_one<T: Object>(
        &mut self,
        mapping: &Mapping,
        relationship: &Relationship,
        owner: Slot,
        item: Option<Item<T>>,
    ) -> Result<(), StateError> {
        let target = item.map(|item| self.place(mapping, relationship.target, item)).transpose()?;
        self.set_one(mapping, relationship, owner, target.map(|id| id.slot))
    }
}

fn give<T: Object>(arena: &mut Arena, mapping: &Mapping, id: ObjectId) -> Result<(), StateError> {
    let place = |arena: &mut Arena, value: Option<T>| {
        arena.typed_store_mut::<T>(id.entity)?.replace(id.slot, value)
    };
    let Some(mut value) = place(arena, None) else { return Ok(()) };
    let taken = arena.take_links(mapping, id, &mut value);
    place(arena, Some(value));
    taken
}
