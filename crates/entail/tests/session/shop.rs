//! A shop: users with orders of items, tags on items, and profiles.

use std::ops::Deref;

use entail::ValueRef;
use entail::blocking::{Database, Session};
use entail::prelude::*;

use super::database::Place;

#[derive(Entity)]
#[entity(table = "users")]
pub struct User {
    #[key]
    pub id: Auto<i64>,
    #[column(unique, length = 50)]
    pub name: String,
    #[has_many(Order::USER, cascade = "all, delete-orphan")]
    pub orders: HasMany<Order>,
    #[has_one(Profile::USER, cascade = "all, delete-orphan")]
    pub profile: HasOne<Profile>,
}

#[derive(Entity)]
#[entity(table = "profiles")]
pub struct Profile {
    #[key]
    pub id: Auto<i64>,
    pub bio: Option<String>,
    #[belongs_to(column = "user_id", back_populates = User::PROFILE, unique)]
    pub user: BelongsTo<User>,
}

#[derive(Entity)]
#[entity(table = "orders")]
pub struct Order {
    #[key]
    pub id: Auto<i64>,
    pub note: Option<String>,
    #[belongs_to(column = "user_id", back_populates = User::ORDERS)]
    pub user: BelongsTo<User>,
    #[has_many(Item::ORDER, cascade = "all, delete-orphan", order_by = "name desc")]
    pub items: HasMany<Item>,
}

#[derive(Entity)]
#[entity(table = "items")]
pub struct Item {
    #[key]
    pub id: Auto<i64>,
    #[column(check = "length(name) > 0")]
    pub name: String,
    #[version]
    pub version: Auto<i64>,
    #[belongs_to(column = "order_id", back_populates = Order::ITEMS)]
    pub order: BelongsTo<Order>,
    #[many_to_many(table = "item_tags", local = "item_id", remote = "tag", back_populates = Tag::ITEMS)]
    pub tags: ManyToMany<Tag>,
}

#[derive(Entity)]
#[entity(table = "tags")]
pub struct Tag {
    #[key]
    pub name: String,
    #[many_to_many(table = "item_tags", local = "tag", remote = "item_id", back_populates = Item::TAGS)]
    pub items: ManyToMany<Item>,
}

/// A library whose books stay when it goes.
#[derive(Entity)]
#[entity(table = "libraries")]
pub struct Library {
    #[key]
    pub id: Auto<i64>,
    pub name: String,
    #[has_many(Book::LIBRARY)]
    pub books: HasMany<Book>,
}

#[derive(Entity)]
#[entity(table = "books")]
pub struct Book {
    #[key]
    pub id: Auto<i64>,
    pub title: String,
    #[belongs_to(column = "library_id", back_populates = Library::BOOKS)]
    pub library: BelongsTo<Option<Library>>,
}

pub fn mapping() -> Mapping {
    mapping![User, Profile, Order, Item, Tag, Library, Book].expect("the shop's mapping is right")
}

/// A shop, open as long as the test needs it.
pub struct Shop {
    db: Database,
    _place: Place,
}

impl Deref for Shop {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.db
    }
}

fn open(place: Place) -> Shop {
    let db = Database::connect(&place.url, mapping()).expect("the database is there");
    db.create_all().expect("the tables are new");
    Shop { db, _place: place }
}

/// A new shop for one session at a time.
pub fn shop() -> Shop {
    open(Place::small())
}

/// A new shop for several sessions at the same time.
pub fn shared_shop() -> Shop {
    open(Place::shared())
}

pub fn user(name: &str) -> User {
    User { id: auto(), name: name.into(), orders: unset(), profile: unset() }
}

pub fn order(note: &str, items: &[&str]) -> Order {
    let items = items.iter().map(|name| item(name)).collect();
    Order { id: auto(), note: Some(note.into()), user: unset(), items }
}

pub fn item(name: &str) -> Item {
    Item { id: auto(), name: name.into(), version: auto(), order: unset(), tags: unset() }
}

/// Ed, who has one order of two items, committed.
pub fn ed(session: &mut Session) -> Handle<User> {
    let ed = session.add(User {
        id: auto(),
        name: "ed".into(),
        orders: many![order("first", &["nut", "bolt"])],
        profile: unset(),
    });
    session.commit().expect("the shop is empty");
    ed
}

/// An item that ed has ordered; nothing of it is flushed.
pub fn nut(session: &mut Session) -> Handle<Item> {
    let ed = session.add(user("ed"));
    let order = session.push(ed, User::ORDERS, order("o", &["nut"]));
    session.many(order, Order::ITEMS).expect("its items are known")[0]
}

/// The number that a query gives.
pub fn count(session: &mut Session, sql: &str) -> i64 {
    let autoflush = session.set_autoflush(false);
    let found = session.execute(sql, []).expect("the query is right");
    session.set_autoflush(autoflush);
    match found.rows.value(0, 0) {
        Some(ValueRef::Int(number)) => number,
        other => panic!("no number: {other:?}"),
    }
}
