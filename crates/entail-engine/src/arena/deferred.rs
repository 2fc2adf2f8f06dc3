//! Deferred deletes: relationships that were not loaded when their owner was marked, so that the
//! flush must reach what is behind them, and who is to be spared then.

use rustc_hash::FxHashSet;

use crate::cascade::Missing;
use crate::handle::ObjectId;

/// What delete cascades could not reach in memory.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    missing: Vec<Missing>,
    /// Objects that were added since: an object in memory that the cascade has marked loses its
    /// mark by that.
    spared: FxHashSet<ObjectId>,
}

impl Deferred {
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    pub fn extend(&mut self, missing: Vec<Missing>) {
        self.missing.extend(missing);
    }

    /// An object that was added is to stay, if the flush should come to it.
    pub fn spare(&mut self, id: ObjectId) {
        if !self.missing.is_empty() {
            self.spared.insert(id);
        }
    }

    /// An object that is deleted after it was added, or leaves the session.
    pub fn spare_no_more(&mut self, id: ObjectId) {
        if !self.spared.is_empty() {
            self.spared.remove(&id);
        }
    }

    pub fn is_spared(&self, id: ObjectId) -> bool {
        !self.spared.is_empty() && self.spared.contains(&id)
    }

    /// Forgets the relationships of owners that are not to be deleted any more.
    pub fn forget_owners(&mut self, is_kept: impl Fn(ObjectId) -> bool) {
        self.missing.retain(|missing| !is_kept(missing.owner));
        if self.missing.is_empty() {
            self.spared.clear();
        }
    }

    pub fn clear(&mut self) {
        self.missing.clear();
        self.spared.clear();
    }
}
