//! Steps: what is done to the objects of a schema, at random, but mostly so that it makes sense.

use std::collections::HashMap;

use fastrand::Rng;
use serde_json::{Map, Value as Json, json};

use super::schema::Schema;

/// An entity, as far as steps need to know it.
struct Entity {
    name: String,
    table: String,
    relationships: Vec<Relationship>,
    /// Columns that are set at will.
    plain: Vec<String>,
    key: Vec<String>,
    /// Key columns that somebody must give, with their types.
    natural: Vec<(String, String)>,
    /// Unique columns, which get values of their own mostly.
    unique: Vec<String>,
    has_label: bool,
}

struct Relationship {
    name: String,
    target: String,
    is_many: bool,
    viewonly: bool,
}

/// A named object.
#[derive(Clone)]
struct Named {
    name: String,
    /// The place of its entity.
    entity: usize,
}

/// The steps of one scenario, as they come.
pub(super) struct Steps<'r> {
    rng: &'r mut Rng,
    entities: Vec<Entity>,
    objects: Vec<Named>,
    /// What lists hold, as far as the steps themselves say.
    members: HashMap<(String, String), Vec<String>>,
    steps: Vec<Json>,
    next: usize,
}

const WORDS: [&str; 5] = ["a", "b", "c", "d", "e"];

impl<'r> Steps<'r> {
    pub fn new(rng: &'r mut Rng, schema: &Schema) -> Self {
        let tables = schema.tables.as_array().cloned().unwrap_or_default();
        let entities = schema.entities.as_array().into_iter().flatten();
        let entities = entities.map(|entity| Entity::new(entity, &tables)).collect();
        Self {
            rng,
            entities,
            objects: Vec::new(),
            members: HashMap::new(),
            steps: Vec::new(),
            next: 1,
        }
    }

    pub fn all(mut self) -> Vec<Json> {
        for _ in 0..3 + self.rng.usize(..4) {
            self.new_object();
        }
        for _ in 0..2 + self.rng.usize(..6) {
            self.tie();
        }
        for _ in 0..1 + self.rng.usize(..3) {
            self.add();
        }
        self.end_of_unit();
        for _ in 0..1 + self.rng.usize(..3) {
            if self.rng.u32(..4) == 0 {
                self.forget_all();
            }
            for _ in 0..2 + self.rng.usize(..7) {
                self.edit();
            }
            self.end_of_unit();
        }
        self.push(json!({"op": "commit"}));
        self.push(json!({"op": "tables"}));
        self.push(json!({"op": "states"}));
        self.view_some(6);
        self.steps
    }

    fn push(&mut self, step: Json) {
        self.steps.push(step);
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.rng.usize(..all.len())].clone())
    }

    fn object(&mut self) -> Option<Named> {
        let all = self.objects.clone();
        self.one_of(&all)
    }

    fn object_of(&mut self, entity: &str) -> Option<Named> {
        let of = |one: &&Named| self.entities[one.entity].name == entity;
        let all: Vec<Named> = self.objects.iter().filter(of).cloned().collect();
        self.one_of(&all)
    }

    // --- Making and tying ------------------------------------------------------------------------

    fn new_object(&mut self) {
        // One of each first, so that there is something to tie.
        let place = match self.objects.len() {
            made if made < self.entities.len() => made,
            _ => self.rng.usize(..self.entities.len()),
        };
        let name = format!("{}{}", self.entities[place].name.to_lowercase(), self.next);
        self.next += 1;
        let set = self.columns(place, self.next);
        let step =
            json!({"op": "new", "entity": self.entities[place].name, "as": name, "set": set});
        self.push(step);
        self.objects.push(Named { name, entity: place });
    }

    /// Values for a new object: natural keys always, others at will.
    fn columns(&mut self, place: usize, number: usize) -> Map<String, Json> {
        let mut set = Map::new();
        for (column, ty) in self.entities[place].natural.clone() {
            let value = match ty.as_str() {
                "integer" => json!(self.rng.usize(1..4)),
                // Two of one key are rare.
                _ if self.rng.u32(..8) == 0 => json!(WORDS[self.rng.usize(..2)]),
                _ => json!(format!("{}{number}", WORDS[self.rng.usize(..WORDS.len())])),
            };
            set.insert(column, value);
        }
        for column in self.entities[place].unique.clone() {
            if self.rng.u32(..6) > 0 {
                set.insert(column, json!(format!("u{number}")));
            }
        }
        for column in self.entities[place].plain.clone() {
            if self.rng.u32(..3) == 0 {
                set.insert(column, json!(WORDS[self.rng.usize(..WORDS.len())]));
            }
        }
        set
    }

    /// A relationship of an object, if it has one.
    fn relationship(&mut self) -> Option<(Named, String, String, bool)> {
        let owner = self.object()?;
        let all = &self.entities[owner.entity].relationships;
        if all.is_empty() {
            return None;
        }
        let chosen = &all[self.rng.usize(..all.len())];
        if chosen.viewonly && self.rng.u32(..4) > 0 {
            return None;
        }
        Some((owner, chosen.name.clone(), chosen.target.clone(), chosen.is_many))
    }

    fn tie(&mut self) {
        let Some((owner, rel, target, is_many)) = self.relationship() else { return };
        let known = self.members.entry((owner.name.clone(), rel.clone())).or_default().clone();
        let step = match (is_many, self.rng.u32(..10)) {
            (true, 0) => json!({"op": "clear_rel", "owner": owner.name, "rel": rel}),
            (true, 1) => {
                let count = self.rng.usize(..3);
                let list: Vec<_> = (0..count).filter_map(|_| self.object_of(&target)).collect();
                let mut list: Vec<_> = list.into_iter().map(|one| one.name).collect();
                list.dedup();
                self.members.insert((owner.name.clone(), rel.clone()), list.clone());
                json!({"op": "set_rel", "owner": owner.name, "rel": rel, "value": list})
            }
            (true, 2 | 3) if !known.is_empty() => {
                let Some(gone) = self.one_of(&known) else { return };
                let place = (owner.name.clone(), rel.clone());
                self.members.entry(place).or_default().retain(|one| *one != gone);
                json!({"op": "remove", "owner": owner.name, "rel": rel, "value": gone})
            }
            (true, _) => {
                let Some(member) = self.object_of(&target) else { return };
                let place = (owner.name.clone(), rel.clone());
                self.members.entry(place).or_default().push(member.name.clone());
                json!({"op": "append", "owner": owner.name, "rel": rel, "value": member.name})
            }
            (false, 0 | 1) => {
                json!({"op": "set_rel", "owner": owner.name, "rel": rel, "value": null})
            }
            (false, _) => {
                let Some(other) = self.object_of(&target) else { return };
                json!({"op": "set_rel", "owner": owner.name, "rel": rel, "value": other.name})
            }
        };
        self.push(step);
    }

    fn add(&mut self) {
        if let Some(one) = self.object() {
            self.push(json!({"op": "add", "ref": one.name}));
        }
    }

    // --- Editing -----------------------------------------------------------------------------------

    fn edit(&mut self) {
        match self.rng.u32(..40) {
            0..14 => self.tie(),
            14..18 => self.add(),
            18..22 => self.call("delete"),
            22 | 23 => self.new_object(),
            24..27 => self.set_column(),
            27 => self.call("expunge"),
            28 => self.call("expire"),
            29 => self.call("refresh"),
            30 => self.merge(),
            31 => self.get(),
            32 => self.nest(),
            33 => self.raw(),
            34 => self.push(json!({"op": "flush"})),
            35 => self.ask(),
            36 => self.push(json!({"op": "dirty"})),
            37 => self.read(),
            _ => self.view_some(1),
        }
    }

    fn call(&mut self, op: &str) {
        if let Some(one) = self.object() {
            self.push(json!({"op": op, "ref": one.name}));
        }
    }

    fn set_column(&mut self) {
        let Some(one) = self.object() else { return };
        let entity = &self.entities[one.entity];
        let mut columns: Vec<String> = entity.plain.clone();
        columns.extend(entity.natural.iter().map(|(name, _)| name.clone()).take(1));
        columns.extend(entity.unique.iter().cloned());
        let integers: Vec<String> = entity
            .natural
            .iter()
            .filter(|(_, ty)| ty == "integer")
            .map(|(name, _)| name.clone())
            .collect();
        let Some(column) = self.one_of(&columns) else { return };
        let value = if integers.contains(&column) {
            json!(self.rng.usize(1..6))
        } else if self.rng.u32(..8) == 0 {
            Json::Null
        } else {
            json!(WORDS[self.rng.usize(..WORDS.len())])
        };
        self.push(json!({"op": "set", "ref": one.name, "column": column, "value": value}));
    }

    /// A graph that is merged: of an object that is there, or a new one, with some below it.
    fn merge(&mut self) {
        let Some(one) = self.object() else { return };
        let value = self.graph(one.entity, Some(&one.name), 2);
        let name = format!("m{}", self.next);
        self.next += 1;
        self.push(json!({"op": "merge", "as": name, "value": value}));
        self.objects.push(Named { name, entity: one.entity });
    }

    fn graph(&mut self, place: usize, like: Option<&str>, depth: usize) -> Json {
        let mut set = Map::new();
        let keys = self.entities[place].key.clone();
        match (like, keys.as_slice()) {
            (Some(name), [key]) => {
                set.insert(key.clone(), json!({"$key": name}));
            }
            _ => set.extend(self.columns(place, self.next)),
        }
        self.next += 1;
        if self.entities[place].has_label && (like.is_none() || self.rng.bool()) {
            set.insert("label".to_owned(), json!(format!("l{}", self.next)));
        }
        for column in self.entities[place].plain.clone() {
            match self.rng.u32(..5) {
                0 => set.insert(column, Json::Null),
                1 => set.insert(column, json!(WORDS[self.rng.usize(..WORDS.len())])),
                _ => None,
            };
        }
        let mut rels = Map::new();
        let relationships = &self.entities[place].relationships;
        let relationships: Vec<_> = relationships
            .iter()
            .map(|one| (one.name.clone(), one.target.clone(), one.is_many))
            .collect();
        for (name, target, is_many) in relationships {
            if depth == 0 || self.rng.u32(..2) > 0 {
                continue;
            }
            let Some(below) = self.entities.iter().position(|one| one.name == target) else {
                continue;
            };
            let one = |steps: &mut Self| {
                let like = steps.object_of(&target).filter(|_| steps.rng.u32(..3) > 0);
                steps.graph(below, like.as_ref().map(|one| one.name.as_str()), depth - 1)
            };
            let value = if is_many {
                let count = self.rng.usize(..3);
                Json::Array((0..count).map(|_| one(self)).collect())
            } else if self.rng.u32(..4) == 0 {
                Json::Null
            } else {
                one(self)
            };
            rels.insert(name, value);
        }
        json!({"entity": self.entities[place].name, "set": set, "rels": rels})
    }

    fn get(&mut self) {
        let Some(one) = self.object() else { return };
        let name = format!("re{}{}", one.name, self.next);
        self.next += 1;
        let entity = self.entities[one.entity].name.clone();
        self.push(json!({"op": "get", "entity": entity, "key": {"$key": one.name}, "as": name}));
        self.objects.push(Named { name, entity: one.entity });
    }

    fn nest(&mut self) {
        let op = ["begin_nested", "begin_nested", "release", "rollback_to"][self.rng.usize(..4)];
        self.push(json!({"op": op}));
    }

    /// Writes past the session, by the label of a row.
    fn raw(&mut self) {
        let Some(one) = self.object() else { return };
        let Entity { table, plain, has_label, .. } = &self.entities[one.entity];
        if !has_label {
            return;
        }
        let (table, found) = (table.clone(), format!("label = '{}'", one.name));
        let plain = plain.clone();
        let sql = match self.one_of(&plain) {
            Some(column) if self.rng.u32(..3) > 0 => {
                format!("UPDATE {table} SET {column} = 'raw' WHERE {found}")
            }
            _ => format!("DELETE FROM {table} WHERE {found}"),
        };
        self.push(json!({"op": "sql", "sql": sql}));
    }

    // --- Asking ----------------------------------------------------------------------------------

    fn ask(&mut self) {
        let (Some(one), Some(other)) = (self.object(), self.object()) else { return };
        self.push(json!({"op": "same", "a": one.name, "b": other.name}));
        self.push(json!({"op": "states"}));
    }

    fn read(&mut self) {
        let Some(one) = self.object() else { return };
        let entity = &self.entities[one.entity];
        let mut columns = entity.plain.clone();
        columns.extend(entity.has_label.then(|| "label".to_owned()));
        if let Some(column) = self.one_of(&columns) {
            self.push(json!({"op": "read", "ref": one.name, "column": column}));
        }
    }

    fn view_some(&mut self, count: usize) {
        for _ in 0..count {
            if let Some((owner, rel, ..)) = self.relationship() {
                self.push(json!({"op": "view", "owner": owner.name, "rel": rel}));
            }
        }
    }

    fn end_of_unit(&mut self) {
        if self.rng.bool() {
            self.push(json!({"op": "states"}));
        }
        let op = match self.rng.u32(..12) {
            0..5 => "flush",
            5..11 => "commit",
            _ => "rollback",
        };
        self.push(json!({"op": op}));
        self.push(json!({"op": "tables"}));
        self.push(json!({"op": "states"}));
        let count = self.rng.usize(..4);
        self.view_some(count);
    }

    /// Lets go of everything, and fetches some of it with nothing loaded.
    fn forget_all(&mut self) {
        self.push(json!({"op": "expunge_all"}));
        for _ in 0..1 + self.rng.usize(..3) {
            self.get();
        }
    }
}

impl Entity {
    fn new(entity: &Json, tables: &[Json]) -> Self {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let table = tables.iter().find(|one| one["name"] == entity["table"]);
        let columns =
            table.and_then(|table| table["columns"].as_array()).cloned().unwrap_or_default();
        let keys = table.and_then(|table| table["foreign_keys"].as_array()).into_iter().flatten();
        let referring: Vec<&Json> =
            keys.filter_map(|key| key["columns"].as_array()).flatten().collect();
        let is_own = |column: &&Json| !referring.contains(&&column["name"]);
        let is = |column: &Json, flag: &str| column[flag] == json!(true);
        let version = &entity["version_column"];
        let is_plain = |column: &&Json| {
            let name = &column["name"];
            !is(column, "primary_key")
                && !is(column, "unique")
                && *name != "label"
                && name != version
        };
        let relationships = entity["relationships"].as_array().into_iter().flatten();
        let names = |column: &Json| text(&column["name"]);
        Self {
            name: text(&entity["name"]),
            table: text(&entity["table"]),
            relationships: relationships
                .map(|one| Relationship {
                    name: text(&one["name"]),
                    target: text(&one["target"]),
                    is_many: matches!(one["kind"].as_str(), Some("one_to_many" | "many_to_many")),
                    viewonly: is(one, "viewonly"),
                })
                .collect(),
            plain: columns.iter().filter(is_own).filter(is_plain).map(names).collect(),
            natural: columns
                .iter()
                .filter(is_own)
                .filter(|one| is(one, "primary_key") && !is(one, "autoincrement"))
                .map(|one| (names(one), text(&one["type"])))
                .collect(),
            key: columns.iter().filter(|one| is(one, "primary_key")).map(names).collect(),
            unique: columns
                .iter()
                .filter(is_own)
                .filter(|one| is(one, "unique"))
                .map(names)
                .collect(),
            has_label: columns.iter().any(|one| one["name"] == "label"),
        }
    }
}
