//! The works.

use std::error::Error;
use std::time::{Duration, Instant};

use toasty::Db;

use crate::data;
use crate::models::{Item, Order, User, labels};

/// Rows of one INSERT: SQLite takes 32,766 parameters, the others 65,535.
const ROWS: usize = 5_000;

/// The time, the number of objects loaded, and the sum over them.
type Answer = Result<(Duration, i64, i64), Box<dyn Error>>;

/// Does a work; none if it does not know it.
pub async fn run(work: &str, db: &mut Db) -> Result<Option<(Duration, i64, i64)>, Box<dyn Error>> {
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

async fn insert_graph(db: &mut Db) -> Answer {
    let start = Instant::now();
    let mut transaction = db.transaction().await?;
    let mut users = User::create_many();
    for user in 1..=data::USERS {
        let email = format!("user.{user}@example.org");
        users = users.item(User::create().name(format!("user {user}")).email(email));
    }
    let users = users.exec(&mut transaction).await?;
    let mut orders = Order::create_many();
    for (user, number) in users.iter().zip(1..) {
        for order in 0..data::ORDERS {
            let number = data::order_number(number, order);
            orders = orders.item(Order::create().number(number).user_id(user.id));
        }
    }
    let orders = orders.exec(&mut transaction).await?;
    for orders in orders.chunks(ROWS / data::ITEMS as usize) {
        let mut items = Item::create_many();
        for order in orders {
            for item in 0..data::ITEMS {
                let (name, quantity, price) = data::item(order.number, item);
                let item = Item::create().name(name).quantity(quantity).price(price);
                items = items.item(item.order_id(order.id));
            }
        }
        items.exec(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok((start.elapsed(), 0, 0))
}

async fn load_graph(db: &mut Db) -> Answer {
    let start = Instant::now();
    let users = User::all().include(User::fields().orders().items()).exec(db).await?;
    let took = start.elapsed();

    let (mut objects, mut sum) = (0, 0);
    for user in &users {
        objects += 1;
        sum += (user.name.len() + user.email.len()) as i64;
        for order in user.orders.get() {
            objects += 1;
            sum += order.number;
            for item in order.items.get() {
                objects += 1;
                sum += item.name.len() as i64 + item.quantity + item.price;
            }
        }
    }
    Ok((took, objects, sum))
}

async fn change_items(db: &mut Db, every: usize) -> Answer {
    let start = Instant::now();
    let mut items = Item::all().exec(db).await?;
    let mut transaction = db.transaction().await?;
    for item in items.iter_mut().step_by(every) {
        let quantity = item.quantity + 1;
        item.update().quantity(quantity).exec(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok((start.elapsed(), 0, 0))
}

async fn delete_users(db: &mut Db) -> Answer {
    let users = User::all().order_by(User::fields().id().asc()).exec(db).await?;

    let start = Instant::now();
    let users: Vec<i64> = users.iter().step_by(data::DELETED_EVERY).map(|user| user.id).collect();
    let mut transaction = db.transaction().await?;
    let orders = Order::filter(Order::fields().user_id().in_list(users.clone()));
    let orders: Vec<i64> =
        orders.exec(&mut transaction).await?.iter().map(|order| order.id).collect();
    let items = Item::filter(Item::fields().order_id().in_list(orders.clone()));
    items.delete().exec(&mut transaction).await?;
    let orders = Order::filter(Order::fields().id().in_list(orders));
    orders.delete().exec(&mut transaction).await?;
    let users = User::filter(User::fields().id().in_list(users));
    users.delete().exec(&mut transaction).await?;
    transaction.commit().await?;
    Ok((start.elapsed(), 0, 0))
}

async fn fetch_and_change(db: &mut Db) -> Answer {
    let start = Instant::now();
    for key in data::fetched_keys() {
        let mut user = User::get_by_id(db, key).await?;
        user.update().name(format!("renamed {key}")).exec(db).await?;
    }
    Ok((start.elapsed(), 0, 0))
}

async fn link_tags(db: &mut Db) -> Answer {
    use labels::{Item, ItemTag, Tag};
    let items = Item::all().order_by(Item::fields().id().asc()).exec(db).await?;
    let tags = Tag::all().order_by(Tag::fields().id().asc()).exec(db).await?;

    let start = Instant::now();
    let mut links = ItemTag::create_many();
    for (index, item) in items.iter().enumerate() {
        for tag in data::tags_of(index) {
            links = links.item(ItemTag::create().item_id(item.id).tag_id(tags[tag].id));
        }
    }
    links.exec(db).await?;
    let mut transaction = db.transaction().await?;
    for (index, item) in items.iter().enumerate() {
        for tag in data::unlinked_tags_of(index) {
            ItemTag::filter_by_item_id_and_tag_id(item.id, tags[tag].id)
                .delete()
                .exec(&mut transaction)
                .await?;
        }
    }
    transaction.commit().await?;
    Ok((start.elapsed(), 0, 0))
}

async fn merge_orders(db: &mut Db) -> Answer {
    let baskets = baskets();

    let start = Instant::now();
    let keys: Vec<i64> = baskets.iter().map(|basket| basket.id).collect();
    let mut orders = Order::filter(Order::fields().id().in_list(keys))
        .order_by(Order::fields().id().asc())
        .exec(db)
        .await?;
    let keys: Vec<i64> = baskets.iter().map(|basket| basket.id).collect();
    let mut items = Item::filter(Item::fields().order_id().in_list(keys))
        .order_by(Item::fields().id().asc())
        .exec(db)
        .await?;
    let mut transaction = db.transaction().await?;
    for basket in baskets {
        let order = orders.binary_search_by_key(&basket.id, |order| order.id);
        let order = &mut orders[order.map_err(|_| "an order is missing")?];
        if order.number != basket.number {
            order.update().number(basket.number).exec(&mut transaction).await?;
        }
        for (id, name, quantity, price) in basket.items {
            let item = items.binary_search_by_key(&id, |item| item.id);
            let item = &mut items[item.map_err(|_| "an item is missing")?];
            if (&item.name, item.quantity, item.price) != (&name, quantity, price) {
                let update = item.update().name(name).quantity(quantity).price(price);
                update.exec(&mut transaction).await?;
            }
        }
    }
    transaction.commit().await?;
    Ok((start.elapsed(), 0, 0))
}

/// A detached order of W8.
struct Basket {
    id: i64,
    number: i64,
    items: Vec<(i64, String, i64, i64)>,
}

fn baskets() -> Vec<Basket> {
    (0..data::BASKETS)
        .map(|place| {
            let number = data::order_number(1, place);
            let items = (0..data::BASKET_ITEMS).map(|item| {
                let (name, quantity, price) = data::item(number, item);
                (place * data::BASKET_ITEMS + item + 1, name, quantity + place % 2, price)
            });
            Basket { id: place + 1, number, items: items.collect() }
        })
        .collect()
}
