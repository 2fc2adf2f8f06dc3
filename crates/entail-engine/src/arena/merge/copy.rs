//! Copying a graph onto the session's own objects, depth first and without recursion: graphs may be
//! deeper than a stack.

use rustc_hash::FxHashMap;

use crate::by_object::ByObject;
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{Cascade, EntityId, Mapping, Relationship, RelationshipId};
use crate::value::Value;

use super::super::link::{One, Was};
use super::{Arena, MergeError};

/// The work of one merge.
pub(super) struct Copying<'a> {
    arena: &'a mut Arena,
    mapping: &'a Mapping,
    sources: ByObject<Source>,
    /// The targets of sources whose keys have no row yet.
    by_key: FxHashMap<(EntityId, Key), ObjectId>,
    /// The columns that the source at hand gives to its target.
    differences: Vec<(usize, Value)>,
}

/// What is known of a source.
#[derive(Default)]
struct Source {
    target: Option<ObjectId>,
    /// The relationships along which it was reached, so that their other sides are not walked
    /// back.
    came_along: Option<RelationshipId>,
    came_also: Vec<RelationshipId>,
}

/// A source whose relationships are being copied.
struct Frame {
    source: ObjectId,
    target: ObjectId,
    /// The place of the relationship among those of the entity.
    relationship: usize,
    /// The members of that relationship, and how many of them are merged.
    members: Vec<ObjectId>,
    merged: Vec<Slot>,
}

impl<'a> Copying<'a> {
    pub fn new(arena: &'a mut Arena, mapping: &'a Mapping, expected: usize) -> Self {
        Self {
            sources: ByObject::new(arena, expected),
            arena,
            mapping,
            by_key: FxHashMap::default(),
            differences: Vec::new(),
        }
    }

    /// Merges some sources; answers their targets.
    pub fn all(mut self, sources: &[ObjectId]) -> Result<Vec<ObjectId>, MergeError> {
        let mut targets = Vec::with_capacity(sources.len());
        let mut stack: Vec<Frame> = Vec::new();
        for &source in sources {
            let (target, is_first) = self.enter(source)?;
            targets.push(target);
            if is_first {
                stack.push(self.frame(source, target, 0));
            }
            while let Some(frame) = stack.last_mut() {
                if let Some(&member) = frame.members.get(frame.merged.len()) {
                    let along = self.relationship(frame).map(|relationship| relationship.id);
                    let (target, is_first) = self.follow(member, along)?;
                    frame.merged.push(target.slot);
                    if is_first {
                        stack.push(self.frame(member, target, 0));
                    }
                    continue;
                }
                if let Some(relationship) = self.relationship(frame) {
                    let merged = std::mem::take(&mut frame.merged);
                    self.set(relationship, frame.target.slot, merged)?;
                    *frame = self.frame(frame.source, frame.target, frame.relationship + 1);
                } else {
                    stack.pop();
                }
            }
        }
        Ok(targets)
    }

    /// The relationship that a frame is at; none if it is through with them.
    fn relationship(&self, frame: &Frame) -> Option<&'a Relationship> {
        let ids = &self.mapping.entity(frame.source.entity).relationships;
        ids.get(frame.relationship).map(|&id| self.mapping.relationship(id))
    }

    /// The frame of the next relationship, from a place on, that is copied.
    fn frame(&self, source: ObjectId, target: ObjectId, from: usize) -> Frame {
        let ids = &self.mapping.entity(source.entity).relationships;
        let is_copied = |&id: &RelationshipId| {
            let relationship = self.mapping.relationship(id);
            relationship.cascade.has(Cascade::Merge)
                && self.arena.is_loaded(id, source.slot)
                && !relationship.inverse.is_some_and(|inverse| self.came_along(source, inverse))
        };
        let relationship = (from..ids.len()).find(|&place| is_copied(&ids[place]));
        let relationship = relationship.unwrap_or(ids.len());
        let mut members = Vec::new();
        if let Some(&id) = ids.get(relationship) {
            self.arena.push_members(id, source.slot, &mut members);
        }
        let merged = Vec::with_capacity(members.len());
        Frame { source, target, relationship, members, merged }
    }

    fn came_along(&self, source: ObjectId, relationship: RelationshipId) -> bool {
        self.sources.get(&source).is_some_and(|known| {
            known.came_along == Some(relationship) || known.came_also.contains(&relationship)
        })
    }

    /// Goes to a member of a relationship.
    fn follow(
        &mut self,
        source: ObjectId,
        along: Option<RelationshipId>,
    ) -> Result<(ObjectId, bool), MergeError> {
        let known = self.source(source);
        match known.came_along {
            None => known.came_along = along,
            Some(first) if Some(first) != along => known.came_also.extend(along),
            Some(_) => {}
        }
        self.enter(source)
    }

    fn source(&mut self, source: ObjectId) -> &mut Source {
        self.sources.get_or_insert_default(source)
    }

    /// The target of a source, with its columns copied; says whether its relationships are still
    /// to be copied.
    fn enter(&mut self, source: ObjectId) -> Result<(ObjectId, bool), MergeError> {
        if let Some(done) = self.source(source).target {
            return Ok((done, false));
        }
        let key = self.arena.merge_key(source);
        let present = key.as_ref().and_then(|key| self.arena.find_key(source.entity, key));
        let target = match (present, key) {
            (Some(present), _) => present,
            (None, Some(key)) => match self.by_key.get(&(source.entity, key.clone())) {
                Some(&target) => target,
                None => {
                    let target = self.add(source)?;
                    self.by_key.insert((source.entity, key), target);
                    target
                }
            },
            (None, None) => self.add(source)?,
        };
        self.source(source).target = Some(target);
        if source == target {
            return Ok((target, false));
        }
        self.arena.check_version(source, target)?;
        self.copy_columns(source, target)?;
        Ok((target, true))
    }

    /// A new object with the columns of a source.
    fn add(&mut self, source: ObjectId) -> Result<ObjectId, MergeError> {
        let target = self.arena.reserve(source.entity);
        self.arena.tables[source.entity.0 as usize].store.copy(source.slot, target.slot);
        self.arena.add(target)?;
        Ok(target)
    }

    /// Gives a target what the source has set, and the target has otherwise or not for sure.
    fn copy_columns(&mut self, source: ObjectId, target: ObjectId) -> Result<(), MergeError> {
        let all = self.arena.cell(target).is_stale();
        let store = &self.arena.tables[source.entity.0 as usize].store;
        let differences = &mut self.differences;
        store.compare_places(source.slot, target.slot, all, &mut |column, value| {
            differences.push((column, value.to_value()));
        });
        for (column, value) in self.differences.drain(..) {
            self.arena.set_column(target, column, Some(value))?;
        }
        Ok(())
    }

    /// Sets a relationship of a target, unless it holds just that already.
    fn set(
        &mut self,
        relationship: &Relationship,
        owner: Slot,
        merged: Vec<Slot>,
    ) -> Result<(), MergeError> {
        let Self { arena, mapping, .. } = self;
        if relationship.kind.is_many() {
            let link = arena.many_link(relationship.id, owner);
            if link.is_some_and(|link| link.current.as_ref() == Some(&merged)) {
                return Ok(());
            }
            return Ok(arena.set_many(mapping, relationship, owner, merged)?);
        }
        let target = merged.first().copied();
        let link = arena.one_link(relationship.id, owner);
        let same = link.current() == target.map_or(One::Nobody, One::Object);
        if same && link.was() == Was::Unchanged && !relationship.tracks_parent() {
            return Ok(());
        }
        Ok(arena.set_one(mapping, relationship, owner, target)?)
    }
}
