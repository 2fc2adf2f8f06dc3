//! Work: everything a session does in memory. The async and the blocking session both have it.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use entail_engine::arena::{Branches, Change, State};
use entail_engine::entity::{Addition, Item, Object, One, Relation, ToMany, ToOne};
use entail_engine::error::StateError;
use entail_engine::handle::{Handle, ObjectId, RawHandle};
use entail_engine::key::Key;
use entail_engine::mapping::{EntityId, Mapping, RelationshipId};
use entail_engine::plan::Plan;
use entail_engine::unit::{Statistics, Unit, UnitOptions};
use entail_engine::value::Value;

use crate::path::{PathTo, Paths};

/// What a session does by itself.
pub type SessionOptions = UnitOptions;

/// The objects of a session and what is done to them in memory, without the database.
///
/// A [`Session`](crate::Session) and a [`blocking::Session`](crate::blocking::Session) give access
/// to it, so that its verbs are called on them directly. Some panic on misuse, such as a handle of
/// another session or of an object that is gone, with the caller's place and the cure: `add`,
/// `hold`, `push`, `remove` and `set`, each of which has a `try_` form that returns the error
/// instead; indexing, beside `get` and `get_mut`; and questions such as `state`, which have none.
#[derive(Debug)]
pub struct Work {
    pub(crate) unit: Unit,
    span: tracing::Span,
}

/// A panic with the caller's place: the handle was misused.
#[track_caller]
fn expect<T>(result: Result<T, StateError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

impl Work {
    pub(crate) fn new(unit: Unit) -> Self {
        Self { unit, span: tracing::debug_span!("session") }
    }

    /// The span of a verb, within that of the session.
    pub(crate) fn span(&self, verb: &'static str) -> tracing::Span {
        tracing::debug_span!(parent: &self.span, "verb", verb)
    }

    pub(crate) fn id<T>(&self, handle: Handle<T>) -> Result<ObjectId, StateError> {
        self.unit.arena.object_id(handle.raw())
    }

    /// The entity of a type.
    pub(crate) fn entity<T: Object>(&self) -> Result<EntityId, StateError> {
        self.mapping()
            .entity_of::<T>()
            .ok_or_else(|| StateError::NotMapped { entity: T::NAME.to_owned() })
    }

    fn relationship<R: Relation>(&self, owner: ObjectId, relation: R) -> Option<RelationshipId> {
        relation.resolve(self.mapping(), owner.entity)
    }

    pub(crate) fn path<P: PathTo>(
        &self,
        root: EntityId,
        path: P,
    ) -> Result<Vec<RelationshipId>, StateError> {
        let mut steps = Vec::new();
        match path.resolve_path(self.mapping(), root, &mut steps) {
            Some(_) => Ok(steps),
            None => Err(StateError::NoRelationship {
                object: self.mapping().entity(root).name.to_string(),
            }),
        }
    }

    fn place<R: Relation>(
        &mut self,
        owner: ObjectId,
        relation: R,
        item: Item<R::Target>,
    ) -> Result<ObjectId, StateError> {
        let relationship = self.relationship(owner, relation);
        let missing = || StateError::NoRelationship { object: self.unit.arena.label(owner) };
        let target = self.mapping().relationship(relationship.ok_or_else(missing)?).target;
        match item {
            Item::New(value) => self.unit.arena.hold(value),
            Item::Of(handle) => {
                let id = self.id(handle)?;
                if id.entity == target {
                    Ok(id)
                } else {
                    Err(StateError::NoRelationship { object: self.unit.arena.label(id) })
                }
            }
        }
    }

    /// The mapping of the objects.
    pub fn mapping(&self) -> &Arc<Mapping> {
        self.unit.mapping()
    }

    // --- Objects -------------------------------------------------------------------------------

    /// Adds an object, new or held, with everything its save-update cascade reaches: it waits to
    /// be inserted. A detached object is looked after again.
    ///
    /// # Panics
    ///
    /// If the object cannot be added; see [`try_add`](Self::try_add).
    #[track_caller]
    pub fn add<A: Addition>(&mut self, item: A) -> Handle<A::Object> {
        expect(self.try_add(item))
    }

    /// As [`add`](Self::add).
    ///
    /// # Errors
    ///
    /// E0201 and E0202 for a bad handle, E0206 for a deleted object, E0207 if another object has
    /// its key, E0209 for a type that is not mapped.
    pub fn try_add<A: Addition>(&mut self, item: A) -> Result<Handle<A::Object>, StateError> {
        let id = match item.into_item() {
            Item::New(value) => self.unit.arena.hold(value)?,
            Item::Of(handle) => self.id(handle)?,
        };
        self.unit.arena.add(id)?;
        Ok(self.unit.arena.handle(id))
    }

    /// Adds several objects.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    #[track_caller]
    pub fn add_all<A: Addition>(
        &mut self,
        items: impl IntoIterator<Item = A>,
    ) -> Vec<Handle<A::Object>> {
        items.into_iter().map(|item| expect(self.try_add(item))).collect()
    }

    /// Takes a new object without adding it: it stays transient until it is added or a
    /// save-update cascade comes to it.
    ///
    /// # Panics
    ///
    /// If its type is not mapped, or a handle among its initial values is bad.
    #[track_caller]
    pub fn hold<T: Object>(&mut self, value: T) -> Handle<T> {
        expect(self.try_hold(value))
    }

    /// As [`hold`](Self::hold).
    ///
    /// # Errors
    ///
    /// E0209 for a type that is not mapped, E0201 and E0202 for a bad handle.
    pub fn try_hold<T: Object>(&mut self, value: T) -> Result<Handle<T>, StateError> {
        let id = self.unit.arena.hold(value)?;
        Ok(self.unit.arena.handle(id))
    }

    /// Moves an object out of the session. Its handle is stale from then on.
    ///
    /// # Errors
    ///
    /// E0205 if there is work to be flushed for it, E0201 and E0202 for a bad handle.
    pub fn take<T: Object>(&mut self, handle: Handle<T>) -> Result<T, StateError> {
        let id = self.id(handle)?;
        self.unit.arena.take(id)
    }

    /// Moves an object out of the session, with all that some loaded relationships lead to: a tree
    /// of values, which [`merge`](crate::Session::merge) takes back. What is reached several times is
    /// there several times. Relationships that are not named stay unset.
    ///
    /// # Errors
    ///
    /// E0203 for an expired object, E0204 for a relationship that is not loaded, E0205 if there is
    /// work to be flushed for one of them, E0201 and E0202 for a bad handle. Nothing has moved then.
    pub fn detach<T: Object, P: Paths<Root = T>>(
        &mut self,
        handle: Handle<T>,
        paths: P,
    ) -> Result<T, StateError> {
        let mut values = self.detach_all([handle], paths)?;
        values.pop().ok_or_else(|| StateError::NotMapped { entity: T::NAME.to_owned() })
    }

    /// Moves several objects out of the session, as [`detach`](Self::detach) does with one. The rest
    /// of the session is gone through once, to forget them, and not for each of them.
    ///
    /// # Errors
    ///
    /// As [`detach`](Self::detach).
    pub fn detach_all<T: Object, P: Paths<Root = T>>(
        &mut self,
        handles: impl IntoIterator<Item = Handle<T>>,
        paths: P,
    ) -> Result<Vec<T>, StateError> {
        let handles = handles.into_iter();
        let roots: Vec<_> = handles.map(|handle| self.id(handle)).collect::<Result<_, _>>()?;
        let Some(&first) = roots.first() else { return Ok(Vec::new()) };
        if let Some(&other) = roots.iter().find(|root| root.entity != first.entity) {
            return Err(StateError::NoRelationship { object: self.unit.arena.label(other) });
        }
        let branches = self.branches(first, paths)?;
        self.unit.arena.detach(&roots, &branches)
    }

    /// An object to be serialized where it is; see [`View`](crate::View).
    ///
    /// # Errors
    ///
    /// E0203 for an expired object, E0201 and E0202 for a bad handle.
    #[cfg(feature = "serde")]
    pub fn view<T>(&self, handle: Handle<T>) -> Result<crate::View<'_, T>, StateError> {
        crate::View::new(self, self.id(handle)?)
    }

    /// The relationships of one or several paths from an object on.
    pub(crate) fn branches<P: Paths>(
        &self,
        root: ObjectId,
        paths: P,
    ) -> Result<Branches, StateError> {
        let mut branches = Branches::default();
        match paths.add_to(self.mapping(), root.entity, &mut branches) {
            Some(()) => Ok(branches),
            None => Err(StateError::NoRelationship { object: self.unit.arena.label(root) }),
        }
    }

    /// Frees all objects. Their handles are stale from then on; unflushed work is gone.
    pub fn clear(&mut self) {
        self.unit.arena.clear();
    }

    /// Marks an object to be deleted, and what its delete cascade reaches in memory. What is not
    /// loaded the flush reaches.
    ///
    /// # Errors
    ///
    /// E0205 for an object that is not in the database, E0207 if another object has its key.
    pub fn delete<T>(&mut self, handle: Handle<T>) -> Result<(), StateError> {
        let id = self.id(handle)?;
        self.unit.arena.delete(id)
    }

    /// Lets go of an object and of what the expunge cascade reaches.
    ///
    /// # Errors
    ///
    /// E0205 for an object that the session does not look after.
    pub fn expunge<T>(&mut self, handle: Handle<T>) -> Result<(), StateError> {
        let id = self.id(handle)?;
        self.unit.arena.expunge(id)
    }

    /// Lets go of all objects: pending ones become transient, persistent ones detached.
    pub fn expunge_all(&mut self) {
        self.unit.arena.expunge_all();
    }

    /// Forgets the loaded values and unflushed changes of an object, and of what the
    /// refresh-expire cascade reaches. Reading it fails until `refresh`.
    ///
    /// # Errors
    ///
    /// E0205 for an object that is not persistent.
    pub fn expire<T>(&mut self, handle: Handle<T>) -> Result<(), StateError> {
        let id = self.id(handle)?;
        self.unit.arena.expire(id)
    }

    // --- Reading and changing ----------------------------------------------------------------------

    /// An object's fields.
    ///
    /// # Errors
    ///
    /// E0201 and E0202 for a bad handle, E0203 for an expired object.
    pub fn get<T: Object>(&self, handle: Handle<T>) -> Result<&T, StateError> {
        self.unit.arena.get(handle)
    }

    /// An object's fields, to be changed.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_mut<T: Object>(&mut self, handle: Handle<T>) -> Result<&mut T, StateError> {
        self.unit.arena.get_mut(handle)
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
        self.unit.arena.get_disjoint_mut(handles)
    }

    /// Sets one column by its place in the table; for objects that are mapped at run time. It
    /// works on an expired object too: then the column is written whatever its row has.
    ///
    /// # Errors
    ///
    /// E0215 if the value does not fit.
    pub fn set_column<T>(
        &mut self,
        handle: Handle<T>,
        column: usize,
        value: Option<Value>,
    ) -> Result<(), StateError> {
        let id = self.id(handle)?;
        self.unit.arena.set_column(id, column, value)
    }

    /// One column by its place in the table; none if it is unset.
    ///
    /// # Errors
    ///
    /// E0203 for an expired object, unless the column was set since.
    pub fn column<T>(&self, handle: Handle<T>, column: usize) -> Result<Option<Value>, StateError> {
        let id = self.id(handle)?;
        let value = self.unit.arena.column_of(id, column)?;
        Ok(value.map(|value| value.to_value()))
    }

    /// The key of an object, once it has a row.
    ///
    /// # Errors
    ///
    /// E0201 and E0202 for a bad handle.
    pub fn key<T>(&self, handle: Handle<T>) -> Result<Option<&Key>, StateError> {
        let id = self.id(handle)?;
        Ok(self.unit.arena.key(id))
    }

    /// The state of an object.
    ///
    /// # Panics
    ///
    /// On a handle of another session or of an object that is gone.
    #[track_caller]
    pub fn state<T>(&self, handle: Handle<T>) -> State {
        self.unit.arena.state(expect(self.id(handle)))
    }

    /// Whether the object's values are to be read again before they are trusted: it is expired,
    /// or left from before a rollback.
    ///
    /// # Panics
    ///
    /// On a handle of another session or of an object that is gone.
    #[track_caller]
    pub fn is_stale<T>(&self, handle: Handle<T>) -> bool {
        self.unit.arena.is_stale(expect(self.id(handle)))
    }

    /// Whether the object differs from its row, by a column or by a loaded relationship.
    ///
    /// # Panics
    ///
    /// On a handle of another session or of an object that is gone.
    #[track_caller]
    pub fn is_modified<T>(&self, handle: Handle<T>) -> bool {
        self.unit.arena.is_modified(expect(self.id(handle)))
    }

    /// The net changes of the object's columns: column, old and new value.
    ///
    /// # Panics
    ///
    /// On a handle of another session or of an object that is gone.
    #[track_caller]
    pub fn changes<T>(&self, handle: Handle<T>) -> Vec<Change> {
        self.unit.arena.changes(expect(self.id(handle)))
    }

    fn handles(&self, objects: impl IntoIterator<Item = ObjectId>) -> Vec<RawHandle> {
        objects.into_iter().map(|id| self.unit.arena.raw_handle(id)).collect()
    }

    /// The objects that wait to be inserted, in the order of their addition.
    pub fn new_objects(&self) -> Vec<RawHandle> {
        self.handles(self.unit.arena.new_objects().map(|(id, _)| id))
    }

    /// The persistent objects with a net change that are not marked to be deleted.
    pub fn dirty_objects(&self) -> Vec<RawHandle> {
        let arena = &self.unit.arena;
        self.handles(arena.dirty_objects().filter(|&id| arena.is_modified(id)))
    }

    /// The objects that are marked to be deleted, in the order of the calls.
    pub fn deleted_objects(&self) -> Vec<RawHandle> {
        self.handles(self.unit.arena.deleted_objects().map(|(id, _)| id))
    }

    /// Gives a handle its type, if it is of the entity of that type.
    pub fn typed<T: Object>(&self, handle: RawHandle) -> Option<Handle<T>> {
        (self.mapping().entity_of::<T>() == Some(handle.entity())).then(|| Handle::from_raw(handle))
    }

    /// How an object is called in plans and messages: `User#1`.
    ///
    /// # Errors
    ///
    /// E0201 and E0202 for a bad handle.
    pub fn label(&self, handle: RawHandle) -> Result<String, StateError> {
        Ok(self.unit.arena.label(self.unit.arena.object_id(handle)?))
    }

    // --- Relationships -----------------------------------------------------------------------------

    /// The members of a relationship to many.
    ///
    /// # Errors
    ///
    /// E0204 if it is not loaded.
    pub fn many<R: ToMany>(
        &self,
        owner: Handle<R::Owner>,
        relation: R,
    ) -> Result<Vec<Handle<R::Target>>, StateError> {
        let id = self.id(owner)?;
        let relationship = self.known(id, relation)?;
        let members = self.unit.arena.many(id, relationship)?;
        Ok(members.into_iter().map(|id| self.unit.arena.handle(id)).collect())
    }

    /// The target of a relationship to one. If it is not loaded, the identity map may know it by
    /// the foreign key.
    ///
    /// # Errors
    ///
    /// E0204 if it is not known.
    pub fn one<R: ToOne>(
        &self,
        owner: Handle<R::Owner>,
        relation: R,
    ) -> Result<Option<Handle<R::Target>>, StateError> {
        let id = self.id(owner)?;
        let relationship = self.known(id, relation)?;
        let target = self.unit.arena.one(id, relationship)?;
        Ok(target.map(|id| self.unit.arena.handle(id)))
    }

    fn known<R: Relation>(&self, id: ObjectId, relation: R) -> Result<RelationshipId, StateError> {
        self.relationship(id, relation)
            .ok_or_else(|| StateError::NoRelationship { object: self.unit.arena.label(id) })
    }

    /// Whether a relationship is loaded, or the object is new and has nothing to load.
    ///
    /// # Errors
    ///
    /// E0201 and E0202 for a bad handle.
    pub fn is_loaded<R: Relation>(
        &self,
        owner: Handle<R::Owner>,
        relation: R,
    ) -> Result<bool, StateError> {
        let id = self.id(owner)?;
        Ok(self.unit.arena.has_loaded(id, self.known(id, relation)?))
    }

    /// Adds a member to a relationship to many; the other side changes with it. It needs no load.
    ///
    /// # Panics
    ///
    /// If the member cannot come along; see [`try_push`](Self::try_push).
    #[track_caller]
    pub fn push<R: ToMany>(
        &mut self,
        owner: Handle<R::Owner>,
        relation: R,
        member: impl Into<Item<R::Target>>,
    ) -> Handle<R::Target> {
        expect(self.try_push(owner, relation, member))
    }

    /// As [`push`](Self::push).
    ///
    /// # Errors
    ///
    /// E0206, E0207 and E0208 if the member cannot come along; E0201 and E0202 for a bad handle.
    pub fn try_push<R: ToMany>(
        &mut self,
        owner: Handle<R::Owner>,
        relation: R,
        member: impl Into<Item<R::Target>>,
    ) -> Result<Handle<R::Target>, StateError> {
        let id = self.id(owner)?;
        let member = self.place(id, relation, member.into())?;
        self.unit.arena.push(id, self.relationship(id, relation), member)?;
        Ok(self.unit.arena.handle(member))
    }

    /// Takes a member out of a relationship; the other side changes with it. It needs no load.
    ///
    /// # Panics
    ///
    /// If a loaded relationship does not hold it; see [`try_remove`](Self::try_remove).
    #[track_caller]
    pub fn remove<R: Relation>(
        &mut self,
        owner: Handle<R::Owner>,
        relation: R,
        member: Handle<R::Target>,
    ) {
        expect(self.try_remove(owner, relation, member));
    }

    /// As [`remove`](Self::remove).
    ///
    /// # Errors
    ///
    /// E0216 if a loaded relationship does not hold it; E0201 and E0202 for a bad handle.
    pub fn try_remove<R: Relation>(
        &mut self,
        owner: Handle<R::Owner>,
        relation: R,
        member: Handle<R::Target>,
    ) -> Result<(), StateError> {
        let (id, member) = (self.id(owner)?, self.id(member)?);
        self.unit.arena.remove(id, self.relationship(id, relation), member)
    }

    /// Sets a relationship to one: to a new object, a handle, or `None`. The other side changes
    /// with it. It needs no load.
    ///
    /// # Panics
    ///
    /// If the target cannot come along; see [`try_set`](Self::try_set).
    #[track_caller]
    pub fn set<R: ToOne>(
        &mut self,
        owner: Handle<R::Owner>,
        relation: R,
        target: impl Into<One<R::Target>>,
    ) {
        expect(self.try_set(owner, relation, target));
    }

    /// As [`set`](Self::set).
    ///
    /// # Errors
    ///
    /// E0206, E0207 and E0208 if the target cannot come along; E0201 and E0202 for a bad handle.
    pub fn try_set<R: ToOne>(
        &mut self,
        owner: Handle<R::Owner>,
        relation: R,
        target: impl Into<One<R::Target>>,
    ) -> Result<(), StateError> {
        let id = self.id(owner)?;
        let target = match target.into().0 {
            Some(item) => Some(self.place(id, relation, item)?),
            None => None,
        };
        self.unit.arena.set(id, self.relationship(id, relation), target)
    }

    /// Puts a new list in place of a relationship to many.
    ///
    /// # Errors
    ///
    /// E0204 if it is not loaded; E0206, E0207 and E0208 if a member cannot come along.
    pub fn set_all<R: ToMany, I: Into<Item<R::Target>>>(
        &mut self,
        owner: Handle<R::Owner>,
        relation: R,
        members: impl IntoIterator<Item = I>,
    ) -> Result<Vec<Handle<R::Target>>, StateError> {
        let id = self.id(owner)?;
        let mut placed = Vec::new();
        for member in members {
            placed.push(self.place(id, relation, member.into())?);
        }
        self.unit.arena.replace(id, self.relationship(id, relation), &placed)?;
        Ok(placed.into_iter().map(|id| self.unit.arena.handle(id)).collect())
    }

    /// Empties a relationship: a list becomes empty, a relationship to one leads to nobody.
    ///
    /// # Errors
    ///
    /// E0204 if a list is not loaded.
    pub fn clear_relationship<R: Relation>(
        &mut self,
        owner: Handle<R::Owner>,
        relation: R,
    ) -> Result<(), StateError> {
        let id = self.id(owner)?;
        self.unit.arena.clear_relationship(id, self.relationship(id, relation))
    }

    // --- The session -------------------------------------------------------------------------------

    /// What the last flush did.
    pub fn last_plan(&self) -> Option<&Arc<Plan>> {
        self.unit.last_plan()
    }

    /// How many trips and statements the session has asked of the database so far.
    pub fn statistics(&self) -> Statistics {
        self.unit.statistics()
    }

    /// Whether a transaction is open in the database.
    pub fn in_transaction(&self) -> bool {
        self.unit.in_transaction()
    }

    /// How many savepoints are open.
    pub fn savepoints(&self) -> usize {
        self.unit.savepoints()
    }

    /// Whether queries and loads flush first.
    pub fn autoflush(&self) -> bool {
        self.unit.options.autoflush
    }

    /// Switches autoflush on or off, and says what it was.
    pub fn set_autoflush(&mut self, autoflush: bool) -> bool {
        std::mem::replace(&mut self.unit.options.autoflush, autoflush)
    }

    pub(crate) fn handles_of<T>(&self, objects: Vec<ObjectId>) -> Vec<Handle<T>> {
        objects.into_iter().map(|id| self.unit.arena.handle(id)).collect()
    }

    pub(crate) fn raw_handles(&self, objects: Vec<ObjectId>) -> Vec<RawHandle> {
        self.handles(objects)
    }
}

impl<T: Object> Index<Handle<T>> for Work {
    type Output = T;

    #[track_caller]
    #[inline]
    fn index(&self, handle: Handle<T>) -> &T {
        expect(self.unit.arena.get(handle))
    }
}

impl<T: Object> IndexMut<Handle<T>> for Work {
    #[track_caller]
    #[inline]
    fn index_mut(&mut self, handle: Handle<T>) -> &mut T {
        expect(self.unit.arena.get_mut(handle))
    }
}
