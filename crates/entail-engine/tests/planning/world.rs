//! A small world for planning tests: a mapping from a few words, objects, and rows that come from
//! no database.

use std::collections::BTreeMap;
use std::sync::Arc;

use entail_engine::batch::{Outcome, Rows};
use entail_engine::change::{Collected, Unloaded, collect};
use entail_engine::entity::Record;
use entail_engine::flow::{Find, Flow, Step};
use entail_engine::handle::ObjectId;
use entail_engine::mapping::{
    Cascades, ColumnDefinition, EntityDefinition, ForeignKeyDefinition, KindDefinition, Mapping,
    MappingDefinition, RelationshipDefinition, TableDefinition, Via,
};
use entail_engine::plan::Plan;
use entail_engine::query::Selection;
use entail_engine::sql::Dialect;
use entail_engine::unit::{Unit, UnitOptions};
use entail_engine::value::{ColumnType, Value};

/// Objects by the names that a test gives them.
pub struct World {
    pub unit: Unit,
    names: BTreeMap<String, ObjectId>,
}

/// Makes a mapping. A table is a line such as `item: id* name boss_id->item? code^`: `*` is a
/// generated key, `!` a key that is given, `?` can be NULL, `^` is unique, `~` has a default of the
/// database's, `->` a foreign key. A
/// relationship is a line such as `user.orders = many order.user_id / all, delete-orphan`.
pub fn mapping(text: &str) -> Arc<Mapping> {
    let mut definition = MappingDefinition::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once('=') {
            Some((name, what)) => relationship(&mut definition, name.trim(), what.trim()),
            None => table(&mut definition, line),
        }
    }
    Arc::new(Mapping::new(definition).expect("the test's mapping is right"))
}

fn table(definition: &mut MappingDefinition, line: &str) {
    let (name, columns) = line.split_once(':').expect("a table has columns");
    let mut table = TableDefinition { name: name.trim().to_owned(), ..TableDefinition::default() };
    for word in columns.split_whitespace() {
        let marks = |c: char| "*!?^~".contains(c);
        let bare = word.trim_end_matches(marks);
        let (column, parent) = match bare.split_once("->") {
            Some((column, parent)) => (column, Some(parent)),
            None => (bare, None),
        };
        let ty = match parent.is_some() || word.contains('*') {
            true => ColumnType::BigInt,
            false => ColumnType::Text { length: None },
        };
        let mut one = ColumnDefinition::new(column, ty);
        one.generated = word.contains('*');
        one.nullable = word.contains('?');
        one.unique = word.contains('^');
        one.server_default = word.contains('~').then(|| "'made'".to_owned());
        if word.contains(['*', '!']) {
            table.primary_key.push(column.to_owned());
        }
        if let Some(parent) = parent {
            let columns = vec![column.to_owned()];
            table.foreign_keys.push(ForeignKeyDefinition::new(columns, parent, Vec::new()));
        }
        table.columns.push(one);
    }
    definition.entities.push(EntityDefinition {
        name: table.name.clone(),
        table,
        version: None,
        relationships: Vec::new(),
    });
}

fn relationship(definition: &mut MappingDefinition, name: &str, what: &str) {
    let (owner, name) = name.split_once('.').expect("a relationship has an owner");
    let (what, options) = what.split_once('/').unwrap_or((what, ""));
    let mut words = what.split_whitespace();
    let (kind, path) = (words.next(), words.next().expect("a relationship goes by a column"));
    let (target, column) = path.split_once('.').expect("a relationship goes by a column");
    let columns = vec![column.to_owned()];
    let kind = match kind {
        Some("many") => KindDefinition::OneToMany(Via::Columns(columns)),
        Some("one") => KindDefinition::ManyToOne { foreign_key: columns },
        other => panic!("no kind of relationship: {other:?}"),
    };
    let mut one = RelationshipDefinition::new(name, target, kind);
    let options: Vec<&str> = options.split(',').map(str::trim).collect();
    one.post_update = options.contains(&"post_update");
    let cascade: Vec<_> = options.into_iter().filter(|word| *word != "post_update").collect();
    if cascade.iter().any(|word| !word.is_empty()) {
        one.cascade = Some(Cascades::parse(&cascade.join(",")).expect("the words are cascades"));
    }
    if let Some((_, inverse)) = what.split_once("<->") {
        one.back_populates = Some(inverse.trim().to_owned());
    }
    let entity = definition.entities.iter_mut().find(|entity| entity.name == owner);
    entity.expect("the owner is declared").relationships.push(one);
}

impl World {
    pub fn new(text: &str) -> Self {
        let unit = Unit::new(mapping(text), Dialect::Sqlite, UnitOptions::default());
        Self { unit, names: BTreeMap::new() }
    }

    pub fn id(&self, name: &str) -> ObjectId {
        self.names[name]
    }

    fn record(&self, entity: &str, values: &[(&str, Value)]) -> Record {
        let mapping = self.unit.mapping();
        let entity = mapping.entity_named(entity).expect("the entity is declared");
        let table = mapping.table(entity.table);
        values.iter().fold(Record::new(mapping, entity), |record, (column, value)| {
            record.with(table.column_named(column).expect("the column is declared"), value.clone())
        })
    }

    /// Adds a new object.
    pub fn add(&mut self, entity: &str, name: &str, values: &[(&str, Value)]) {
        self.hold(entity, name, values);
        self.enlist(name);
    }

    /// Makes a new object without adding it.
    pub fn hold(&mut self, entity: &str, name: &str, values: &[(&str, Value)]) {
        let record = self.record(entity, values);
        let id = self.unit.arena.hold(record).expect("the object fits");
        self.names.insert(name.to_owned(), id);
    }

    /// Adds an object that was made before.
    pub fn enlist(&mut self, name: &str) {
        self.unit.arena.add(self.id(name)).expect("the object is new");
    }

    /// Puts a row into the arena as if it had been loaded.
    pub fn row(&mut self, entity: &str, name: &str, values: &[Value]) {
        let entity = self.unit.mapping().entity_named(entity).expect("the entity is declared").id;
        let mut find = Find::new(entity, Selection::default());
        self.unit.options.autoflush = false;
        let Ok(Step::Run(_)) = find.next(&mut self.unit, None) else { panic!("it must ask") };
        let rows = Rows::of(values.len(), values.iter().cloned());
        let answer = Ok(Outcome { rows: vec![rows], ..Outcome::default() });
        let Ok(Step::Done(found)) = find.next(&mut self.unit, Some(answer)) else {
            panic!("it must find the row")
        };
        self.names.insert(name.to_owned(), found[0]);
    }

    /// Sets a column.
    pub fn set(&mut self, name: &str, column: &str, value: impl Into<Value>) {
        let id = self.id(name);
        let column = self.unit.mapping().table_of(id.entity).column_named(column);
        let column = column.expect("the column is declared");
        self.unit.arena.set_column(id, column, Some(value.into())).expect("the value fits");
    }

    /// Sets a relationship to one, or adds to one to many.
    pub fn link(&mut self, owner: &str, relationship: &str, target: &str) {
        let (owner, target) = (self.id(owner), self.id(target));
        let mapping = Arc::clone(self.unit.mapping());
        let one = mapping.relationship_named(owner.entity, relationship).expect("it is declared");
        let result = if one.kind.is_many() {
            self.unit.arena.push(owner, Some(one.id), target)
        } else {
            self.unit.arena.set(owner, Some(one.id), Some(target))
        };
        result.expect("the objects can be linked");
    }

    pub fn delete(&mut self, name: &str) {
        self.unit.arena.delete(self.id(name)).expect("the object has a row");
    }

    /// The plan of a flush, or what is wrong.
    pub fn plan(&self) -> String {
        match collect(&self.unit.arena, Unloaded::default()) {
            Err(error) => error.to_string(),
            Ok(Collected::Needs(needs)) => format!("{needs:?}"),
            Ok(Collected::Changes(changes)) => match Plan::new(self.unit.mapping(), changes) {
                Ok((plan, _)) => plan.to_string(),
                Err(error) => error.to_string(),
            },
        }
    }
}
