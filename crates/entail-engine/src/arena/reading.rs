//! Reading and changing objects: fields by index, relationships as owned lists, net changes.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::entity::Object;
use crate::error::StateError;
use crate::handle::{Handle, ObjectId, Slot};
use crate::mapping::{Kind, Relationship, RelationshipId};
use crate::value::{Value, ValueRef};

use super::cell::Flags;
use super::link::{ManyWas, One, Speaker, Was};
use super::{Arena, LinkColumn};

/// A net change of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The column's name.
    pub column: Arc<str>,
    /// What the row has; none if that is not known or the object has no row yet.
    pub old: Option<Value>,
    /// What the object has; none if it is unset.
    pub new: Option<Value>,
}

impl Arena {
    /// An object's fields.
    ///
    /// # Errors
    ///
    /// E0201 and E0202 for a bad handle, E0203 for an expired object.
    #[inline]
    pub fn get<T: Object>(&self, handle: Handle<T>) -> Result<&T, StateError> {
        let id = self.object_id(handle.raw())?;
        if self.flags(id).has(Flags::EXPIRED) {
            return Err(StateError::Expired { object: self.label(id) });
        }
        self.typed_store::<T>(id.entity)
            .and_then(|store| store.objects[id.slot.0 as usize].as_ref())
            .ok_or_else(|| StateError::StaleHandle { object: self.label(id) })
    }

    /// An object's fields, to be changed. The first time it takes a snapshot of a persistent
    /// object, with which the flush compares.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[inline]
    pub fn get_mut<T: Object>(&mut self, handle: Handle<T>) -> Result<&mut T, StateError> {
        let id = self.object_id(handle.raw())?;
        if self.flags(id).has(Flags::EXPIRED) {
            return Err(StateError::Expired { object: self.label(id) });
        }
        self.take_snapshot(id);
        let label = || StateError::StaleHandle { object: String::from("the object") };
        self.typed_store_mut::<T>(id.entity)
            .and_then(|store| store.objects[id.slot.0 as usize].as_mut())
            .ok_or_else(label)
    }

    /// The fields of several objects at once, to be changed.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and E0214 if two handles name one object.
    pub fn get_disjoint_mut<T: Object, const N: usize>(
        &mut self,
        handles: [Handle<T>; N],
    ) -> Result<[&mut T; N], StateError> {
        let mut slots = [0; N];
        let mut entity = None;
        for (at, handle) in handles.iter().enumerate() {
            let id = self.object_id(handle.raw())?;
            self.get(*handle)?;
            if slots[..at].contains(&(id.slot.0 as usize))
                || *entity.get_or_insert(id.entity) != id.entity
            {
                return Err(StateError::SameObject { object: self.label(id) });
            }
            self.take_snapshot(id);
            slots[at] = id.slot.0 as usize;
        }
        let gone = || StateError::StaleHandle { object: String::from("an object") };
        let Some(entity) = entity else {
            return <[&mut T; N]>::try_from(Vec::new()).map_err(|_| gone());
        };
        let store = self.typed_store_mut::<T>(entity).ok_or_else(gone)?;
        let places = store.objects.get_disjoint_mut(slots).map_err(|_| gone())?;
        let objects: Vec<&mut T> = places.into_iter().filter_map(Option::as_mut).collect();
        <[&mut T; N]>::try_from(objects).map_err(|_| gone())
    }

    /// Copies the columns of an object that has a row, if that was not done before.
    pub(crate) fn take_snapshot(&mut self, id: ObjectId) {
        let cell = self.cell(id);
        if cell.key.is_none() || cell.snapshot.is_some() {
            return;
        }
        let table = &mut self.tables[id.entity.0 as usize];
        let snapshot = table.snapshots.take(&*table.store, id.slot);
        table.cells[id.slot.0 as usize].snapshot = Some(snapshot);
        self.touch(id);
    }

    /// Sets one column of an object, by its place in the table. Unlike an assignment to a field
    /// it works on an expired object too: then the column is written whatever its row has.
    ///
    /// # Errors
    ///
    /// E0215 if the value does not fit.
    pub fn set_column(
        &mut self,
        id: ObjectId,
        column: usize,
        value: Option<Value>,
    ) -> Result<(), StateError> {
        let unknown = self.cell(id).is_stale();
        self.take_snapshot(id);
        self.write_column(id, column, value)?;
        let table = &mut self.tables[id.entity.0 as usize];
        if unknown && let Some(snapshot) = table.cells[id.slot.0 as usize].snapshot {
            table.snapshots.set_blind(snapshot, column);
        }
        Ok(())
    }

    /// One column of an object, by its place in the table; none if it is unset.
    ///
    /// # Errors
    ///
    /// E0203 for an expired object, unless the column was set since.
    pub fn column_of(
        &self,
        id: ObjectId,
        column: usize,
    ) -> Result<Option<ValueRef<'_>>, StateError> {
        if self.flags(id).has(Flags::EXPIRED) && !self.is_blind(id, column) {
            return Err(StateError::Expired { object: self.label(id) });
        }
        Ok(self.column(id, column))
    }

    /// Whether the object's values may differ from its row: it is expired or stale.
    pub fn is_stale(&self, id: ObjectId) -> bool {
        self.cell(id).is_stale()
    }

    /// Whether the session looks after the object's unflushed work or its row.
    pub fn is_in_session(&self, id: ObjectId) -> bool {
        self.contains(id)
    }

    /// The key of an object, once it has a row.
    pub fn key(&self, id: ObjectId) -> Option<&crate::key::Key> {
        self.cell(id).key.as_ref()
    }

    /// The net changes of an object's columns. Of an object without a row all set columns count.
    pub fn changes(&self, id: ObjectId) -> Vec<Change> {
        let columns = &self.mapping.table_of(id.entity).columns;
        let has_row = self.cell(id).key.is_some();
        let mut changes = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            let new = self.column(id, index);
            let (changed, old) = match self.snapshot(id) {
                None if !has_row => (new.is_some(), None),
                None => (false, None),
                Some(snapshot) if snapshot.is_blind(index) => (true, None),
                Some(snapshot) => {
                    let old = snapshot.value(index);
                    (old != new, old.map(ValueRef::to_value))
                }
            };
            if changed {
                let column = Arc::clone(&column.name);
                changes.push(Change { column, old, new: new.map(ValueRef::to_value) });
            }
        }
        changes
    }

    /// Whether the object differs from its row by a column or a loaded relationship.
    pub fn is_modified(&self, id: ObjectId) -> bool {
        if self.cell(id).key.is_none() {
            return true;
        }
        if !self.flags(id).has(Flags::TOUCHED) {
            return false;
        }
        let columns = self.cell(id).snapshot.is_some() && !self.changes(id).is_empty();
        columns || self.has_changed_links(id)
    }

    fn has_changed_links(&self, id: ObjectId) -> bool {
        self.mapping.entity(id.entity).relationships.iter().any(|&relationship| {
            let many = self.kind(relationship).is_many();
            if many && !self.is_loaded(relationship, id.slot) {
                return false;
            }
            if many {
                let history = self.history(relationship, id.slot);
                !history.added.is_empty() || !history.deleted.is_empty()
            } else {
                let history = self.one_history(relationship, id.slot);
                let changed = history.added.is_some() || history.deleted.is_some();
                changed && !self.leads_where_the_row_does(relationship, id)
            }
        })
    }

    /// Whether a relationship to one was set, while it was not loaded, to the object that the row refers
    /// to, or to nobody as the row has it. As in SQLAlchemy that is looked at where it refers to other columns than the key; by the key
    /// the former target would be known if it were in the session.
    fn leads_where_the_row_does(&self, relationship: RelationshipId, id: ObjectId) -> bool {
        let link = self.one_link(relationship, id.slot);
        let relationship = self.mapping.relationship(relationship);
        let target = match link.current() {
            One::Object(slot) => Some(ObjectId { entity: relationship.target, slot }),
            One::Nobody => None,
            One::Unloaded => return false,
        };
        let mut pairs = relationship.parent_columns.iter().zip(&relationship.child_columns);
        link.was() == Was::Unknown
            && relationship.kind == Kind::ManyToOne
            && relationship.parent_columns != self.mapping.entity(relationship.target).key
            && pairs.all(|(&from, &to)| {
                let not_null = |value: &ValueRef<'_>| !value.is_null();
                let now = target.and_then(|target| self.column(target, from)).filter(not_null);
                let before = self.committed_column(id, to).filter(not_null);
                now == before && now.is_some() == target.is_some()
            })
    }

    /// The persistent objects that are not marked to be deleted and may have changed; see
    /// [`is_modified`](Self::is_modified).
    pub fn dirty_objects(&self) -> impl Iterator<Item = ObjectId> + use<> {
        let mut dirty: SmallVec<[ObjectId; 4]> = self
            .touched
            .iter()
            .copied()
            .filter(|&id| {
                let flags = self.flags(id);
                flags.has(Flags::MAPPED.and(Flags::TOUCHED)) && !flags.has(Flags::MARKED)
            })
            .collect();
        dirty.sort_unstable();
        dirty.dedup();
        dirty.into_iter()
    }

    // --- Relationships -----------------------------------------------------------------------

    /// The relationship of an object, checked.
    pub(crate) fn relationship_of<'m>(
        &self,
        mapping: &'m crate::mapping::Mapping,
        id: ObjectId,
        relationship: Option<RelationshipId>,
    ) -> Result<&'m Relationship, StateError> {
        relationship
            .map(|relationship| mapping.relationship(relationship))
            .filter(|relationship| relationship.owner == id.entity)
            .ok_or_else(|| StateError::NoRelationship { object: self.label(id) })
    }

    /// The members of a relationship to many, without duplicates removed.
    ///
    /// # Errors
    ///
    /// E0204 if it is not loaded.
    pub fn many(
        &self,
        id: ObjectId,
        relationship: RelationshipId,
    ) -> Result<Vec<ObjectId>, StateError> {
        let target = self.mapping.relationship(relationship).target;
        let known = self.many_link(relationship, id.slot);
        let has_row = self.cell(id).key.is_some();
        let stale = || known.filter(|_| has_row)?.shadow.as_ref()?.stale.as_ref();
        let members = match known.and_then(|link| link.current.as_ref()).or_else(stale) {
            Some(members) => members.as_slice(),
            None if !has_row => &[],
            None => return Err(self.not_loaded(id, relationship)),
        };
        Ok(members.iter().map(|&slot| ObjectId { entity: target, slot }).collect())
    }

    /// The target of a relationship to one. If it is not loaded, the identity map may still know
    /// it by the foreign key.
    ///
    /// # Errors
    ///
    /// E0204 if it is not known.
    pub fn one(
        &self,
        id: ObjectId,
        relationship: RelationshipId,
    ) -> Result<Option<ObjectId>, StateError> {
        let map = self.mapping.relationship(relationship);
        let link = self.one_link(relationship, id.slot);
        let mut known = link.current();
        if known == One::Unloaded && self.cell(id).key.is_some() {
            known = link.stale();
        }
        if known == One::Unloaded && self.cell(id).key.is_some() {
            known = self.resolve_one(map, id.slot);
        }
        match known {
            One::Object(slot) => Ok(Some(ObjectId { entity: map.target, slot })),
            One::Nobody => Ok(None),
            One::Unloaded if self.cell(id).key.is_none() => Ok(None),
            One::Unloaded => Err(self.not_loaded(id, relationship)),
        }
    }

    fn not_loaded(&self, id: ObjectId, relationship: RelationshipId) -> StateError {
        StateError::NotLoaded {
            object: self.label(id),
            relationship: self.mapping.relationship_label(relationship),
        }
    }

    /// Whether a relationship of an object is loaded, or the object is new and has nothing to
    /// load.
    pub fn has_loaded(&self, id: ObjectId, relationship: RelationshipId) -> bool {
        self.is_loaded(relationship, id.slot) || self.cell(id).key.is_none()
    }

    /// Adds a member to a relationship to many; the other side changes with it. It needs no load.
    ///
    /// # Errors
    ///
    /// E0206, E0207 and E0208 if the member cannot come along.
    pub fn push(
        &mut self,
        id: ObjectId,
        relationship: Option<RelationshipId>,
        member: ObjectId,
    ) -> Result<(), StateError> {
        let mapping = Arc::clone(&self.mapping);
        let relationship = self.relationship_of(&mapping, id, relationship)?;
        self.append(&mapping, relationship, id.slot, member.slot)
    }

    /// Removes a member from a relationship to many, or the target from a relationship to one;
    /// the other side changes with it. It needs no load.
    ///
    /// # Errors
    ///
    /// E0216 if a loaded relationship does not hold it.
    pub fn remove(
        &mut self,
        id: ObjectId,
        relationship: Option<RelationshipId>,
        member: ObjectId,
    ) -> Result<(), StateError> {
        let mapping = Arc::clone(&self.mapping);
        let relationship = self.relationship_of(&mapping, id, relationship)?;
        let loaded = self.is_loaded(relationship.id, id.slot) || self.cell(id).key.is_none();
        if loaded && !self.members(relationship.id, id.slot).contains(&member.slot) {
            return Err(StateError::NotAMember {
                object: self.label(member),
                relationship: mapping.relationship_label(relationship.id),
            });
        }
        if relationship.kind.is_many() {
            self.remove_member(&mapping, relationship, id.slot, member.slot)
        } else {
            self.set_one(&mapping, relationship, id.slot, None)
        }
    }

    /// Sets a relationship to one; the other side changes with it. It needs no load.
    ///
    /// # Errors
    ///
    /// E0206, E0207 and E0208 if the target cannot come along.
    pub fn set(
        &mut self,
        id: ObjectId,
        relationship: Option<RelationshipId>,
        target: Option<ObjectId>,
    ) -> Result<(), StateError> {
        let mapping = Arc::clone(&self.mapping);
        let relationship = self.relationship_of(&mapping, id, relationship)?;
        self.set_one(&mapping, relationship, id.slot, target.map(|target| target.slot))
    }

    /// Puts a new list in place of a relationship to many.
    ///
    /// # Errors
    ///
    /// E0204 if it is not loaded; E0206, E0207 and E0208 if a member cannot come along.
    pub fn replace(
        &mut self,
        id: ObjectId,
        relationship: Option<RelationshipId>,
        members: &[ObjectId],
    ) -> Result<(), StateError> {
        let mapping = Arc::clone(&self.mapping);
        let relationship = self.relationship_of(&mapping, id, relationship)?;
        if !self.has_loaded(id, relationship.id) {
            return Err(self.not_loaded(id, relationship.id));
        }
        let members: Vec<Slot> = members.iter().map(|member| member.slot).collect();
        self.set_many(&mapping, relationship, id.slot, members)
    }

    /// Empties a relationship: a list becomes empty, a relationship to one leads to nobody.
    ///
    /// # Errors
    ///
    /// E0204 if a list is not loaded.
    pub fn clear_relationship(
        &mut self,
        id: ObjectId,
        relationship: Option<RelationshipId>,
    ) -> Result<(), StateError> {
        let mapping = Arc::clone(&self.mapping);
        let relationship = self.relationship_of(&mapping, id, relationship)?;
        if !relationship.kind.is_many() {
            return self.set_one(&mapping, relationship, id.slot, None);
        }
        if !self.has_loaded(id, relationship.id) {
            return Err(self.not_loaded(id, relationship.id));
        }
        self.clear_many(&mapping, relationship, id.slot)
    }

    // --- After a flush -----------------------------------------------------------------------

    /// Takes the present links of an object, by its relationships, as those of the database.
    pub(crate) fn commit_links(&mut self, relationships: &[RelationshipId], owner: Slot) {
        for &relationship in relationships {
            match &mut self.links[relationship.0 as usize] {
                LinkColumn::One(links) => {
                    if let Some(link) = links.get_mut(owner.0 as usize) {
                        link.remember(Was::Unchanged);
                    }
                }
                LinkColumn::Many(links) => {
                    if let Some(link) = links.get_mut(owner.0 as usize) {
                        link.shadow = None;
                    }
                }
            }
        }
    }

    /// Notes what a relationship to one held before, once a flush has found out. The list of that one
    /// lets go of the owner, as it would have done when the relationship was set.
    pub(crate) fn learn_former_target(
        &mut self,
        relationship: RelationshipId,
        owner: Slot,
        was: Option<Slot>,
    ) {
        let link = self.one_link_mut(relationship, owner);
        if link.was() != Was::Unknown {
            return;
        }
        link.remember(was.map_or(Was::Nobody, Was::Object));
        let current = link.current();
        let inverse = self.mapping.relationship(relationship).inverse;
        let (Some(former), Some(list)) = (was, inverse) else { return };
        if self.kind(list) != Kind::OneToMany {
            return;
        }
        let link = self.many_link_mut(list, former);
        if current == One::Object(former) {
            // It was set to what it held, so it did not come into the list.
            link.forget_added(owner);
            return;
        }
        if link.current.is_some() {
            link.remember();
        }
        match &mut link.current {
            Some(members) => members.retain(|&member| member != owner),
            None => link.queue_removed(owner, Speaker::Own),
        }
    }

    /// Whether a list has changes that count from an unknown past.
    pub(crate) fn was_unknown(&self, relationship: RelationshipId, owner: Slot) -> bool {
        match &self.links[relationship.0 as usize] {
            LinkColumn::One(_) => self.one_link(relationship, owner).was() == Was::Unknown,
            LinkColumn::Many(links) => links
                .get(owner.0 as usize)
                .and_then(|link| link.shadow.as_ref())
                .is_some_and(|shadow| shadow.was == ManyWas::Unknown),
        }
    }

    // --- What collecting asks ------------------------------------------------------------------

    /// Whether a relationship field holds initial values that nobody took.
    pub(crate) fn has_inert_values(&self, id: ObjectId) -> bool {
        self.tables[id.entity.0 as usize].store.has_links(id.slot)
    }

    /// The delete-orphan relationship by which the object has lost its parent.
    pub(crate) fn lost_parent(&self, id: ObjectId) -> Option<RelationshipId> {
        let orphan_of = &self.mapping.entity(id.entity).orphan_of;
        orphan_of.iter().copied().find(|&one| self.parent(one, id.slot) == super::Parent::Lost)
    }

    /// Whether additions or removals are queued on an unloaded list.
    pub(crate) fn has_queued(&self, relationship: RelationshipId, owner: Slot) -> bool {
        self.many_link(relationship, owner)
            .filter(|link| link.current.is_none())
            .and_then(|link| link.shadow.as_ref())
            .is_some_and(|shadow| shadow.has_queued())
    }

    /// Who waits to be in a list that is not loaded.
    pub(crate) fn queued_members(&self, relationship: RelationshipId, owner: Slot) -> Vec<Slot> {
        self.many_link(relationship, owner).map(|link| link.queued()).unwrap_or_default()
    }

    /// The target of a relationship to one as far as memory knows it: none if it does not.
    pub(crate) fn known_target(
        &self,
        relationship: &Relationship,
        owner: Slot,
    ) -> Option<Option<Slot>> {
        let mut known = self.one_link(relationship.id, owner).current();
        if known == One::Unloaded {
            known = self.resolve_one(relationship, owner);
        }
        match known {
            One::Object(slot) => Some(Some(slot)),
            One::Nobody => Some(None),
            One::Unloaded => None,
        }
    }

    /// The members of a relationship as far as they are known, whether it leads to one or many.
    pub(crate) fn many_or_one(&self, owner: ObjectId, relationship: RelationshipId) -> Vec<Slot> {
        if self.kind(relationship).is_many() {
            return self.members(relationship, owner.slot);
        }
        let map = self.mapping.relationship(relationship);
        self.known_target(map, owner.slot).flatten().into_iter().collect()
    }

    /// Whether a relationship of an object must be loaded to be known. What the identity map
    /// knows is taken from there.
    pub(crate) fn needs_load(&self, owner: ObjectId, relationship: RelationshipId) -> bool {
        let cell = self.cell(owner);
        if cell.key.is_none() || self.is_loaded(relationship, owner.slot) {
            return false;
        }
        let map = self.mapping.relationship(relationship);
        map.kind.is_many() || self.known_target(map, owner.slot).is_none()
    }
}
