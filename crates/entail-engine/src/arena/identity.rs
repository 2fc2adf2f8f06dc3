//! The identity map: one row is one object, however it was reached.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxHasher;

use crate::handle::Slot;
use crate::key::Key;
use crate::value::Value;

use super::cell::Cell;

/// The persistent objects of one entity by their keys, which lie in the cells.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    table: HashTable<Slot>,
}

pub(crate) fn hash_values(values: &[Value]) -> u64 {
    let mut hasher = FxHasher::default();
    for value in values {
        value.hash(&mut hasher);
    }
    hasher.finish()
}

fn hash_of(cells: &[Cell], slot: Slot) -> u64 {
    cells[slot.0 as usize].key.as_ref().map_or(0, |key| hash_values(key.values()))
}

impl Identity {
    /// The object with this key.
    pub fn find(&self, cells: &[Cell], key: &[Value]) -> Option<Slot> {
        if self.table.is_empty() {
            return None;
        }
        self.find_hashed(cells, key, hash_values(key))
    }

    /// The object with this key, whose hash is known.
    pub fn find_hashed(&self, cells: &[Cell], key: &[Value], hash: u64) -> Option<Slot> {
        self.table
            .find(hash, |slot| {
                cells[slot.0 as usize].key.as_ref().is_some_and(|known| known.values() == key)
            })
            .copied()
    }

    /// Enters the object under the key of its cell. The object that was there before is
    /// returned and no longer in the map.
    pub fn insert(&mut self, cells: &[Cell], slot: Slot) -> Option<Slot> {
        let key = cells[slot.0 as usize].key.as_ref()?;
        let same = |known: &Slot| cells[known.0 as usize].key.as_ref() == Some(key);
        match self.table.entry(hash_values(key.values()), same, |&slot| hash_of(cells, slot)) {
            Entry::Occupied(mut entry) => {
                let replaced = std::mem::replace(entry.get_mut(), slot);
                (replaced != slot).then_some(replaced)
            }
            Entry::Vacant(entry) => {
                entry.insert(slot);
                None
            }
        }
    }

    /// Enters an object whose key is known to be in no other place of the map, by the hash of
    /// its key.
    pub fn insert_new(&mut self, cells: &[Cell], slot: Slot, hash: u64) {
        self.table.insert_unique(hash, slot, |&slot| hash_of(cells, slot));
    }

    /// Takes the object out, if it is in the map.
    pub fn remove(&mut self, cells: &[Cell], slot: Slot) {
        if let Ok(entry) = self.table.find_entry(hash_of(cells, slot), |&known| known == slot) {
            entry.remove();
        }
    }

    /// Room for so many more.
    pub fn make_room(&mut self, cells: &[Cell], additional: usize) {
        self.table.reserve(additional, |&slot| hash_of(cells, slot));
    }

    /// How many objects it has.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.table.clear();
    }

    /// The object with this key.
    pub fn find_key(&self, cells: &[Cell], key: &Key) -> Option<Slot> {
        self.find(cells, key.values())
    }
}
