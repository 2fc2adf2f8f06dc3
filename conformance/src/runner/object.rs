//! Objects: the steps that make, change, add, delete, get and merge them.

use std::collections::HashSet;
use std::sync::Arc;

use entail::dynamic::{Cascade, DynamicMany, DynamicOne, Record};
use entail::{Handle, Key, State, Value};
use entail_engine::mapping::{EntityMap, Mapping};
use serde_json::{Value as Json, json};

use super::{Answer, DeletesLoad, Runner};
use crate::failure::Failure;
use crate::scenario::{Branch, Columns, Graph};
use crate::value::{to_column, to_json};

impl Runner {
    pub(super) fn new_object(
        &mut self,
        entity: &str,
        name: &str,
        set: &Columns,
    ) -> Result<(), Failure> {
        let mapping = Arc::clone(&self.mapping);
        let entity = entity_named(&mapping, entity)?;
        let mut record = self.record(&mapping, entity, set)?;
        if let Some(label) = mapping.table(entity.table).column_named("label")
            && record.value(label).is_none()
        {
            record.set(label, name);
        }
        let handle = self.session.try_hold(record)?;
        self.names.give(name, Some(handle));
        Ok(())
    }

    fn record(
        &self,
        mapping: &Mapping,
        entity: &EntityMap,
        set: &Columns,
    ) -> Result<Record, Failure> {
        let table = mapping.table(entity.table);
        let mut record = Record::new(mapping, entity);
        for (name, value) in set {
            let column = table
                .column_named(name)
                .ok_or_else(|| Failure::invalid(format!("`{}` has no `{name}`", entity.name)))?;
            let value = to_column(&self.resolve(value)?, table.columns[column].ty);
            record.set(column, value);
        }
        Ok(record)
    }

    /// Puts the present key of an object in the place of `{"$key": NAME}`.
    fn resolve(&self, value: &Json) -> Result<Json, Failure> {
        let Some(name) = value.get("$key").and_then(Json::as_str) else {
            return Ok(value.clone());
        };
        let handle = self.names.object(name)?;
        let entity = self.mapping.entity(handle.raw().entity());
        let columns = &self.mapping.table(entity.table).columns;
        let known = self.session.key(handle)?.map(Key::values).unwrap_or_default();
        let mut key = Vec::with_capacity(entity.key.len());
        for (place, &column) in entity.key.iter().enumerate() {
            let value = match self.session.column(handle, column) {
                Ok(value) => value,
                Err(_) => known.get(place).cloned(),
            };
            key.push(value.map_or(Json::Null, |value| to_json(value.as_ref(), columns[column].ty)));
        }
        Ok(if key.len() == 1 { key.swap_remove(0) } else { Json::Array(key) })
    }

    pub(super) fn add(&mut self, object: &str) -> Result<(), Failure> {
        let handle = self.names.object(object)?;
        self.session.try_add(handle)?;
        Ok(())
    }

    pub(super) fn set_column(
        &mut self,
        object: &str,
        column: &str,
        value: &Json,
    ) -> Result<(), Failure> {
        let handle = self.names.object(object)?;
        let value = self.resolve(value)?;
        let column = self.column(handle, column)?;
        let ty = self.mapping.table_of(handle.raw().entity()).columns[column].ty;
        self.session.set_column(handle, column, Some(to_column(&value, ty)))?;
        Ok(())
    }

    /// The place of a column of an object.
    pub(super) fn column(&self, handle: Handle<Record>, name: &str) -> Result<usize, Failure> {
        let table = self.mapping.table_of(handle.raw().entity());
        table
            .column_named(name)
            .ok_or_else(|| Failure::invalid(format!("`{}` has no `{name}`", table.name)))
    }

    /// SQLAlchemy loads at this call what the delete cascade comes to, and does not flush first.
    pub(super) fn delete(&mut self, object: &str) -> Result<(), Failure> {
        let handle = self.names.object(object)?;
        match self.session.state(handle) {
            State::Transient | State::Pending => {}
            _ if self.deletes_load == DeletesLoad::InTheFlush => {}
            State::Detached => {
                let outside: HashSet<_> = self.names.handles().filter(self.is_detached()).collect();
                // It comes in first; what is reached then is marked by the second call.
                self.session.delete(handle)?;
                self.reach_from(handle, &outside);
            }
            // What cannot be loaded now the flush reaches, or refuses.
            _ => drop(self.session.reach(handle, Cascade::Delete)),
        }
        self.session.delete(handle)?;
        Ok(())
    }

    fn is_detached(&self) -> impl Fn(&Handle<Record>) -> bool {
        |&handle| self.session.state(handle) == State::Detached
    }

    /// Loads what the delete of an object that comes in reaches, though nothing for those that come in
    /// along with it.
    fn reach_from(&mut self, handle: Handle<Record>, outside: &HashSet<Handle<Record>>) {
        let mapping = Arc::clone(&self.mapping);
        let autoflush = self.session.set_autoflush(false);
        for &id in &mapping.entity(handle.raw().entity()).relationships {
            let relationship = mapping.relationship(id);
            if !relationship.cascade.has(Cascade::Delete) {
                continue;
            }
            // What cannot be loaded now the flush reaches, or refuses.
            let _ = self.session.load(handle, DynamicMany(id));
            let members = if relationship.kind.is_many() {
                self.session.many(handle, DynamicMany(id)).unwrap_or_default()
            } else {
                self.session.one(handle, DynamicOne(id)).ok().flatten().into_iter().collect()
            };
            for member in members.into_iter().filter(|member| !outside.contains(member)) {
                let _ = self.session.reach(member, Cascade::Delete);
            }
        }
        self.session.set_autoflush(autoflush);
    }

    pub(super) fn get(
        &mut self,
        entity: &str,
        key: &Json,
        name: Option<&str>,
    ) -> Result<Answer, Failure> {
        let mapping = Arc::clone(&self.mapping);
        let entity = entity_named(&mapping, entity)?;
        let columns = &mapping.table(entity.table).columns;
        let parts = match self.resolve(key)? {
            Json::Array(parts) => parts,
            one => vec![one],
        };
        if parts.len() != entity.key.len() {
            return Err(Failure::invalid(format!("the key {key} has another width")));
        }
        let pairs = parts.iter().zip(&entity.key);
        let key = Key::of(pairs.map(|(part, &column)| to_column(part, columns[column].ty)));
        let found = self.session.get_record(entity.id, key)?;
        if let Some(name) = name {
            self.names.give(name, found);
        }
        Ok(Answer::from_iter([("found".to_owned(), json!(found.is_some()))]))
    }

    pub(super) fn merge(&mut self, name: &str, graph: &Graph) -> Result<(), Failure> {
        let mapping = Arc::clone(&self.mapping);
        let source = self.hold_graph(&mapping, graph)?;
        let merged = self.session.merge_held(source)?;
        self.names.give(name, Some(merged));
        Ok(())
    }

    /// Builds a graph of transient objects.
    fn hold_graph(&mut self, mapping: &Mapping, graph: &Graph) -> Result<Handle<Record>, Failure> {
        let entity = entity_named(mapping, &graph.entity)?;
        let record = self.record(mapping, entity, &graph.set)?;
        let source = self.session.try_hold(record)?;
        for (name, branch) in &graph.rels {
            let relationship = mapping
                .relationship_named(entity.id, name)
                .ok_or_else(|| Failure::invalid(format!("`{}` has no `{name}`", entity.name)))?;
            match branch {
                Branch::Many(members) => {
                    let mut held = Vec::with_capacity(members.len());
                    for member in members {
                        held.push(self.hold_graph(mapping, member)?);
                    }
                    self.session.set_all(source, DynamicMany(relationship.id), held)?;
                }
                Branch::One(target) => {
                    let held = match target {
                        Some(target) => Some(self.hold_graph(mapping, target)?),
                        None => None,
                    };
                    self.session.try_set(source, DynamicOne(relationship.id), held)?;
                }
            }
        }
        Ok(source)
    }

    /// Whether a column was set since its object expired, so that it is read without a load.
    fn was_set(&self, handle: Handle<Record>, column: usize) -> bool {
        let name = &self.mapping.table_of(handle.raw().entity()).columns[column].name;
        self.session.changes(handle).iter().any(|change| change.column == *name)
    }

    pub(super) fn read(&mut self, object: &str, column: &str) -> Result<Answer, Failure> {
        let handle = self.names.object(object)?;
        let column = self.column(handle, column)?;
        if self.session.is_stale(handle) && !self.was_set(handle, column) {
            self.read_afresh(handle)?;
        }
        let value = self.session.column(handle, column)?.unwrap_or(Value::Null);
        let ty = self.mapping.table_of(handle.raw().entity()).columns[column].ty;
        Ok(Answer::from_iter([("value".to_owned(), to_json(value.as_ref(), ty))]))
    }

    /// Reads the row of an expired object; what was set since stays. Getting it by its key does
    /// just that.
    fn read_afresh(&mut self, handle: Handle<Record>) -> Result<(), Failure> {
        if self.session.state(handle) == State::Detached {
            return Err(Failure::invalid("an expired object that is detached cannot be read"));
        }
        let mut asked = None;
        while let Some(key) = self.session.key(handle)?.filter(|key| Some(*key) != asked.as_ref()) {
            let key = key.clone();
            if self.session.get_record(handle.raw().entity(), key.clone())? == Some(handle) {
                return Ok(());
            }
            // The flush that goes before may have given it another key.
            asked = Some(key);
        }
        if asked.is_none() {
            return Ok(());
        }
        Err(Failure::invalid("the row of an expired object is gone"))
    }
}

fn entity_named<'m>(mapping: &'m Mapping, name: &str) -> Result<&'m EntityMap, Failure> {
    mapping.entity_named(name).ok_or_else(|| Failure::invalid(format!("no entity `{name}`")))
}
