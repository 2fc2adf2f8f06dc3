//! Records: objects of entities that are mapped at run time.

use crate::arena::{Leaving, Links};
use crate::mapping::{EntityId, EntityMap, Mapping, RelationshipId};
use crate::value::{Value, ValueError, ValueRef};

use super::{Object, Relation, RowReader, ToMany, ToOne};

/// An object of an entity that is mapped at run time: a row of values, each of which may be
/// unset.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    entity: Option<EntityId>,
    values: Vec<Option<Value>>,
}

impl Record {
    /// A record of the given entity, with nothing set.
    pub fn new(mapping: &Mapping, entity: &EntityMap) -> Self {
        let width = mapping.table(entity.table).columns.len();
        Self { entity: Some(entity.id), values: vec![None; width] }
    }

    /// The record with one more value. A column that the entity does not have is ignored; see
    /// [`Table::column_named`](crate::mapping::Table::column_named).
    pub fn with(mut self, column: usize, value: impl Into<Value>) -> Self {
        self.set(column, value);
        self
    }

    /// Sets a column.
    pub fn set(&mut self, column: usize, value: impl Into<Value>) {
        if let Some(slot) = self.values.get_mut(column) {
            *slot = Some(value.into());
        }
    }

    /// A column's value, if it is set.
    pub fn value(&self, column: usize) -> Option<&Value> {
        self.values.get(column)?.as_ref()
    }

    /// The entity whose record it is; none for records that were read from a row.
    pub fn entity(&self) -> Option<EntityId> {
        self.entity
    }
}

impl Object for Record {
    const NAME: &'static str = "Record";

    fn entity_in(&self, _: &Mapping) -> Option<EntityId> {
        self.entity
    }

    fn column(&self, index: usize) -> Option<ValueRef<'_>> {
        self.value(index).map(Value::as_ref)
    }

    fn columns<'a>(&'a self, mut each: impl FnMut(usize, Option<ValueRef<'a>>)) {
        for (index, value) in self.values.iter().enumerate() {
            each(index, value.as_ref().map(Value::as_ref));
        }
    }

    fn set_column(&mut self, index: usize, value: Option<Value>) -> Result<(), ValueError> {
        if let Some(slot) = self.values.get_mut(index) {
            *slot = value;
        }
        Ok(())
    }

    fn decode(row: &mut RowReader<'_>) -> Result<Self, ValueError> {
        let values = (0..row.width()).map(|_| Some(row.take().to_value())).collect();
        Ok(Self { entity: None, values })
    }

    fn copy(&self) -> Self {
        self.clone()
    }

    fn give_links(&mut self, _: &mut Links<'_>) {}

    fn receive_links(&mut self, from: &mut Leaving<'_>) {
        from.refuse();
    }

    fn has_links(&self) -> bool {
        false
    }
}

/// A relationship to many, of an entity that is mapped at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DynamicMany(pub RelationshipId);

/// A relationship to one, of an entity that is mapped at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DynamicOne(pub RelationshipId);

macro_rules! dynamic {
    ($name:ident: $direction:ident) => {
        impl Relation for $name {
            type Owner = Record;
            type Target = Record;

            fn resolve(&self, mapping: &Mapping, owner: EntityId) -> Option<RelationshipId> {
                let relationship = mapping.relationships().get(self.0.0 as usize)?;
                (relationship.owner == owner).then_some(self.0)
            }
        }

        impl $direction for $name {}
    };
}

dynamic!(DynamicMany: ToMany);
dynamic!(DynamicOne: ToOne);
