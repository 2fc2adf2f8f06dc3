//! Cells: what the session knows of one object besides its fields.

use std::fmt;

use crate::key::Key;

use super::snapshot::SnapshotId;

/// The state of an object towards its session and the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Neither in the session's work nor in the database.
    Transient,
    /// Added, but not yet inserted.
    Pending,
    /// In the database, and looked after by the session.
    Persistent,
    /// Deleted by a flush of the open transaction.
    Deleted,
    /// In the database, but no longer looked after.
    Detached,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Transient => "transient",
            State::Pending => "pending",
            State::Persistent => "persistent",
            State::Deleted => "deleted",
            State::Detached => "detached",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A set of facts about an object.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flags(u16);

impl Flags {
    /// The session looks after it.
    pub const ATTACHED: Flags = Flags(1);
    /// It waits to be inserted.
    pub const NEW: Flags = Flags(2);
    /// The identity map has it.
    pub const MAPPED: Flags = Flags(4);
    /// What an object has that was loaded.
    pub const LOADED: Flags = Self::ATTACHED.and(Self::MAPPED);
    /// It is marked to be deleted.
    pub const MARKED: Flags = Flags(8);
    /// Its row was deleted.
    pub const DELETED: Flags = Flags(16);
    /// Its values may not be read before they are loaded again.
    pub const EXPIRED: Flags = Flags(32);
    /// Its values may be read, but the next load overwrites them.
    pub const STALE: Flags = Flags(64);
    /// It lost a parent while that parent was outside of the session.
    pub const ORPHANED_OUTSIDE: Flags = Flags(128);
    /// It is in the list of touched objects.
    pub const TOUCHED: Flags = Flags(256);
    /// Its row was deleted, and that was committed.
    pub const GONE: Flags = Flags(1024);
    /// The place is in use.
    pub const OCCUPIED: Flags = Flags(512);

    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn any(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the object waits to be inserted and has lost no parent.
    pub fn is_plainly_new(self) -> bool {
        self.has(Flags::NEW) && !self.any(Flags::ORPHANED_OUTSIDE.and(Flags::MARKED))
    }

    pub fn insert(&mut self, other: Flags) {
        self.0 |= other.0;
    }

    pub fn remove(&mut self, other: Flags) {
        self.0 &= !other.0;
    }

    pub const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({:#b})", self.0)
    }
}

/// What the session knows of one object, in 32 bytes: there is one of these for each object.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    pub generation: u16,
    pub flags: Flags,
    /// The key of its row; none as long as it has no row.
    pub key: Option<Key>,
    /// The values that its row has, from before the first change.
    pub snapshot: Option<SnapshotId>,
}

impl Cell {
    /// The state that follows from the facts.
    pub fn state(&self) -> State {
        match (&self.key, self.flags.has(Flags::ATTACHED)) {
            (None, false) => State::Transient,
            (None, true) => State::Pending,
            (Some(_), true) if self.flags.has(Flags::GONE) => State::Detached,
            (Some(_), true) if self.flags.has(Flags::DELETED) => State::Deleted,
            (Some(_), true) => State::Persistent,
            (Some(_), false) => State::Detached,
        }
    }

    /// Whether the values are not those of the database.
    pub fn is_stale(&self) -> bool {
        self.flags.any(Flags::EXPIRED.and(Flags::STALE))
    }
}

/// Why an object is where it is: the reason of its next step in a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Somebody named it: `add`, `delete`, or an assignment.
    #[default]
    Named,
    /// A cascade came to it from another object along a relationship.
    Along {
        /// The relationship.
        relationship: crate::mapping::RelationshipId,
        /// The object at the other end, which may be the owner or the target.
        from: crate::handle::ObjectId,
    },
}
