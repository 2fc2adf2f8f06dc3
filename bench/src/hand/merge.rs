//! What W8 has in memory: detached orders, and what of them differs from the rows.

use super::{Item, Order};
use crate::{Failure, data};

/// The detached orders.
pub fn baskets() -> Vec<Order> {
    let item = |(id, name, quantity, price)| Item { id, name, quantity, price };
    data::baskets()
        .map(|basket| Order {
            id: basket.key(),
            number: basket.number(),
            items: basket.items().map(item).collect(),
        })
        .collect()
}

/// Detached orders beside the rows that are read.
pub struct Comparison<'a> {
    orders: &'a [Order],
    items: Vec<(i64, &'a Item)>,
    next: usize,
    /// The keys of items that differ, and their new quantities.
    pub changed: (Vec<i64>, Vec<i64>),
}

impl<'a> Comparison<'a> {
    /// Orders and their items are in the order of their keys.
    pub fn new(orders: &'a [Order]) -> Self {
        let items = orders.iter().flat_map(|order| order.items.iter().map(|item| (order.id, item)));
        Self { orders, items: items.collect(), next: 0, changed: Default::default() }
    }

    /// The keys of the orders.
    pub fn keys(&self) -> Vec<i64> {
        self.orders.iter().map(|order| order.id).collect()
    }

    /// Compares the row of an order. None of them differs in W8.
    pub fn order(&mut self, id: i64, number: i64) -> Result<(), Failure> {
        let place = self.orders.binary_search_by_key(&id, |order| order.id);
        let order = place.map(|place| &self.orders[place]).map_err(|_| "a strange order")?;
        if order.number == number { Ok(()) } else { Err("an order was changed".into()) }
    }

    /// Compares the row of an item. Only quantities differ in W8.
    pub fn item(
        &mut self,
        id: i64,
        name: &str,
        quantity: i64,
        price: i64,
        order: i64,
    ) -> Result<(), Failure> {
        if self.items.get(self.next).is_none_or(|(_, item)| item.id != id) {
            let place = self.items.binary_search_by_key(&id, |(_, item)| item.id);
            self.next = place.map_err(|_| "a strange item")?;
        }
        let (owner, item) = self.items[self.next];
        self.next += 1;
        if (item.name.as_str(), item.price, owner) != (name, price, order) {
            return Err("more than a quantity was changed".into());
        }
        if item.quantity != quantity {
            self.changed.0.push(id);
            self.changed.1.push(item.quantity);
        }
        Ok(())
    }
}
