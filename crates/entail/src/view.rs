//! Views: objects of a session, to be serialized where they are.

use std::fmt;
use std::marker::PhantomData;

use entail_engine::arena::Branches;
use entail_engine::error::StateError;
use entail_engine::handle::ObjectId;
use entail_engine::value::ValueRef;
use serde_core::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::path::Paths;
use crate::work::Work;

/// An object of a session that can be serialized: its columns by their names, and what some loaded
/// relationships lead to by theirs. Where these lead back to an object that is being written, its
/// key stands for it.
pub struct View<'a, T> {
    work: &'a Work,
    root: ObjectId,
    branches: Branches,
    object: PhantomData<fn() -> T>,
}

impl<'a, T> View<'a, T> {
    pub(crate) fn new(work: &'a Work, root: ObjectId) -> Result<Self, StateError> {
        let view = Self { work, root, branches: Branches::default(), object: PhantomData };
        view.check()?;
        Ok(view)
    }

    /// Along with what one or several paths lead to.
    ///
    /// # Errors
    ///
    /// E0203 for an expired object, E0204 for a relationship that is not loaded.
    pub fn with<P: Paths<Root = T>>(mut self, paths: P) -> Result<Self, StateError> {
        let branches = self.work.branches(self.root, paths)?;
        self.branches = branches;
        self.check()?;
        Ok(self)
    }

    /// Whatever cannot be read is known before the first byte is written.
    fn check(&self) -> Result<(), StateError> {
        self.work.unit.arena.check_readable(self.root, &self.branches)
    }
}

impl<T> fmt::Debug for View<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({})", self.work.unit.arena.label(self.root))
    }
}

impl<T> Serialize for View<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let above = Above { id: self.root, next: None };
        Node { work: self.work, branches: &self.branches, above: &above }.serialize(serializer)
    }
}

/// The objects that are being written, from the innermost to the root.
struct Above<'a> {
    id: ObjectId,
    next: Option<&'a Above<'a>>,
}

impl Above<'_> {
    fn has(&self, id: ObjectId) -> bool {
        self.id == id || self.next.is_some_and(|next| next.has(id))
    }
}

/// One object of a view.
struct Node<'a> {
    work: &'a Work,
    branches: &'a Branches,
    above: &'a Above<'a>,
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (arena, id) = (&self.work.unit.arena, self.above.id);
        let mapping = self.work.mapping();
        let name = |relationship| &*mapping.relationship(relationship).name;
        let is_replaced = |column: &str| self.branches.iter().any(|(one, _)| name(one) == column);
        let mut map = serializer.serialize_map(None)?;
        for (index, column) in mapping.table_of(id.entity).columns.iter().enumerate() {
            if !is_replaced(&column.name) {
                let value = arena.column_of(id, index).map_err(serde_core::ser::Error::custom)?;
                map.serialize_entry(&*column.name, &Scalar(value.unwrap_or(ValueRef::Null)))?;
            }
        }
        for (relationship, branches) in self.branches.iter() {
            let targets = arena.targets(id, relationship);
            let targets = targets.map_err(serde_core::ser::Error::custom)?;
            let node = |target| Target { from: self, branches, target };
            let name = name(relationship);
            if mapping.relationship(relationship).kind.is_many() {
                map.serialize_entry(name, &List(targets.into_iter().map(node).collect()))?;
            } else {
                map.serialize_entry(name, &targets.into_iter().next().map(node))?;
            }
        }
        map.end()
    }
}

/// What a relationship leads to: an object, or the key of one that is being written.
struct Target<'a> {
    from: &'a Node<'a>,
    branches: &'a Branches,
    target: ObjectId,
}

impl Serialize for Target<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let work = self.from.work;
        if !self.from.above.has(self.target) {
            let above = Above { id: self.target, next: Some(self.from.above) };
            return Node { work, branches: self.branches, above: &above }.serialize(serializer);
        }
        let key = work.unit.arena.key(self.target).map(|key| key.values()).unwrap_or_default();
        match key {
            [value] => Scalar(value.as_ref()).serialize(serializer),
            values => {
                List(values.iter().map(|one| Scalar(one.as_ref())).collect()).serialize(serializer)
            }
        }
    }
}

struct List<T>(Vec<T>);

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for one in &self.0 {
            list.serialize_element(one)?;
        }
        list.end()
    }
}

/// A value: dates and times in the form of RFC 3339, UUIDs with hyphens.
struct Scalar<'a>(ValueRef<'a>);

impl Serialize for Scalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ValueRef::Null => serializer.serialize_none(),
            ValueRef::Bool(value) => serializer.serialize_bool(value),
            ValueRef::Int(value) => serializer.serialize_i64(value),
            ValueRef::Float(value) => serializer.serialize_f64(value),
            ValueRef::Text(value) => serializer.serialize_str(value),
            ValueRef::Bytes(value) => serializer.serialize_bytes(value),
            #[cfg(feature = "chrono")]
            ValueRef::Date(value) => serializer.collect_str(&value),
            #[cfg(feature = "chrono")]
            ValueRef::Time(value) => serializer.collect_str(&value),
            #[cfg(feature = "chrono")]
            ValueRef::DateTime(value) => {
                serializer.collect_str(&value.format("%Y-%m-%dT%H:%M:%S%.f"))
            }
            #[cfg(feature = "chrono")]
            ValueRef::Timestamp(value) => {
                serializer.collect_str(&value.format("%Y-%m-%dT%H:%M:%S%.fZ"))
            }
            #[cfg(feature = "uuid")]
            ValueRef::Uuid(value) => serializer.collect_str(&value),
            _ => Err(serde_core::ser::Error::custom("a value of a type that is not known here")),
        }
    }
}
