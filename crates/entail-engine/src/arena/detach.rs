//! Detaching: a tree of objects moves out of the arena, as values in the relationship fields of
//! its root.

use crate::by_object::ByObject;
use crate::entity::{Item, Object};
use crate::error::StateError;
use crate::handle::ObjectId;
use crate::mapping::{Mapping, RelationshipId};

use super::Arena;
use super::cell::Flags;

/// Relationships that are followed from an object on, and from those that they lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branches(Vec<(RelationshipId, Branches)>);

impl Branches {
    /// Adds a path: relationships one after the other.
    pub fn add(&mut self, path: &[RelationshipId]) {
        let [first, rest @ ..] = path else { return };
        let place = match self.0.iter().position(|(one, _)| one == first) {
            Some(place) => place,
            None => {
                self.0.push((*first, Branches::default()));
                self.0.len() - 1
            }
        };
        self.0[place].1.add(rest);
    }

    /// The relationships, each with those that are followed after it.
    pub fn iter(&self) -> impl Iterator<Item = (RelationshipId, &Branches)> {
        self.0.iter().map(|(relationship, branches)| (*relationship, branches))
    }

    fn along(&self, relationship: RelationshipId) -> Option<&Branches> {
        self.iter().find(|(one, _)| *one == relationship).map(|(_, branches)| branches)
    }
}

/// Fills the relationship fields of a value that leaves the arena.
#[derive(Debug)]
pub struct Leaving<'a> {
    arena: &'a Arena,
    mapping: &'a Mapping,
    owner: ObjectId,
    branches: &'a Branches,
    error: Option<StateError>,
}

impl Leaving<'_> {
    /// The members of a relationship to many, by its place among the entity's; none if it is not
    /// followed.
    pub fn many<T: Object>(&mut self, relationship: usize) -> Option<Vec<Item<T>>> {
        self.targets(relationship)
    }

    /// The target of a relationship to one, by its place among the entity's; none if it is not
    /// followed.
    pub fn one<T: Object>(&mut self, relationship: usize) -> Option<Option<Item<T>>> {
        self.targets(relationship).map(|targets| targets.into_iter().next())
    }

    fn targets<T: Object>(&mut self, index: usize) -> Option<Vec<Item<T>>> {
        let id = *self.mapping.entity(self.owner.entity).relationships.get(index)?;
        let branches = self.branches.along(id)?;
        let built = self.arena.targets(self.owner, id).and_then(|targets| {
            targets.into_iter().map(|one| self.arena.value_of(one, branches)).collect()
        });
        let built: Result<Vec<T>, StateError> = built;
        match built {
            Ok(values) => Some(values.into_iter().map(Item::New).collect()),
            Err(error) => {
                self.error.get_or_insert(error);
                None
            }
        }
    }

    /// Says that the object has no fields for the relationships that are followed.
    pub fn refuse(&mut self) {
        if self.branches != &Branches::default() {
            self.error = Some(StateError::NoRelationship { object: self.arena.label(self.owner) });
        }
    }
}

impl Arena {
    /// Moves objects out of the session, with all that some relationships lead to: they become
    /// the owners of copies of them, and their handles are stale. One that is reached several times
    /// is there several times.
    ///
    /// # Errors
    ///
    /// E0203 for an expired object, E0204 for a relationship that is not loaded, E0205 for a
    /// pending object or one that is marked to be deleted. Nothing has moved then.
    pub fn detach<T: Object>(
        &mut self,
        roots: &[ObjectId],
        branches: &Branches,
    ) -> Result<Vec<T>, StateError> {
        let leaving = self.reached_along(roots, branches, |arena, id| arena.may_leave(id))?;
        let values: Result<_, _> =
            roots.iter().map(|&root| self.value_of(root, branches)).collect();
        let values = values?;
        self.vacate_all(&leaving);
        Ok(values)
    }

    /// The objects that some relationships lead to, the first ones included.
    ///
    /// # Errors
    ///
    /// E0204 for a relationship that is not loaded, and what the check says.
    fn reached_along(
        &self,
        roots: &[ObjectId],
        branches: &Branches,
        check: impl Fn(&Arena, ObjectId) -> Result<(), StateError>,
    ) -> Result<ByObject<()>, StateError> {
        let mut reached = ByObject::new(self, roots.len());
        let mut stack: Vec<_> = roots.iter().rev().map(|&root| (root, branches)).collect();
        while let Some((id, branches)) = stack.pop() {
            if !reached.contains_key(&id) {
                check(self, id)?;
                reached.insert(id, ());
            }
            for (relationship, next) in branches.iter() {
                let targets = self.targets(id, relationship)?;
                stack.extend(targets.into_iter().map(|target| (target, next)));
            }
        }
        Ok(reached)
    }

    /// Checks that an object and all that some relationships lead to can be read.
    ///
    /// # Errors
    ///
    /// E0203 for an expired object, E0204 for a relationship that is not loaded.
    pub fn check_readable(&self, root: ObjectId, branches: &Branches) -> Result<(), StateError> {
        self.reached_along(&[root], branches, |arena, id| arena.check_fresh(id)).map(drop)
    }

    fn check_fresh(&self, id: ObjectId) -> Result<(), StateError> {
        if self.flags(id).has(Flags::EXPIRED) {
            return Err(StateError::Expired { object: self.label(id) });
        }
        Ok(())
    }

    fn may_leave(&self, id: ObjectId) -> Result<(), StateError> {
        self.check_fresh(id)?;
        if self.flags(id).any(Flags::NEW.and(Flags::MARKED)) {
            return Err(StateError::WrongState {
                object: self.label(id),
                state: self.cell(id).state(),
                call: "detach",
                needs: "objects without work for the next flush; flush or expunge them first",
            });
        }
        Ok(())
    }

    /// The targets of a relationship, whether it leads to one or to many.
    ///
    /// # Errors
    ///
    /// E0204 if it is not loaded.
    pub fn targets(
        &self,
        id: ObjectId,
        relationship: RelationshipId,
    ) -> Result<Vec<ObjectId>, StateError> {
        if self.mapping.relationship(relationship).kind.is_many() {
            return self.many(id, relationship);
        }
        Ok(self.one(id, relationship)?.into_iter().collect())
    }

    /// A copy of an object with copies of what some relationships lead to. It goes as deep as
    /// they do.
    fn value_of<T: Object>(&self, id: ObjectId, branches: &Branches) -> Result<T, StateError> {
        let store = self
            .typed_store::<T>(id.entity)
            .ok_or_else(|| StateError::NotMapped { entity: T::NAME.to_owned() })?;
        let value = store.objects[id.slot.0 as usize].as_ref();
        let value = value.ok_or_else(|| StateError::StaleHandle { object: self.label(id) })?;
        let mut copy = value.copy();
        let mapping = &self.mapping;
        let mut leaving = Leaving { arena: self, mapping, owner: id, branches, error: None };
        copy.receive_links(&mut leaving);
        leaving.error.map_or(Ok(copy), Err)
    }
}
