//! Deferred deletes: relationships that were not loaded when their owner was marked, so that the
//! flush must reach what is behind them, and who is to be spared then.

use rustc_hash::FxHashMap;

use crate::cascade::Missing;
use crate::handle::ObjectId;
use crate::mapping::RelationshipId;

/// What delete cascades could not reach in memory.
#[derive(Debug, Default)]
pub(crate) struct Deferred {
    /// Each has a number. They count up.
    missing: FxHashMap<Missing, u64>,
    /// Objects that were added since, with the number that was next then: an object in memory that
    /// the cascade has marked loses its mark by that.
    added: FxHashMap<ObjectId, u64>,
    next: u64,
}

impl Deferred {
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// All of them with their numbers, in the order of the calls.
    pub fn in_order(&self) -> Vec<(Missing, u64)> {
        let mut all: Vec<_> = self.missing.iter().map(|(&one, &number)| (one, number)).collect();
        all.sort_unstable_by_key(|&(_, number)| number);
        all
    }

    pub fn contains(&self, missing: &Missing) -> bool {
        self.missing.contains_key(missing)
    }

    /// Whether an object was added after the call that has deferred the relationship of this number:
    /// it is to stay, if the flush should come to it.
    pub fn spares(&self, id: ObjectId, number: u64) -> bool {
        self.added.get(&id).is_some_and(|&next| next > number)
    }

    pub(super) fn extend(&mut self, missing: impl IntoIterator<Item = Missing>) {
        for one in missing {
            self.missing.insert(one, self.next);
            self.next += 1;
        }
    }

    pub(super) fn note_added(&mut self, id: ObjectId) {
        if !self.missing.is_empty() {
            self.added.insert(id, self.next);
        }
    }

    /// Forgets that an object was added: it leaves the session.
    pub(super) fn forget_added(&mut self, id: ObjectId) {
        if !self.added.is_empty() {
            self.added.remove(&id);
        }
    }

    /// Forgets the relationships of an owner that is not to be deleted any more.
    pub(super) fn forget_owner(&mut self, owner: ObjectId, relationships: &[RelationshipId]) {
        if self.missing.is_empty() {
            return;
        }
        for &relationship in relationships {
            self.missing.remove(&Missing { relationship, owner });
        }
        if self.missing.is_empty() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.missing.clear();
        self.added.clear();
        self.next = 0;
    }
}
