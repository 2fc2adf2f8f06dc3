//! Mappings: the tables and entities of a scenario, as entail's definitions.

use std::fmt;

use entail::dynamic::{
    Action, Cascades, ColumnDefinition, ColumnType, EntityDefinition, ForeignKeyDefinition,
    KindDefinition, MappingDefinition, PassiveDeletes, RelationshipDefinition, TableDefinition,
    Via,
};
use entail::{Mapping, MappingErrors};

use crate::scenario::{self, Entity, Relationship, Scenario, Table};

/// Why a scenario's mapping was refused.
#[derive(Debug)]
pub enum Refusal {
    /// A word that means nothing.
    Word {
        place: String,
        word: String,
    },
    /// An entity or relationship names a table that is not there.
    NoTable {
        place: String,
    },
    Mapping(MappingErrors),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Word { place, word } => write!(f, "{place} says `{word}`"),
            Refusal::NoTable { place } => write!(f, "{place} has no table"),
            Refusal::Mapping(errors) => write!(f, "{errors}"),
        }
    }
}

/// Freezes the mapping of a scenario.
pub fn mapping_of(scenario: &Scenario) -> Result<Mapping, Refusal> {
    let mut entities = Vec::with_capacity(scenario.entities.len());
    for entity in &scenario.entities {
        entities.push(define_entity(scenario, entity)?);
    }
    let mut tables = Vec::new();
    for table in &scenario.tables {
        if !scenario.entities.iter().any(|entity| entity.table == table.name) {
            tables.push(define_table(table)?);
        }
    }
    Mapping::new(MappingDefinition { tables, entities }).map_err(Refusal::Mapping)
}

fn define_entity(scenario: &Scenario, entity: &Entity) -> Result<EntityDefinition, Refusal> {
    let table = scenario
        .table(&entity.table)
        .ok_or_else(|| Refusal::NoTable { place: entity.name.clone() })?;
    let mut relationships = Vec::with_capacity(entity.relationships.len());
    for relationship in &entity.relationships {
        relationships.push(define_relationship(entity, relationship)?);
    }
    Ok(EntityDefinition {
        name: entity.name.clone(),
        table: define_table(table)?,
        version: entity.version_column.clone(),
        relationships,
    })
}

fn define_table(table: &Table) -> Result<TableDefinition, Refusal> {
    let keys = table.columns.iter().filter(|column| column.primary_key);
    let mut foreign_keys = Vec::with_capacity(table.foreign_keys.len());
    for key in &table.foreign_keys {
        let references = key.references.columns.clone();
        foreign_keys.push(ForeignKeyDefinition {
            on_delete: action(&table.name, key.on_delete.as_deref())?,
            on_update: action(&table.name, key.on_update.as_deref())?,
            ..ForeignKeyDefinition::new(key.columns.clone(), &key.references.table, references)
        });
    }
    Ok(TableDefinition {
        name: table.name.clone(),
        columns: table.columns.iter().map(define_column).collect(),
        primary_key: keys.map(|column| column.name.clone()).collect(),
        foreign_keys,
        uniques: table.uniques.clone(),
        ..TableDefinition::default()
    })
}

fn define_column(column: &scenario::Column) -> ColumnDefinition {
    let ty = match column.ty {
        scenario::ColumnType::Integer => ColumnType::BigInt,
        scenario::ColumnType::Text => ColumnType::Text { length: None },
        scenario::ColumnType::Boolean => ColumnType::Boolean,
        scenario::ColumnType::Float => ColumnType::Double,
    };
    ColumnDefinition {
        nullable: !column.primary_key && column.nullable.unwrap_or(true),
        generated: column.autoincrement,
        unique: column.unique,
        ..ColumnDefinition::new(&column.name, ty)
    }
}

fn action(table: &str, word: Option<&str>) -> Result<Action, Refusal> {
    let Some(word) = word else { return Ok(Action::NoAction) };
    Action::parse(word)
        .ok_or_else(|| Refusal::Word { place: table.to_owned(), word: word.to_owned() })
}

fn define_relationship(
    entity: &Entity,
    relationship: &Relationship,
) -> Result<RelationshipDefinition, Refusal> {
    let place = || format!("{}.{}", entity.name, relationship.name);
    let foreign_key = relationship.foreign_key.clone();
    let kind = match relationship.kind {
        scenario::Kind::OneToMany => KindDefinition::OneToMany(Via::Columns(foreign_key)),
        scenario::Kind::OneToOne => KindDefinition::OneToOne(Via::Columns(foreign_key)),
        scenario::Kind::ManyToOne => KindDefinition::ManyToOne { foreign_key },
        scenario::Kind::ManyToMany => KindDefinition::ManyToMany {
            table: relationship
                .secondary
                .clone()
                .ok_or_else(|| Refusal::NoTable { place: place() })?,
            local: relationship.local.clone(),
            remote: relationship.remote.clone(),
        },
    };
    let cascade = match &relationship.cascade {
        None => None,
        Some(words) => Some(
            Cascades::parse(words)
                .map_err(|unknown| Refusal::Word { place: place(), word: unknown.join(", ") })?,
        ),
    };
    let passive_deletes = match &relationship.passive_deletes {
        scenario::PassiveDeletes::Flag(false) => PassiveDeletes::No,
        scenario::PassiveDeletes::Flag(true) => PassiveDeletes::Yes,
        scenario::PassiveDeletes::Word(word) if word == "all" => PassiveDeletes::All,
        scenario::PassiveDeletes::Word(word) => {
            return Err(Refusal::Word { place: place(), word: word.clone() });
        }
    };
    Ok(RelationshipDefinition {
        back_populates: relationship.back_populates.clone(),
        cascade,
        passive_deletes,
        passive_updates: relationship.passive_updates.unwrap_or(true),
        single_parent: relationship.single_parent,
        post_update: relationship.post_update,
        viewonly: relationship.viewonly,
        ..RelationshipDefinition::new(&relationship.name, &relationship.target, kind)
    })
}
