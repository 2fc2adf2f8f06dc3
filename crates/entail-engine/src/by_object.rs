//! Facts about objects, in the order in which they came, found by the object.

use rustc_hash::FxHashMap;

use crate::arena::Arena;
use crate::handle::ObjectId;
use crate::room;

/// A value for each of some objects.
#[derive(Clone, Debug)]
pub(crate) struct ByObject<T> {
    entries: Vec<(ObjectId, T)>,
    places: Places,
}

/// The place of each object's entry.
#[derive(Clone, Debug)]
enum Places {
    /// By entity and slot, counted from 1; 0 where there is none. For many objects.
    Listed(Vec<Vec<u32>>),
    /// For few objects among many. There are none as long as the entries themselves are looked
    /// through.
    Hashed(FxHashMap<ObjectId, u32>),
}

/// So many entries are looked through faster than hashed.
const FEW: usize = 8;

/// A list of places is worth its memory if at least one object in so many has an entry.
const SPARSE: usize = 64;

impl<T> ByObject<T> {
    /// Room for entries of so many of the arena's objects.
    pub fn new(arena: &Arena, expected: usize) -> Self {
        if expected <= FEW {
            // Mostly none comes, or one.
            return Self { entries: Vec::new(), places: Places::Hashed(FxHashMap::default()) };
        }
        let places = if expected.saturating_mul(SPARSE) >= arena.places() {
            Places::Listed(vec![Vec::new(); arena.mapping().entities().len()])
        } else {
            Places::Hashed(FxHashMap::default())
        };
        Self { entries: Vec::with_capacity(expected), places }
    }

    fn place(&self, id: &ObjectId) -> Option<usize> {
        let place = match &self.places {
            Places::Listed(entities) => *entities[id.entity.0 as usize].get(id.slot.0 as usize)?,
            Places::Hashed(_) if self.entries.len() <= FEW => {
                return self.entries.iter().position(|(one, _)| one == id);
            }
            Places::Hashed(places) => *places.get(id)?,
        };
        (place as usize).checked_sub(1)
    }

    pub fn get(&self, id: &ObjectId) -> Option<&T> {
        self.place(id).map(|place| &self.entries[place].1)
    }

    pub fn get_mut(&mut self, id: &ObjectId) -> Option<&mut T> {
        self.place(id).map(|place| &mut self.entries[place].1)
    }

    pub fn contains_key(&self, id: &ObjectId) -> bool {
        self.place(id).is_some()
    }

    /// Adds an entry for an object that has none.
    #[inline]
    pub fn insert(&mut self, id: ObjectId, value: T) {
        debug_assert!(!self.contains_key(&id));
        self.entries.push((id, value));
        self.note_place(id);
    }

    /// Adds an entry for an object that has none, made in its place.
    #[inline(always)] // As `room::push_with`.
    pub fn insert_with(&mut self, id: ObjectId, mut make: impl FnMut() -> T) {
        debug_assert!(!self.contains_key(&id));
        room::push_with(&mut self.entries, || (id, make()));
        self.note_place(id);
    }

    /// Notes the place of the last entry.
    fn note_place(&mut self, id: ObjectId) {
        let place = self.entries.len() as u32;
        match &mut self.places {
            Places::Listed(entities) => {
                let slots = &mut entities[id.entity.0 as usize];
                let slot = id.slot.0 as usize;
                if slots.len() <= slot {
                    slots.resize((slot + 1).next_power_of_two(), 0);
                }
                slots[slot] = place;
            }
            Places::Hashed(places) if self.entries.len() == FEW + 1 => {
                places.extend(self.entries.iter().map(|(id, _)| *id).zip(1..));
            }
            Places::Hashed(places) if self.entries.len() > FEW => {
                places.insert(id, place);
            }
            Places::Hashed(_) => {}
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &T)> {
        self.entries.iter().map(|(id, value)| (id, value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&ObjectId, &mut T)> {
        self.entries.iter_mut().map(|(id, value)| (&*id, value))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::handle::Slot;
    use crate::mapping::{
        ColumnDefinition, EntityDefinition, EntityId, Mapping, MappingDefinition, MappingErrors,
        TableDefinition,
    };
    use crate::value::ColumnType;

    #[test]
    fn both_kinds_of_places_find_the_same() -> Result<(), MappingErrors> {
        let entity = EntityDefinition {
            name: "a".to_owned(),
            table: TableDefinition {
                name: "a".to_owned(),
                columns: vec![ColumnDefinition::new("id", ColumnType::BigInt)],
                primary_key: vec!["id".to_owned()],
                ..TableDefinition::default()
            },
            version: None,
            relationships: Vec::new(),
        };
        let definition = MappingDefinition { tables: Vec::new(), entities: vec![entity] };
        let arena = Arena::new(Arc::new(Mapping::new(definition)?));
        let mut listed = ByObject::new(&arena, 10);
        assert!(matches!(listed.places, Places::Listed(_)));
        let mut hashed =
            ByObject { entries: Vec::new(), places: Places::Hashed(FxHashMap::default()) };
        let id = |slot| ObjectId { entity: EntityId(0), slot: Slot(slot) };
        let filler = 100..100 + FEW as u32;
        for map in [&mut listed, &mut hashed] {
            map.insert(id(7), 'a');
            map.insert(id(2), 'b');
            if let Some(value) = map.get_mut(&id(2)) {
                *value = 'c';
            }
            assert_eq!(
                (map.get(&id(7)), map.get(&id(2)), map.get(&id(3))),
                (Some(&'a'), Some(&'c'), None)
            );
            assert_eq!(map.iter().map(|(id, _)| id.slot.0).collect::<Vec<_>>(), [7, 2]);
            assert_eq!(map.len(), 2);
            for slot in filler.clone() {
                map.insert(id(slot), 'x');
                assert_eq!((map.get(&id(slot)), map.get(&id(2))), (Some(&'x'), Some(&'c')));
            }
            assert_eq!((map.get(&id(7)), map.get(&id(99))), (Some(&'a'), None));
        }
        Ok(())
    }
}
