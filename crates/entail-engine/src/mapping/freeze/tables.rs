//! Tables: each name once, with columns, keys and foreign keys that fit.

use std::sync::Arc;

use indexmap::IndexMap;

use super::super::definition::{ForeignKeyDefinition, MappingDefinition, TableDefinition};
use super::super::error::MappingError;
use super::super::{Column, ForeignKey, Table, TableId};
use super::{Freezer, same_association, type_word};

impl Freezer {
    /// Puts the tables of entities and the others into one list, each name once.
    pub(super) fn collect_tables(&mut self, definition: &MappingDefinition) {
        let mut entity_tables = Vec::new();
        for entity in &definition.entities {
            let name = entity.table.full_name();
            if entity_tables.contains(&name) {
                let what = "entity table";
                self.errors.push(MappingError::Duplicate { what, name: name.clone() });
            }
            entity_tables.push(name);
        }
        let all = definition.entities.iter().map(|entity| &entity.table);
        for table in all.chain(&definition.tables) {
            let name = table.full_name();
            match self.tables.get(&name) {
                None => {
                    self.tables.insert(name, table.clone());
                }
                // An association entity and a many_to_many may name one table, and so may the
                // two sides of a many_to_many: the entity's declaration holds.
                Some(known) if known == table || entity_tables.contains(&name) => {}
                Some(known) if same_association(known, table) => {}
                Some(_) => {
                    self.errors.push(MappingError::TableConflict { table: name });
                }
            }
        }
    }

    pub(super) fn freeze_tables(&mut self) -> Vec<Table> {
        let definitions = std::mem::take(&mut self.tables);
        let mut tables = Vec::with_capacity(definitions.len());
        for (index, definition) in definitions.values().enumerate() {
            let keys: Vec<_> = definition
                .foreign_keys
                .iter()
                .filter_map(|key| self.freeze_foreign_key(definition, key, &definitions))
                .collect();
            tables.push(self.freeze_table(TableId(index as u32), definition, keys));
        }
        self.tables = definitions;
        tables
    }

    fn freeze_table(
        &mut self,
        id: TableId,
        definition: &TableDefinition,
        foreign_keys: Vec<ForeignKey>,
    ) -> Table {
        if definition.columns.is_empty() {
            self.errors.push(MappingError::NoColumns { table: definition.full_name() });
        }
        if definition.name.is_empty() {
            self.errors.push(MappingError::NoName { what: "a table".to_owned() });
        }
        for (index, column) in definition.columns.iter().enumerate() {
            if column.name.is_empty() {
                let what = format!("a column of `{}`", definition.full_name());
                self.errors.push(MappingError::NoName { what });
            }
            if definition.columns[..index].iter().any(|other| other.name == column.name) {
                let name = format!("{}.{}", definition.full_name(), column.name);
                self.errors.push(MappingError::Duplicate { what: "column", name });
            }
        }
        let place = &definition.full_name();
        let primary_key = self.columns(place, definition, &definition.primary_key);
        let mut uniques: Vec<Vec<usize>> = Vec::new();
        if !primary_key.is_empty() {
            uniques.push(primary_key.clone());
        }
        let single = definition.columns.iter().enumerate().filter(|(_, column)| column.unique);
        uniques.extend(single.map(|(index, _)| vec![index]));
        let mut uniques_nulls_not_distinct = Vec::new();
        for unique in &definition.uniques {
            uniques.push(self.columns(place, definition, unique));
        }
        for unique in &definition.uniques_nulls_not_distinct {
            uniques_nulls_not_distinct.push(self.columns(place, definition, unique));
        }
        uniques.extend(uniques_nulls_not_distinct.iter().cloned());
        let mut indexes: Vec<Vec<usize>> =
            definition.indexes.iter().map(|index| self.columns(place, definition, index)).collect();
        let single = definition.columns.iter().enumerate().filter(|(_, column)| column.index);
        indexes.extend(single.map(|(index, _)| vec![index]));
        let columns: Vec<_> = definition
            .columns
            .iter()
            .map(|column| Column {
                name: Arc::from(column.name.as_str()),
                ty: column.ty,
                nullable: column.nullable && !definition.primary_key.contains(&column.name),
                generated: column.generated || column.server_default.is_some(),
                unique: column.unique,
                default: column.default.clone(),
                server_default: column.server_default.clone(),
                check: column.check.clone(),
            })
            .collect();
        let is_foreign = (0..definition.columns.len())
            .map(|column| foreign_keys.iter().any(|key| key.columns.contains(&column)))
            .collect();
        let mut ordering_columns: Vec<usize> = uniques.iter().flatten().copied().collect();
        ordering_columns.extend(foreign_keys.iter().flat_map(|key| key.columns.iter().copied()));
        ordering_columns.sort_unstable();
        ordering_columns.dedup();
        Table {
            id,
            name: Arc::from(definition.name.as_str()),
            schema: definition.schema.as_deref().map(Arc::from),
            full_name: Arc::from(definition.full_name()),
            types: columns.iter().map(|column| column.ty).collect(),
            columns,
            primary_key,
            foreign_keys,
            uniques,
            uniques_nulls_not_distinct,
            indexes,
            checks: definition.checks.clone(),
            ordering_columns,
            is_foreign,
            rank: 0,
            entity: None,
        }
    }

    fn freeze_foreign_key(
        &mut self,
        table: &TableDefinition,
        key: &ForeignKeyDefinition,
        tables: &IndexMap<String, TableDefinition>,
    ) -> Option<ForeignKey> {
        let name = format!("{} ({})", table.full_name(), key.columns.join(", "));
        let Some((parent, _, parent_table)) = tables.get_full(&key.table) else {
            self.errors.push(MappingError::UnknownTable { place: name, table: key.table.clone() });
            return None;
        };
        let wanted =
            if key.references.is_empty() { &parent_table.primary_key } else { &key.references };
        if wanted.len() != key.columns.len() || wanted.is_empty() {
            self.errors.push(MappingError::ColumnCount {
                key: name,
                found: key.columns.len(),
                expected: wanted.len(),
            });
            return None;
        }
        let before = self.errors.len();
        let columns = self.columns(&name, table, &key.columns);
        let references = self.columns(&name, parent_table, wanted);
        if self.errors.len() > before {
            return None;
        }
        for (&column, &reference) in columns.iter().zip(&references) {
            let (from, to) = (&table.columns[column], &parent_table.columns[reference]);
            if !from.ty.refers_to(to.ty) {
                self.errors.push(MappingError::TypeMismatch {
                    key: name.clone(),
                    column: format!("{}.{}", parent_table.full_name(), to.name),
                    found: type_word(from.ty),
                    expected: type_word(to.ty),
                });
            }
        }
        if !parent_table.is_unique(wanted) {
            self.errors.push(MappingError::NotUnique {
                key: name,
                columns: wanted.join(", "),
                table: parent_table.full_name(),
            });
            return None;
        }
        Some(ForeignKey {
            columns,
            parent: TableId(parent as u32),
            references,
            on_delete: key.on_delete,
            on_update: key.on_update,
            deferrable: key.deferrable,
        })
    }
}
