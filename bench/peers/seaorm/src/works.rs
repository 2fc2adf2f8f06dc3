//! The works.

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use sea_orm::ActiveValue::{NotSet, Set, Unchanged};
use sea_orm::sea_query::Query;
use sea_orm::{
    ActiveModelTrait, ColumnTrait as _, ConnectionTrait as _, DatabaseConnection,
    DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel, LoaderTrait as _,
    PrimaryKeyTrait, QueryFilter as _, QueryOrder as _, TransactionTrait as _,
};

use crate::data;
use crate::entities::{item, item_tag, labelled, order, tag, user};

/// Rows of one INSERT: SQLite takes 32,766 parameters, the others 65,535.
const ROWS: usize = 5_000;

/// The time, the number of objects loaded, and the sum over them.
type Answer = Result<(Duration, i64, i64), Box<dyn Error>>;

/// Does a work; none if it does not know it.
pub async fn run(
    work: &str,
    db: &DatabaseConnection,
) -> Result<Option<(Duration, i64, i64)>, Box<dyn Error>> {
    let answer = match work {
        "W1" => insert_graph(db).await,
        "W2" => load_graph(db).await,
        "W3" => change_items(db, 1).await,
        "W4" => change_items(db, data::CHANGED_EVERY).await,
        "W5" => delete_users(db).await,
        "W6" => fetch_and_change(db).await,
        "W7" => link_tags(db).await,
        "W8" => merge_orders(db).await,
        _ => return Ok(None),
    };
    answer.map(Some)
}

async fn insert_graph(db: &DatabaseConnection) -> Answer {
    let users: Vec<user::ActiveModel> = (1..=data::USERS)
        .map(|user| user::ActiveModel {
            id: NotSet,
            name: Set(format!("user {user}")),
            email: Set(format!("user.{user}@example.org")),
        })
        .collect();

    let start = Instant::now();
    let transaction = db.begin().await?;
    let users = insert::<user::Entity, _>(&transaction, users).await?;
    let (mut orders, mut numbers) = (Vec::new(), Vec::new());
    for (user_id, user) in users.into_iter().zip(1..) {
        for order in 0..data::ORDERS {
            let number = data::order_number(user, order);
            numbers.push(number);
            orders.push(order::ActiveModel {
                id: NotSet,
                number: Set(number),
                user_id: Set(user_id),
            });
        }
    }
    let orders = insert::<order::Entity, _>(&transaction, orders).await?;
    let mut items = Vec::new();
    for (order_id, number) in orders.into_iter().zip(numbers) {
        for item in 0..data::ITEMS {
            let (name, quantity, price) = data::item(number, item);
            items.push(item::ActiveModel {
                id: NotSet,
                name: Set(name),
                quantity: Set(quantity),
                price: Set(price),
                order_id: Set(order_id),
            });
        }
    }
    for rows in items.chunks(ROWS) {
        insert::<item::Entity, _>(&transaction, rows.to_vec()).await?;
    }
    transaction.commit().await?;
    Ok((start.elapsed(), 0, 0))
}

/// Inserts rows, and answers their keys. For MariaDB, SeaORM knows the key of the first one only:
/// those of a statement are consecutive.
async fn insert<E, A>(
    transaction: &DatabaseTransaction,
    rows: Vec<A>,
) -> Result<Vec<i64>, Box<dyn Error>>
where
    E: EntityTrait<PrimaryKey: PrimaryKeyTrait<ValueType = i64>, Model: IntoActiveModel<A>>,
    A: ActiveModelTrait<Entity = E>,
{
    let count = rows.len() as i64;
    let insert = E::insert_many(rows);
    if transaction.get_database_backend() != DbBackend::MySql {
        return Ok(insert.exec_with_returning_keys(transaction).await?);
    }
    let first = insert.exec(transaction).await?.last_insert_id.ok_or("no key was made")?;
    Ok((first..first + count).collect())
}

async fn load_graph(db: &DatabaseConnection) -> Answer {
    let start = Instant::now();
    let users = user::Entity::find().all(db).await?;
    let orders = users.load_many(order::Entity, db).await?;
    let counts: Vec<usize> = orders.iter().map(Vec::len).collect();
    let orders: Vec<order::Model> = orders.into_iter().flatten().collect();
    let items = orders.load_many(item::Entity, db).await?;
    let mut orders = orders.into_iter().zip(items);
    let graph: Vec<(user::Model, Vec<(order::Model, Vec<item::Model>)>)> = users
        .into_iter()
        .zip(counts)
        .map(|(user, count)| (user, orders.by_ref().take(count).collect()))
        .collect();
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

async fn change_items(db: &DatabaseConnection, every: usize) -> Answer {
    let start = Instant::now();
    let items = item::Entity::find().all(db).await?;
    let transaction = db.begin().await?;
    for item in items.into_iter().step_by(every) {
        let quantity = item.quantity + 1;
        let mut item = item.into_active_model();
        item.quantity = Set(quantity);
        item.update(&transaction).await?;
    }
    transaction.commit().await?;
    Ok((start.elapsed(), 0, 0))
}

async fn delete_users(db: &DatabaseConnection) -> Answer {
    let users = user::Entity::find().order_by_asc(user::Column::Id).all(db).await?;

    let start = Instant::now();
    let keys: Vec<i64> = users.iter().step_by(data::DELETED_EVERY).map(|user| user.id).collect();
    let transaction = db.begin().await?;
    let orders = Query::select()
        .column(order::Column::Id)
        .from(order::Entity)
        .and_where(order::Column::UserId.is_in(keys.clone()))
        .to_owned();
    item::Entity::delete_many()
        .filter(item::Column::OrderId.in_subquery(orders))
        .exec(&transaction)
        .await?;
    order::Entity::delete_many()
        .filter(order::Column::UserId.is_in(keys.clone()))
        .exec(&transaction)
        .await?;
    user::Entity::delete_many().filter(user::Column::Id.is_in(keys)).exec(&transaction).await?;
    transaction.commit().await?;
    Ok((start.elapsed(), 0, 0))
}

async fn fetch_and_change(db: &DatabaseConnection) -> Answer {
    let start = Instant::now();
    for key in data::fetched_keys() {
        let user = user::Entity::find_by_id(key).one(db).await?.ok_or("a user is missing")?;
        let mut user = user.into_active_model();
        user.name = Set(format!("renamed {key}"));
        user.update(db).await?;
    }
    Ok((start.elapsed(), 0, 0))
}

async fn link_tags(db: &DatabaseConnection) -> Answer {
    let items = labelled::Entity::find().order_by_asc(labelled::Column::Id).all(db).await?;
    let tags = tag::Entity::find().order_by_asc(tag::Column::Id).all(db).await?;

    let start = Instant::now();
    let mut links = Vec::new();
    for (index, item) in items.iter().enumerate() {
        for tag in data::tags_of(index) {
            links.push(item_tag::ActiveModel { item_id: Set(item.id), tag_id: Set(tags[tag].id) });
        }
    }
    item_tag::Entity::insert_many(links).exec_without_returning(db).await?;
    let transaction = db.begin().await?;
    for (index, item) in items.iter().enumerate() {
        let gone = data::unlinked_tags_of(index).map(|tag| tags[tag].id);
        item_tag::Entity::delete_many()
            .filter(item_tag::Column::ItemId.eq(item.id))
            .filter(item_tag::Column::TagId.is_in(gone))
            .exec(&transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok((start.elapsed(), 0, 0))
}

async fn merge_orders(db: &DatabaseConnection) -> Answer {
    let baskets = baskets();

    let start = Instant::now();
    let keys = baskets.iter().map(|(id, _, _)| *id);
    let orders = order::Entity::find().filter(order::Column::Id.is_in(keys)).all(db).await?;
    let items = orders.load_many(item::Entity, db).await?;
    let numbers: HashMap<i64, i64> = orders.iter().map(|order| (order.id, order.number)).collect();
    let stored: HashMap<i64, item::Model> =
        items.into_iter().flatten().map(|item| (item.id, item)).collect();
    let transaction = db.begin().await?;
    for (id, number, items) in baskets {
        if numbers.get(&id) != Some(&number) {
            let order =
                order::ActiveModel { id: Unchanged(id), number: Set(number), user_id: NotSet };
            order.update(&transaction).await?;
        }
        for item in items {
            let before = stored.get(&item.id).ok_or("an item is missing")?;
            if *before != item {
                let mut active = before.clone().into_active_model();
                active.set_if_not_equals(item::Column::Name, item.name.into());
                active.set_if_not_equals(item::Column::Quantity, item.quantity.into());
                active.set_if_not_equals(item::Column::Price, item.price.into());
                active.update(&transaction).await?;
            }
        }
    }
    transaction.commit().await?;
    Ok((start.elapsed(), 0, 0))
}

/// The detached orders of W8: keys, numbers and items.
fn baskets() -> Vec<(i64, i64, Vec<item::Model>)> {
    (0..data::BASKETS)
        .map(|place| {
            let (order_id, number) = (place + 1, data::order_number(1, place));
            let items = (0..data::BASKET_ITEMS).map(|item| {
                let (name, quantity, price) = data::item(number, item);
                let (id, quantity) = (place * data::BASKET_ITEMS + item + 1, quantity + place % 2);
                item::Model { id, name, quantity, price, order_id }
            });
            (order_id, number, items.collect())
        })
        .collect()
}
