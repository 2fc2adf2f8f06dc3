//! Run-time mappings: whatever is written down is refused with reasons, or makes tables that a
//! database takes and objects that can be saved.

#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use entail::Mapping;
use entail::blocking::Database;
use entail::dynamic::Record;
use entail_engine::ddl;
use entail_engine::mapping::{
    Action, Cascades, ColumnDefinition, Deferrable, EntityDefinition, ForeignKeyDefinition,
    KindDefinition, MappingDefinition, PassiveDeletes, RelationshipDefinition, TableDefinition,
    Via,
};
use entail_engine::sql::Dialect;
use entail_engine::value::{ColumnType, Value};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Written {
    tables: Vec<Table>,
}

#[derive(Arbitrary, Debug)]
struct Table {
    name: u8,
    is_entity: bool,
    columns: Vec<Column>,
    key: Vec<u8>,
    references: Vec<Reference>,
    uniques: Vec<(u8, u8)>,
    version: Option<u8>,
    relationships: Vec<Relationship>,
}

#[derive(Arbitrary, Debug)]
struct Column {
    name: u8,
    ty: u8,
    nullable: bool,
    generated: bool,
    unique: bool,
}

#[derive(Arbitrary, Debug)]
struct Reference {
    columns: Vec<u8>,
    table: u8,
    references: Vec<u8>,
    on_delete: u8,
    on_update: u8,
    deferrable: u8,
}

#[derive(Arbitrary, Debug)]
struct Relationship {
    name: u8,
    target: u8,
    kind: u8,
    columns: Vec<u8>,
    others: Vec<u8>,
    inverse: Option<u8>,
    cascade: u8,
    flags: u8,
}

fn name(number: u8) -> String {
    ["a", "b", "c", "d", "e", "select", "Ä", ""][usize::from(number) % 8].to_owned()
}

fn names(numbers: &[u8]) -> Vec<String> {
    numbers.iter().take(4).map(|&number| name(number)).collect()
}

fn action(number: u8) -> Action {
    let all =
        [Action::NoAction, Action::Restrict, Action::Cascade, Action::SetNull, Action::SetDefault];
    all[usize::from(number) % all.len()]
}

fn column(one: &Column) -> ColumnDefinition {
    let types = [
        ColumnType::BigInt,
        ColumnType::Text { length: None },
        ColumnType::Text { length: Some(9) },
        ColumnType::Integer,
        ColumnType::Boolean,
        ColumnType::Double,
        ColumnType::Bytes,
    ];
    ColumnDefinition {
        nullable: one.nullable,
        generated: one.generated,
        unique: one.unique,
        ..ColumnDefinition::new(name(one.name), types[usize::from(one.ty) % types.len()])
    }
}

fn foreign_key(one: &Reference) -> ForeignKeyDefinition {
    let deferrable =
        [Deferrable::No, Deferrable::InitiallyImmediate, Deferrable::InitiallyDeferred];
    ForeignKeyDefinition {
        on_delete: action(one.on_delete),
        on_update: action(one.on_update),
        deferrable: deferrable[usize::from(one.deferrable) % 3],
        ..ForeignKeyDefinition::new(names(&one.columns), name(one.table), names(&one.references))
    }
}

fn relationship(one: &Relationship) -> RelationshipDefinition {
    let columns = names(&one.columns);
    let via = || match one.flags & 1 {
        0 => Via::Columns(columns.clone()),
        _ => Via::Inverse(name(one.inverse.unwrap_or(one.name))),
    };
    let kind = match one.kind % 4 {
        0 => KindDefinition::OneToMany(via()),
        1 => KindDefinition::OneToOne(via()),
        2 => KindDefinition::ManyToOne { foreign_key: columns },
        _ => KindDefinition::ManyToMany {
            table: name(one.cascade),
            local: columns,
            remote: names(&one.others),
        },
    };
    let words = ["all", "all, delete-orphan", "", "merge", "save-update, delete"];
    let passive = [PassiveDeletes::No, PassiveDeletes::Yes, PassiveDeletes::All];
    RelationshipDefinition {
        back_populates: one.inverse.map(name),
        cascade: Cascades::parse(words[usize::from(one.cascade) % words.len()]).ok(),
        passive_deletes: passive[usize::from(one.flags >> 1) % 3],
        passive_updates: one.flags & 8 == 0,
        single_parent: one.flags & 16 != 0,
        post_update: one.flags & 32 != 0,
        viewonly: one.flags & 64 != 0,
        ..RelationshipDefinition::new(name(one.name), name(one.target), kind)
    }
}

fn definition(written: &Written) -> MappingDefinition {
    let mut definition = MappingDefinition::default();
    for one in written.tables.iter().take(5) {
        let table = TableDefinition {
            name: name(one.name),
            columns: one.columns.iter().take(6).map(column).collect(),
            primary_key: names(&one.key),
            foreign_keys: one.references.iter().take(3).map(foreign_key).collect(),
            uniques: one.uniques.iter().take(2).map(|&(a, b)| names(&[a, b])).collect(),
            ..TableDefinition::default()
        };
        if one.is_entity {
            definition.entities.push(EntityDefinition {
                name: table.name.clone(),
                table,
                version: one.version.map(name),
                relationships: one.relationships.iter().take(4).map(relationship).collect(),
            });
        } else {
            definition.tables.push(table);
        }
    }
    definition
}

fuzz_target!(|written: Written| {
    let Ok(mapping) = Mapping::new(definition(&written)) else { return };
    for dialect in [Dialect::Postgres, Dialect::MariaDb] {
        if ddl::unsupported(&mapping, dialect).is_empty() {
            assert_eq!(ddl::create_all(&mapping, dialect).is_empty(), mapping.tables().is_empty());
        }
    }
    let statements = ddl::create_all(&mapping, Dialect::Sqlite);
    let Ok(db) = Database::connect("sqlite::memory:", mapping) else { return };
    if let Err(error) = db.create_all() {
        panic!("{error}: {statements:#?}");
    }
    save_some(&db);
});

/// Adds, changes and deletes an object of each entity. The database may refuse: nothing may panic.
fn save_some(db: &Database) {
    let mapping = Arc::clone(db.mapping());
    let mut session = db.session();
    let mut all = Vec::new();
    for entity in mapping.entities() {
        let mut record = Record::new(&mapping, entity);
        for (column, one) in mapping.table(entity.table).columns.iter().enumerate() {
            let value = match one.ty {
                ColumnType::BigInt | ColumnType::Integer => Value::Int(1),
                ColumnType::Text { .. } => Value::from("a"),
                ColumnType::Boolean => Value::Bool(true),
                ColumnType::Double => Value::Float(0.5),
                _ => continue,
            };
            if !one.generated {
                record.set(column, value);
            }
        }
        all.extend(session.try_add(record));
    }
    let _ = session.plan().map(|plan| plan.to_string());
    if session.commit().is_err() {
        let _ = session.rollback();
        return;
    }
    for &one in &all {
        let _ = session.delete(one);
    }
    let _ = session.plan().map(|plan| plan.to_string());
    let _ = session.commit();
}
