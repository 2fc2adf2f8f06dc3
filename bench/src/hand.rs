//! The works by hand: the bare drivers, in the forms that are fastest on each database.

mod mariadb;
mod merge;
mod postgres;
mod sqlite;

use crate::contender::{Run, Seen};
use crate::database::Database;
use crate::place::Place;
use crate::work::Job;
use crate::{Failure, data};

pub use mariadb::load_for_memory as load_mariadb;
pub use postgres::load_for_memory as load_postgres;
pub use sqlite::load_for_memory as load_sqlite;

/// A row of the table of users, with its orders where they are loaded.
#[derive(Debug)]
pub struct User {
    id: i64,
    name: String,
    email: String,
    orders: Vec<Order>,
}

/// A row of the table of orders, with its items where they are loaded.
#[derive(Debug)]
pub struct Order {
    id: i64,
    number: i64,
    items: Vec<Item>,
}

/// A row of the table of items.
#[derive(Debug)]
pub struct Item {
    id: i64,
    name: String,
    quantity: i64,
    price: i64,
}

/// Does a work on a database.
pub fn run(job: Job, place: &Place) -> Result<Run, Failure> {
    match place.database {
        Database::Sqlite => sqlite::run(job, place),
        Database::Postgres => postgres::run(job, place),
        Database::Mariadb => mariadb::run(job, place),
    }
}

/// New users with all below them.
fn new_users(users: i64) -> Vec<User> {
    (1..=users).map(new_user).collect()
}

fn new_user(user: i64) -> User {
    let item = |number, index| Item {
        id: 0,
        name: data::item_name(number, index),
        quantity: data::item_quantity(number, index),
        price: data::item_price(number, index),
    };
    let order = |order| {
        let number = data::order_number(user, order);
        let items = (0..data::ITEMS).map(|index| item(number, index)).collect();
        Order { id: 0, number, items }
    };
    User {
        id: 0,
        name: data::user_name(user),
        email: data::user_email(user),
        orders: (0..data::ORDERS).map(order).collect(),
    }
}

/// The orders of users, each with the key of its user.
fn orders_of(users: &mut [User]) -> Vec<(i64, &mut Order)> {
    users.iter_mut().flat_map(|user| user.orders.iter_mut().map(|order| (user.id, order))).collect()
}

/// The items of orders, each with the key of its order.
fn items_of<'a>(orders: &'a mut [(i64, &mut Order)]) -> Vec<(i64, &'a mut Item)> {
    orders
        .iter_mut()
        .flat_map(|(_, order)| order.items.iter_mut().map(|item| (order.id, item)))
        .collect()
}

/// Counts what is loaded.
fn seen(users: Vec<User>) -> Seen {
    let mut seen = Seen::default();
    for user in users {
        seen.count(user.name.len() as i64 + user.email.len() as i64);
        for order in user.orders {
            seen.count(order.number);
            for item in order.items {
                seen.count(item.name.len() as i64 + item.quantity + item.price);
            }
        }
    }
    seen
}

/// Parents that are read in the order of their keys, and then found by those who belong to them.
#[derive(Default)]
struct Parents {
    before: usize,
}

impl Parents {
    /// Finds a parent by its key: mostly it is the one of the row before.
    fn find<T>(
        &mut self,
        parents: &[T],
        key: i64,
        key_of: impl Fn(&T) -> i64,
    ) -> Result<usize, Failure> {
        if parents.get(self.before).is_none_or(|parent| key_of(parent) != key) {
            self.before = parents
                .binary_search_by_key(&key, key_of)
                .map_err(|_| Failure::from("a parent is missing"))?;
        }
        Ok(self.before)
    }
}

/// Puts orders into their users.
fn nest(users: &mut [User], orders: Vec<Order>, owners: Vec<usize>) {
    for (order, owner) in orders.into_iter().zip(owners) {
        users[owner].orders.push(order);
    }
}

/// The links that W7 makes, and those that it removes again, as keys of items and of tags.
fn links(items: &[i64], tags: &[i64]) -> (Vec<i64>, Vec<i64>) {
    let links = items.iter().enumerate();
    links.flat_map(|(index, &item)| data::tags_of(index).map(|tag| (item, tags[tag]))).unzip()
}

fn unlinks(items: &[i64], tags: &[i64]) -> (Vec<i64>, Vec<i64>) {
    let links = items.iter().enumerate();
    links
        .flat_map(|(index, &item)| data::unlinked_tags_of(index).map(|tag| (item, tags[tag])))
        .unzip()
}
