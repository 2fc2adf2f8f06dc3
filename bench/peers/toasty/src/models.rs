//! The models.

use toasty::Deferred;

#[derive(Debug, toasty::Model)]
#[table = "users"]
pub struct User {
    #[key]
    #[auto]
    pub id: i64,
    pub name: String,
    pub email: String,
    #[has_many]
    pub orders: Deferred<Vec<Order>>,
}

#[derive(Debug, toasty::Model)]
#[table = "orders"]
pub struct Order {
    #[key]
    #[auto]
    pub id: i64,
    pub number: i64,
    #[index]
    pub user_id: i64,
    #[belongs_to(key = user_id, references = id)]
    pub user: Deferred<User>,
    #[has_many]
    pub items: Deferred<Vec<Item>>,
}

#[derive(Debug, toasty::Model)]
#[table = "items"]
pub struct Item {
    #[key]
    #[auto]
    pub id: i64,
    pub name: String,
    pub quantity: i64,
    pub price: i64,
    #[index]
    pub order_id: i64,
    #[belongs_to(key = order_id, references = id)]
    pub order: Deferred<Order>,
}

pub mod labels {
    use toasty::Deferred;

    #[derive(Debug, toasty::Model)]
    #[table = "items"]
    pub struct Item {
        #[key]
        #[auto]
        pub id: i64,
        pub name: String,
        #[has_many]
        pub links: Deferred<Vec<ItemTag>>,
    }

    #[derive(Debug, toasty::Model)]
    #[table = "tags"]
    pub struct Tag {
        #[key]
        #[auto]
        pub id: i64,
        pub name: String,
        #[has_many]
        pub links: Deferred<Vec<ItemTag>>,
    }

    #[derive(Debug, toasty::Model)]
    #[table = "item_tags"]
    #[key(item_id, tag_id)]
    pub struct ItemTag {
        #[index]
        pub item_id: i64,
        #[belongs_to(key = item_id, references = id)]
        pub item: Deferred<Item>,
        #[index]
        pub tag_id: i64,
        #[belongs_to(key = tag_id, references = id)]
        pub tag: Deferred<Tag>,
    }
}
