//! Names of relationships, typed by owner, target and direction: `User::ADDRESSES`.

use std::fmt;
use std::marker::PhantomData;

use crate::mapping::{EntityId, Mapping, RelationshipId};

use super::Object;

/// A relationship by its name.
pub trait Relation: Copy {
    /// The type that has it.
    type Owner: Object;
    /// The type it leads to.
    type Target: Object;

    /// Its number in a mapping in which `owner` is the owner's entity; none if that entity has
    /// no such relationship.
    fn resolve(&self, mapping: &Mapping, owner: EntityId) -> Option<RelationshipId>;
}

/// A relationship to a list of objects.
pub trait ToMany: Relation {}

/// A relationship to at most one object.
pub trait ToOne: Relation {}

macro_rules! relation {
    ($(#[$doc:meta])* $name:ident: $direction:ident) => {
        $(#[$doc])*
        pub struct $name<O, T> {
            index: u32,
            name: &'static str,
            types: PhantomData<fn() -> (O, T)>,
        }

        impl<O, T> $name<O, T> {
            /// The relationship in the given place of its owner's relationships. The derive
            /// calls it.
            pub const fn new(index: u32, name: &'static str) -> Self {
                Self { index, name, types: PhantomData }
            }

            /// Its name.
            pub const fn name(&self) -> &'static str {
                self.name
            }
        }

        impl<O, T> Clone for $name<O, T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<O, T> Copy for $name<O, T> {}

        impl<O, T> fmt::Debug for $name<O, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name)
            }
        }

        impl<O: Object, T: Object> Relation for $name<O, T> {
            type Owner = O;
            type Target = T;

            #[inline]
            fn resolve(&self, mapping: &Mapping, owner: EntityId) -> Option<RelationshipId> {
                mapping.entity(owner).relationships.get(self.index as usize).copied()
            }
        }

        impl<O: Object, T: Object> $direction for $name<O, T> {}
    };
}

relation! {
    /// The name of a `has_many`.
    HasManyOf: ToMany
}

relation! {
    /// The name of a `many_to_many`.
    ManyToManyOf: ToMany
}

relation! {
    /// The name of a `has_one`.
    HasOneOf: ToOne
}

relation! {
    /// The name of a `belongs_to`.
    BelongsToOf: ToOne
}
