//! Data: the values that all contenders write, by numbers.

/// Users of the graph.
pub const USERS: i64 = 1_000;
/// Orders of a user.
pub const ORDERS: i64 = 2;
/// Items of an order.
pub const ITEMS: i64 = 5;
/// W4 changes every so many of the items.
pub const CHANGED_EVERY: usize = 100;
/// W5 deletes every so many of the users.
pub const DELETED_EVERY: usize = 2;
/// Times that W6 fetches and changes a user, each time another one.
pub const FETCHES: i64 = 2_000;
/// Items that W7 links.
pub const LABELLED: i64 = 1_000;
/// Tags that there are for it.
pub const TAGS: i64 = 50;

pub fn user_name(user: i64) -> String {
    format!("user {user}")
}

pub fn user_email(user: i64) -> String {
    format!("user.{user}@example.org")
}

pub fn new_name(user: i64) -> String {
    format!("renamed {user}")
}

pub fn order_number(user: i64, order: i64) -> i64 {
    user * 10 + order
}

pub fn item_name(order_number: i64, item: i64) -> String {
    format!("item {order_number}/{item}")
}

pub fn item_quantity(order_number: i64, item: i64) -> i64 {
    (order_number + item * 3) % 17 + 1
}

pub fn item_price(order_number: i64, item: i64) -> i64 {
    (order_number * 7 + item * 131) % 9_900 + 100
}

/// The keys that W6 fetches, spread over the table.
pub fn fetched_keys() -> impl Iterator<Item = i64> {
    // 787 is prime, so every key comes once.
    (0..FETCHES).map(|turn| turn * 787 % FETCHES + 1)
}

/// The tags, from 0, that W7 links to an item.
pub fn tags_of(item: usize) -> [usize; 5] {
    [0, 1, 2, 3, 4].map(|tag| (item * 3 + tag * 10) % TAGS as usize)
}

/// Those of them that it unlinks again.
pub fn unlinked_tags_of(item: usize) -> [usize; 2] {
    let tags = tags_of(item);
    [tags[1], tags[3]]
}

/// Orders that W8 merges, all of one user.
pub const BASKETS: i64 = 1_000;
/// Items of each of them.
pub const BASKET_ITEMS: i64 = 10;

/// The orders that W8 merges, in the order of their keys.
pub fn baskets() -> impl Iterator<Item = Basket> {
    (0..BASKETS).map(|place| Basket { place })
}

/// An order that W8 merges.
#[derive(Clone, Copy)]
pub struct Basket {
    place: i64,
}

impl Basket {
    /// Its key.
    pub fn key(self) -> i64 {
        self.place + 1
    }

    /// Its number.
    pub fn number(self) -> i64 {
        order_number(1, self.place)
    }

    /// Its items: key, name, quantity and price. In every second order there is one more of each.
    pub fn items(self) -> impl Iterator<Item = (i64, String, i64, i64)> {
        let number = self.number();
        let more = self.place % 2;
        (0..BASKET_ITEMS).map(move |item| {
            let key = self.place * BASKET_ITEMS + item + 1;
            let quantity = item_quantity(number, item) + more;
            (key, item_name(number, item), quantity, item_price(number, item))
        })
    }
}
