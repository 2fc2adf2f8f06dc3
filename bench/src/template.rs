//! Templates: what is in a database before a work, as statements that any database takes.
//!
//! All rows are written with their keys, counted from 1, so that a work may know them.

use entail::{Mapping, MappingErrors};
use entail_engine::ddl;
use entail_engine::sql::Dialect;

use crate::data;
use crate::schema::{labels, shop};

/// What is in a database before a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Template {
    /// The tables of users, orders and items.
    EmptyShop,
    /// The same with the graph of W1 in them.
    Shop {
        /// How many users there are.
        users: i64,
    },
    /// The same with users only.
    Users,
    /// The same with one user, and orders of many items.
    Baskets,
    /// Items and tags without links.
    Labels,
}

impl Template {
    /// A name for its database.
    pub fn name(self) -> String {
        match self {
            Template::EmptyShop => "empty".into(),
            Template::Shop { users } => format!("shop{users}"),
            Template::Users => "users".into(),
            Template::Baskets => "baskets".into(),
            Template::Labels => "labels".into(),
        }
    }

    /// Its mapping.
    pub fn mapping(self) -> Result<Mapping, MappingErrors> {
        match self {
            Template::Labels => labels::mapping(),
            _ => shop::mapping(),
        }
    }

    /// Its tables, parents first.
    pub fn tables(self) -> &'static [&'static str] {
        match self {
            Template::Labels => &["items", "tags", "item_tags"],
            _ => &["users", "orders", "items"],
        }
    }

    /// Those of them whose keys are generated.
    pub fn generated(self) -> &'static [&'static str] {
        match self {
            Template::Labels => &["items", "tags"],
            _ => &["users", "orders", "items"],
        }
    }

    /// The statements that make its tables: what `create_all` runs.
    pub fn schema(self, dialect: Dialect) -> Result<Vec<String>, MappingErrors> {
        Ok(ddl::create_all(&self.mapping()?, dialect))
    }

    /// The statements that fill its tables.
    pub fn rows(self) -> Vec<String> {
        match self {
            Template::EmptyShop => Vec::new(),
            Template::Shop { users } => graph(users, data::ORDERS, data::ITEMS),
            Template::Baskets => graph(1, data::BASKETS, data::BASKET_ITEMS),
            Template::Users => {
                let users = (1..=data::FETCHES).map(user);
                inserts("users (id, name, email)", users)
            }
            Template::Labels => {
                let items = (1..=data::LABELLED).map(|item| format!("({item}, 'item {item}')"));
                let mut statements = inserts("items (id, name)", items);
                let tags = (1..=data::TAGS).map(|tag| format!("({tag}, 'tag {tag}')"));
                statements.extend(inserts("tags (id, name)", tags));
                statements
            }
        }
    }
}

fn user(user: i64) -> String {
    format!("({user}, '{}', '{}')", data::user_name(user), data::user_email(user))
}

/// Users with so many orders each, of so many items each.
fn graph(users: i64, orders_each: i64, items_each: i64) -> Vec<String> {
    let mut statements = inserts("users (id, name, email)", (1..=users).map(user));
    let (mut orders, mut items) = (Vec::new(), Vec::new());
    for user in 1..=users {
        for place in 0..orders_each {
            let number = data::order_number(user, place);
            let order = orders.len() + 1;
            orders.push(format!("({order}, {number}, {user})"));
            for place in 0..items_each {
                let item = items.len() + 1;
                let name = data::item_name(number, place);
                let quantity = data::item_quantity(number, place);
                let price = data::item_price(number, place);
                items.push(format!("({item}, '{name}', {quantity}, {price}, {order})"));
            }
        }
    }
    statements.extend(inserts("orders (id, number, user_id)", orders.into_iter()));
    statements.extend(inserts("items (id, name, quantity, price, order_id)", items.into_iter()));
    statements
}

/// INSERTs of many rows each.
fn inserts(into: &str, rows: impl Iterator<Item = String>) -> Vec<String> {
    const ROWS: usize = 1_000;
    let rows: Vec<String> = rows.collect();
    rows.chunks(ROWS).map(|rows| format!("INSERT INTO {into} VALUES {}", rows.join(", "))).collect()
}
