//! Work lists: the objects that wait to be inserted or deleted, in the order in which they came. Any
//! of them can leave again.

use rustc_hash::FxHashMap;

use crate::handle::ObjectId;
use crate::room;

use super::Cause;

/// Objects that wait for the next flush, each once, and which step of a cascade brought them.
#[derive(Debug, Default)]
pub(crate) struct WorkList {
    /// None where one has left.
    entries: Vec<Option<(ObjectId, Cause)>>,
    /// How many have left.
    left: usize,
    /// Where they are, from the first on that leaves: most lists are worked off as they are.
    places: Option<FxHashMap<ObjectId, usize>>,
}

/// A list of which fewer have left than this is not put together anew.
const FEW: usize = 32;

impl WorkList {
    pub fn len(&self) -> usize {
        self.entries.len() - self.left
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, Cause)> {
        self.entries.iter().flatten().copied()
    }

    /// Appends an object that is not in the list.
    #[inline(always)] // As `room::push_with`.
    pub fn push(&mut self, id: ObjectId, cause: Cause) {
        if let Some(places) = &mut self.places {
            places.insert(id, self.entries.len());
        }
        room::push_with(&mut self.entries, || Some((id, cause)));
    }

    /// Takes an object out.
    pub fn remove(&mut self, id: ObjectId) {
        let entries = &mut self.entries;
        let places = self.places.get_or_insert_with(|| places(entries));
        if let Some(place) = places.remove(&id) {
            entries[place] = None;
            self.left += 1;
        }
        if self.left >= FEW && self.left > self.entries.len() / 2 {
            self.retain(|_| true);
        }
    }

    /// Keeps some of them, in their order.
    pub fn retain(&mut self, stays: impl Fn(ObjectId) -> bool) {
        self.entries.retain(|entry| entry.is_some_and(|(id, _)| stays(id)));
        self.left = 0;
        if self.places.is_some() {
            self.places = (!self.entries.is_empty()).then(|| places(&self.entries));
        }
    }

    pub fn clear(&mut self) {
        self.retain(|_| false);
    }
}

fn places(entries: &[Option<(ObjectId, Cause)>]) -> FxHashMap<ObjectId, usize> {
    let places = entries.iter().enumerate();
    places.filter_map(|(place, entry)| entry.map(|(id, _)| (id, place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handle::Slot;
    use crate::mapping::EntityId;

    fn id(slot: u32) -> ObjectId {
        ObjectId { entity: EntityId(0), slot: Slot(slot) }
    }

    fn slots(list: &WorkList) -> Vec<u32> {
        list.iter().map(|(id, _)| id.slot.0).collect()
    }

    #[test]
    fn who_leaves_and_comes_again_is_the_last() {
        let mut list = WorkList::default();
        for slot in 0..4 {
            list.push(id(slot), Cause::Named);
        }
        list.remove(id(1));
        list.remove(id(1));
        list.remove(id(9));
        list.push(id(1), Cause::Named);
        assert_eq!((slots(&list), list.len()), (vec![0, 2, 3, 1], 4));
        list.retain(|id| id.slot.0 > 1);
        list.remove(id(3));
        assert_eq!((slots(&list), list.len()), (vec![2], 1));
        list.clear();
        assert!(list.is_empty());
    }

    #[test]
    fn a_list_that_most_have_left_keeps_its_order() {
        let mut list = WorkList::default();
        let count = 4 * FEW as u32;
        for slot in 0..count {
            list.push(id(slot), Cause::Named);
        }
        for slot in (0..count).filter(|slot| slot % 4 != 0) {
            list.remove(id(slot));
        }
        assert!(list.entries.len() < count as usize);
        let expected: Vec<_> = (0..count).step_by(4).collect();
        assert_eq!((slots(&list), list.len()), (expected, FEW));
        list.remove(id(4));
        assert_eq!(list.iter().nth(1).map(|(id, _)| id), Some(id(8)));
    }
}
