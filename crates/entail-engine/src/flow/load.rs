//! Loading relationships: one SELECT a relationship, whatever the number of owners.

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::arena::{Arena, MergeNeeds};
use crate::batch::{Batch, Outcome, ParamList, ParamRef, Request, Rows};
use crate::change::Needs;
use crate::error::{Error, LoadError};
use crate::handle::{ObjectId, Slot};
use crate::key::Key;
use crate::mapping::{EntityId, Kind, Mapping, Relationship, RelationshipId};
use crate::query::{Comparison, Condition, Selection};
use crate::sql::{Texts, select, select_by, select_linked};
use crate::unit::Unit;
use crate::value::{Value, ValueRef};

use super::flush::Flush;
use super::{Answer, Fed, Flow, Step, begin, inner, read_failure};

/// One trip of loading: what was asked, and where the answers go.
#[derive(Debug, Default)]
pub(super) struct Pass {
    parts: Vec<Part>,
    /// A row that could not be taken while others were still being read.
    failed: Option<LoadError>,
}

#[derive(Debug)]
struct Part {
    what: What,
    /// How many queries answer it.
    queries: usize,
    /// The targets that have come so far.
    targets: Targets,
}

#[derive(Debug)]
enum What {
    /// A relationship of these owners.
    Relationship(RelationshipId, Vec<ObjectId>, Into),
    /// Rows of an entity; the keys were asked for.
    Rows(EntityId),
    /// A relationship of owners that come in the same trip, by their keys.
    Along(RelationshipId, Vec<Key>),
}

/// Where loaded targets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Into {
    /// Into the relationship.
    Link,
    /// Into what a relationship to one held before it was set.
    Former,
}

/// Which rows a relationship is loaded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Those of the owners' keys.
    Keys,
    /// All rows of the table: the owners are all there are.
    Whole,
}

impl Pass {
    /// Prepares the trip for everything that is needed.
    pub fn of(needs: &Needs, arena: &Arena, texts: &mut Texts) -> (Self, Batch) {
        let mut pass = Pass::default();
        let mut batch = Batch::default();
        for (into, missing) in [(Into::Link, &needs.relationships), (Into::Former, &needs.former)] {
            let mut owners: FxHashMap<RelationshipId, Vec<ObjectId>> = FxHashMap::default();
            let mut order = Vec::new();
            for one in missing {
                if !owners.contains_key(&one.relationship) {
                    order.push(one.relationship);
                }
                owners.entry(one.relationship).or_default().push(one.owner);
            }
            for relationship in order {
                let owners = owners.remove(&relationship).unwrap_or_default();
                pass.relationship(
                    relationship,
                    owners,
                    into,
                    Extent::Keys,
                    arena,
                    texts,
                    &mut batch,
                );
            }
        }
        let keys: Vec<_> = needs
            .rows
            .iter()
            .filter_map(|&id| Some((id.entity, arena.cell(id).key.clone()?)))
            .collect();
        pass.keys(&keys, arena, texts, &mut batch);
        (pass, batch)
    }

    /// Asks for a relationship of owners that are all of its owner's entity.
    #[allow(clippy::too_many_arguments)] // They are the parts of one question.
    fn relationship(
        &mut self,
        id: RelationshipId,
        owners: Vec<ObjectId>,
        into: Into,
        extent: Extent,
        arena: &Arena,
        texts: &mut Texts,
        batch: &mut Batch,
    ) {
        let mapping = arena.mapping();
        let relationship = mapping.relationship(id);
        let columns = match relationship.kind {
            Kind::ManyToOne => &relationship.child_columns,
            _ => &relationship.parent_columns,
        };
        let mut keys = ParamList::new();
        let mut seen = FxHashSet::default();
        // Who reads the whole table asks for no key of it.
        let is_whole = extent == Extent::Whole && relationship.link.is_none();
        for &owner in &owners {
            if is_whole && !keys.is_empty() {
                break;
            }
            let value = |&column: &usize| arena.committed_column(owner, column);
            let is_key = columns.iter().all(|one| value(one).is_some_and(|value| !value.is_null()));
            let mut is_first = || {
                let values = columns.iter().filter_map(value).map(ValueRef::to_value);
                relationship.kind != Kind::ManyToOne || seen.insert(Key::of(values))
            };
            if is_key && is_first() {
                keys.extend(columns.iter().filter_map(value).map(ParamRef::Value));
            }
        }
        let what = What::Relationship(id, owners, into);
        self.targets(relationship, keys, what, extent, arena, texts, batch);
    }

    /// Asks for the targets of a relationship by the values that its owners have.
    #[allow(clippy::too_many_arguments)] // They are the parts of one question.
    fn targets(
        &mut self,
        relationship: &Relationship,
        keys: ParamList,
        what: What,
        extent: Extent,
        arena: &Arena,
        texts: &mut Texts,
        batch: &mut Batch,
    ) {
        let mapping = arena.mapping();
        let before = batch.requests.len();
        let target = mapping.entity(relationship.target).table;
        match (&relationship.link, relationship.kind) {
            (Some(link), _) => {
                select_linked(texts, mapping, relationship, link, keys, batch);
            }
            (None, _) if extent == Extent::Whole && !keys.is_empty() => {
                let call = select(texts, mapping, target, &whole(mapping, relationship));
                batch.requests.push(Request::Call(call));
            }
            (None, kind) => {
                let columns = match kind {
                    Kind::ManyToOne => &relationship.parent_columns,
                    _ => &relationship.child_columns,
                };
                let order = &relationship.order_by;
                select_by(texts, mapping, target, columns, keys, order, batch);
            }
        }
        let queries = batch.requests.len() - before;
        self.parts.push(Part { what, queries, targets: Targets::default() });
    }

    /// Asks for rows by their keys.
    fn keys(
        &mut self,
        keys: &[(EntityId, Key)],
        arena: &Arena,
        texts: &mut Texts,
        batch: &mut Batch,
    ) {
        let mut of_entity: Vec<(EntityId, ParamList)> = Vec::new();
        let mut seen = FxHashSet::default();
        for one in keys.iter().filter(|&one| seen.insert(one)) {
            let key = one.1.values().iter().map(|value| ParamRef::Value(value.as_ref()));
            match of_entity.iter_mut().find(|(entity, _)| *entity == one.0) {
                Some((_, keys)) => keys.extend(key),
                None => {
                    let mut first = ParamList::new();
                    first.extend(key);
                    of_entity.push((one.0, first));
                }
            }
        }
        for (entity, keys) in of_entity {
            self.rows(entity, keys, arena, texts, batch);
        }
    }

    /// Asks for rows of an entity by their keys, which lie one after the other.
    fn rows(
        &mut self,
        entity: EntityId,
        keys: ParamList,
        arena: &Arena,
        texts: &mut Texts,
        batch: &mut Batch,
    ) {
        let map = arena.mapping().entity(entity);
        let before = batch.requests.len();
        select_by(texts, arena.mapping(), map.table, &map.key, keys, &[], batch);
        let (what, queries) = (What::Rows(entity), batch.requests.len() - before);
        self.parts.push(Part { what, queries, targets: Targets::default() });
    }

    /// Asks for one row by its key.
    pub fn of_key(entity: EntityId, key: &Key, arena: &Arena, texts: &mut Texts) -> (Self, Batch) {
        let mut pass = Self { parts: Vec::with_capacity(1), failed: None };
        let mut batch = Batch::default();
        let mut keys = ParamList::new();
        keys.reserve(key.values().len());
        keys.extend(key.values().iter().map(|value| ParamRef::Value(value.as_ref())));
        pass.rows(entity, keys, arena, texts, &mut batch);
        (pass, batch)
    }

    /// Prepares the trip for what a merge needs: rows first, because others come along with them.
    pub fn of_merge(needs: MergeNeeds, arena: &Arena, texts: &mut Texts) -> (Self, Batch) {
        let MergeNeeds { rows, along, relationships } = needs;
        let needs = Needs { relationships, ..Needs::default() };
        let (mut pass, mut batch) = Self::of(&needs, arena, texts);
        pass.keys(&rows, arena, texts, &mut batch);
        let mut owners: IndexMap<RelationshipId, Vec<Key>, FxBuildHasher> = IndexMap::default();
        for (relationship, key) in along {
            owners.entry(relationship).or_default().push(key);
        }
        for (id, owners) in owners {
            let relationship = arena.mapping().relationship(id);
            let owner_key = &arena.mapping().entity(relationship.owner).key;
            let places = relationship.parent_columns.iter();
            let places: Vec<usize> = places
                .filter_map(|column| owner_key.iter().position(|one| one == column))
                .collect();
            let mut keys = ParamList::new();
            for owner in &owners {
                let values = places.iter().map(|&place| owner.values()[place].as_ref());
                keys.extend(values.map(ParamRef::Value));
            }
            let what = What::Along(id, owners);
            pass.targets(relationship, keys, what, Extent::Keys, arena, texts, &mut batch);
        }
        (pass, batch)
    }

    /// Asks for one relationship of many owners.
    pub fn of_relationship(
        relationship: RelationshipId,
        owners: Vec<ObjectId>,
        extent: Extent,
        arena: &Arena,
        texts: &mut Texts,
    ) -> (Self, Batch) {
        let mut pass = Pass::default();
        let mut batch = Batch::default();
        pass.relationship(relationship, owners, Into::Link, extent, arena, texts, &mut batch);
        (pass, batch)
    }

    /// Takes a part of the answer to a query.
    fn feed(&mut self, arena: &mut Arena, query: usize, rows: &Rows) {
        if self.failed.is_none() {
            self.failed = self.take(arena, query, rows).err();
        }
    }

    fn take(&mut self, arena: &mut Arena, query: usize, rows: &Rows) -> Result<(), LoadError> {
        let mut before = 0;
        let part = self.parts.iter_mut().find(|part| {
            before += part.queries;
            query < before
        });
        match part {
            Some(Part { what: What::Rows(entity), .. }) => take_rows(arena, *entity, rows, |_| ()),
            Some(Part {
                what: What::Relationship(id, ..) | What::Along(id, _), targets, ..
            }) => {
                let mapping = arena.shared_mapping();
                targets.take(arena, &mapping, mapping.relationship(*id), rows)
            }
            None => Ok(()),
        }
    }

    /// Takes what is left of the answers.
    pub fn apply(mut self, arena: &mut Arena, outcome: Outcome) -> Result<(), Error> {
        if let Some(failed) = self.failed {
            return Err(failed.into());
        }
        for (query, rows) in outcome.rows.iter().enumerate() {
            self.take(arena, query, rows)?;
        }
        let mapping = arena.shared_mapping();
        for part in self.parts {
            match part.what {
                What::Rows(_) => {}
                What::Relationship(id, owners, into) => {
                    part.targets.give(arena, mapping.relationship(id), &owners, into);
                }
                What::Along(id, keys) => {
                    let relationship = mapping.relationship(id);
                    let owners =
                        keys.iter().filter_map(|key| arena.find_key(relationship.owner, key));
                    let owners: Vec<ObjectId> = owners.collect();
                    part.targets.give(arena, relationship, &owners, Into::Link);
                }
            }
        }
        Ok(())
    }
}

/// All rows of a relationship's target that belong to anybody.
fn whole(mapping: &Mapping, relationship: &Relationship) -> Selection {
    let table = mapping.table_of(relationship.target);
    let nullable =
        relationship.child_columns.iter().filter(|&&column| table.columns[column].nullable);
    let conditions: Vec<_> = nullable
        .map(|&column| Condition::Compare(column, Comparison::NotEqual, Value::Null))
        .collect();
    Selection {
        condition: (!conditions.is_empty()).then_some(Condition::All(conditions)),
        order: relationship.order_by.clone(),
        ..Selection::default()
    }
}

/// Takes rows of an entity; calls `taken` with each object, in the order of the rows.
pub(super) fn take_rows(
    arena: &mut Arena,
    entity: EntityId,
    rows: &Rows,
    mut taken: impl FnMut(ObjectId),
) -> Result<(), LoadError> {
    arena.make_room(entity, rows.len());
    for row in rows.iter() {
        taken(arena.load_row(entity, &row)?);
    }
    Ok(())
}

/// Loaded targets by the values by which their owners know them.
#[derive(Debug, Default)]
struct Targets {
    by_value: FxHashMap<Vec<Value>, Vec<Slot>>,
    /// For owners that are known by their own key: by their slots.
    by_owner: Vec<Vec<Slot>>,
    /// The owner of the last row: rows of one owner mostly come one after the other.
    last: Option<(Vec<Value>, ObjectId)>,
}

impl Targets {
    fn take(
        &mut self,
        arena: &mut Arena,
        mapping: &Mapping,
        relationship: &Relationship,
        rows: &Rows,
    ) -> Result<(), LoadError> {
        let owner_key = &mapping.entity(relationship.owner).key;
        let by_owner_key =
            relationship.kind != Kind::ManyToOne && relationship.parent_columns == *owner_key;
        let ahead = relationship.link.as_ref().map_or(0, |_| relationship.child_columns.len());
        let columns = match (relationship.kind, ahead) {
            (Kind::ManyToOne, _) => relationship.parent_columns.clone(),
            (_, 0) => relationship.child_columns.clone(),
            (_, ahead) => (0..ahead).collect(),
        };
        arena.make_room(relationship.target, rows.len());
        // The targets of the owner of the last row.
        let mut run = Vec::new();
        for row in rows.iter() {
            let target = arena.load_row(relationship.target, &row.skip(ahead))?.slot;
            let known = columns.iter().map(|&column| row.value(column));
            if !by_owner_key {
                let known = known.map(ValueRef::to_value).collect();
                self.by_value.entry(known).or_default().push(target);
                continue;
            }
            let same = match &self.last {
                Some((key, _)) => known.clone().eq(key.iter().map(Value::as_ref)),
                None => false,
            };
            if !same {
                let key: Vec<Value> = known.map(ValueRef::to_value).collect();
                self.add_run(&mut run);
                self.last = arena.find(relationship.owner, &key).map(|one| (key, one));
            }
            run.push(target);
        }
        self.add_run(&mut run);
        Ok(())
    }

    /// Adds a run of targets to those of the last owner.
    fn add_run(&mut self, run: &mut Vec<Slot>) {
        if let Some((_, owner)) = &self.last
            && !run.is_empty()
        {
            let at = owner.slot.0 as usize;
            if self.by_owner.len() <= at {
                self.by_owner.resize_with(at + 1, Vec::new);
            }
            self.by_owner[at].extend_from_slice(run);
        }
        run.clear();
    }

    fn give(
        mut self,
        arena: &mut Arena,
        relationship: &Relationship,
        owners: &[ObjectId],
        into: Into,
    ) {
        let columns = match relationship.kind {
            Kind::ManyToOne => &relationship.child_columns,
            _ => &relationship.parent_columns,
        };
        for &owner in owners {
            let mut members = match self.by_owner.get_mut(owner.slot.0 as usize) {
                Some(members) => std::mem::take(members),
                None => arena
                    .committed_values(owner, columns)
                    .and_then(|values| self.by_value.get(&values).cloned())
                    .unwrap_or_default(),
            };
            if relationship.kind.is_many() {
                if relationship.link.is_some() {
                    dedup(&mut members);
                }
                arena.load_many(relationship.id, owner.slot, members);
                continue;
            }
            if members.len() > 1 {
                tracing::warn!(
                    relationship = %relationship.name,
                    rows = members.len(),
                    "several rows where one was expected; the first one is taken"
                );
            }
            let target = members.first().copied();
            match into {
                Into::Link => arena.load_one(relationship.id, owner.slot, target),
                Into::Former => arena.learn_former_target(relationship.id, owner.slot, target),
            }
        }
    }
}

/// An association table without a key may have a row twice; the member is there once.
fn dedup(members: &mut Vec<Slot>) {
    if members.len() > 1 {
        let mut seen = FxHashSet::default();
        members.retain(|&member| seen.insert(member));
    }
}

// --- The verb ----------------------------------------------------------------------------------------

/// Loads a path of relationships, starting at some objects: one SELECT a relationship.
#[derive(Debug)]
pub struct Load {
    autoflush: Option<Flush>,
    objects: Vec<ObjectId>,
    path: Vec<RelationshipId>,
    next: usize,
    extent: Extent,
    running: Option<Running>,
}

#[derive(Debug)]
enum Running {
    Rows(Pass),
    Relationship(Pass),
}

impl Load {
    /// Loads the relationships of a path one after the other.
    pub fn new(objects: Vec<ObjectId>, path: Vec<RelationshipId>) -> Self {
        Self {
            autoflush: Some(Flush::auto()),
            objects,
            path,
            next: 0,
            extent: Extent::Keys,
            running: None,
        }
    }

    /// Loads along with a query that has flushed already.
    pub(super) fn along(objects: Vec<ObjectId>, path: Vec<RelationshipId>, extent: Extent) -> Self {
        Self { autoflush: None, extent, ..Self::new(objects, path) }
    }

    /// Goes to the targets of the relationship that was loaded last.
    fn advance(&mut self, arena: &mut Arena) {
        let relationship = self.path[self.next];
        for owner in &self.objects {
            arena.keep_known_target(relationship, owner.slot);
        }
        self.next += 1;
        if self.next == self.path.len() {
            self.objects = Vec::new();
            return;
        }
        let target = arena.mapping().relationship(relationship).target;
        let mut seen = FxHashSet::default();
        self.objects = self
            .objects
            .iter()
            .flat_map(|owner| arena.many_or_one(*owner, relationship))
            .filter(|slot| seen.insert(*slot))
            .map(|slot| ObjectId { entity: target, slot })
            .collect();
    }
}

impl Flow for Load {
    const NAME: &'static str = "load";

    type Output = ();

    fn next(&mut self, unit: &mut Unit, mut answer: Option<Answer>) -> Result<Step<()>, Error> {
        begin(unit, answer.as_ref())?;
        // Only when the verb begins: what its own flush loads must not end that flush.
        if answer.is_none() && self.next == 0 && self.nothing_to_load(&unit.arena) {
            self.autoflush = None;
        }
        if let Some(flush) = &mut self.autoflush {
            inner!(flush, unit, answer.take());
            self.autoflush = None;
        }
        if let Some(running) = self.running.take() {
            let outcome = match answer.take() {
                Some(Ok(outcome)) => outcome,
                Some(Err(failure)) => return Err(read_failure(unit, failure)),
                None => Outcome::default(),
            };
            match running {
                Running::Rows(pass) => {
                    pass.apply(&mut unit.arena, outcome)?;
                    if let Some(&gone) = self.objects.iter().find(|&&id| unit.arena.is_stale(id)) {
                        let object = unit.arena.label(gone);
                        return Err(LoadError::RowGone { object }.into());
                    }
                }
                Running::Relationship(pass) => {
                    pass.apply(&mut unit.arena, outcome)?;
                    self.advance(&mut unit.arena);
                }
            }
        }
        while let Some(&relationship) = self.path.get(self.next) {
            let arena = &unit.arena;
            let stale: Vec<_> =
                self.objects.iter().copied().filter(|&id| arena.is_stale(id)).collect();
            if !stale.is_empty() {
                let needs = Needs { rows: stale, ..Needs::default() };
                let (pass, batch) = Pass::of(&needs, arena, &mut unit.texts);
                self.running = Some(Running::Rows(pass));
                return Ok(Step::Run(batch));
            }
            let owners: Vec<_> = self
                .objects
                .iter()
                .copied()
                .filter(|&owner| arena.needs_load(owner, relationship))
                .collect();
            if owners.is_empty() {
                self.advance(&mut unit.arena);
                continue;
            }
            let (pass, batch) =
                Pass::of_relationship(relationship, owners, self.extent, arena, &mut unit.texts);
            if batch.is_empty() {
                pass.apply(&mut unit.arena, Outcome::default())?;
                self.advance(&mut unit.arena);
                continue;
            }
            self.running = Some(Running::Relationship(pass));
            return Ok(Step::Run(batch));
        }
        Ok(Step::Done(()))
    }

    fn feed(&mut self, unit: &mut Unit, query: usize, rows: &Rows) -> Fed {
        match &mut self.running {
            Some(Running::Rows(pass) | Running::Relationship(pass)) => {
                pass.feed(&mut unit.arena, query, rows);
                Fed::Taken
            }
            None => Fed::Left,
        }
    }
}

impl Load {
    /// Whether the first relationship of the path is loaded everywhere, so that nothing of the
    /// database is needed and nothing is flushed.
    fn nothing_to_load(&self, arena: &Arena) -> bool {
        self.path.len() <= 1
            && self.path.first().is_none_or(|&relationship| {
                self.objects.iter().all(|&id| {
                    let needs = arena.needs_load(id, relationship);
                    !arena.is_stale(id) && (!needs || arena.names_nobody(id, relationship))
                })
            })
    }
}
