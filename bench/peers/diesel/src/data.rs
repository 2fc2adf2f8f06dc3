//! The values that all contenders write: the same as in the bench.

pub const USERS: i64 = 1_000;
pub const ORDERS: i64 = 2;
pub const ITEMS: i64 = 5;
pub const CHANGED_EVERY: usize = 100;
pub const DELETED_EVERY: usize = 2;
pub const FETCHES: i64 = 2_000;
pub const TAGS: usize = 50;
pub const BASKETS: i64 = 1_000;
pub const BASKET_ITEMS: i64 = 10;

pub fn order_number(user: i64, order: i64) -> i64 {
    user * 10 + order
}

/// Name, quantity and price.
pub fn item(number: i64, item: i64) -> (String, i64, i64) {
    let quantity = (number + item * 3) % 17 + 1;
    let price = (number * 7 + item * 131) % 9_900 + 100;
    (format!("item {number}/{item}"), quantity, price)
}

pub fn fetched_keys() -> impl Iterator<Item = i64> {
    (0..FETCHES).map(|turn| turn * 787 % FETCHES + 1)
}

pub fn tags_of(item: usize) -> [usize; 5] {
    [0, 1, 2, 3, 4].map(|tag| (item * 3 + tag * 10) % TAGS)
}

pub fn unlinked_tags_of(item: usize) -> [usize; 2] {
    let tags = tags_of(item);
    [tags[1], tags[3]]
}
