//! Queues: what was added to a list and removed from it while it was not loaded.

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::handle::Slot;

/// Which side of a relationship a queued change is made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// This one.
    Own,
    /// The other one, which writes it: both sides of an association table could.
    Other,
}

/// The changes of a list that is not loaded. A member is added or removed, or neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    added: Members,
    removed: Members,
}

impl Queue {
    /// Queues an addition, or takes a removal back. The last side that spoke of a member writes it.
    pub fn add(&mut self, member: Slot, speaker: Speaker) {
        if !self.removed.remove(member) {
            self.added.insert(member, speaker);
        }
    }

    /// Queues a removal, or takes an addition back.
    pub fn remove(&mut self, member: Slot, speaker: Speaker) {
        if !self.added.remove(member) {
            self.removed.insert(member, speaker);
        }
    }

    /// An addition turns out to be none.
    pub fn forget_added(&mut self, member: Slot) {
        self.added.remove(member);
    }

    /// Forgets all members but those that stay.
    pub fn retain(&mut self, stays: impl Fn(&Slot) -> bool) {
        self.added.retain(&stays);
        self.removed.retain(&stays);
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// All additions.
    pub fn added(&self) -> Vec<Slot> {
        let mut added = Vec::new();
        self.added.each(|member, _| added.push(member));
        added
    }

    /// The additions that this side speaks of.
    pub fn own_added(&self) -> Vec<Slot> {
        self.added.own()
    }

    /// The removals that this side speaks of.
    pub fn own_removed(&self) -> Vec<Slot> {
        self.removed.own()
    }

    /// Carries out the changes on a list: a member that is removed and in it twice stays once.
    pub fn apply(&self, list: &mut Vec<Slot>) {
        self.added.each(|member, _| list.push(member));
        if !self.removed.is_empty() {
            let mut removed = FxHashSet::default();
            self.removed.each(|member, _| {
                removed.insert(member);
            });
            list.retain(|member| !removed.remove(member));
        }
    }
}

/// Members in the order in which they came, each once, with the side that spoke of it last.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Members {
    Few(Vec<(Slot, Speaker)>),
    Many(Many),
}

/// Many members, each with its number: they count up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Many {
    members: IndexMap<Slot, (u64, Speaker), FxBuildHasher>,
    next: u64,
    /// Whether one was taken out, and the last one has its place.
    is_mixed: bool,
}

impl Many {
    fn insert(&mut self, member: Slot, speaker: Speaker) {
        let Self { members, next, .. } = self;
        members.entry(member).and_modify(|(_, last)| *last = speaker).or_insert((*next, speaker));
        *next += 1;
    }

    fn remove(&mut self, member: Slot) -> bool {
        let is_there = self.members.swap_remove(&member).is_some();
        self.is_mixed |= is_there;
        is_there
    }

    fn each(&self, mut each: impl FnMut(Slot, Speaker)) {
        if !self.is_mixed {
            return self.members.iter().for_each(|(&member, &(_, speaker))| each(member, speaker));
        }
        let mut all: Vec<_> = self.members.iter().collect();
        all.sort_unstable_by_key(|(_, (number, _))| *number);
        all.into_iter().for_each(|(&member, &(_, speaker))| each(member, speaker));
    }
}

/// So many members are looked through faster than hashed.
const FEW: usize = 16;

impl Default for Members {
    fn default() -> Self {
        Members::Few(Vec::new())
    }
}

impl Members {
    fn insert(&mut self, member: Slot, speaker: Speaker) {
        match self {
            Members::Few(few) => match few.iter().position(|(one, _)| *one == member) {
                Some(place) => few[place].1 = speaker,
                None if few.len() < FEW => few.push((member, speaker)),
                None => {
                    let mut many = Many::default();
                    few.drain(..).for_each(|(member, speaker)| many.insert(member, speaker));
                    many.insert(member, speaker);
                    *self = Members::Many(many);
                }
            },
            Members::Many(many) => many.insert(member, speaker),
        }
    }

    /// Takes a member out, and says whether it was there.
    fn remove(&mut self, member: Slot) -> bool {
        match self {
            Members::Few(few) => {
                let place = few.iter().position(|(one, _)| *one == member);
                place.map(|place| few.remove(place)).is_some()
            }
            Members::Many(many) => many.remove(member),
        }
    }

    fn retain(&mut self, stays: impl Fn(&Slot) -> bool) {
        match self {
            Members::Few(few) => few.retain(|(member, _)| stays(member)),
            Members::Many(many) => many.members.retain(|member, _| stays(member)),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Members::Few(few) => few.is_empty(),
            Members::Many(many) => many.members.is_empty(),
        }
    }

    /// Those that their own side spoke of.
    fn own(&self) -> Vec<Slot> {
        let mut own = Vec::new();
        self.each(|member, speaker| own.extend((speaker == Speaker::Own).then_some(member)));
        own
    }

    fn each(&self, mut each: impl FnMut(Slot, Speaker)) {
        match self {
            Members::Few(few) => few.iter().for_each(|&(member, speaker)| each(member, speaker)),
            Members::Many(many) => many.each(each),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_twice_in_the_list_is_removed_once() {
        let mut queue = Queue::default();
        queue.add(Slot(9), Speaker::Own);
        queue.remove(Slot(1), Speaker::Own);
        let mut list = [1, 2, 1, 3].map(Slot).to_vec();
        queue.apply(&mut list);
        assert_eq!(list, [2, 1, 3, 9].map(Slot));
    }

    #[test]
    fn few_and_many_keep_their_order_and_their_last_speaker() {
        for count in [FEW as u32 / 2, FEW as u32, FEW as u32 * 3] {
            let mut queue = Queue::default();
            for slot in (0..count).rev() {
                queue.add(Slot(slot), Speaker::Other);
            }
            for slot in (0..count).step_by(2) {
                queue.add(Slot(slot), Speaker::Own);
            }
            queue.remove(Slot(2), Speaker::Own);
            queue.remove(Slot(count), Speaker::Other);
            let own: Vec<_> =
                (0..count).rev().filter(|slot| slot % 2 == 0 && *slot != 2).map(Slot).collect();
            assert_eq!(queue.own_added(), own);
            assert_eq!(queue.own_removed(), []);
            let mut list = vec![Slot(count)];
            queue.apply(&mut list);
            let all: Vec<_> = (0..count).rev().filter(|slot| *slot != 2).map(Slot).collect();
            assert_eq!(list, all);
        }
    }
}
