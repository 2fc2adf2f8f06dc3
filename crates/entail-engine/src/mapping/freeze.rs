//! Freezing: from definitions to a mapping that is right, or to all of its mistakes.

mod tables;

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use crate::value::ColumnType;

use super::cascades::{Cascade, Cascades};
use super::definition::*;
use super::error::{MappingError, MappingErrors};
use super::rank::ranks;
use super::{
    EntityId, EntityMap, ForeignKey, Kind, LinkTable, Mapping, Relationship, RelationshipId, Table,
    new_record_store,
};

/// Checks and freezes.
pub(super) fn freeze(definition: MappingDefinition) -> Result<Mapping, MappingErrors> {
    let mut freezer = Freezer { errors: Vec::new(), tables: IndexMap::new() };
    freezer.collect_tables(&definition);
    let mut tables = freezer.freeze_tables();
    // An entity whose table is another's has columns that are not those of the table.
    let is_mixed_up = |error: &MappingError| {
        matches!(error, MappingError::Duplicate { .. } | MappingError::TableConflict { .. })
    };
    if freezer.errors.iter().any(is_mixed_up) {
        return Err(MappingErrors(freezer.errors));
    }
    let mut entities = freezer.freeze_entities(&definition.entities, &mut tables);
    // Relationships lean on tables, keys and entities: with mistakes there, more would only
    // repeat them.
    if !freezer.errors.is_empty() {
        return Err(MappingErrors(freezer.errors));
    }
    let mut relationships = freezer.freeze_relationships(&definition.entities, &entities, &tables);
    if freezer.errors.is_empty() {
        freezer.tie_inverses(&definition.entities, &entities, &mut relationships);
    }
    if !freezer.errors.is_empty() {
        return Err(MappingErrors(freezer.errors));
    }
    for relationship in &relationships {
        entities[relationship.owner.0 as usize].relationships.push(relationship.id);
        let target = &mut entities[relationship.target.0 as usize];
        target.incoming.push(relationship.id);
        if relationship.cascade.has(Cascade::DeleteOrphan) {
            target.orphan_of.push(relationship.id);
        }
    }
    for (table, rank) in ranks(&tables).into_iter().enumerate() {
        tables[table].rank = rank;
    }
    let mut by_name: Vec<_> = relationships.iter().map(|one| one.id).collect();
    by_name.sort_by_cached_key(|id| {
        let one = &relationships[id.0 as usize];
        format!("{}_{}", entities[one.owner.0 as usize].name, one.name)
    });
    let stores = vec![new_record_store as fn() -> _; entities.len()];
    let types = FxHashMap::default();
    Ok(Mapping { tables, entities, relationships, by_name, types, stores })
}

/// The work of one freezing.
struct Freezer {
    errors: Vec<MappingError>,
    tables: IndexMap<String, TableDefinition>,
}

impl Freezer {
    fn freeze_entities(
        &mut self,
        definitions: &[EntityDefinition],
        tables: &mut [Table],
    ) -> Vec<EntityMap> {
        let mut entities: Vec<EntityMap> = Vec::with_capacity(definitions.len());
        for (index, definition) in definitions.iter().enumerate() {
            if definitions[..index].iter().any(|other| other.name == definition.name) {
                self.errors.push(MappingError::Duplicate {
                    what: "entitie",
                    name: definition.name.clone(),
                });
            }
            let Some(table) =
                tables.iter_mut().find(|table| *table.full_name == definition.table.full_name())
            else {
                continue;
            };
            let id = EntityId(index as u32);
            table.entity = Some(id);
            if table.primary_key.is_empty() {
                self.errors.push(MappingError::NoKey { entity: definition.name.clone() });
            }
            entities.push(EntityMap {
                id,
                name: Arc::from(definition.name.as_str()),
                table: table.id,
                key: table.primary_key.clone(),
                generated_key: self.generated_key(definition, table),
                generated: (0..table.columns.len())
                    .filter(|&column| table.columns[column].generated)
                    .collect(),
                version: self.version(definition, table),
                relationships: Vec::new(),
                incoming: Vec::new(),
                orphan_of: Vec::new(),
            });
        }
        entities
    }

    /// The key column that the database makes, which must be the whole key.
    fn generated_key(&mut self, definition: &EntityDefinition, table: &Table) -> Option<usize> {
        let generated = table.primary_key.iter().copied().find(|&column| {
            table.columns[column].generated && table.columns[column].server_default.is_none()
        })?;
        let column = &table.columns[generated];
        let integer =
            matches!(column.ty, ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt);
        if table.primary_key.len() > 1 || !integer {
            self.errors.push(MappingError::BadGenerated {
                entity: definition.name.clone(),
                column: column.name.to_string(),
                needs: "an integer that is the whole key",
            });
        }
        Some(generated)
    }

    fn version(&mut self, definition: &EntityDefinition, table: &Table) -> Option<usize> {
        let name = definition.version.as_ref()?;
        let place = format!("{} (version)", definition.name);
        let column =
            *self.columns(&place, &definition.table, std::slice::from_ref(name)).first()?;
        let found = &table.columns[column];
        let integer =
            matches!(found.ty, ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt);
        if !integer || table.primary_key.contains(&column) {
            self.errors.push(MappingError::BadVersion {
                entity: definition.name.clone(),
                column: name.clone(),
            });
        }
        Some(column)
    }

    fn freeze_relationships(
        &mut self,
        definitions: &[EntityDefinition],
        entities: &[EntityMap],
        tables: &[Table],
    ) -> Vec<Relationship> {
        let mut names: IndexMap<&str, ()> = IndexMap::new();
        let mut relationships = Vec::new();
        for (definition, owner) in definitions.iter().zip(entities) {
            for (index, one) in definition.relationships.iter().enumerate() {
                let label = format!("{}.{}", owner.name, one.name);
                let twice = definition.relationships[..index].iter().any(|r| r.name == one.name);
                if twice {
                    self.errors.push(MappingError::Duplicate { what: "relationship", name: label });
                    continue;
                }
                let Some(target) = entities.iter().find(|entity| *entity.name == one.target) else {
                    self.errors.push(MappingError::UnknownTarget {
                        relationship: label,
                        target: one.target.clone(),
                    });
                    continue;
                };
                let sides = Sides { label: &label, owner, target, definitions, tables };
                self.check_options(&label, one);
                let Some(columns) = self.relationship_columns(&sides, one) else { continue };
                let order_by = self.order_by(&sides, one);
                let name_id = names.insert_full(&one.name, ()).0 as u32;
                let id = RelationshipId(relationships.len() as u32);
                relationships.push(columns.freeze(id, name_id, index, &sides, one, order_by));
            }
        }
        relationships
    }

    fn check_options(&mut self, label: &str, one: &RelationshipDefinition) {
        let cascade = cascades_of(one);
        let owns = matches!(one.kind, KindDefinition::OneToMany(_) | KindDefinition::OneToOne(_));
        if cascade.has(Cascade::DeleteOrphan) && !owns && !one.single_parent {
            self.errors
                .push(MappingError::OrphanWithoutSingleParent { relationship: label.to_owned() });
        }
        let deletes: Vec<_> = [Cascade::Delete, Cascade::DeleteOrphan]
            .into_iter()
            .filter(|&one| cascade.has(one))
            .map(Cascade::word)
            .collect();
        if one.passive_deletes == PassiveDeletes::All && !deletes.is_empty() {
            self.errors.push(MappingError::PassiveAllWithDelete {
                relationship: label.to_owned(),
                cascade: deletes.join(" and "),
            });
        }
    }

    fn order_by(
        &mut self,
        sides: &Sides<'_>,
        one: &RelationshipDefinition,
    ) -> Vec<(usize, Direction)> {
        let place = format!("{} (order_by)", sides.label);
        let table = &sides.definitions[sides.target.id.0 as usize].table;
        one.order_by
            .iter()
            .filter_map(|order| {
                let column = self.columns(&place, table, std::slice::from_ref(&order.column));
                Some((*column.first()?, order.direction))
            })
            .collect()
    }

    fn relationship_columns(
        &mut self,
        sides: &Sides<'_>,
        one: &RelationshipDefinition,
    ) -> Option<Columns> {
        match &one.kind {
            KindDefinition::OneToMany(via) => self.child_side(sides, Kind::OneToMany, via),
            KindDefinition::OneToOne(via) => self.child_side(sides, Kind::OneToOne, via),
            KindDefinition::ManyToOne { foreign_key } => {
                let key = self.foreign_key(sides, sides.owner, foreign_key, sides.target)?;
                Some(Columns {
                    kind: Kind::ManyToOne,
                    parent_columns: key.references.clone(),
                    child_columns: key.columns.clone(),
                    link: None,
                })
            }
            KindDefinition::ManyToMany { table, local, remote } => {
                self.link_columns(sides, table, local, remote)
            }
        }
    }

    /// The columns of a relationship whose foreign key lies on the target's side.
    fn child_side(&mut self, sides: &Sides<'_>, kind: Kind, via: &Via) -> Option<Columns> {
        let columns = match via {
            Via::Columns(columns) => columns,
            Via::Inverse(name) => {
                let target = &sides.definitions[sides.target.id.0 as usize];
                let inverse = target.relationships.iter().find(|one| &one.name == name);
                match inverse.map(|one| &one.kind) {
                    Some(KindDefinition::ManyToOne { foreign_key }) => foreign_key,
                    Some(_) => {
                        self.errors.push(MappingError::WrongInverse {
                            relationship: sides.label.to_owned(),
                            inverse: name.clone(),
                            hint: "name the belongs_to of the other entity",
                        });
                        return None;
                    }
                    None => {
                        self.unknown_inverse(sides.label, name, target);
                        return None;
                    }
                }
            }
        };
        let key = self.foreign_key(sides, sides.target, columns, sides.owner)?;
        Some(Columns {
            kind,
            parent_columns: key.references.clone(),
            child_columns: key.columns.clone(),
            link: None,
        })
    }

    fn link_columns(
        &mut self,
        sides: &Sides<'_>,
        table: &str,
        local: &[String],
        remote: &[String],
    ) -> Option<Columns> {
        let Some(link) = sides.tables.iter().find(|one| &*one.full_name == table) else {
            self.errors.push(MappingError::UnknownTable {
                place: sides.label.to_owned(),
                table: table.to_owned(),
            });
            return None;
        };
        let near = self.key_of(sides, link, local, sides.owner)?;
        let far = self.key_of(sides, link, remote, sides.target)?;
        Some(Columns {
            kind: Kind::ManyToMany,
            parent_columns: near.references.clone(),
            child_columns: near.columns.clone(),
            link: Some(LinkTable {
                table: link.id,
                remote: far.columns.clone(),
                remote_references: far.references.clone(),
            }),
        })
    }

    fn foreign_key<'t>(
        &mut self,
        sides: &Sides<'t>,
        child: &EntityMap,
        columns: &[String],
        parent: &EntityMap,
    ) -> Option<&'t ForeignKey> {
        self.key_of(sides, &sides.tables[child.table.0 as usize], columns, parent)
    }

    /// The foreign key of `table` over exactly `columns` that points at `parent`.
    fn key_of<'t>(
        &mut self,
        sides: &Sides<'_>,
        table: &'t Table,
        columns: &[String],
        parent: &EntityMap,
    ) -> Option<&'t ForeignKey> {
        let found = table.foreign_keys.iter().find(|key| {
            key.parent == parent.table
                && key.columns.len() == columns.len()
                && key
                    .columns
                    .iter()
                    .zip(columns)
                    .all(|(&c, name)| *table.columns[c].name == **name)
        });
        if found.is_none() {
            self.errors.push(MappingError::NoForeignKey {
                relationship: sides.label.to_owned(),
                columns: columns.join(", "),
                table: table.full_name.to_string(),
                target: parent.name.to_string(),
            });
        }
        found
    }

    /// Ties each relationship to the one that leads back, from whichever side names it.
    fn tie_inverses(
        &mut self,
        definitions: &[EntityDefinition],
        entities: &[EntityMap],
        relationships: &mut [Relationship],
    ) {
        for index in 0..relationships.len() {
            let one = &relationships[index];
            let definition = &definitions[one.owner.0 as usize].relationships[one.index as usize];
            let via = match &definition.kind {
                KindDefinition::OneToMany(Via::Inverse(name))
                | KindDefinition::OneToOne(Via::Inverse(name)) => Some(name),
                _ => None,
            };
            let Some(name) = definition.back_populates.as_ref().or(via) else { continue };
            let label = format!("{}.{}", entities[one.owner.0 as usize].name, one.name);
            let Some(other) = relationships
                .iter()
                .find(|other| other.owner == one.target && *other.name == **name)
            else {
                self.unknown_inverse(&label, name, &definitions[one.target.0 as usize]);
                continue;
            };
            if let Err(hint) = leads_back(one, other) {
                self.errors.push(MappingError::WrongInverse {
                    relationship: label,
                    inverse: name.clone(),
                    hint,
                });
                continue;
            }
            let (one_id, other_id) = (one.id, other.id);
            let syncs = !one.viewonly && !other.viewonly;
            for (id, inverse) in [(one_id, other_id), (other_id, one_id)] {
                let relationship = &mut relationships[id.0 as usize];
                relationship.inverse = Some(inverse);
                relationship.syncs_inverse = syncs;
            }
        }
    }

    fn unknown_inverse(&mut self, label: &str, name: &str, target: &EntityDefinition) {
        let known: Vec<_> =
            target.relationships.iter().map(|one| format!("`{}`", one.name)).collect();
        self.errors.push(MappingError::UnknownInverse {
            relationship: label.to_owned(),
            inverse: name.to_owned(),
            target: target.name.clone(),
            known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
        });
    }

    /// The numbers of columns; an unknown one is a mistake.
    fn columns(&mut self, place: &str, table: &TableDefinition, names: &[String]) -> Vec<usize> {
        let mut found = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                let (place, column) = (place.to_owned(), name.clone());
                self.errors.push(MappingError::RepeatedColumn { place, column });
            }
            match table.columns.iter().position(|column| &column.name == name) {
                Some(column) => found.push(column),
                None => {
                    let columns: Vec<_> =
                        table.columns.iter().map(|column| column.name.as_str()).collect();
                    self.errors.push(MappingError::UnknownColumn {
                        place: place.to_owned(),
                        column: name.clone(),
                        table: table.full_name(),
                        columns: columns.join(", "),
                    });
                }
            }
        }
        found
    }
}

/// The two ends of a relationship that is being frozen.
struct Sides<'a> {
    label: &'a str,
    owner: &'a EntityMap,
    target: &'a EntityMap,
    definitions: &'a [EntityDefinition],
    tables: &'a [Table],
}

/// The columns a relationship goes by.
struct Columns {
    kind: Kind,
    parent_columns: Vec<usize>,
    child_columns: Vec<usize>,
    link: Option<LinkTable>,
}

impl Columns {
    fn freeze(
        self,
        id: RelationshipId,
        name_id: u32,
        index: usize,
        sides: &Sides<'_>,
        one: &RelationshipDefinition,
        order_by: Vec<(usize, Direction)>,
    ) -> Relationship {
        Relationship {
            id,
            name: Arc::from(one.name.as_str()),
            name_id,
            owner: sides.owner.id,
            target: sides.target.id,
            index: index as u32,
            kind: self.kind,
            by_key: self.kind == Kind::ManyToOne
                && same_set(&self.parent_columns, &sides.target.key),
            parent_columns: self.parent_columns,
            child_columns: self.child_columns,
            link: self.link,
            inverse: None,
            syncs_inverse: false,
            cascade: cascades_of(one),
            passive_deletes: one.passive_deletes,
            passive_updates: one.passive_updates,
            single_parent: one.single_parent,
            post_update: one.post_update,
            viewonly: one.viewonly,
            order_by,
        }
    }
}

fn cascades_of(one: &RelationshipDefinition) -> Cascades {
    match (one.cascade, one.viewonly) {
        (Some(cascade), false) => cascade,
        (Some(cascade), true) => cascade.and(Cascades::VIEW_ONLY),
        (None, false) => Cascades::DEFAULT,
        (None, true) => Cascades::of(&[Cascade::Merge]),
    }
}

fn leads_back(one: &Relationship, other: &Relationship) -> Result<(), &'static str> {
    if other.target != one.owner {
        return Err("it leads to another entity");
    }
    let fits = match (one.kind, other.kind) {
        (Kind::OneToMany | Kind::OneToOne, Kind::ManyToOne)
        | (Kind::ManyToOne, Kind::OneToMany | Kind::OneToOne) => {
            one.child_columns == other.child_columns && one.parent_columns == other.parent_columns
        }
        (Kind::ManyToMany, Kind::ManyToMany) => match (&one.link, &other.link) {
            (Some(near), Some(far)) => {
                near.table == far.table
                    && near.remote == other.child_columns
                    && far.remote == one.child_columns
            }
            _ => false,
        },
        _ => false,
    };
    if fits { Ok(()) } else { Err("both sides must go by the same foreign key, one each way") }
}

/// Whether two declarations of an association table mean the same, seen from its two sides.
fn same_association(one: &TableDefinition, other: &TableDefinition) -> bool {
    let sorted = |table: &TableDefinition| {
        let mut columns = table.columns.clone();
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        let mut key = table.primary_key.clone();
        key.sort();
        let mut foreign = table.foreign_keys.clone();
        foreign.sort_by(|a, b| a.columns.cmp(&b.columns));
        (columns, key, foreign)
    };
    sorted(one) == sorted(other)
}

fn same_set(one: &[usize], other: &[usize]) -> bool {
    one.len() == other.len() && one.iter().all(|column| other.contains(column))
}

fn type_word(ty: ColumnType) -> String {
    match ty {
        ColumnType::Text { .. } => "Text".to_owned(),
        ty => format!("{ty:?}"),
    }
}
