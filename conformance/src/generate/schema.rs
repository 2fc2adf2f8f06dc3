//! Schemas: tables and entities of each kind, with options at random.

use fastrand::Rng;
use serde_json::{Value as Json, json};

/// The tables and the entities of a scenario.
pub(super) struct Schema {
    pub tables: Json,
    pub entities: Json,
}

type Make = fn(&mut Rng) -> Schema;

/// All kinds, by their names.
pub(super) const KINDS: &[(&str, Make)] = &[
    ("chain", chain),
    ("tree", tree),
    ("m2m", many_to_many),
    ("self_m2m", self_many_to_many),
    ("assoc", association),
    ("two_parents", two_parents),
    ("three_parents", three_parents),
    ("one_to_one", one_to_one),
    ("natural", natural),
    ("composite", composite),
    ("key_fk", key_is_foreign_key),
    ("owner_side", owner_side),
    ("post_update", post_update),
    ("mutual", mutual),
    ("versioned", versioned),
    ("viewonly", viewonly),
    ("unique_ref", unique_reference),
];

// --- Parts ---------------------------------------------------------------------------------------

fn id() -> Json {
    json!({"name": "id", "type": "integer", "primary_key": true, "autoincrement": true})
}

fn label() -> Json {
    json!({"name": "label", "type": "text", "nullable": false})
}

fn text(name: &str) -> Json {
    json!({"name": name, "type": "text"})
}

fn key(name: &str, ty: &str) -> Json {
    json!({"name": name, "type": ty, "primary_key": true})
}

fn reference(name: &str, ty: &str, nullable: bool) -> Json {
    json!({"name": name, "type": ty, "nullable": nullable})
}

fn table(name: &str, columns: &[Json], foreign_keys: &[Json]) -> Json {
    json!({"name": name, "columns": columns, "foreign_keys": foreign_keys})
}

fn foreign_key(rng: &mut Rng, columns: &[&str], table: &str, referred: &[&str]) -> Json {
    let mut key = json!({"columns": columns, "references": {"table": table, "columns": referred}});
    let actions = ["cascade", "set_null", "restrict", "no_action"];
    if rng.u32(..3) == 0 {
        key["on_delete"] = json!(actions[rng.usize(..actions.len())]);
    }
    key
}

fn relationship(name: &str, target: &str, kind: &str, columns: &[&str]) -> Json {
    json!({"name": name, "target": target, "kind": kind, "foreign_key": columns})
}

/// Says of a relationship which one leads back.
fn back(mut relationship: Json, name: &str) -> Json {
    relationship["back_populates"] = json!(name);
    relationship
}

fn entity(name: &str, table: &str, relationships: &[Json]) -> Json {
    json!({"name": name, "table": table, "relationships": relationships})
}

/// A setting of the cascade, for a list or a single child.
fn cascade(rng: &mut Rng, mut relationship: Json) -> Json {
    let words = [
        "",
        "all",
        "all, delete-orphan",
        "all, delete-orphan",
        "save-update",
        "save-update, merge",
        "save-update, delete",
        "save-update, merge, delete",
        "save-update, delete, delete-orphan",
        "save-update, expunge",
        "save-update, merge, refresh-expire",
        "merge",
        "delete",
    ];
    if rng.u32(..3) > 0 {
        relationship["cascade"] = json!(words[rng.usize(..words.len())]);
    }
    relationship
}

/// A setting of the cascade towards a parent, or along an association table.
fn cascade_up(rng: &mut Rng, mut relationship: Json) -> Json {
    match rng.u32(..8) {
        0 => relationship["cascade"] = json!(""),
        1 => relationship["cascade"] = json!("save-update, delete"),
        2 => relationship["cascade"] = json!("merge"),
        3 if rng.bool() => {
            relationship["cascade"] = json!("all, delete-orphan");
            relationship["single_parent"] = json!(true);
        }
        _ => {}
    }
    relationship
}

/// Options of a relationship to children.
fn children(rng: &mut Rng, relationship: Json) -> Json {
    let mut relationship = cascade(rng, relationship);
    let word = relationship["cascade"].as_str().unwrap_or_default();
    let deletes = word.contains("all") || word.contains("delete");
    match rng.u32(..8) {
        0 => relationship["passive_deletes"] = json!(true),
        1 if !deletes => relationship["passive_deletes"] = json!("all"),
        _ => {}
    }
    relationship
}

/// Two entities of which one has the children of the other, both sides mapped or one of them.
fn parent_and_child(
    rng: &mut Rng,
    (parent, plural): (&str, &str),
    (child, singular): (&str, &str),
    kind: &str,
    columns: &[&str],
) -> (Vec<Json>, Vec<Json>) {
    let down = children(rng, relationship(plural, child, kind, columns));
    let up = cascade_up(rng, relationship(singular, parent, "many_to_one", columns));
    match rng.u32(..8) {
        0 => (vec![down], vec![]),
        1 => (vec![], vec![up]),
        _ => (vec![back(down, singular)], vec![back(up, plural)]),
    }
}

// --- Kinds ---------------------------------------------------------------------------------------

fn chain(rng: &mut Rng) -> Schema {
    let (users, orders) =
        parent_and_child(rng, ("User", "orders"), ("Order", "user"), "one_to_many", &["user_id"]);
    let (more, items) =
        parent_and_child(rng, ("Order", "items"), ("Item", "order"), "one_to_many", &["order_id"]);
    let to_user = foreign_key(rng, &["user_id"], "users", &["id"]);
    let to_order = foreign_key(rng, &["order_id"], "orders", &["id"]);
    let (user_null, order_null) = (rng.bool(), rng.bool());
    Schema {
        tables: json!([
            table("users", &[id(), label(), text("name")], &[]),
            table(
                "orders",
                &[id(), label(), reference("user_id", "integer", user_null), text("note")],
                &[to_user],
            ),
            table(
                "items",
                &[id(), label(), reference("order_id", "integer", order_null)],
                &[to_order]
            ),
        ]),
        entities: json!([
            entity("User", "users", &users),
            entity("Order", "orders", &[orders, more].concat()),
            entity("Item", "items", &items),
        ]),
    }
}

fn tree(rng: &mut Rng) -> Schema {
    let down = children(rng, relationship("children", "Node", "one_to_many", &["parent_id"]));
    let up = cascade_up(rng, relationship("parent", "Node", "many_to_one", &["parent_id"]));
    let relationships = match rng.u32(..6) {
        0 => vec![down],
        1 => vec![up],
        _ => vec![back(down, "parent"), back(up, "children")],
    };
    let to_parent = foreign_key(rng, &["parent_id"], "nodes", &["id"]);
    Schema {
        tables: json!([table(
            "nodes",
            &[id(), label(), reference("parent_id", "integer", true), text("name")],
            &[to_parent],
        )]),
        entities: json!([entity("Node", "nodes", &relationships)]),
    }
}

/// A relationship over an association table.
fn through(name: &str, target: &str, local: &str, remote: &str) -> Json {
    json!({"name": name, "target": target, "kind": "many_to_many", "secondary": "book_author",
        "local": [local], "remote": [remote]})
}

fn many_to_many(rng: &mut Rng) -> Schema {
    let authors = cascade_up(rng, through("authors", "Author", "book_id", "author_id"));
    let books = cascade_up(rng, through("books", "Book", "author_id", "book_id"));
    let (authors, books) = match rng.u32(..6) {
        0 => (vec![authors], vec![]),
        _ => (vec![back(authors, "books")], vec![back(books, "authors")]),
    };
    let to_book = foreign_key(rng, &["book_id"], "books", &["id"]);
    let to_author = foreign_key(rng, &["author_id"], "authors", &["id"]);
    Schema {
        tables: json!([
            table("books", &[id(), label(), text("title")], &[]),
            table("authors", &[id(), label(), text("name")], &[]),
            table(
                "book_author",
                &[key("book_id", "integer"), key("author_id", "integer")],
                &[to_book, to_author],
            ),
        ]),
        entities: json!([entity("Book", "books", &authors), entity("Author", "authors", &books)]),
    }
}

fn self_many_to_many(rng: &mut Rng) -> Schema {
    let far = |name: &str, local: &str, remote: &str| {
        json!({"name": name, "target": "Person", "kind": "many_to_many", "secondary": "follows",
            "local": [local], "remote": [remote]})
    };
    let out = cascade_up(rng, far("follows", "from_id", "to_id"));
    let relationships = match rng.u32(..3) {
        0 => vec![out],
        _ => vec![back(out, "followers"), back(far("followers", "to_id", "from_id"), "follows")],
    };
    let from = foreign_key(rng, &["from_id"], "people", &["id"]);
    let to = foreign_key(rng, &["to_id"], "people", &["id"]);
    Schema {
        tables: json!([
            table("people", &[id(), label()], &[]),
            table("follows", &[key("from_id", "integer"), key("to_id", "integer")], &[from, to]),
        ]),
        entities: json!([entity("Person", "people", &relationships)]),
    }
}

fn association(rng: &mut Rng) -> Schema {
    let (books, mut links) = parent_and_child(
        rng,
        ("Book", "links"),
        ("BookAuthor", "book"),
        "one_to_many",
        &["book_id"],
    );
    let (authors, more) = parent_and_child(
        rng,
        ("Author", "links"),
        ("BookAuthor", "author"),
        "one_to_many",
        &["author_id"],
    );
    links.extend(more);
    let to_book = foreign_key(rng, &["book_id"], "books", &["id"]);
    let to_author = foreign_key(rng, &["author_id"], "authors", &["id"]);
    Schema {
        tables: json!([
            table("books", &[id(), label()], &[]),
            table("authors", &[id(), label()], &[]),
            table(
                "book_author",
                &[key("book_id", "integer"), key("author_id", "integer"), label(), text("role")],
                &[to_book, to_author],
            ),
        ]),
        entities: json!([
            entity("Book", "books", &books),
            entity("Author", "authors", &authors),
            entity("BookAuthor", "book_author", &links),
        ]),
    }
}

fn two_parents(rng: &mut Rng) -> Schema {
    parents(rng, &[("Team", "teams", "team"), ("Project", "projects", "project")])
}

fn three_parents(rng: &mut Rng) -> Schema {
    let all =
        [("Team", "teams", "team"), ("Project", "projects", "project"), ("Room", "rooms", "room")];
    parents(rng, &all)
}

/// Tasks with several parents.
fn parents(rng: &mut Rng, all: &[(&str, &str, &str)]) -> Schema {
    let (mut tables, mut entities) = (Vec::new(), Vec::new());
    let (mut columns, mut keys, mut up) = (vec![id(), label()], Vec::new(), Vec::new());
    for &(name, plural, singular) in all {
        let column = format!("{singular}_id");
        let (down, ups) =
            parent_and_child(rng, (name, "tasks"), ("Task", singular), "one_to_many", &[&column]);
        tables.push(table(plural, &[id(), label()], &[]));
        entities.push(entity(name, plural, &down));
        columns.push(reference(&column, "integer", rng.u32(..4) > 0));
        keys.push(foreign_key(rng, &[&column], plural, &["id"]));
        up.extend(ups);
    }
    tables.push(table("tasks", &columns, &keys));
    entities.push(entity("Task", "tasks", &up));
    Schema { tables: json!(tables), entities: json!(entities) }
}

fn one_to_one(rng: &mut Rng) -> Schema {
    let (people, passports) = parent_and_child(
        rng,
        ("Person", "passport"),
        ("Passport", "person"),
        "one_to_one",
        &["person_id"],
    );
    let to_person = foreign_key(rng, &["person_id"], "people", &["id"]);
    let mut column = reference("person_id", "integer", rng.bool());
    column["unique"] = json!(rng.u32(..3) == 0);
    Schema {
        tables: json!([
            table("people", &[id(), label()], &[]),
            table("passports", &[id(), label(), column], &[to_person]),
        ]),
        entities: json!([
            entity("Person", "people", &people),
            entity("Passport", "passports", &passports)
        ]),
    }
}

fn natural(rng: &mut Rng) -> Schema {
    let (mut users, mut addresses) = parent_and_child(
        rng,
        ("User", "addresses"),
        ("Address", "user"),
        "one_to_many",
        &["username"],
    );
    let mut to_user = foreign_key(rng, &["username"], "users", &["username"]);
    if rng.bool() {
        to_user["on_update"] = json!("cascade");
    } else {
        users
            .iter_mut()
            .chain(&mut addresses)
            .for_each(|one| one["passive_updates"] = json!(false));
    }
    let nullable = rng.bool();
    Schema {
        tables: json!([
            table("users", &[key("username", "text"), text("note")], &[]),
            table(
                "addresses",
                &[id(), label(), reference("username", "text", nullable)],
                &[to_user]
            ),
        ]),
        entities: json!([
            entity("User", "users", &users),
            entity("Address", "addresses", &addresses)
        ]),
    }
}

fn composite(rng: &mut Rng) -> Schema {
    let columns = ["region", "code"];
    let (plants, machines) =
        parent_and_child(rng, ("Plant", "machines"), ("Machine", "plant"), "one_to_many", &columns);
    let to_plant = foreign_key(rng, &columns, "plants", &columns);
    let nullable = rng.u32(..3) > 0;
    Schema {
        tables: json!([
            table("plants", &[key("region", "text"), key("code", "integer"), label()], &[]),
            table(
                "machines",
                &[
                    id(),
                    label(),
                    reference("region", "text", nullable),
                    reference("code", "integer", nullable),
                ],
                &[to_plant],
            ),
        ]),
        entities: json!([
            entity("Plant", "plants", &plants),
            entity("Machine", "machines", &machines)
        ]),
    }
}

/// A child whose key is that of its parent.
fn key_is_foreign_key(rng: &mut Rng) -> Schema {
    let (people, details) =
        parent_and_child(rng, ("Person", "detail"), ("Detail", "person"), "one_to_one", &["id"]);
    let to_person = foreign_key(rng, &["id"], "people", &["id"]);
    Schema {
        tables: json!([
            table("people", &[id(), label()], &[]),
            table("details", &[key("id", "integer"), label(), text("bio")], &[to_person]),
        ]),
        entities: json!([
            entity("Person", "people", &people),
            entity("Detail", "details", &details)
        ]),
    }
}

fn owner_side(rng: &mut Rng) -> Schema {
    let mut pref = relationship("pref", "Pref", "many_to_one", &["pref_id"]);
    match rng.u32(..4) {
        0 => pref["cascade"] = json!("save-update, delete"),
        1 => pref["cascade"] = json!("all"),
        2 => {
            pref["cascade"] = json!("all, delete-orphan");
            pref["single_parent"] = json!(true);
        }
        _ => {}
    }
    let to_pref = foreign_key(rng, &["pref_id"], "prefs", &["id"]);
    Schema {
        tables: json!([
            table("prefs", &[id(), label(), text("data")], &[]),
            table("users", &[id(), label(), reference("pref_id", "integer", true)], &[to_pref]),
        ]),
        entities: json!([entity("Pref", "prefs", &[]), entity("User", "users", &[pref])]),
    }
}

fn post_update(rng: &mut Rng) -> Schema {
    let mut next = relationship("next", "Link", "many_to_one", &["next_id"]);
    next["post_update"] = json!(true);
    let next = cascade_up(rng, next);
    let mut previous = relationship("previous", "Link", "one_to_many", &["next_id"]);
    previous["post_update"] = json!(true);
    let relationships = match rng.u32(..3) {
        0 => vec![back(next, "previous"), back(previous, "next")],
        _ => vec![next],
    };
    let to_next = foreign_key(rng, &["next_id"], "links", &["id"]);
    Schema {
        tables: json!([table(
            "links",
            &[id(), label(), reference("next_id", "integer", true)],
            &[to_next],
        )]),
        entities: json!([entity("Link", "links", &relationships)]),
    }
}

/// Two tables that point at each other.
fn mutual(rng: &mut Rng) -> Schema {
    let (mut persons, balls) = parent_and_child(
        rng,
        ("Person", "balls"),
        ("Ball", "person"),
        "one_to_many",
        &["person_id"],
    );
    let mut favorite = relationship("favorite", "Ball", "many_to_one", &["favorite_id"]);
    favorite["post_update"] = json!(rng.bool());
    persons.push(favorite);
    let to_ball = foreign_key(rng, &["favorite_id"], "balls", &["id"]);
    let to_person = foreign_key(rng, &["person_id"], "persons", &["id"]);
    Schema {
        tables: json!([
            table(
                "persons",
                &[id(), label(), reference("favorite_id", "integer", true)],
                &[to_ball],
            ),
            table("balls", &[id(), label(), reference("person_id", "integer", true)], &[to_person]),
        ]),
        entities: json!([entity("Person", "persons", &persons), entity("Ball", "balls", &balls)]),
    }
}

fn versioned(rng: &mut Rng) -> Schema {
    let (docs, pages) =
        parent_and_child(rng, ("Doc", "pages"), ("Page", "doc"), "one_to_many", &["doc_id"]);
    let to_doc = foreign_key(rng, &["doc_id"], "docs", &["id"]);
    let version = || reference("version", "integer", false);
    let mut doc = entity("Doc", "docs", &docs);
    let mut page = entity("Page", "pages", &pages);
    doc["version_column"] = json!("version");
    page["version_column"] = json!("version");
    Schema {
        tables: json!([
            table("docs", &[id(), label(), text("title"), version()], &[]),
            table(
                "pages",
                &[id(), label(), reference("doc_id", "integer", true), version()],
                &[to_doc],
            ),
        ]),
        entities: json!([doc, page]),
    }
}

/// A list, and another one of the same children that is only read.
fn viewonly(rng: &mut Rng) -> Schema {
    let (mut users, orders) =
        parent_and_child(rng, ("User", "orders"), ("Order", "user"), "one_to_many", &["user_id"]);
    let mut seen = relationship("seen", "Order", "one_to_many", &["user_id"]);
    seen["viewonly"] = json!(true);
    users.push(seen);
    let to_user = foreign_key(rng, &["user_id"], "users", &["id"]);
    Schema {
        tables: json!([
            table("users", &[id(), label()], &[]),
            table("orders", &[id(), label(), reference("user_id", "integer", true)], &[to_user]),
        ]),
        entities: json!([entity("User", "users", &users), entity("Order", "orders", &orders)]),
    }
}

/// A foreign key to a unique column that is not the key.
fn unique_reference(rng: &mut Rng) -> Schema {
    let (countries, cities) = parent_and_child(
        rng,
        ("Country", "cities"),
        ("City", "country"),
        "one_to_many",
        &["country"],
    );
    let to_country = foreign_key(rng, &["country"], "countries", &["iso"]);
    let mut iso = text("iso");
    iso["unique"] = json!(true);
    let cities: Vec<Json> = cities.into_iter().map(|one| rename(one, "country", "land")).collect();
    let countries: Vec<Json> =
        countries.into_iter().map(|one| rename(one, "country", "land")).collect();
    Schema {
        tables: json!([
            table("countries", &[id(), label(), iso], &[]),
            table("cities", &[id(), label(), reference("country", "text", true)], &[to_country]),
        ]),
        entities: json!([
            entity("Country", "countries", &countries),
            entity("City", "cities", &cities)
        ]),
    }
}

/// A relationship must not have the name of a column.
fn rename(mut relationship: Json, from: &str, to: &str) -> Json {
    for field in ["name", "back_populates"] {
        if relationship[field] == json!(from) {
            relationship[field] = json!(to);
        }
    }
    relationship
}
