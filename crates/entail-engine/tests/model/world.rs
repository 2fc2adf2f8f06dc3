//! A world for the models: some mappings, objects that are changed at random, and flushes that are
//! carried out by the naive database.

use std::sync::Arc;

use entail_engine::arena::State;
use entail_engine::batch::Outcome;
use entail_engine::entity::Record;
use entail_engine::error::Error;
use entail_engine::flow::{Flow, Flush, Preview, Step};
use entail_engine::handle::ObjectId;
use entail_engine::mapping::{
    Cascades, ColumnDefinition, Deferrable, EntityDefinition, ForeignKeyDefinition, Kind,
    KindDefinition, Mapping, MappingDefinition, Relationship, RelationshipDefinition,
    TableDefinition, Via,
};
use entail_engine::plan::Plan;
use entail_engine::sql::Dialect;
use entail_engine::unit::{Unit, UnitOptions};
use entail_engine::value::{ColumnType, Value, ValueRef};

use super::choice::Choice;
use super::database::NaiveDatabase;

/// What came of a flush.
#[derive(Debug, PartialEq)]
pub enum Flushed {
    /// It is in the database.
    Done,
    /// It could not be planned, for this reason.
    Unplanned(String),
    /// The rows that it would lead to break a constraint.
    Refused,
}

/// Objects, and the database that their rows are in.
pub struct World {
    pub unit: Unit,
    pub database: NaiveDatabase,
    pub objects: Vec<ObjectId>,
    /// What was done, for messages.
    log: String,
}

impl World {
    pub fn new(mapping: Arc<Mapping>) -> Self {
        let database = NaiveDatabase::new(&mapping);
        let options = mapping.relationships().iter().map(|one| {
            let label = mapping.relationship_label(one.id);
            format!("{label}: {:?}, post_update {}\n", one.cascade, one.post_update)
        });
        let log = options.collect();
        let unit = Unit::new(mapping, Dialect::Sqlite, UnitOptions::default());
        Self { unit, database, objects: Vec::new(), log }
    }

    /// Does something at random. What the arena refuses is not done.
    pub fn act(&mut self, choice: &mut impl Choice) {
        let mapping = Arc::clone(self.unit.mapping());
        if self.objects.is_empty() || choice.below(5) == 0 {
            let entity = &mapping.entities()[choice.below(mapping.entities().len())];
            let mut record = Record::new(&mapping, entity);
            for (column, one) in mapping.table(entity.table).columns.iter().enumerate() {
                let is_text = matches!(one.ty, ColumnType::Text { .. });
                if is_text && (!one.nullable || choice.below(3) > 0) {
                    record.set(column, text(choice));
                }
            }
            if let Ok(id) = self.unit.arena.hold(record) {
                self.objects.push(id);
                self.read_all(id);
                let added = choice.below(4) > 0 && self.unit.arena.add(id).is_ok();
                self.note(id, "new", added);
            }
            return;
        }
        let object = self.objects[choice.below(self.objects.len())];
        let entity = mapping.entity(object.entity);
        match choice.below(8) {
            0 => {
                let done = self.unit.arena.delete(object).is_ok();
                self.note(object, "delete", done);
            }
            1 => {
                let done = self.unit.arena.add(object).is_ok();
                self.note(object, "add", done);
            }
            2 => self.set_a_text(object, choice),
            _ if entity.relationships.is_empty() => {}
            _ => {
                let place = choice.below(entity.relationships.len());
                self.link(object, mapping.relationship(entity.relationships[place]), choice);
            }
        }
    }

    /// All relationships of a new object are known from the start.
    fn read_all(&mut self, id: ObjectId) {
        let mapping = Arc::clone(self.unit.mapping());
        for &relationship in &mapping.entity(id.entity).relationships {
            let result = match mapping.relationship(relationship).kind.is_many() {
                true => self.unit.arena.replace(id, Some(relationship), &[]),
                false => self.unit.arena.set(id, Some(relationship), None),
            };
            result.expect("a new object has nothing that could be in the way");
        }
    }

    fn set_a_text(&mut self, object: ObjectId, choice: &mut impl Choice) {
        let mapping = Arc::clone(self.unit.mapping());
        let columns = &mapping.table_of(object.entity).columns;
        let entity = mapping.entity(object.entity);
        let texts = columns.iter().enumerate().filter(|(column, one)| {
            matches!(one.ty, ColumnType::Text { .. }) && !entity.key.contains(column)
        });
        for (column, one) in texts {
            let value =
                if one.nullable && choice.below(4) == 0 { Value::Null } else { text(choice) };
            let done = self.unit.arena.set_column(object, column, Some(value)).is_ok();
            self.note(object, "set a text", done);
        }
    }

    fn note(&mut self, object: ObjectId, what: &str, done: bool) {
        let label = self.unit.arena.label(object);
        self.log.push_str(&format!("{what} {label} ({}): {done}\n", object.slot.0));
    }

    fn link(&mut self, owner: ObjectId, relationship: &Relationship, choice: &mut impl Choice) {
        let of_target = |id: &&ObjectId| id.entity == relationship.target;
        let targets: Vec<ObjectId> = self.objects.iter().filter(of_target).copied().collect();
        let target = targets.get(choice.below(targets.len() + 1)).copied();
        let arena = &mut self.unit.arena;
        let id = Some(relationship.id);
        let result = match (relationship.kind.is_many(), target) {
            (false, target) => arena.set(owner, id, target),
            (true, None) => arena.clear_relationship(owner, id),
            (true, Some(target)) if choice.below(3) == 0 => arena.remove(owner, id, target),
            (true, Some(target)) => arena.push(owner, id, target),
        };
        let target = target.map(|target| target.slot.0);
        self.note(owner, &format!("link {} to {target:?}", relationship.name), result.is_ok());
    }

    /// Flushes: what the plan says is done by the naive database.
    ///
    /// # Panics
    ///
    /// If the database refuses the plan although it would not refuse its end, or holds something
    /// else than the objects do.
    pub fn flush(&mut self) -> Flushed {
        let plan = match Preview::new().next(&mut self.unit, None) {
            Ok(Step::Done(plan)) => plan,
            Ok(Step::Run(batch)) => panic!("all is in memory, yet it asks for {batch:?}"),
            Err(error) => return Flushed::Unplanned(code(&error)),
        };
        let slots = match self.database.run(&plan) {
            Ok(slots) => slots,
            Err(why) => {
                let inherent = self.database.refuses_the_end_of(&plan) || hopes(&self.unit, &plan);
                let log = &self.log;
                assert!(inherent, "refused ({why}), but only its order is wrong:\n{log}{plan}");
                return Flushed::Refused;
            }
        };
        let mut flush = Flush::new();
        let answer = match flush.next(&mut self.unit, None) {
            Ok(Step::Done(())) => None,
            Ok(Step::Run(batch)) => Some(vec![0; batch.requests.len()]),
            Err(error) => panic!("it was planned, yet flushing gives {error}"),
        };
        if let Some(written) = answer {
            let outcome = Outcome { slots, rows: Vec::new(), written };
            match flush.next(&mut self.unit, Some(Ok(outcome))) {
                Ok(Step::Done(())) => {}
                other => panic!("the flush does not end: {other:?}"),
            }
        }
        let states = self.objects.iter().map(|&id| self.unit.arena.state(id).word());
        let states: Vec<_> = states.collect();
        self.log.push_str(&format!("flush: {}\n{plan}\n", states.join(", ")));
        self.compare();
        Flushed::Done
    }

    /// Makes sure that the database has what the objects hold.
    fn compare(&self) {
        let mapping = Arc::clone(self.unit.mapping());
        let arena = &self.unit.arena;
        for entity in mapping.entities() {
            let rows = self.database.rows(entity.table);
            for row in rows {
                let key: Vec<Value> =
                    entity.key.iter().map(|&column| row[column].clone()).collect();
                let Some(id) = arena.find(entity.id, &key) else {
                    let detached = self.objects.iter().any(|&id| {
                        arena.state(id) == State::Detached
                            && arena.key(id).is_some_and(|one| one.values() == key)
                    });
                    assert!(detached, "nobody stands for {row:?} after\n{}", self.log);
                    continue;
                };
                for (column, value) in row.iter().enumerate() {
                    let held = arena.column_of(id, column).ok().flatten();
                    let held = held.map_or(Value::Null, ValueRef::to_value);
                    let label = arena.label(id);
                    assert_eq!(held, *value, "column {column} of {label} after\n{}", self.log);
                }
            }
            let of_entity = self.objects.iter().filter(|id| id.entity == entity.id);
            for &id in of_entity.filter(|&&id| arena.state(id) == State::Persistent) {
                let key = arena.key(id).expect("it has a row").values();
                let has_key = |row: &Vec<Value>| {
                    entity.key.iter().zip(key).all(|(&column, part)| row[column] == *part)
                };
                assert!(
                    rows.iter().any(has_key),
                    "{} has no row after\n{}",
                    arena.label(id),
                    self.log
                );
            }
        }
        for relationship in mapping.relationships() {
            if let (Kind::ManyToMany, Some(link)) = (relationship.kind, &relationship.link) {
                self.compare_links(relationship, link.table);
            }
        }
    }

    /// Makes sure that there is a link for each member that has a row.
    fn compare_links(&self, relationship: &Relationship, table: entail_engine::mapping::TableId) {
        let arena = &self.unit.arena;
        let persistent = |id: &ObjectId| arena.state(*id) == State::Persistent;
        let owners = self.objects.iter().filter(|id| id.entity == relationship.owner);
        let mut members = 0;
        for &owner in owners.filter(|id| persistent(id)) {
            let mut all = arena.many(owner, relationship.id).unwrap_or_default();
            all.retain(persistent);
            all.sort_unstable();
            all.dedup();
            members += all.len();
        }
        let links = self.database.rows(table).len();
        assert_eq!(links, members, "links of {} after\n{}", relationship.name, self.log);
    }
}

/// Whether the plan has an update of a unique value that cannot be given up for a moment: then it is
/// sent as it is, and the database decides.
fn hopes(unit: &Unit, plan: &Plan) -> bool {
    let mapping = unit.mapping();
    plan.steps.iter().any(|step| {
        let table = mapping.table(step.table);
        step.columns.iter().any(|&column| {
            let is_unique = table.uniques.iter().any(|unique| unique.contains(&column));
            is_unique && !table.columns[column].nullable
        })
    })
}

fn code(error: &Error) -> String {
    error.to_string().split(':').next().unwrap_or_default().to_owned()
}

fn text(choice: &mut impl Choice) -> Value {
    Value::from(["a", "b", "c", "d"][choice.below(4)])
}

// --- Mappings --------------------------------------------------------------------------------------

/// One of the mappings.
pub fn mapping(choice: &mut impl Choice) -> Arc<Mapping> {
    let makers: [Make; 5] = [tree, ring, links, chain, crowd];
    let make = makers[choice.below(makers.len())];
    let mut definition = Definition::default();
    make(&mut definition, &mut |bound| choice.below(bound));
    Arc::new(Mapping::new(definition.0).expect("the model's mapping is right"))
}

#[derive(Default)]
struct Definition(MappingDefinition);

type Pick<'a> = &'a mut dyn FnMut(usize) -> usize;

type Make = fn(&mut Definition, Pick<'_>);

fn key() -> ColumnDefinition {
    ColumnDefinition::new("id", ColumnType::BigInt).generated()
}

fn text_column(name: &str) -> ColumnDefinition {
    ColumnDefinition::new(name, ColumnType::Text { length: None })
}

fn unique(column: ColumnDefinition) -> ColumnDefinition {
    ColumnDefinition { unique: true, ..column }
}

fn reference(name: &str, nullable: bool) -> ColumnDefinition {
    ColumnDefinition { nullable, ..ColumnDefinition::new(name, ColumnType::BigInt) }
}

fn cascade(pick: Pick<'_>) -> Option<Cascades> {
    let words = ["", "save-update, merge", "all", "all, delete-orphan", "save-update, delete"];
    Some(Cascades::parse(words[pick(words.len())]).expect("the words are cascades"))
}

fn many(name: &str, target: &str, column: &str, inverse: &str) -> RelationshipDefinition {
    let kind = KindDefinition::OneToMany(Via::Columns(vec![column.to_owned()]));
    let back_populates = Some(inverse.to_owned());
    RelationshipDefinition { back_populates, ..RelationshipDefinition::new(name, target, kind) }
}

fn one(name: &str, target: &str, column: &str, inverse: Option<&str>) -> RelationshipDefinition {
    let kind = KindDefinition::ManyToOne { foreign_key: vec![column.to_owned()] };
    let back_populates = inverse.map(str::to_owned);
    RelationshipDefinition { back_populates, ..RelationshipDefinition::new(name, target, kind) }
}

impl Definition {
    fn entity(
        &mut self,
        name: &str,
        columns: Vec<ColumnDefinition>,
        keys: &[(&str, &str, Deferrable)],
        relationships: Vec<RelationshipDefinition>,
    ) {
        let foreign_keys = keys.iter().map(|&(column, parent, deferrable)| ForeignKeyDefinition {
            deferrable,
            ..ForeignKeyDefinition::new(vec![column.to_owned()], parent, Vec::new())
        });
        let table = TableDefinition {
            name: name.to_owned(),
            primary_key: vec![columns[0].name.clone()],
            foreign_keys: foreign_keys.collect(),
            columns,
            ..TableDefinition::default()
        };
        self.0.entities.push(EntityDefinition {
            name: name.to_owned(),
            table,
            version: None,
            relationships,
        });
    }
}

/// Nodes with a parent, and a code that no two share.
fn tree(definition: &mut Definition, pick: Pick<'_>) {
    let children = RelationshipDefinition {
        cascade: cascade(pick),
        ..many("children", "node", "parent_id", "parent")
    };
    let parent = RelationshipDefinition {
        post_update: pick(4) == 0,
        ..one("parent", "node", "parent_id", Some("children"))
    };
    let columns = vec![key(), unique(text_column("code").nullable()), reference("parent_id", true)];
    definition.entity(
        "node",
        columns,
        &[("parent_id", "node", Deferrable::No)],
        vec![children, parent],
    );
}

/// Two tables that refer to each other.
fn ring(definition: &mut Definition, pick: Pick<'_>) {
    let deferrable = if pick(4) == 0 { Deferrable::InitiallyDeferred } else { Deferrable::No };
    let (first, second) = (pick(2) == 0, pick(2) == 0);
    let to_b = RelationshipDefinition {
        post_update: first && pick(4) == 0,
        ..one("b", "b", "b_id", None)
    };
    let columns = vec![key(), reference("b_id", first)];
    definition.entity("a", columns, &[("b_id", "b", deferrable)], vec![to_b]);
    let columns = vec![key(), reference("a_id", second)];
    let to_a = one("a", "a", "a_id", None);
    definition.entity("b", columns, &[("a_id", "a", Deferrable::No)], vec![to_a]);
}

/// Items with tags.
fn links(definition: &mut Definition, pick: Pick<'_>) {
    let side = |name: &str, target: &str, local: &str, remote: &str, inverse: &str| {
        let kind = KindDefinition::ManyToMany {
            table: "item_tags".to_owned(),
            local: vec![local.to_owned()],
            remote: vec![remote.to_owned()],
        };
        let back_populates = Some(inverse.to_owned());
        RelationshipDefinition { back_populates, ..RelationshipDefinition::new(name, target, kind) }
    };
    let tags = RelationshipDefinition {
        cascade: [None, Some(Cascades::ALL)][pick(2)],
        ..side("tags", "tag", "item_id", "tag_id", "items")
    };
    definition.entity("item", vec![key(), text_column("name")], &[], vec![tags]);
    let items = side("items", "item", "tag_id", "item_id", "tags");
    definition.entity("tag", vec![key(), unique(text_column("name"))], &[], vec![items]);
    let to = |column: &str, table: &str| {
        ForeignKeyDefinition::new(vec![column.to_owned()], table, Vec::new())
    };
    definition.0.tables.push(TableDefinition {
        name: "item_tags".to_owned(),
        columns: vec![reference("item_id", false), reference("tag_id", false)],
        primary_key: vec!["item_id".to_owned(), "tag_id".to_owned()],
        foreign_keys: vec![to("item_id", "item"), to("tag_id", "tag")],
        ..TableDefinition::default()
    });
}

/// Users with orders with items.
fn chain(definition: &mut Definition, pick: Pick<'_>) {
    let nullable = pick(2) == 0;
    let orders = RelationshipDefinition {
        cascade: cascade(pick),
        ..many("orders", "order", "user_id", "user")
    };
    let columns = vec![key(), unique(text_column("name"))];
    definition.entity("user", columns, &[], vec![orders]);
    let items = RelationshipDefinition {
        cascade: cascade(pick),
        ..many("items", "item", "order_id", "order")
    };
    let user = one("user", "user", "user_id", Some("orders"));
    let columns = vec![key(), reference("user_id", nullable)];
    definition.entity("order", columns, &[("user_id", "user", Deferrable::No)], vec![items, user]);
    let order = one("order", "order", "order_id", Some("items"));
    let columns = vec![key(), text_column("note").nullable(), reference("order_id", nullable)];
    definition.entity("item", columns, &[("order_id", "order", Deferrable::No)], vec![order]);
}

/// Rows that refer to others of their table in several ways.
fn crowd(definition: &mut Definition, pick: Pick<'_>) {
    let names = ["p", "q", "r"];
    let columns = names.iter().map(|name| reference(name, pick(3) > 0));
    let columns: Vec<_> = std::iter::once(key()).chain(columns).collect();
    let keys = names.map(|name| (name, "one", Deferrable::No));
    let relationships = names.map(|name| one(&format!("to_{name}"), "one", name, None));
    definition.entity("one", columns, &keys, relationships.into());
}
