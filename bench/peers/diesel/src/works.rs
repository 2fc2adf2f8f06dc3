//! The works, once for each of Diesel's connections.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use diesel::prelude::*;

use crate::schema::*;
use crate::{Answer, data};

/// Rows of one INSERT: SQLite takes 32,766 parameters, the others 65,535.
const ROWS: usize = 5_000;

/// Runs a batch of INSERTs in PostgreSQL, which returns the keys.
macro_rules! insert_returning {
    ($db:expr, $table:ident, $rows:expr) => {{
        let mut keys: Vec<i64> = Vec::new();
        for rows in $rows.chunks(ROWS) {
            keys.extend(
                diesel::insert_into($table::table)
                    .values(rows)
                    .returning($table::id)
                    .get_results::<i64>($db)?,
            );
        }
        keys
    }};
}

/// Runs a batch of INSERTs in MariaDB, for which Diesel has no RETURNING: the keys of a statement
/// are consecutive.
macro_rules! insert_from_first {
    ($db:expr, $table:ident, $rows:expr) => {{
        let mut keys: Vec<i64> = Vec::new();
        for rows in $rows.chunks(ROWS) {
            diesel::insert_into($table::table).values(rows).execute($db)?;
            let first = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
                "CAST(last_insert_id() AS SIGNED)",
            ))
            .get_result::<i64>($db)?;
            keys.extend(first..first + rows.len() as i64);
        }
        keys
    }};
}

/// Runs a batch of INSERTs in SQLite, where Diesel sends a batch row by row if the keys are to be
/// returned: the keys of a statement are consecutive.
macro_rules! insert_to_last {
    ($db:expr, $table:ident, $rows:expr) => {{
        let mut keys: Vec<i64> = Vec::new();
        for rows in $rows.chunks(ROWS) {
            diesel::insert_into($table::table).values(rows).execute($db)?;
            let last = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
                "last_insert_rowid()",
            ))
            .get_result::<i64>($db)?;
            keys.extend(last - rows.len() as i64 + 1..=last);
        }
        keys
    }};
}

macro_rules! works {
    ($module:ident, $connection:ty, $insert:ident) => {
        pub mod $module {
            use super::*;

            /// Does a work; none if it does not know it.
            pub fn run(
                work: &str,
                db: &mut $connection,
            ) -> Result<Option<(Duration, i64, i64)>, Box<dyn std::error::Error>> {
                match work {
                    "W1" => insert_graph(db),
                    "W2" => load_graph(db),
                    "W3" => change_items(db, 1),
                    "W4" => change_items(db, data::CHANGED_EVERY),
                    "W5" => delete_users(db),
                    "W6" => fetch_and_change(db),
                    "W7" => link_tags(db),
                    "W8" => merge_orders(db),
                    _ => return Ok(None),
                }
                .map(Some)
            }

            fn insert_graph(db: &mut $connection) -> Answer {
                let new_user = |user| NewUser {
                    name: format!("user {user}"),
                    email: format!("user.{user}@example.org"),
                };
                let users: Vec<NewUser> = (1..=data::USERS).map(new_user).collect();

                let start = Instant::now();
                db.transaction(|db| {
                    let users = $insert!(db, users, users);
                    let mut orders = Vec::new();
                    for (user_id, user) in users.iter().zip(1..) {
                        for order in 0..data::ORDERS {
                            let number = data::order_number(user, order);
                            orders.push(NewOrder { number, user_id: *user_id });
                        }
                    }
                    let keys = $insert!(db, orders, orders);
                    let mut items = Vec::new();
                    for (order, order_id) in orders.iter().zip(&keys) {
                        for item in 0..data::ITEMS {
                            let (name, quantity, price) = data::item(order.number, item);
                            items.push(NewItem { name, quantity, price, order_id: *order_id });
                        }
                    }
                    $insert!(db, items, items);
                    QueryResult::Ok(())
                })?;
                Ok((start.elapsed(), 0, 0))
            }

            fn load_graph(db: &mut $connection) -> Answer {
                let start = Instant::now();
                let users = users::table.select(User::as_select()).load(db)?;
                let orders = Order::belonging_to(&users).select(Order::as_select()).load(db)?;
                let items = Item::belonging_to(&orders).select(Item::as_select()).load(db)?;
                let items = items.grouped_by(&orders);
                let orders = orders.into_iter().zip(items).grouped_by(&users);
                let graph: Vec<(User, Vec<(Order, Vec<Item>)>)> =
                    users.into_iter().zip(orders).collect();
                let took = start.elapsed();

                let (mut objects, mut sum) = (0, 0);
                for (user, orders) in graph {
                    objects += 1;
                    sum += (user.name.len() + user.email.len()) as i64;
                    for (order, items) in orders {
                        objects += 1;
                        sum += order.number;
                        for item in items {
                            objects += 1;
                            sum += item.name.len() as i64 + item.quantity + item.price;
                        }
                    }
                }
                Ok((took, objects, sum))
            }

            fn change_items(db: &mut $connection, every: usize) -> Answer {
                let start = Instant::now();
                let mut items = items::table.select(Item::as_select()).load(db)?;
                db.transaction(|db| {
                    for item in items.iter_mut().step_by(every) {
                        item.quantity += 1;
                        diesel::update(items::table.find(item.id))
                            .set(items::quantity.eq(item.quantity))
                            .execute(db)?;
                    }
                    QueryResult::Ok(())
                })?;
                Ok((start.elapsed(), 0, 0))
            }

            fn delete_users(db: &mut $connection) -> Answer {
                let users = users::table.order(users::id).select(User::as_select()).load(db)?;

                let start = Instant::now();
                let keys: Vec<i64> =
                    users.iter().step_by(data::DELETED_EVERY).map(|user| user.id).collect();
                db.transaction(|db| {
                    let orders_of = orders::table.filter(orders::user_id.eq_any(&keys));
                    diesel::delete(
                        items::table.filter(items::order_id.eq_any(orders_of.select(orders::id))),
                    )
                    .execute(db)?;
                    diesel::delete(orders::table.filter(orders::user_id.eq_any(&keys)))
                        .execute(db)?;
                    diesel::delete(users::table.filter(users::id.eq_any(&keys))).execute(db)?;
                    QueryResult::Ok(())
                })?;
                Ok((start.elapsed(), 0, 0))
            }

            fn fetch_and_change(db: &mut $connection) -> Answer {
                let start = Instant::now();
                for key in data::fetched_keys() {
                    let mut user =
                        users::table.find(key).select(User::as_select()).first::<User>(db)?;
                    user.name = format!("renamed {key}");
                    diesel::update(users::table.find(user.id))
                        .set(users::name.eq(&user.name))
                        .execute(db)?;
                }
                Ok((start.elapsed(), 0, 0))
            }

            fn link_tags(db: &mut $connection) -> Answer {
                let items: Vec<i64> = items::table.order(items::id).select(items::id).load(db)?;
                let tags: Vec<i64> = tags::table.order(tags::id).select(tags::id).load(db)?;

                let start = Instant::now();
                let links: Vec<NewLink> = items
                    .iter()
                    .enumerate()
                    .flat_map(|(index, item)| {
                        data::tags_of(index)
                            .map(|tag| NewLink { item_id: *item, tag_id: tags[tag] })
                    })
                    .collect();
                db.transaction(|db| {
                    for links in links.chunks(ROWS) {
                        diesel::insert_into(item_tags::table).values(links).execute(db)?;
                    }
                    QueryResult::Ok(())
                })?;
                db.transaction(|db| {
                    for (index, item) in items.iter().enumerate() {
                        let gone = data::unlinked_tags_of(index).map(|tag| tags[tag]);
                        diesel::delete(
                            item_tags::table
                                .filter(item_tags::item_id.eq(item))
                                .filter(item_tags::tag_id.eq_any(gone)),
                        )
                        .execute(db)?;
                    }
                    QueryResult::Ok(())
                })?;
                Ok((start.elapsed(), 0, 0))
            }

            fn merge_orders(db: &mut $connection) -> Answer {
                let baskets: Vec<(i64, i64, Vec<Item>)> = baskets();

                let start = Instant::now();
                let keys: Vec<i64> = baskets.iter().map(|(id, _, _)| *id).collect();
                let orders = orders::table
                    .filter(orders::id.eq_any(&keys))
                    .select(Order::as_select())
                    .load(db)?;
                let items = Item::belonging_to(&orders).select(Item::as_select()).load(db)?;
                let numbers: HashMap<i64, i64> =
                    orders.iter().map(|order| (order.id, order.number)).collect();
                let stored: HashMap<i64, &Item> =
                    items.iter().map(|item| (item.id, item)).collect();
                db.transaction(|db| {
                    for (id, number, items) in &baskets {
                        if numbers.get(id) != Some(number) {
                            diesel::update(orders::table.find(id))
                                .set(orders::number.eq(number))
                                .execute(db)?;
                        }
                        for item in items.iter().filter(|item| stored.get(&item.id) != Some(item)) {
                            diesel::update(items::table.find(item.id)).set(item).execute(db)?;
                        }
                    }
                    QueryResult::Ok(())
                })?;
                Ok((start.elapsed(), 0, 0))
            }
        }
    };
}

works!(sqlite, SqliteConnection, insert_to_last);
works!(postgres, PgConnection, insert_returning);
works!(mariadb, MysqlConnection, insert_from_first);

/// The detached orders of W8: keys, numbers and items.
fn baskets() -> Vec<(i64, i64, Vec<Item>)> {
    (0..data::BASKETS)
        .map(|place| {
            let (order_id, number) = (place + 1, data::order_number(1, place));
            let items = (0..data::BASKET_ITEMS).map(|item| {
                let (name, quantity, price) = data::item(number, item);
                let (id, quantity) = (place * data::BASKET_ITEMS + item + 1, quantity + place % 2);
                Item { id, name, quantity, price, order_id }
            });
            (order_id, number, items.collect())
        })
        .collect()
}
