//! The arena against a plain map: columns, both sides of a relationship, and handles of objects that
//! are gone, after every step of many histories.

use std::collections::BTreeMap;
use std::sync::Arc;

use entail_engine::arena::Arena;
use entail_engine::entity::Record;
use entail_engine::handle::{ObjectId, RawHandle};
use entail_engine::mapping::{
    Cascades, ColumnDefinition, EntityDefinition, ForeignKeyDefinition, KindDefinition, Mapping,
    MappingDefinition, RelationshipDefinition, RelationshipId, TableDefinition, Via,
};
use entail_engine::value::{ColumnType, Value};

use super::choice::{Choice, Seeded};

/// What the plain map has of an object.
#[derive(Clone, Debug, Default)]
struct Plain {
    code: Option<i64>,
    parent: Option<usize>,
    children: Vec<usize>,
}

/// The arena and the plain map side by side.
struct Pair {
    arena: Arena,
    children: RelationshipId,
    parent: RelationshipId,
    plain: BTreeMap<usize, Plain>,
    ids: BTreeMap<usize, ObjectId>,
    handles: BTreeMap<usize, RawHandle>,
    gone: Vec<RawHandle>,
    next: usize,
}

const CODE: usize = 1;

fn mapping() -> Arc<Mapping> {
    let relationship = |name: &str, kind, inverse: &str| RelationshipDefinition {
        cascade: Some(Cascades::NONE),
        back_populates: Some(inverse.to_owned()),
        ..RelationshipDefinition::new(name, "node", kind)
    };
    let column = || vec!["parent_id".to_owned()];
    let children = KindDefinition::OneToMany(Via::Columns(column()));
    let parent = KindDefinition::ManyToOne { foreign_key: column() };
    let number = |name: &str| ColumnDefinition::new(name, ColumnType::BigInt);
    let table = TableDefinition {
        name: "node".to_owned(),
        columns: vec![
            number("id").generated(),
            number("code").nullable(),
            number("parent_id").nullable(),
        ],
        primary_key: vec!["id".to_owned()],
        foreign_keys: vec![ForeignKeyDefinition::new(column(), "node", Vec::new())],
        ..TableDefinition::default()
    };
    let definition = MappingDefinition {
        entities: vec![EntityDefinition {
            name: "node".to_owned(),
            table,
            version: None,
            relationships: vec![
                relationship("children", children, "parent"),
                relationship("parent", parent, "children"),
            ],
        }],
        ..MappingDefinition::default()
    };
    Arc::new(Mapping::new(definition).expect("the mapping is right"))
}

impl Pair {
    fn new(mapping: &Arc<Mapping>) -> Self {
        let entity = mapping.entities()[0].id;
        let named = |name| mapping.relationship_named(entity, name).expect("it is declared").id;
        Self {
            arena: Arena::new(Arc::clone(mapping)),
            children: named("children"),
            parent: named("parent"),
            plain: BTreeMap::new(),
            ids: BTreeMap::new(),
            handles: BTreeMap::new(),
            gone: Vec::new(),
            next: 0,
        }
    }

    fn some(&self, choice: &mut Seeded) -> Option<usize> {
        let count = self.plain.len();
        (count > 0).then(|| *self.plain.keys().nth(choice.below(count)).expect("it is below"))
    }

    fn step(&mut self, choice: &mut Seeded) {
        let Some(one) = self.some(choice).filter(|_| choice.below(5) > 0) else {
            return self.hold(choice);
        };
        let other = self.some(choice).filter(|_| choice.below(4) > 0);
        match choice.below(7) {
            0 => self.set_code(one, choice),
            1 => self.set_parent(one, other),
            2 => self.push(one, other),
            3 => self.remove(one, choice),
            4 => self.replace(one, choice),
            5 => self.take(one),
            _ => self.set_parent(one, Some(one)),
        }
    }

    fn hold(&mut self, choice: &mut Seeded) {
        let entity = &self.arena.mapping().entities()[0];
        let mut record = Record::new(self.arena.mapping(), entity);
        let code = (choice.below(2) == 0).then(|| choice.below(9) as i64);
        if let Some(code) = code {
            record.set(CODE, code);
        }
        let id = self.arena.hold(record).expect("a record fits");
        let name = self.next;
        self.next += 1;
        self.plain.insert(name, Plain { code, ..Plain::default() });
        self.ids.insert(name, id);
        self.handles.insert(name, self.arena.raw_handle(id));
    }

    fn set_code(&mut self, one: usize, choice: &mut Seeded) {
        let code = (choice.below(3) > 0).then(|| choice.below(9) as i64);
        let value = code.map_or(Value::Null, Value::Int);
        self.arena.set_column(self.ids[&one], CODE, Some(value)).expect("it fits");
        self.plain_mut(one).code = code;
    }

    fn set_parent(&mut self, one: usize, parent: Option<usize>) {
        let target = parent.map(|parent| self.ids[&parent]);
        self.arena.set(self.ids[&one], Some(self.parent), target).expect("it can be set");
        self.move_to(one, parent);
    }

    fn push(&mut self, one: usize, child: Option<usize>) {
        let Some(child) = child.filter(|child| !self.plain[&one].children.contains(child)) else {
            return;
        };
        self.arena
            .push(self.ids[&one], Some(self.children), self.ids[&child])
            .expect("it can be pushed");
        self.move_to(child, Some(one));
    }

    fn remove(&mut self, one: usize, choice: &mut Seeded) {
        let children = &self.plain[&one].children;
        if children.is_empty() {
            return;
        }
        let child = children[choice.below(children.len())];
        self.arena
            .remove(self.ids[&one], Some(self.children), self.ids[&child])
            .expect("it is in it");
        self.move_to(child, None);
    }

    /// Puts a new list in place of the children.
    fn replace(&mut self, one: usize, choice: &mut Seeded) {
        let mut list: Vec<usize> =
            self.plain.keys().copied().filter(|_| choice.below(3) == 0).collect();
        if choice.below(2) == 0 {
            list.reverse();
        }
        let members: Vec<ObjectId> = list.iter().map(|name| self.ids[name]).collect();
        self.arena.replace(self.ids[&one], Some(self.children), &members).expect("it is loaded");
        for left in self.plain[&one].children.clone() {
            if !list.contains(&left) {
                self.move_to(left, None);
            }
        }
        for &came in &list {
            if self.plain[&came].parent != Some(one) {
                self.move_to(came, Some(one));
            }
        }
        self.plain_mut(one).children = list;
    }

    /// Moves an object out that nobody leads to.
    fn take(&mut self, one: usize) {
        let plain = &self.plain[&one];
        if plain.parent.is_some() || !plain.children.is_empty() {
            return;
        }
        let value = self.arena.take::<Record>(self.ids[&one]).expect("it is held");
        let code = value.value(CODE).filter(|value| !value.is_null());
        assert_eq!(code, plain.code.map(Value::Int).as_ref());
        self.plain.remove(&one);
        self.ids.remove(&one);
        self.gone.extend(self.handles.remove(&one));
    }

    // --- The plain side --------------------------------------------------------------------------

    fn plain_mut(&mut self, name: usize) -> &mut Plain {
        self.plain.get_mut(&name).expect("it is there")
    }

    fn move_to(&mut self, child: usize, parent: Option<usize>) {
        let former = self.plain[&child].parent;
        if former == parent {
            return;
        }
        if let Some(former) = former {
            self.plain_mut(former).children.retain(|&one| one != child);
        }
        if let Some(parent) = parent {
            self.plain_mut(parent).children.push(child);
        }
        self.plain_mut(child).parent = parent;
    }

    /// Makes sure that both have the same.
    fn compare(&self, what: &str) {
        for (name, plain) in &self.plain {
            let id = self.ids[name];
            let code = self.arena.column_of(id, CODE).expect("nothing is expired");
            let code = code.map(|value| value.to_value()).filter(|value| !value.is_null());
            assert_eq!(code, plain.code.map(Value::Int), "{what}: the code of {name}");
            let parent = self.arena.one(id, self.parent).expect("it is loaded");
            assert_eq!(
                parent,
                plain.parent.map(|name| self.ids[&name]),
                "{what}: the parent of {name}"
            );
            let children = self.arena.many(id, self.children).expect("it is loaded");
            let expected: Vec<ObjectId> =
                plain.children.iter().map(|name| self.ids[name]).collect();
            assert_eq!(children, expected, "{what}: the children of {name}");
            assert_eq!(self.arena.object_id(self.handles[name]).ok(), Some(id), "{what}");
        }
        for &handle in &self.gone {
            assert!(self.arena.object_id(handle).is_err(), "{what}: {handle:?} is gone");
        }
    }
}

#[test]
fn the_arena_holds_what_a_plain_map_holds() {
    let mapping = mapping();
    for seed in 0..600 {
        let mut choice = Seeded(seed);
        let mut pair = Pair::new(&mapping);
        for step in 0..60 {
            pair.step(&mut choice);
            pair.compare(&format!("seed {seed}, step {step}"));
        }
    }
}
