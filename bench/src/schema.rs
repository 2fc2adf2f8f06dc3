//! Schema: the mapped entities. Hand-written code works on the tables that they make.

/// Users with orders with items.
pub mod shop {
    use entail::prelude::*;

    use crate::data;

    #[derive(Entity)]
    #[entity(table = "users")]
    pub struct User {
        #[key]
        pub id: Auto<i64>,
        #[column(length = 50)]
        pub name: String,
        #[column(length = 100)]
        pub email: String,
        #[has_many(Order::USER, cascade = "all, delete-orphan")]
        pub orders: HasMany<Order>,
    }

    #[derive(Entity)]
    #[entity(table = "orders")]
    pub struct Order {
        #[key]
        pub id: Auto<i64>,
        pub number: i64,
        #[belongs_to(column = "user_id", back_populates = User::ORDERS)]
        pub user: BelongsTo<User>,
        #[has_many(Item::ORDER, cascade = "all, delete-orphan")]
        pub items: HasMany<Item>,
    }

    #[derive(Entity)]
    #[entity(table = "items")]
    pub struct Item {
        #[key]
        pub id: Auto<i64>,
        #[column(length = 50)]
        pub name: String,
        pub quantity: i64,
        pub price: i64,
        #[belongs_to(column = "order_id", back_populates = Order::ITEMS)]
        pub order: BelongsTo<Order>,
    }

    /// A new user with all below it.
    pub fn user(user: i64) -> User {
        User {
            id: auto(),
            name: data::user_name(user),
            email: data::user_email(user),
            orders: many![order(user, 0), order(user, 1)],
        }
    }

    /// The detached orders of W8.
    pub fn baskets() -> Vec<Order> {
        let item = |(id, name, quantity, price)| Item {
            id: Auto::of(id),
            name,
            quantity,
            price,
            order: unset(),
        };
        data::baskets()
            .map(|basket| Order {
                id: Auto::of(basket.key()),
                number: basket.number(),
                user: unset(),
                items: basket.items().map(item).collect(),
            })
            .collect()
    }

    fn order(user: i64, order: i64) -> Order {
        let number = data::order_number(user, order);
        let item = |index| Item {
            id: auto(),
            name: data::item_name(number, index),
            quantity: data::item_quantity(number, index),
            price: data::item_price(number, index),
            order: unset(),
        };
        Order {
            id: auto(),
            number,
            user: unset(),
            items: many![item(0), item(1), item(2), item(3), item(4)],
        }
    }

    /// The mapping of these.
    pub fn mapping() -> Result<Mapping, entail::MappingErrors> {
        mapping![User, Order, Item]
    }
}

/// Items with tags.
pub mod labels {
    use entail::prelude::*;

    #[derive(Entity)]
    #[entity(table = "items")]
    pub struct Item {
        #[key]
        pub id: Auto<i64>,
        #[column(length = 50)]
        pub name: String,
        #[many_to_many(
            table = "item_tags",
            local = "item_id",
            remote = "tag_id",
            back_populates = Tag::ITEMS
        )]
        pub tags: ManyToMany<Tag>,
    }

    #[derive(Entity)]
    #[entity(table = "tags")]
    pub struct Tag {
        #[key]
        pub id: Auto<i64>,
        #[column(length = 50)]
        pub name: String,
        #[many_to_many(
            table = "item_tags",
            local = "tag_id",
            remote = "item_id",
            back_populates = Item::TAGS
        )]
        pub items: ManyToMany<Item>,
    }

    /// The mapping of these.
    pub fn mapping() -> Result<Mapping, entail::MappingErrors> {
        mapping![Item, Tag]
    }
}
