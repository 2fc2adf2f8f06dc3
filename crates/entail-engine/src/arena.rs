//! The arena station: owns all objects of a session, their states, snapshots, identity and links.
//!
//! ```text
//!   Handle<User> --> tables[User] -- cells ----- state, key, snapshot
//!                         |      \-- store ----- Vec<Option<User>>, typed
//!                         |      \-- identity -- key -> slot
//!                    links[User.addresses] ----- members, what was before, what is queued
//!                    parents[User.addresses] --- who holds a target
//! ```
//!
//! Invariant: a slot in a link or a parent mark is occupied.
//! Invariant: the identity map has exactly the cells with the flag MAPPED, each under its key.

mod attach;
mod cell;
mod deferred;
mod detach;
mod event;
mod identity;
mod lifecycle;
mod link;
mod loading;
mod merge;
mod reading;
mod snapshot;
mod undo;
mod work_list;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustc_hash::FxHashMap;

use crate::batch::ParamList;
use crate::entity::{Object, Store, TypedStore};
use crate::error::StateError;
use crate::handle::{Handle, ObjectId, RawHandle, Slot};
use crate::key::Key;
use crate::mapping::{EntityId, Kind, Mapping, RelationshipId};
use crate::room;
use crate::value::{Value, ValueError, ValueRef};

pub use attach::Links;
pub use cell::{Cause, State};
pub(crate) use cell::{Cell, Flags};
pub use detach::{Branches, Leaving};
pub(crate) use link::{History, One, OneHistory, Was};
pub use merge::{Document, MergeGraph, MergeNeeds};
pub(crate) use merge::{MergeError, MergePass};
pub use reading::Change;

use attach::Holding;
pub(crate) use deferred::Deferred;
use identity::Identity;
use lifecycle::Enlisting;
use link::{ManyLink, ManyWas, OneLink, Packed};
pub(crate) use snapshot::Snapshot;
use snapshot::{SnapshotId, Snapshots};
use undo::Undo;
pub(crate) use undo::UndoReach;
use work_list::WorkList;

/// The objects of one entity.
#[derive(Debug)]
struct ObjectTable {
    cells: Vec<Cell>,
    snapshots: Snapshots,
    store: Box<dyn Store>,
    identity: Identity,
    /// The generation that new places start with.
    generation: u16,
    free: Vec<Slot>,
}

impl ObjectTable {
    /// A new, empty place for an object. A place that was freed gets a higher generation.
    fn reserve(&mut self) -> Slot {
        if let Some(slot) = self.free.pop() {
            let cell = &mut self.cells[slot.0 as usize];
            *cell = Cell { generation: cell.generation + 1, ..Cell::default() };
            cell.flags.insert(Flags::OCCUPIED);
            return slot;
        }
        let slot = self.store.reserve();
        let mut cell = Cell { generation: self.generation, ..Cell::default() };
        cell.flags.insert(Flags::OCCUPIED);
        room::push(&mut self.cells, cell);
        slot
    }

    /// Frees a place, unless it has had all generations there are: then nobody gets it again.
    fn free(&mut self, slot: Slot) {
        self.store.vacate(slot);
        let cell = &mut self.cells[slot.0 as usize];
        cell.flags = Flags::default();
        cell.key = None;
        if cell.generation < u16::MAX {
            self.free.push(slot);
        }
    }
}

/// The links of one relationship, by the slots of its owners.
#[derive(Debug)]
enum LinkColumn {
    One(Vec<OneLink>),
    Many(Vec<ManyLink>),
}

/// Who holds an object by one relationship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Parent {
    /// It is not known.
    #[default]
    Unknown,
    /// Nobody: it was taken away from its parent.
    Lost,
    /// This object.
    Owner(Slot),
}

/// A [`Parent`] in four bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PackedParent(Packed);

impl Parent {
    const fn pack(self) -> PackedParent {
        PackedParent(match self {
            Parent::Unknown => Packed::word(0),
            Parent::Lost => Packed::word(1),
            Parent::Owner(slot) => Packed::slot(slot),
        })
    }
}

impl PackedParent {
    const fn unpack(self) -> Parent {
        match self.0.unpack() {
            Ok(slot) => Parent::Owner(slot),
            Err(0) => Parent::Unknown,
            Err(_) => Parent::Lost,
        }
    }
}

/// All objects of a session.
#[derive(Debug)]
pub struct Arena {
    mapping: Arc<Mapping>,
    session: u32,
    tables: Vec<ObjectTable>,
    links: Vec<LinkColumn>,
    parents: Vec<Vec<PackedParent>>,
    /// Objects that wait to be inserted, in the order of their addition, and which step of a
    /// cascade brought them.
    new: WorkList,
    /// Objects that are marked to be deleted, in the order of the calls, and which step of a
    /// cascade came to them.
    marked: WorkList,
    /// Objects that may have changed.
    touched: Vec<ObjectId>,
    /// What delete cascades could not reach in memory.
    deferred: Deferred,
    /// Memory for the walk of the next `add`.
    enlisting: Enlisting,
    /// New values that are being taken.
    holding: Holding,
    /// What new objects wrote before a rollback took their rows, where others may refer to it.
    lost_rows: FxHashMap<ObjectId, SnapshotId>,
    undo: Undo,
}

/// The number of a new session.
fn next_session() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Arena {
    /// An empty arena.
    pub fn new(mapping: Arc<Mapping>) -> Self {
        let tables = mapping
            .entities()
            .iter()
            .map(|entity| ObjectTable {
                cells: Vec::new(),
                snapshots: Snapshots::new(mapping.table_of(entity.id).columns.len()),
                store: mapping.new_store(entity.id),
                identity: Identity::default(),
                generation: 1,
                free: Vec::new(),
            })
            .collect();
        let links = mapping
            .relationships()
            .iter()
            .map(|relationship| {
                if relationship.kind.is_many() {
                    LinkColumn::Many(Vec::new())
                } else {
                    LinkColumn::One(Vec::new())
                }
            })
            .collect();
        let parents = vec![Vec::new(); mapping.relationships().len()];
        Self {
            mapping,
            session: next_session(),
            tables,
            links,
            parents,
            new: WorkList::default(),
            marked: WorkList::default(),
            touched: Vec::new(),
            deferred: Deferred::default(),
            enlisting: Enlisting::default(),
            holding: Holding::default(),
            lost_rows: FxHashMap::default(),
            undo: Undo::default(),
        }
    }

    /// The mapping of the objects.
    pub fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    // --- Cells and stores ----------------------------------------------------------------

    #[inline]
    pub(crate) fn cell(&self, id: ObjectId) -> &Cell {
        &self.tables[id.entity.0 as usize].cells[id.slot.0 as usize]
    }

    #[inline]
    pub(crate) fn cell_mut(&mut self, id: ObjectId) -> &mut Cell {
        &mut self.tables[id.entity.0 as usize].cells[id.slot.0 as usize]
    }

    #[inline]
    pub(crate) fn flags(&self, id: ObjectId) -> Flags {
        self.cell(id).flags
    }

    /// A column of an object as it is now; none if it is unset.
    #[inline]
    pub(crate) fn column(&self, id: ObjectId, column: usize) -> Option<ValueRef<'_>> {
        self.tables[id.entity.0 as usize].store.column(id.slot, column)
    }

    /// Appends some columns of an object to parameters; says how many of them are NULL.
    pub(crate) fn push_params(
        &self,
        id: ObjectId,
        columns: &[usize],
        params: &mut ParamList,
    ) -> usize {
        let store = &self.tables[id.entity.0 as usize].store;
        store.push_listed(id.slot, columns, params.packed_mut())
    }

    /// A column of an object as its row has it.
    pub(crate) fn committed_column(&self, id: ObjectId, column: usize) -> Option<ValueRef<'_>> {
        match self.snapshot(id) {
            Some(snapshot) => snapshot.value(column),
            None if self.flags(id).has(Flags::EXPIRED) => self.column_of_row(id, column),
            None => self.column(id, column),
        }
    }

    /// A column of an expired object: a change of its key was dropped, and what its row has is known
    /// from the key.
    fn column_of_row(&self, id: ObjectId, column: usize) -> Option<ValueRef<'_>> {
        let place = self.mapping.entity(id.entity).key.iter().position(|&one| one == column);
        let part = place.and_then(|place| self.cell(id).key.as_ref()?.values().get(place));
        part.map(Value::as_ref).or_else(|| self.column(id, column))
    }

    /// The values that the object's row has, if they were kept from before a change.
    #[inline]
    pub(crate) fn snapshot(&self, id: ObjectId) -> Option<Snapshot<'_>> {
        let table = &self.tables[id.entity.0 as usize];
        let snapshot = table.cells[id.slot.0 as usize].snapshot?;
        Some(table.snapshots.get(snapshot))
    }

    /// Whether a column was set while the row's own value was not known.
    #[inline]
    pub(crate) fn is_blind(&self, id: ObjectId, column: usize) -> bool {
        self.snapshot(id).is_some_and(|snapshot| snapshot.is_blind(column))
    }

    /// Calls `changed` with each column of a snapshot that the object differs in, or that is
    /// written whatever the row has.
    pub(crate) fn compare(
        &self,
        id: ObjectId,
        changed: &mut dyn FnMut(usize, Option<ValueRef<'_>>),
    ) {
        if let Some(snapshot) = self.snapshot(id) {
            self.tables[id.entity.0 as usize].store.compare(id.slot, snapshot, changed);
        }
    }

    /// Drops the snapshot of an object, if it has one.
    pub(crate) fn drop_snapshot(&mut self, id: ObjectId) {
        let table = &mut self.tables[id.entity.0 as usize];
        if let Some(snapshot) = table.cells[id.slot.0 as usize].snapshot.take() {
            table.snapshots.drop_one(snapshot);
        }
    }

    /// The committed values of some columns; none if one is unset.
    pub(crate) fn committed_values(&self, id: ObjectId, columns: &[usize]) -> Option<Vec<Value>> {
        columns
            .iter()
            .map(|&column| self.committed_column(id, column).map(ValueRef::to_value))
            .collect()
    }

    /// The values of some columns as they are now; none if one is unset.
    pub(crate) fn values(&self, id: ObjectId, columns: &[usize]) -> Option<Vec<Value>> {
        columns.iter().map(|&column| self.column(id, column).map(ValueRef::to_value)).collect()
    }

    /// Writes a column of an object without noting a change.
    pub(crate) fn write_column(
        &mut self,
        id: ObjectId,
        column: usize,
        value: Option<Value>,
    ) -> Result<(), StateError> {
        let store = &mut self.tables[id.entity.0 as usize].store;
        let written = store.set_column(id.slot, column, value);
        written.map_err(|error| self.bad_value(id, column, &error))
    }

    /// Writes what the database or the flush gave into a column, without noting a change. Most such
    /// values are integers, and go there as what they are.
    pub(crate) fn write_given(
        &mut self,
        id: ObjectId,
        column: usize,
        value: &Value,
    ) -> Result<(), StateError> {
        let store = &mut self.tables[id.entity.0 as usize].store;
        let written = match *value {
            Value::Int(value) => store.set_int(id.slot, column, value),
            ref other => store.set_column(id.slot, column, Some(other.clone())),
        };
        written.map_err(|error| self.bad_value(id, column, &error))
    }

    #[cold]
    fn bad_value(&self, id: ObjectId, column: usize, error: &ValueError) -> StateError {
        StateError::Value {
            object: self.label(id),
            column: self.mapping.table_of(id.entity).columns[column].name.to_string(),
            reason: error.to_string(),
        }
    }

    /// A new, empty place for an object.
    fn reserve(&mut self, entity: EntityId) -> ObjectId {
        ObjectId { entity, slot: self.tables[entity.0 as usize].reserve() }
    }

    fn typed_store<T: Object>(&self, entity: EntityId) -> Option<&TypedStore<T>> {
        self.tables.get(entity.0 as usize)?.store.as_any().downcast_ref()
    }

    fn typed_store_mut<T: Object>(&mut self, entity: EntityId) -> Option<&mut TypedStore<T>> {
        self.tables.get_mut(entity.0 as usize)?.store.as_any_mut().downcast_mut()
    }

    /// Whether there is any object of the entity that a set-based statement could pass by.
    pub(crate) fn has_objects(&self, entity: EntityId) -> bool {
        self.tables[entity.0 as usize].identity.len() > 0
            || self.new.iter().any(|(id, _)| id.entity == entity)
    }

    // --- Handles ---------------------------------------------------------------------------

    /// The object of a handle.
    ///
    /// # Errors
    ///
    /// E0201 for a handle of another session, E0202 for one whose object is gone.
    #[inline]
    pub fn object_id(&self, handle: RawHandle) -> Result<ObjectId, StateError> {
        if handle.session == self.session
            && let Some(cell) = self
                .tables
                .get(handle.entity.0 as usize)
                .and_then(|table| table.cells.get(handle.slot.0 as usize))
            && cell.generation == handle.generation
            && cell.flags.has(Flags::OCCUPIED)
        {
            return Ok(handle.object());
        }
        Err(self.bad_handle(handle))
    }

    #[cold]
    fn bad_handle(&self, handle: RawHandle) -> StateError {
        let name = self.mapping.entities().get(handle.entity.0 as usize).map(|one| &*one.name);
        let object = format!(
            "{}#{}v{}",
            name.unwrap_or("object").to_lowercase(),
            handle.slot.0,
            handle.generation
        );
        if handle.session == self.session {
            StateError::StaleHandle { object }
        } else {
            StateError::ForeignHandle { object }
        }
    }

    /// The handle of an object.
    #[inline]
    pub fn raw_handle(&self, id: ObjectId) -> RawHandle {
        RawHandle {
            session: self.session,
            entity: id.entity,
            slot: id.slot,
            generation: self.cell(id).generation,
        }
    }

    /// The typed handle of an object.
    #[inline]
    pub fn handle<T>(&self, id: ObjectId) -> Handle<T> {
        Handle::from_raw(self.raw_handle(id))
    }

    /// How an object is called in messages and plans: `User#1` by its key, or `User(new 3)`
    /// while it has none.
    pub fn label(&self, id: ObjectId) -> String {
        let name = &self.mapping.entity(id.entity).name;
        match &self.cell(id).key {
            Some(key) => format!("{name}#{key}"),
            None => format!("{name}(new {})", id.slot.0),
        }
    }

    // --- Identity --------------------------------------------------------------------------

    /// The persistent object with this key.
    pub fn find(&self, entity: EntityId, key: &[Value]) -> Option<ObjectId> {
        let table = &self.tables[entity.0 as usize];
        table.identity.find(&table.cells, key).map(|slot| ObjectId { entity, slot })
    }

    pub(crate) fn find_key(&self, entity: EntityId, key: &Key) -> Option<ObjectId> {
        let table = &self.tables[entity.0 as usize];
        table.identity.find_key(&table.cells, key).map(|slot| ObjectId { entity, slot })
    }

    /// Enters the object into the identity map; what was there under its key leaves it, and is
    /// the answer.
    fn map(&mut self, id: ObjectId) -> Option<ObjectId> {
        let table = &mut self.tables[id.entity.0 as usize];
        let displaced = table.identity.insert(&table.cells, id.slot);
        if let Some(old) = displaced {
            table.cells[old.0 as usize].flags.remove(Flags::MAPPED);
        }
        table.cells[id.slot.0 as usize].flags.insert(Flags::MAPPED);
        displaced.map(|slot| ObjectId { entity: id.entity, slot })
    }

    /// Takes the object out of the identity map.
    fn unmap(&mut self, id: ObjectId) {
        let table = &mut self.tables[id.entity.0 as usize];
        if table.cells[id.slot.0 as usize].flags.has(Flags::MAPPED) {
            table.identity.remove(&table.cells, id.slot);
            table.cells[id.slot.0 as usize].flags.remove(Flags::MAPPED);
        }
    }

    /// Gives the object another key, or its first one.
    fn set_key(&mut self, id: ObjectId, key: Option<Key>) {
        let mapped = self.flags(id).has(Flags::MAPPED);
        if mapped {
            self.unmap(id);
        }
        self.cell_mut(id).key = key;
    }

    /// Whether the session looks after the object: it is pending or persistent.
    #[inline]
    pub(crate) fn contains(&self, id: ObjectId) -> bool {
        self.flags(id).any(Flags::NEW.and(Flags::MAPPED))
    }

    // --- Links -------------------------------------------------------------------------------

    pub(crate) fn one_link(&self, relationship: RelationshipId, owner: Slot) -> OneLink {
        match &self.links[relationship.0 as usize] {
            LinkColumn::One(links) => links.get(owner.0 as usize).copied().unwrap_or_default(),
            LinkColumn::Many(_) => OneLink::default(),
        }
    }

    pub(crate) fn one_link_mut(
        &mut self,
        relationship: RelationshipId,
        owner: Slot,
    ) -> &mut OneLink {
        match &mut self.links[relationship.0 as usize] {
            LinkColumn::One(links) => {
                let at = owner.0 as usize;
                room::fill(links, at + 1, OneLink::default);
                &mut links[at]
            }
            LinkColumn::Many(_) => unreachable!("a relationship to one has links to one"),
        }
    }

    pub(crate) fn many_link(&self, relationship: RelationshipId, owner: Slot) -> Option<&ManyLink> {
        match &self.links[relationship.0 as usize] {
            LinkColumn::Many(links) => links.get(owner.0 as usize),
            LinkColumn::One(_) => None,
        }
    }

    pub(crate) fn many_link_mut(
        &mut self,
        relationship: RelationshipId,
        owner: Slot,
    ) -> &mut ManyLink {
        match &mut self.links[relationship.0 as usize] {
            LinkColumn::Many(links) => {
                let at = owner.0 as usize;
                room::fill(links, at + 1, ManyLink::default);
                &mut links[at]
            }
            LinkColumn::One(_) => unreachable!("a relationship to many has links to many"),
        }
    }

    /// Whether the relationship of the owner is loaded.
    pub(crate) fn is_loaded(&self, relationship: RelationshipId, owner: Slot) -> bool {
        match &self.links[relationship.0 as usize] {
            LinkColumn::One(links) => {
                links.get(owner.0 as usize).is_some_and(|link| link.current() != One::Unloaded)
            }
            LinkColumn::Many(links) => {
                links.get(owner.0 as usize).is_some_and(|link| link.current.is_some())
            }
        }
    }

    /// What happened to the relationship of the owner since the last flush, whether it leads to
    /// one or to many.
    pub(crate) fn history(&self, relationship: RelationshipId, owner: Slot) -> History {
        match &self.links[relationship.0 as usize] {
            LinkColumn::Many(links) => {
                links.get(owner.0 as usize).map(ManyLink::history).unwrap_or_default()
            }
            LinkColumn::One(links) => {
                let one = links.get(owner.0 as usize).map(OneLink::history).unwrap_or_default();
                History {
                    added: one.added.flatten().into_iter().collect(),
                    unchanged: one.unchanged.into_iter().collect(),
                    deleted: one.deleted.into_iter().collect(),
                }
            }
        }
    }

    /// The members of a list that are all there since the last flush, if it held none before.
    pub(crate) fn first_members(
        &self,
        relationship: RelationshipId,
        owner: Slot,
    ) -> Option<&[Slot]> {
        let link = self.many_link(relationship, owner)?;
        match &link.shadow.as_deref()?.was {
            ManyWas::Members(was) if was.is_empty() => link.current.as_deref(),
            _ => None,
        }
    }

    /// What happened to a relationship to one since the last flush.
    pub(crate) fn one_history(&self, relationship: RelationshipId, owner: Slot) -> OneHistory {
        self.one_link(relationship, owner).history()
    }

    /// The objects that the relationship of the owner holds now, as far as it is loaded.
    pub(crate) fn members(&self, relationship: RelationshipId, owner: Slot) -> Vec<Slot> {
        match &self.links[relationship.0 as usize] {
            LinkColumn::Many(links) => links
                .get(owner.0 as usize)
                .and_then(|link| link.current.clone())
                .unwrap_or_default(),
            LinkColumn::One(_) => match self.one_link(relationship, owner).current() {
                One::Object(slot) => vec![slot],
                One::Unloaded | One::Nobody => Vec::new(),
            },
        }
    }

    // --- Parents -------------------------------------------------------------------------------

    pub(crate) fn parent(&self, relationship: RelationshipId, target: Slot) -> Parent {
        let parents = &self.parents[relationship.0 as usize];
        parents.get(target.0 as usize).map_or(Parent::Unknown, |parent| parent.unpack())
    }

    fn set_parent(&mut self, relationship: RelationshipId, target: Slot, parent: Parent) {
        let parents = &mut self.parents[relationship.0 as usize];
        let at = target.0 as usize;
        if parents.len() <= at {
            if parent == Parent::Unknown {
                return;
            }
            room::fill(parents, at + 1, PackedParent::default);
        }
        parents[at] = parent.pack();
    }

    /// Whether the target is known to be held by somebody along the relationship.
    pub(crate) fn has_parent(&self, relationship: RelationshipId, target: Slot) -> bool {
        matches!(self.parent(relationship, target), Parent::Owner(_))
    }

    /// Whether the object has lost a parent without which it is an orphan. One that has never
    /// had a parent is none if it is in the database.
    pub(crate) fn is_orphan(&self, id: ObjectId) -> bool {
        let in_database = self.cell(id).key.is_some();
        self.mapping.entity(id.entity).orphan_of.iter().any(|&relationship| {
            match self.parent(relationship, id.slot) {
                Parent::Owner(_) => false,
                Parent::Lost => true,
                Parent::Unknown => !in_database,
            }
        })
    }

    /// How many places for objects there are.
    pub(crate) fn places(&self) -> usize {
        self.tables.iter().map(|table| table.cells.len()).sum()
    }

    /// Notes that the object may have changed.
    pub(crate) fn touch(&mut self, id: ObjectId) {
        let cell = self.cell_mut(id);
        if !cell.flags.has(Flags::TOUCHED) {
            cell.flags.insert(Flags::TOUCHED);
            room::push(&mut self.touched, id);
        }
    }

    /// Whether there may be something for a flush to do.
    pub(crate) fn has_work(&self) -> bool {
        let Self { new, touched, marked, deferred, .. } = self;
        !(new.is_empty() && touched.is_empty() && marked.is_empty() && deferred.is_empty())
    }

    /// The objects that wait to be inserted, in the order of their addition, each with the reason
    /// for it.
    pub fn new_objects(&self) -> impl Iterator<Item = (ObjectId, Cause)> {
        self.new.iter()
    }

    /// The objects that are marked to be deleted, in the order of the calls, each with the reason
    /// for it.
    pub fn deleted_objects(&self) -> impl Iterator<Item = (ObjectId, Cause)> {
        self.marked.iter()
    }

    /// How many objects were added or may have changed.
    pub(crate) fn saved_count(&self) -> usize {
        self.new.len() + self.touched.len()
    }

    /// All persistent objects of an entity, in the order of their places.
    pub(crate) fn persistent(&self, entity: EntityId) -> impl Iterator<Item = ObjectId> {
        let cells = &self.tables[entity.0 as usize].cells;
        cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| cell.flags.has(Flags::MAPPED))
            .map(move |(slot, _)| ObjectId { entity, slot: Slot(slot as u32) })
    }

    /// The kind of a relationship.
    fn kind(&self, relationship: RelationshipId) -> Kind {
        self.mapping.relationship(relationship).kind
    }
}
