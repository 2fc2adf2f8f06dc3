//! Synchronising: foreign key columns take the keys of the objects that relationships lead to.

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::arena::Flags;
use crate::batch::Operation;
use crate::by_object::ByObject;
use crate::error::FlushError;
use crate::handle::{ObjectId, Slot};
use crate::mapping::{Cascade, EntityId, Kind, PassiveDeletes, Relationship, RelationshipId};

use super::fate::{Fates, Work};

/// Where a foreign key column takes its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It becomes NULL.
    Null,
    /// A column of another object, as it is after the flush.
    Column(ObjectId, ColumnNumber),
}

/// The number of a column in its table, in four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColumnNumber(u32);

impl ColumnNumber {
    pub fn new(column: usize) -> Self {
        Self(column as u32)
    }

    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// A foreign key column that follows a relationship, in 24 bytes: most new rows have one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Follow {
    column: ColumnNumber,
    pub source: Source,
    /// It is written by a statement of its own.
    pub separately: bool,
    /// The database carries the value itself, by ON UPDATE CASCADE, into a column of the key.
    pub carried: bool,
}

impl Follow {
    /// The foreign key column.
    pub fn column(&self) -> usize {
        self.column.get()
    }
}

/// The foreign key columns of one object that follow relationships; mostly it is one.
#[derive(Clone, Debug)]
pub(super) struct Follows {
    first: Follow,
    #[allow(clippy::box_collection)] // Hardly any object has one, and the entry stays small.
    more: Option<Box<Vec<Follow>>>,
}

impl Follows {
    pub fn iter(&self) -> impl Iterator<Item = &Follow> {
        std::iter::once(&self.first).chain(self.more.iter().flat_map(|more| more.iter()))
    }

    /// The last word on a column counts.
    fn put(&mut self, follow: Follow) {
        let more = self.more.iter_mut().flat_map(|more| more.iter_mut());
        let mut known = std::iter::once(&mut self.first).chain(more);
        match known.find(|one| one.column == follow.column) {
            Some(known) => *known = follow,
            None => self.more.get_or_insert_default().push(follow),
        }
    }
}

/// A row of an association table that comes or goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub relationship: RelationshipId,
    pub operation: Operation,
    pub owner: ObjectId,
    pub member: ObjectId,
}

/// What relationships say about foreign keys.
#[derive(Debug)]
pub(super) struct Foreign {
    pub follows: ByObject<Follows>,
    pub links: Vec<Link>,
}

impl Foreign {
    #[inline(always)] // As `room::push_with`.
    fn put(&mut self, object: ObjectId, follow: Follow) {
        match self.follows.get_mut(&object) {
            Some(known) => known.put(follow),
            None => self.follows.insert_with(object, || Follows { first: follow, more: None }),
        }
    }
}

/// Goes through the relationships of all objects that take part.
pub(super) fn synchronise(fates: &Fates<'_>) -> Result<Foreign, FlushError> {
    let mut sync = Synchroniser {
        fates,
        foreign: Foreign {
            follows: ByObject::new(fates.arena, fates.all.len()),
            links: Vec::new(),
        },
        linked: FxHashSet::default(),
        gained: gained(fates),
    };
    let objects = Sorted::new(fates);
    sync.clear_within_tables(&objects)?;
    let deletes = fates.any_deleted.then_some(Work::Delete);
    for now in deletes.into_iter().chain([Work::Save]) {
        // Where two relationships write one foreign key, the last one by this order has the word,
        // as in SQLAlchemy.
        for relationship in fates.mapping.relationships_by_name().filter(|one| !one.viewonly) {
            for &(id, work) in objects.of(relationship.owner) {
                if work == now {
                    sync.one(relationship, id, work)?;
                }
            }
        }
    }
    sync.listed()?;
    Ok(sync.foreign)
}

/// The objects that take part, sorted: those of one entity lie together.
struct Sorted(SmallVec<[(ObjectId, Work); 4]>);

impl Sorted {
    fn new(fates: &Fates<'_>) -> Self {
        let mut objects = SmallVec::with_capacity(fates.all.len());
        let take_part = fates.all.iter().filter(|(_, fate)| !fate.listed_only);
        objects.extend(take_part.map(|(&id, fate)| (id, fate.work)));
        objects.sort_unstable_by_key(|(id, _)| *id);
        Self(objects)
    }

    fn of(&self, entity: EntityId) -> &[(ObjectId, Work)] {
        let start = self.0.partition_point(|(id, _)| id.entity < entity);
        let length = self.0[start..].partition_point(|(id, _)| id.entity == entity);
        &self.0[start..start + length]
    }
}

/// Whether a relationship leads to the parent in a tree whose parents have lists.
fn is_in_a_tree(relationship: &Relationship) -> bool {
    relationship.kind == Kind::ManyToOne
        && relationship.is_self_referential()
        && relationship.inverse.is_some()
}

/// The members that relationships to many gained, if there is a deletion that may concern them.
fn gained(fates: &Fates<'_>) -> FxHashSet<(RelationshipId, ObjectId)> {
    let mut gained = FxHashSet::default();
    if !fates.any_deleted {
        return gained;
    }
    for (&id, fate) in fates.all.iter() {
        if fate.work == Work::Delete || fate.listed_only {
            continue;
        }
        for &relationship in &fates.mapping.entity(id.entity).relationships {
            let target = fates.mapping.relationship(relationship).target;
            let added = fates.arena.history(relationship, id.slot).added;
            gained.extend(
                added.into_iter().map(|slot| (relationship, ObjectId { entity: target, slot })),
            );
        }
    }
    gained
}

struct Synchroniser<'a> {
    fates: &'a Fates<'a>,
    foreign: Foreign,
    /// Pairs whose association row is already taken care of, by the first of the two sides.
    linked: FxHashSet<(RelationshipId, Slot, Slot)>,
    /// Members that owners gained; those who lose them to a deletion leave them alone.
    gained: FxHashSet<(RelationshipId, ObjectId)>,
}

impl Synchroniser<'_> {
    fn one(
        &mut self,
        relationship: &Relationship,
        id: ObjectId,
        work: Work,
    ) -> Result<(), FlushError> {
        match (relationship.kind, work) {
            (Kind::OneToMany | Kind::OneToOne, Work::Delete) => {
                self.parent_deleted(relationship, id)
            }
            (Kind::OneToMany | Kind::OneToOne, Work::Save) => self.parent_saved(relationship, id),
            (Kind::ManyToOne, Work::Delete) => self.child_deleted(relationship, id),
            (Kind::ManyToOne, Work::Save) => self.child_saved(relationship, id),
            (Kind::ManyToMany, work) => {
                self.linked(relationship, id, work);
                Ok(())
            }
        }
    }

    fn parent_deleted(
        &mut self,
        relationship: &Relationship,
        id: ObjectId,
    ) -> Result<(), FlushError> {
        if relationship.passive_deletes == PassiveDeletes::All && !relationship.post_update {
            return Ok(());
        }
        let arena = self.fates.arena;
        let history = arena.history(relationship.id, id.slot);
        for slot in history.deleted {
            if !arena.has_parent(relationship.id, slot) {
                self.clear(relationship, ObjectId { entity: relationship.target, slot })?;
            }
        }
        if relationship.post_update || !relationship.cascade.has(Cascade::Delete) {
            for slot in history.unchanged {
                let child = ObjectId { entity: relationship.target, slot };
                if !self.gained.contains(&(relationship.id, child)) {
                    self.clear(relationship, child)?;
                }
            }
        }
        Ok(())
    }

    fn parent_saved(
        &mut self,
        relationship: &Relationship,
        id: ObjectId,
    ) -> Result<(), FlushError> {
        let arena = self.fates.arena;
        if let Some(first) = arena.first_members(relationship.id, id.slot) {
            self.parent_gained(relationship, id, first);
            return Ok(());
        }
        let mut history = arena.history(relationship.id, id.slot);
        if let Some(inverse) = relationship.inverse.filter(|_| relationship.syncs_inverse)
            && !arena.is_loaded(relationship.id, id.slot)
        {
            // What was queued on such a list its children say themselves, unless they take no part, or were
            // flushed, expired or rolled back while the owner was outside of the session.
            history.added.retain(|&slot| {
                let child = ObjectId { entity: relationship.target, slot };
                self.fates.work(child).is_none() || arena.one_history(inverse, slot).added.is_none()
            });
            self.parent_gained(relationship, id, &history.added);
            return Ok(());
        }
        self.parent_gained(relationship, id, &history.added);
        let nullifies = !relationship.cascade.has(Cascade::DeleteOrphan)
            && relationship.passive_deletes != PassiveDeletes::All;
        if nullifies {
            for slot in history.deleted {
                if !arena.has_parent(relationship.id, slot) {
                    self.clear(relationship, ObjectId { entity: relationship.target, slot })?;
                }
            }
        }
        if !history.unchanged.is_empty() && self.fates.key_changed(relationship, id) {
            let carried = if relationship.passive_updates { Carried::Yes } else { Carried::No };
            for slot in history.unchanged {
                let child = ObjectId { entity: relationship.target, slot };
                self.follow(relationship, id, child, carried);
            }
        }
        Ok(())
    }

    fn parent_gained(&mut self, relationship: &Relationship, id: ObjectId, added: &[Slot]) {
        for &slot in added {
            if !self.child_follows_by_itself(relationship, id, slot) {
                let child = ObjectId { entity: relationship.target, slot };
                self.follow(relationship, id, child, Carried::No);
            }
        }
    }

    /// Whether the other side says the same of the child's foreign key.
    fn child_follows_by_itself(
        &self,
        relationship: &Relationship,
        parent: ObjectId,
        child: Slot,
    ) -> bool {
        let Some(inverse) = relationship.inverse.filter(|_| relationship.syncs_inverse) else {
            return false;
        };
        let child_id = ObjectId { entity: relationship.target, slot: child };
        let is_new = !self.fates.any_deleted && self.fates.arena.flags(child_id).is_plainly_new();
        (is_new || self.fates.work(child_id) == Some(Work::Save))
            && self.fates.arena.one_history(inverse, child).added == Some(Some(parent.slot))
    }

    /// With post_update a row lets go of its target before it is deleted, if memory has the target:
    /// only then may that be deleted as well.
    fn child_deleted(
        &mut self,
        relationship: &Relationship,
        id: ObjectId,
    ) -> Result<(), FlushError> {
        if relationship.post_update
            && !relationship.cascade.has(Cascade::DeleteOrphan)
            && relationship.passive_deletes != PassiveDeletes::All
        {
            let known = self.fates.arena.known_target(relationship, id.slot);
            let history = self.fates.arena.one_history(relationship.id, id.slot);
            if matches!(known, Some(Some(_))) || history.deleted.is_some() {
                self.clear(relationship, id)?;
            }
        }
        Ok(())
    }

    /// Rows of a tree that are without a parent by their own side: the list of a parent that has such
    /// a row all the same has the last word, since a parent is written before it is referred to.
    fn clear_within_tables(&mut self, objects: &Sorted) -> Result<(), FlushError> {
        let mapping = self.fates.mapping;
        let all = mapping.relationships_by_name();
        for relationship in all.filter(|one| is_in_a_tree(one) && !one.viewonly) {
            for &(id, work) in objects.of(relationship.owner) {
                let history = self.fates.arena.one_history(relationship.id, id.slot);
                if work == Work::Save && history.added == Some(None) {
                    self.clear(relationship, id)?;
                }
            }
        }
        Ok(())
    }

    fn child_saved(&mut self, relationship: &Relationship, id: ObjectId) -> Result<(), FlushError> {
        let history = self.fates.arena.one_history(relationship.id, id.slot);
        match history.added {
            Some(Some(slot)) => {
                let target = ObjectId { entity: relationship.target, slot };
                if self.fates.may_take_part(target) {
                    self.follow(relationship, target, id, Carried::No);
                } else {
                    self.warn_outside(relationship, target);
                }
            }
            Some(None) if is_in_a_tree(relationship) => {}
            Some(None) => self.clear(relationship, id)?,
            None => {}
        }
        Ok(())
    }

    /// Objects whose foreign key follows a changed key, found by looking through memory.
    fn listed(&mut self) -> Result<(), FlushError> {
        let mapping = self.fates.mapping;
        for relationship in mapping.relationships() {
            if relationship.kind != Kind::ManyToOne
                || relationship.inverse.is_some() && relationship.passive_updates
            {
                continue;
            }
            for (&id, fate) in self.fates.all.iter() {
                if id.entity != relationship.owner
                    || fate.work == Work::Delete
                    || relationship.viewonly
                {
                    continue;
                }
                if let Some(Some(slot)) = self.fates.arena.known_target(relationship, id.slot) {
                    let target = ObjectId { entity: relationship.target, slot };
                    let in_flush = self.fates.work(target) == Some(Work::Save);
                    let has_row = self.fates.arena.cell(target).key.is_some();
                    if in_flush && has_row && self.fates.key_changed(relationship, target) {
                        let carried =
                            if relationship.passive_updates { Carried::Yes } else { Carried::No };
                        self.follow(relationship, target, id, carried);
                    }
                }
            }
        }
        Ok(())
    }

    // --- Foreign keys ----------------------------------------------------------------------------

    /// The child's foreign key takes the parent's key.
    fn follow(
        &mut self,
        relationship: &Relationship,
        parent: ObjectId,
        child: ObjectId,
        carried: Carried,
    ) {
        if self.fates.any_deleted && self.fates.is_deleted(child) && !relationship.post_update {
            return;
        }
        if !self.fates.may_take_part(child) {
            self.warn_outside(relationship, child);
        }
        let child_key = &self.fates.mapping.entity(child.entity).key;
        let parent_key = &self.fates.mapping.entity(parent.entity).key;
        for (&from, &to) in relationship.parent_columns.iter().zip(&relationship.child_columns) {
            let carried =
                carried == Carried::Yes && child_key.contains(&to) && parent_key.contains(&from);
            self.foreign.put(
                child,
                Follow {
                    column: ColumnNumber::new(to),
                    source: Source::Column(parent, ColumnNumber::new(from)),
                    separately: relationship.post_update,
                    carried,
                },
            );
        }
    }

    /// The child's foreign key becomes NULL.
    fn clear(&mut self, relationship: &Relationship, child: ObjectId) -> Result<(), FlushError> {
        if self.fates.is_deleted(child) && !relationship.post_update {
            return Ok(());
        }
        let entity = self.fates.mapping.entity(child.entity);
        for &column in &relationship.child_columns {
            let follows = self.foreign.follows.get(&child);
            let known = follows.and_then(|all| all.iter().find(|one| one.column() == column));
            let is_set = match known {
                Some(follow) => follow.source != Source::Null,
                None => {
                    self.fates.arena.column(child, column).is_some_and(|value| !value.is_null())
                }
            };
            if entity.key.contains(&column) && is_set {
                return Err(FlushError::KeyBlanked {
                    object: self.fates.arena.label(child),
                    column: self.fates.mapping.table_of(child.entity).columns[column]
                        .name
                        .to_string(),
                    relationship: self.fates.mapping.relationship_label(relationship.id),
                });
            }
        }
        for &column in &relationship.child_columns {
            self.foreign.put(
                child,
                Follow {
                    column: ColumnNumber::new(column),
                    source: Source::Null,
                    separately: relationship.post_update,
                    carried: false,
                },
            );
        }
        Ok(())
    }

    fn warn_outside(&self, relationship: &Relationship, target: ObjectId) {
        tracing::warn!(
            relationship = %self.fates.mapping.relationship_label(relationship.id),
            object = %self.fates.arena.label(target),
            "the object is not in the session, so the relationship to it is not written"
        );
    }

    // --- Association rows --------------------------------------------------------------------------

    fn linked(&mut self, relationship: &Relationship, id: ObjectId, work: Work) {
        let history = self.fates.arena.history(relationship.id, id.slot);
        let mut pairs = Vec::new();
        match work {
            Work::Delete => {
                let gone = history.unchanged.into_iter().chain(history.deleted);
                pairs.extend(gone.map(|slot| (Operation::Delete, slot)));
            }
            Work::Save => {
                pairs.extend(history.added.into_iter().map(|slot| (Operation::Insert, slot)));
                pairs.extend(history.deleted.into_iter().map(|slot| (Operation::Delete, slot)));
                let has_row = self.fates.arena.cell(id).key.is_some();
                let key_changed = has_row && self.fates.key_changed(relationship, id);
                if key_changed && !relationship.passive_updates {
                    pairs.extend(
                        history.unchanged.into_iter().map(|slot| (Operation::Update, slot)),
                    );
                }
            }
        }
        for (operation, slot) in pairs {
            let member = ObjectId { entity: relationship.target, slot };
            self.link(Link { relationship: relationship.id, operation, owner: id, member });
        }
    }

    fn link(&mut self, link: Link) {
        let relationship = self.fates.mapping.relationship(link.relationship);
        let both_speak = relationship.inverse.filter(|_| link.operation != Operation::Update);
        // One of the two sides stands for both.
        let pair = both_speak.map(|inverse| {
            let sides = [(link.relationship, link.owner.slot), (inverse, link.member.slot)];
            let [(first, one), (_, other)] =
                if sides[0] <= sides[1] { sides } else { [sides[1], sides[0]] };
            (first, one, other)
        });
        if pair.is_some_and(|pair| self.linked.contains(&pair)) {
            return;
        }
        let is_insert = link.operation == Operation::Insert;
        if is_insert && self.fates.any_deleted && self.fates.is_deleted(link.member) {
            return;
        }
        if !self.fates.may_take_part(link.member) {
            if self.fates.arena.flags(link.member).has(Flags::DELETED) {
                return;
            }
            self.warn_outside(relationship, link.member);
            return;
        }
        if is_insert && self.is_there(relationship, &link) {
            return;
        }
        // A member may be in a list twice, and has one link.
        self.linked.extend(pair);
        self.foreign.links.push(link);
    }

    /// Whether the row of a link that was queued on an unloaded list is there already, as the other side
    /// knows.
    fn is_there(&self, relationship: &Relationship, link: &Link) -> bool {
        let arena = self.fates.arena;
        relationship.inverse.is_some_and(|inverse| {
            !arena.is_loaded(relationship.id, link.owner.slot)
                && arena
                    .many_link(inverse, link.member.slot)
                    .is_some_and(|other| other.keeps(link.owner.slot))
        })
    }
}

/// Whether the database carries a changed key to the child by itself.
#[derive(Clone, Copy, PartialEq)]
enum Carried {
    Yes,
    No,
}
