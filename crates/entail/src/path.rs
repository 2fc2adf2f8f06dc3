//! Paths: relationships one after the other, such as a user's orders and their items.

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
