//! The mapping station: tables, columns, keys and relationships, checked once and then frozen.
//!
//! A [`Mapping`] is right: whoever has one need not check it again. Entities, tables and
//! relationships have small ids; columns are numbered by their place in the table. An entity has
//! all columns of its table, in the table's order.

mod cascades;
mod definition;
mod error;
mod freeze;
mod rank;

use std::any::TypeId;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::entity::{Entity, Object, Record, Store, TypedStore};
use crate::value::{ColumnType, Value};

pub use cascades::{Cascade, Cascades};
pub use definition::{
    Action, ColumnDefinition, Deferrable, Direction, EntityDefinition, ForeignKeyDefinition,
    KindDefinition, MappingDefinition, OrderBy, PassiveDeletes, RelationshipDefinition,
    TableDefinition, Via,
};
pub use error::{MappingError, MappingErrors};

/// The number of a table in its mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// The number of an entity in its mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub u32);

/// The number of a relationship in its mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationshipId(pub u32);

/// Makes an empty store for an entity's objects.
type NewStore = fn() -> Box<dyn Store>;

/// A frozen mapping.
#[derive(Debug)]
pub struct Mapping {
    tables: Vec<Table>,
    entities: Vec<EntityMap>,
    relationships: Vec<Relationship>,
    /// The relationships in the order of `Owner_name`, which is that of SQLAlchemy.
    by_name: Vec<RelationshipId>,
    types: FxHashMap<TypeId, EntityId>,
    /// How each entity's objects are stored: as records, or as structs of their own type.
    stores: Vec<NewStore>,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its number.
    pub id: TableId,
    /// Its name.
    pub name: Arc<str>,
    /// The schema in which it lies; none for the default one of the connection.
    pub schema: Option<Arc<str>>,
    /// Its name with that of its schema: `app.users`.
    pub full_name: Arc<str>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Their types.
    pub types: Arc<[ColumnType]>,
    /// The columns of its primary key.
    pub primary_key: Vec<usize>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Sets of columns that must be unique, the primary key and single columns among them.
    pub uniques: Vec<Vec<usize>>,
    /// Those of them in which two NULLs are equal.
    pub uniques_nulls_not_distinct: Vec<Vec<usize>>,
    /// Indexes that were asked for.
    pub indexes: Vec<Vec<usize>>,
    /// CHECK constraints: SQL expressions.
    pub checks: Vec<String>,
    /// The columns by which rows wait for each other: foreign keys, and what is unique.
    pub ordering_columns: Vec<usize>,
    /// For each column whether it is part of a foreign key.
    pub is_foreign: Vec<bool>,
    /// Its place in the order in which rows are inserted: parents come before children.
    pub rank: u32,
    /// The entity that lives in it, if one does.
    pub entity: Option<EntityId>,
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether the database makes the value where none is given.
    pub generated: bool,
    /// Whether it was declared unique on its own.
    pub unique: bool,
    /// The value that the client gives where the object has none.
    pub default: Option<Value>,
    /// The SQL expression that the database gives where the object has no value.
    pub server_default: Option<String>,
    /// A CHECK constraint.
    pub check: Option<String>,
}

/// A foreign key, mapped by a relationship or not.
#[derive(Debug)]
pub struct ForeignKey {
    /// The referring columns.
    pub columns: Vec<usize>,
    /// The table they refer to.
    pub parent: TableId,
    /// The columns they refer to.
    pub references: Vec<usize>,
    /// ON DELETE.
    pub on_delete: Action,
    /// ON UPDATE.
    pub on_update: Action,
    /// Whether the check may wait.
    pub deferrable: Deferrable,
}

/// An entity: a table seen as a type of objects.
#[derive(Debug)]
pub struct EntityMap {
    /// Its number.
    pub id: EntityId,
    /// Its name, such as `User`.
    pub name: Arc<str>,
    /// Its table.
    pub table: TableId,
    /// The columns of its key.
    pub key: Vec<usize>,
    /// The key column that the database generates.
    pub generated_key: Option<usize>,
    /// The columns that the database makes when nothing is given.
    pub generated: Arc<[usize]>,
    /// The column that counts versions.
    pub version: Option<usize>,
    /// Its relationships, in their order.
    pub relationships: Vec<RelationshipId>,
    /// The relationships that lead to it.
    pub incoming: Vec<RelationshipId>,
    /// Those of them that have delete-orphan.
    pub orphan_of: Vec<RelationshipId>,
}

/// Which way a relationship goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A list of rows whose foreign key points here.
    OneToMany,
    /// At most one row whose foreign key points here.
    OneToOne,
    /// The row that a foreign key of this row points at.
    ManyToOne,
    /// A list of rows by way of an association table.
    ManyToMany,
}

impl Kind {
    /// Whether the relationship holds a list.
    #[inline]
    pub fn is_many(self) -> bool {
        matches!(self, Kind::OneToMany | Kind::ManyToMany)
    }
}

/// A relationship.
#[derive(Debug)]
pub struct Relationship {
    /// Its number.
    pub id: RelationshipId,
    /// Its name, such as `addresses`.
    pub name: Arc<str>,
    /// A number that relationships of the same name share.
    pub name_id: u32,
    /// The entity that has it.
    pub owner: EntityId,
    /// The entity it leads to.
    pub target: EntityId,
    /// Its place among the relationships of its owner.
    pub index: u32,
    /// Which way it goes.
    pub kind: Kind,
    /// The columns that are pointed at: of the owner, or for [`Kind::ManyToOne`] of the target.
    /// For [`Kind::ManyToMany`] those of the owner that the association table points at.
    pub parent_columns: Vec<usize>,
    /// The foreign key's columns: of the target, or for [`Kind::ManyToOne`] of the owner. For
    /// [`Kind::ManyToMany`] those of the association table that point at the owner.
    pub child_columns: Vec<usize>,
    /// The association table.
    pub link: Option<LinkTable>,
    /// The relationship that leads back.
    pub inverse: Option<RelationshipId>,
    /// Whether a change here changes the other side at once.
    pub syncs_inverse: bool,
    /// Its cascades.
    pub cascade: Cascades,
    /// Whether the database takes care of children when their parent is deleted.
    pub passive_deletes: PassiveDeletes,
    /// Whether the database carries changed keys to the children.
    pub passive_updates: bool,
    /// Whether a target has at most one parent by this relationship.
    pub single_parent: bool,
    /// Whether the foreign key is written by an UPDATE of its own.
    pub post_update: bool,
    /// Whether it is only read.
    pub viewonly: bool,
    /// The order of the members: columns of the target.
    pub order_by: Vec<(usize, Direction)>,
    /// Whether the foreign key refers to the whole key of the target, so that the identity map
    /// can answer a [`Kind::ManyToOne`].
    pub by_key: bool,
}

/// The association table of a many-to-many relationship, seen from one side.
#[derive(Debug)]
pub struct LinkTable {
    /// The table.
    pub table: TableId,
    /// Its columns that point at the target.
    pub remote: Vec<usize>,
    /// The columns of the target that they point at.
    pub remote_references: Vec<usize>,
}

impl Relationship {
    /// Whether a target knows by which owner it is held: what orphans are found by.
    #[inline]
    pub fn tracks_parent(&self) -> bool {
        self.single_parent || matches!(self.kind, Kind::OneToMany | Kind::OneToOne)
    }

    /// Whether it leads from an entity to the same entity.
    pub fn is_self_referential(&self) -> bool {
        self.owner == self.target
    }
}

impl Mapping {
    /// Checks definitions and freezes them.
    ///
    /// # Errors
    ///
    /// All mistakes at once, each with a code (E0101 to E0120) and what to do.
    pub fn new(definition: MappingDefinition) -> Result<Self, MappingErrors> {
        freeze::freeze(definition)
    }

    /// Starts a mapping of typed entities.
    pub fn builder() -> MappingBuilder {
        let definition = MappingDefinition::default();
        MappingBuilder { definition, types: Vec::new(), schema: None }
    }

    /// The tables, in the order of their numbers.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The entities, in the order of their numbers.
    pub fn entities(&self) -> &[EntityMap] {
        &self.entities
    }

    /// The relationships, in the order of their numbers.
    pub fn relationships(&self) -> &[Relationship] {
        &self.relationships
    }

    /// The relationships in the order of `Owner_name`, which is that of SQLAlchemy.
    pub fn relationships_by_name(&self) -> impl Iterator<Item = &Relationship> {
        self.by_name.iter().map(|&id| self.relationship(id))
    }

    /// A table by its number.
    #[inline]
    pub fn table(&self, id: TableId) -> &Table {
        &self.tables[id.0 as usize]
    }

    /// An entity by its number.
    #[inline]
    pub fn entity(&self, id: EntityId) -> &EntityMap {
        &self.entities[id.0 as usize]
    }

    /// A relationship by its number.
    #[inline]
    pub fn relationship(&self, id: RelationshipId) -> &Relationship {
        &self.relationships[id.0 as usize]
    }

    /// The table of an entity.
    #[inline]
    pub fn table_of(&self, id: EntityId) -> &Table {
        self.table(self.entity(id).table)
    }

    /// An empty store for the objects of an entity.
    pub(crate) fn new_store(&self, id: EntityId) -> Box<dyn Store> {
        self.stores[id.0 as usize]()
    }

    /// The entity of a Rust type, if it is mapped.
    #[inline]
    pub fn entity_of<T: Object>(&self) -> Option<EntityId> {
        self.types.get(&TypeId::of::<T>()).copied()
    }

    /// The entity with this name.
    pub fn entity_named(&self, name: &str) -> Option<&EntityMap> {
        self.entities.iter().find(|entity| &*entity.name == name)
    }

    /// The relationship of an entity with this name.
    pub fn relationship_named(&self, entity: EntityId, name: &str) -> Option<&Relationship> {
        self.entity(entity)
            .relationships
            .iter()
            .map(|&id| self.relationship(id))
            .find(|relationship| &*relationship.name == name)
    }

    /// The tables in the order in which their rows are inserted.
    pub fn tables_by_rank(&self) -> Vec<&Table> {
        let mut tables: Vec<_> = self.tables.iter().collect();
        tables.sort_by_key(|table| table.rank);
        tables
    }

    /// How a relationship is called in messages and plans: `User.addresses`.
    pub fn relationship_label(&self, id: RelationshipId) -> String {
        let relationship = self.relationship(id);
        format!("{}.{}", self.entity(relationship.owner).name, relationship.name)
    }
}

impl Table {
    /// The number of the column with this name.
    pub fn column_named(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| &*column.name == name)
    }
}

/// Collects typed entities; see [`Mapping::builder`].
#[derive(Debug)]
pub struct MappingBuilder {
    definition: MappingDefinition,
    types: Vec<(TypeId, String, NewStore)>,
    /// Where tables lie that name no schema.
    schema: Option<String>,
}

impl MappingBuilder {
    /// Adds the entity `T`.
    pub fn entity<T: Entity>(mut self) -> Self {
        let definition = T::definition();
        self.types.push((TypeId::of::<T>(), definition.name.clone(), new_store::<T>));
        self.definition.entities.push(definition);
        self.definition.tables.extend(T::association_tables());
        self
    }

    /// Adds a table that no entity has.
    pub fn table(mut self, table: TableDefinition) -> Self {
        self.definition.tables.push(table);
        self
    }

    /// Puts all tables that name no schema into this one, as SQLAlchemy's `MetaData(schema=...)`
    /// does. Foreign keys and association tables follow.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// Checks what was collected and freezes it.
    ///
    /// # Errors
    ///
    /// All mistakes at once, each with a code and what to do.
    pub fn build(self) -> Result<Mapping, MappingErrors> {
        let mut definition = self.definition;
        if let Some(schema) = &self.schema {
            definition.move_to_schema(schema);
        }
        let mut mapping = freeze::freeze(definition)?;
        for (ty, name, store) in self.types {
            if let Some(entity) = mapping.entity_named(&name) {
                let id = entity.id;
                mapping.types.insert(ty, id);
                mapping.stores[id.0 as usize] = store;
            }
        }
        Ok(mapping)
    }
}

/// An empty store for objects of type `T`.
fn new_store<T: Object>() -> Box<dyn Store> {
    Box::new(TypedStore::<T>::new())
}

/// An empty store for records.
fn new_record_store() -> Box<dyn Store> {
    new_store::<Record>()
}
