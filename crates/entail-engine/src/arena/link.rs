//! Links: what each relationship of each object holds, what it held at the last flush, and what
//! was added and removed while it was not loaded.

mod queue;

use std::fmt;

use crate::handle::Slot;

use queue::Queue;
pub(crate) use queue::Speaker;

/// What a relationship to one holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum One {
    /// It is not known.
    #[default]
    Unloaded,
    /// Nobody.
    Nobody,
    /// This object.
    Object(Slot),
}

/// What a relationship to one held before the first change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Was {
    /// It has not changed.
    #[default]
    Unchanged,
    /// It had never been set: the object is new.
    Never,
    /// It was not loaded, so the row alone knows.
    Unknown,
    /// Nobody.
    Nobody,
    /// This object.
    Object(Slot),
}

/// A relationship to one, of one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OneLink {
    current: Packed,
    was: Packed,
    stale: Packed,
}

/// A slot, or a word in place of one, in four bytes: there may be one of these for each object.
/// The default is the word 0.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Packed(u32);

impl Packed {
    /// Numbers below this one are words. Slots lie above, which leaves room for more of them than
    /// memory has.
    const WORDS: u32 = 4;

    /// A word.
    pub const fn word(number: u32) -> Self {
        Self(number)
    }

    /// A slot.
    pub const fn slot(slot: Slot) -> Self {
        Self(slot.0 + Self::WORDS)
    }

    /// The slot, or the number of the word.
    pub const fn unpack(self) -> Result<Slot, u32> {
        if self.0 < Self::WORDS { Err(self.0) } else { Ok(Slot(self.0 - Self::WORDS)) }
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unpack() {
            Ok(slot) => write!(f, "slot {}", slot.0),
            Err(word) => write!(f, "word {word}"),
        }
    }
}

impl One {
    const fn pack(self) -> Packed {
        match self {
            One::Unloaded => Packed::word(0),
            One::Nobody => Packed::word(1),
            One::Object(slot) => Packed::slot(slot),
        }
    }

    const fn unpack(packed: Packed) -> Self {
        match packed.unpack() {
            Ok(slot) => One::Object(slot),
            Err(0) => One::Unloaded,
            Err(_) => One::Nobody,
        }
    }
}

impl Was {
    const fn pack(self) -> Packed {
        match self {
            Was::Unchanged => Packed::word(0),
            Was::Never => Packed::word(1),
            Was::Unknown => Packed::word(2),
            Was::Nobody => Packed::word(3),
            Was::Object(slot) => Packed::slot(slot),
        }
    }

    const fn unpack(packed: Packed) -> Self {
        match packed.unpack() {
            Ok(slot) => Was::Object(slot),
            Err(0) => Was::Unchanged,
            Err(1) => Was::Never,
            Err(2) => Was::Unknown,
            Err(_) => Was::Nobody,
        }
    }
}

/// A relationship to many, of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ManyLink {
    /// The members, if they are loaded. A member may be there twice.
    pub current: Option<Vec<Slot>>,
    /// What is there only after a change.
    pub shadow: Option<Box<Shadow>>,
}

/// The past of a [`ManyLink`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shadow {
    pub was: ManyWas,
    /// What was changed while the list was not loaded.
    queue: Option<Box<Queue>>,
    /// What could be read before a rollback; only while the list is not loaded.
    pub stale: Option<Vec<Slot>>,
}

/// What a relationship to many held before the first change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ManyWas {
    /// It has not changed.
    #[default]
    Unchanged,
    /// It was not loaded.
    Unknown,
    /// These members.
    Members(Vec<Slot>),
}

impl Shadow {
    /// The queue, to be changed: what could be read before does not count any more.
    fn queue_mut(&mut self) -> &mut Queue {
        self.stale = None;
        self.queue.get_or_insert_default()
    }

    /// Whether changes are queued.
    pub fn has_queued(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| !queue.is_empty())
    }
}

impl ManyLink {
    pub fn shadow_mut(&mut self) -> &mut Shadow {
        self.shadow.get_or_insert_default()
    }

    /// Notes what the list held, if this is its first change.
    pub fn remember(&mut self) {
        if self.shadow.as_ref().is_some_and(|shadow| shadow.was != ManyWas::Unchanged) {
            return;
        }
        let was = match &self.current {
            Some(members) => ManyWas::Members(members.clone()),
            None => ManyWas::Unknown,
        };
        self.shadow_mut().was = was;
    }

    /// Forgets members that are gone from the session.
    pub fn forget(&mut self, is_gone: impl Fn(Slot) -> bool) {
        let stays = |&slot: &Slot| !is_gone(slot);
        if let Some(current) = &mut self.current {
            current.retain(stays);
        }
        if let Some(shadow) = &mut self.shadow {
            if let Some(queue) = &mut shadow.queue {
                queue.retain(stays);
            }
            if let ManyWas::Members(was) = &mut shadow.was {
                was.retain(stays);
            }
            if let Some(stale) = &mut shadow.stale {
                stale.retain(stays);
            }
        }
    }

    /// Queues an addition to a list that is not loaded.
    pub fn queue_added(&mut self, member: Slot, speaker: Speaker) {
        self.shadow_mut().queue_mut().add(member, speaker);
    }

    /// Queues a removal from a list that is not loaded.
    pub fn queue_removed(&mut self, member: Slot, speaker: Speaker) {
        self.shadow_mut().queue_mut().remove(member, speaker);
    }

    /// An addition that is queued turns out to be none.
    pub fn forget_added(&mut self, member: Slot) {
        if let Some(queue) = self.shadow.as_mut().and_then(|shadow| shadow.queue.as_mut()) {
            queue.forget_added(member);
        }
    }

    /// Who waits to be in a list that is not loaded.
    pub fn queued(&self) -> Vec<Slot> {
        let queue = self.shadow.as_ref().and_then(|shadow| shadow.queue.as_ref());
        queue.map(|queue| queue.added()).unwrap_or_default()
    }

    /// Takes the members from the database and applies what was queued.
    pub fn load(&mut self, members: Vec<Slot>) {
        let queue = self.shadow.take().and_then(|shadow| shadow.queue);
        self.current = Some(members);
        let Some(queue) = queue.filter(|queue| !queue.is_empty()) else { return };
        self.remember();
        queue.apply(self.current.get_or_insert_default());
    }

    /// Whether the list is loaded, and held this member at the last flush and does still.
    pub fn keeps(&self, member: Slot) -> bool {
        let before = match self.shadow.as_ref().map(|shadow| &shadow.was) {
            None | Some(ManyWas::Unchanged) => true,
            Some(ManyWas::Members(was)) => was.contains(&member),
            Some(ManyWas::Unknown) => false,
        };
        before && self.current.as_ref().is_some_and(|current| current.contains(&member))
    }

    /// What was added and removed since the last flush, and what stayed. Additions and removals
    /// that are queued on an unloaded list count, unless the other side speaks of them.
    pub fn history(&self) -> History {
        let shadow = self.shadow.as_deref();
        let Some(current) = &self.current else {
            let queue = shadow.and_then(|shadow| shadow.queue.as_deref());
            return queue.map_or_else(History::default, |queue| History {
                added: queue.own_added(),
                unchanged: Vec::new(),
                deleted: queue.own_removed(),
            });
        };
        match shadow.map(|shadow| &shadow.was) {
            None | Some(ManyWas::Unchanged) => {
                History { unchanged: current.clone(), ..History::default() }
            }
            Some(ManyWas::Unknown) => History { added: current.clone(), ..History::default() },
            Some(ManyWas::Members(was)) if was.is_empty() => {
                History { added: current.clone(), ..History::default() }
            }
            Some(ManyWas::Members(was)) => compare(current, was),
        }
    }
}

/// So few members are looked for by going through the other list.
const FEW: usize = 16;

/// Compares two lists. Mostly a few members were appended or taken out, so that what lies before and
/// behind them is the same.
fn compare(current: &[Slot], was: &[Slot]) -> History {
    let same = |(one, other): &(&Slot, &Slot)| one == other;
    let before = current.iter().zip(was).take_while(same).count();
    let rests = current[before..].iter().rev().zip(was[before..].iter().rev());
    let behind = rests.take_while(same).count();
    let changed = &current[before..current.len() - behind];
    let former = &was[before..was.len() - behind];
    let mut history = History::default();
    history.unchanged.reserve(current.len());
    history.unchanged.extend(&current[..before]);
    let was_there = holder(was, changed.len());
    for &member in changed {
        if was_there(member) {
            history.unchanged.push(member);
        } else {
            history.added.push(member);
        }
    }
    history.unchanged.extend(&current[current.len() - behind..]);
    let is_there = holder(current, former.len());
    history.deleted.extend(former.iter().filter(|member| !is_there(**member)));
    history
}

/// Says whether a list holds a member, for so many of them.
fn holder(list: &[Slot], members: usize) -> impl Fn(Slot) -> bool {
    let sorted = (members > FEW).then(|| {
        let mut sorted = list.to_vec();
        sorted.sort_unstable();
        sorted
    });
    move |member| match &sorted {
        Some(sorted) => sorted.binary_search(&member).is_ok(),
        None => list.contains(&member),
    }
}

/// What happened to a relationship since the last flush. A relationship to one that was set to
/// nobody without its old target being known shows in `cleared`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    pub added: Vec<Slot>,
    pub unchanged: Vec<Slot>,
    pub deleted: Vec<Slot>,
}

/// What happened to a relationship to one since the last flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OneHistory {
    /// What it is set to now, if that is new: somebody, or nobody.
    pub added: Option<Option<Slot>>,
    /// Who it still holds.
    pub unchanged: Option<Slot>,
    /// Who it held before.
    pub deleted: Option<Slot>,
}

impl OneLink {
    /// A link that holds this, and held that before.
    pub const fn new(current: One, was: Was) -> Self {
        Self { current: current.pack(), was: was.pack(), stale: One::Unloaded.pack() }
    }

    /// What it holds.
    pub const fn current(self) -> One {
        One::unpack(self.current)
    }

    /// What it held before the first change.
    pub const fn was(self) -> Was {
        Was::unpack(self.was)
    }

    /// What could be read before a rollback; only while it is unloaded.
    pub const fn stale(self) -> One {
        One::unpack(self.stale)
    }

    /// Whether it holds, held, or is read as one of some objects.
    pub fn names_any(self, is_one: impl Fn(Slot) -> bool) -> bool {
        let slots = [self.current, self.was, self.stale].map(Packed::unpack);
        slots.into_iter().flatten().any(is_one)
    }

    /// Holds something else.
    pub fn hold(&mut self, one: One) {
        (self.current, self.stale) = (one.pack(), One::Unloaded.pack());
    }

    /// Notes what it held before the first change.
    pub fn remember(&mut self, was: Was) {
        self.was = was.pack();
    }

    /// Lets an unloaded link be read as what it was before a rollback.
    pub fn let_read(&mut self, stale: One) {
        self.stale = stale.pack();
    }

    pub fn history(&self) -> OneHistory {
        let current = match self.current() {
            One::Unloaded => return OneHistory::default(),
            One::Nobody => None,
            One::Object(slot) => Some(slot),
        };
        let was = match self.was() {
            Was::Unchanged => {
                return OneHistory { unchanged: current, ..OneHistory::default() };
            }
            Was::Object(slot) => Some(slot),
            Was::Nobody if current.is_none() => return OneHistory::default(),
            Was::Never | Was::Unknown | Was::Nobody => None,
        };
        if was.is_some() && was == current {
            return OneHistory { unchanged: current, ..OneHistory::default() };
        }
        OneHistory { added: Some(current), unchanged: None, deleted: was }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(numbers: &[u32]) -> Vec<Slot> {
        numbers.iter().map(|&number| Slot(number)).collect()
    }

    #[test]
    fn queued_changes_apply_when_the_list_is_loaded() {
        let mut link = ManyLink::default();
        link.queue_added(Slot(7), Speaker::Own);
        link.queue_removed(Slot(1), Speaker::Own);
        link.load(slots(&[1, 2]));
        assert_eq!(link.current, Some(slots(&[2, 7])));
        let history = link.history();
        assert_eq!((history.added, history.deleted), (slots(&[7]), slots(&[1])));
    }

    #[test]
    fn queued_changes_that_undo_each_other_leave_nothing() {
        let mut link = ManyLink::default();
        link.queue_added(Slot(7), Speaker::Own);
        link.queue_removed(Slot(7), Speaker::Own);
        link.queue_removed(Slot(8), Speaker::Own);
        link.queue_added(Slot(8), Speaker::Own);
        assert_eq!(link.history(), History::default());
    }

    #[test]
    fn what_the_other_side_speaks_of_is_shown_and_not_written() {
        let mut link = ManyLink::default();
        link.queue_added(Slot(7), Speaker::Other);
        link.queue_removed(Slot(1), Speaker::Other);
        assert_eq!(link.history(), History::default());
        link.queue_added(Slot(8), Speaker::Other);
        link.queue_added(Slot(8), Speaker::Own);
        assert_eq!(link.history().added, slots(&[8]));
        link.load(slots(&[1, 2]));
        assert_eq!(link.current, Some(slots(&[2, 7, 8])));
    }

    #[test]
    fn long_and_short_lists_compare_alike() {
        let was: Vec<Slot> = (0..40).map(Slot).collect();
        let current: Vec<Slot> = (20..60).map(Slot).collect();
        let long = compare(&current, &was);
        assert_eq!(long.added, (40..60).map(Slot).collect::<Vec<_>>());
        assert_eq!(long.deleted, (0..20).map(Slot).collect::<Vec<_>>());
        let short = compare(&slots(&[2, 3]), &slots(&[1, 2]));
        assert_eq!((short.added, short.deleted), (slots(&[3]), slots(&[1])));
    }

    #[test]
    fn members_keep_their_order_around_a_change() {
        let history = compare(&slots(&[1, 2, 7, 3, 4]), &slots(&[1, 2, 8, 3, 4]));
        assert_eq!((history.added, history.deleted), (slots(&[7]), slots(&[8])));
        assert_eq!(history.unchanged, slots(&[1, 2, 3, 4]));
        let twice = compare(&slots(&[1, 2, 1]), &slots(&[1, 2]));
        assert_eq!((twice.added, twice.unchanged), (slots(&[]), slots(&[1, 2, 1])));
        let once = compare(&slots(&[1, 2]), &slots(&[1, 2, 1]));
        assert_eq!((once.deleted, once.unchanged), (slots(&[]), slots(&[1, 2])));
        let moved = compare(&slots(&[3, 1, 2]), &slots(&[1, 2, 3]));
        assert_eq!((moved.added, moved.deleted), (slots(&[]), slots(&[])));
        assert_eq!(moved.unchanged, slots(&[3, 1, 2]));
    }

    #[test]
    fn links_to_one_hold_what_is_put_into_them() {
        let slots = [Slot(0), Slot(7)];
        let ones = [One::Unloaded, One::Nobody].into_iter().chain(slots.map(One::Object));
        let pasts = [Was::Unchanged, Was::Never, Was::Unknown, Was::Nobody];
        let pasts: Vec<_> = pasts.into_iter().chain(slots.map(Was::Object)).collect();
        assert_eq!(OneLink::default(), OneLink::new(One::Unloaded, Was::Unchanged));
        for one in ones {
            for &was in &pasts {
                let mut link = OneLink::new(one, was);
                assert_eq!((link.current(), link.was(), link.stale()), (one, was, One::Unloaded));
                link.let_read(one);
                assert_eq!((link.current(), link.was(), link.stale()), (one, was, one));
                link.hold(One::Nobody);
                assert_eq!((link.current(), link.was()), (One::Nobody, was));
                assert_eq!(link.stale(), One::Unloaded);
            }
        }
    }

    #[test]
    fn setting_one_back_is_no_change() {
        let link = OneLink::new(One::Object(Slot(1)), Was::Object(Slot(1)));
        assert_eq!(link.history().added, None);
    }
}
