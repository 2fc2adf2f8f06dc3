//! Paths: relationships one after the other, such as a user's orders and their items.

use entail_engine::arena::Branches;
use entail_engine::entity::Relation;
use entail_engine::mapping::{EntityId, Mapping, RelationshipId};

/// A way from one entity along one or more relationships.
pub trait PathTo: Copy {
    /// Where it starts.
    type Root;
    /// Where it ends.
    type End;

    /// Writes down the relationships, and gives the entity at the end; none if the mapping has no
    /// such relationship.
    fn resolve_path(
        &self,
        mapping: &Mapping,
        root: EntityId,
        path: &mut Vec<RelationshipId>,
    ) -> Option<EntityId>;

    /// The way goes on along another relationship.
    fn then<R: Relation<Owner = Self::End>>(self, next: R) -> Then<Self, R> {
        Then { before: self, next }
    }
}

impl<R: Relation> PathTo for R {
    type Root = R::Owner;
    type End = R::Target;

    fn resolve_path(
        &self,
        mapping: &Mapping,
        root: EntityId,
        path: &mut Vec<RelationshipId>,
    ) -> Option<EntityId> {
        let relationship = self.resolve(mapping, root)?;
        path.push(relationship);
        Some(mapping.relationship(relationship).target)
    }
}

/// A way that goes on; see [`PathTo::then`].
#[derive(Clone, Copy, Debug)]
pub struct Then<P, R> {
    before: P,
    next: R,
}

impl<P: PathTo, R: Relation<Owner = P::End>> PathTo for Then<P, R> {
    type Root = P::Root;
    type End = R::Target;

    fn resolve_path(
        &self,
        mapping: &Mapping,
        root: EntityId,
        path: &mut Vec<RelationshipId>,
    ) -> Option<EntityId> {
        let end = self.before.resolve_path(mapping, root, path)?;
        let relationship = self.next.resolve(mapping, end)?;
        path.push(relationship);
        Some(mapping.relationship(relationship).target)
    }
}

/// One or several paths from one entity, such as `User::ORDERS.then(Order::ITEMS).and(User::PROFILE)`.
pub trait Paths: Copy {
    /// Where they start.
    type Root;

    /// Writes down the relationships; none if the mapping lacks one of them.
    fn add_to(&self, mapping: &Mapping, root: EntityId, branches: &mut Branches) -> Option<()>;

    /// Another path besides.
    fn and<P: Paths<Root = Self::Root>>(self, other: P) -> And<Self, P> {
        And { one: self, other }
    }
}

impl<P: PathTo> Paths for P {
    type Root = P::Root;

    fn add_to(&self, mapping: &Mapping, root: EntityId, branches: &mut Branches) -> Option<()> {
        let mut path = Vec::new();
        self.resolve_path(mapping, root, &mut path)?;
        branches.add(&path);
        Some(())
    }
}

/// Two paths, or more; see [`Paths::and`].
#[derive(Clone, Copy, Debug)]
pub struct And<P, Q> {
    one: P,
    other: Q,
}

impl<P: Paths, Q: Paths<Root = P::Root>> Paths for And<P, Q> {
    type Root = P::Root;

    fn add_to(&self, mapping: &Mapping, root: EntityId, branches: &mut Branches) -> Option<()> {
        self.one.add_to(mapping, root, branches)?;
        self.other.add_to(mapping, root, branches)
    }
}
