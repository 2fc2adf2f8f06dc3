//! An order whose items are saved with it in one flush.

use entail::prelude::*;

use crate::tour::{self, Tour};

#[derive(Entity)]
#[entity(table = "orders")]
pub struct Order {
    #[key]
    pub id: Auto<i64>,
    pub customer: String,
    #[has_many(Item::ORDER, cascade = "all, delete-orphan")]
    pub items: HasMany<Item>,
}

#[derive(Entity)]
#[entity(table = "items")]
pub struct Item {
    #[key]
    pub id: Auto<i64>,
    pub product: String,
    pub quantity: i32,
    #[belongs_to(column = "order_id", back_populates = Order::ITEMS)]
    pub order: BelongsTo<Order>,
}

pub async fn chapter() -> Result<(), Error> {
    tour::title("2. An order is saved with its items");
    let db = Database::connect("sqlite::memory:", mapping![Order, Item]?).await?;
    db.create_all().await?;
    let tour = Tour::new(&db, &["orders", "items"]);
    let mut session = db.session();

    tour.step(
        "Add an order",
        "One add, one flush: the order goes first, its new key goes to the items (order_id = $0), \
         and rows of one shape go in one batch. Nobody copies keys from here to there.",
    )
    .await?;
    code! {
        let order = session.add(Order::new("ed"));
        session.push(order, Order::ITEMS, Item::new("tea", 2));
        session.push(order, Order::ITEMS, Item::new("milk", 1));
        session.push(order, Order::ITEMS, Item::new("sugar", 5));
    }
    let plan = tour.commit(&mut session).await?;
    assert_eq!((plan.steps.len(), plan.rows()), (2, 4));
    assert_eq!(tour.rows("select order_id from items").await?, ["1"; 3]);
    assert_eq!(session[order].id, 1);
    Ok(())
}
