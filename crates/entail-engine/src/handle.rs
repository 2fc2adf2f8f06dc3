//! Handles: small copyable names of the objects in a session.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use crate::entity::Object;
use crate::mapping::EntityId;

/// The place of an object among those of its entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// An object of a session, by its entity and place. It is valid within one operation; what
/// users keep is a [`Handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// The entity.
    pub entity: EntityId,
    /// The place.
    pub slot: Slot,
}

/// A [`Handle`] that does not know the type of its object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RawHandle {
    pub(crate) session: u32,
    pub(crate) entity: EntityId,
    pub(crate) slot: Slot,
    pub(crate) generation: u16,
}

impl RawHandle {
    /// The entity of the object.
    pub fn entity(self) -> EntityId {
        self.entity
    }

    pub(crate) fn object(self) -> ObjectId {
        ObjectId { entity: self.entity, slot: self.slot }
    }
}

impl fmt::Debug for RawHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entity{}#{}v{}", self.entity.0, self.slot.0, self.generation)
    }
}

/// A name for an object in a session.
///
/// It is a small `Copy` key and stays valid across loads, flushes and commits, until the session
/// lets go of the object. It prints as `user#3v1`: the entity, the place and the generation.
pub struct Handle<T> {
    raw: RawHandle,
    object: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    /// The handle without the type.
    #[inline]
    pub fn raw(self) -> RawHandle {
        self.raw
    }

    /// Gives a raw handle its type. A wrong one is noticed when the handle is used.
    #[inline]
    pub fn from_raw(raw: RawHandle) -> Self {
        Self { raw, object: PhantomData }
    }
}

impl<T> Clone for Handle<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl<T> Eq for Handle<T> {}

impl<T> Hash for Handle<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}

impl<T> PartialOrd for Handle<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Handle<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.raw.cmp(&other.raw)
    }
}

impl<T: Object> fmt::Display for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in T::NAME.chars() {
            write!(f, "{}", c.to_lowercase())?;
        }
        write!(f, "#{}v{}", self.raw.slot.0, self.raw.generation)
    }
}

impl<T: Object> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
