//! The tables and their structs.

use diesel::prelude::*;

diesel::table! {
    users (id) { id -> BigInt, name -> Text, email -> Text, }
}
diesel::table! {
    orders (id) { id -> BigInt, number -> BigInt, user_id -> BigInt, }
}
diesel::table! {
    items (id) { id -> BigInt, name -> Text, quantity -> BigInt, price -> BigInt, order_id -> BigInt, }
}
diesel::table! {
    tags (id) { id -> BigInt, name -> Text, }
}
diesel::table! {
    item_tags (item_id, tag_id) { item_id -> BigInt, tag_id -> BigInt, }
}
diesel::joinable!(orders -> users (user_id));
diesel::joinable!(items -> orders (order_id));
diesel::allow_tables_to_appear_in_same_query!(users, orders, items);

#[derive(Queryable, Identifiable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub email: String,
}

#[derive(Queryable, Identifiable, Selectable, Associations)]
#[diesel(table_name = orders, belongs_to(User))]
pub struct Order {
    pub id: i64,
    pub number: i64,
    pub user_id: i64,
}

#[derive(Clone, Queryable, Identifiable, Selectable, Associations, AsChangeset, PartialEq)]
#[diesel(table_name = items, belongs_to(Order))]
pub struct Item {
    pub id: i64,
    pub name: String,
    pub quantity: i64,
    pub price: i64,
    pub order_id: i64,
}

#[derive(Insertable)]
#[diesel(table_name = users)]
pub struct NewUser {
    pub name: String,
    pub email: String,
}

#[derive(Insertable)]
#[diesel(table_name = orders)]
pub struct NewOrder {
    pub number: i64,
    pub user_id: i64,
}

#[derive(Insertable)]
#[diesel(table_name = items)]
pub struct NewItem {
    pub name: String,
    pub quantity: i64,
    pub price: i64,
    pub order_id: i64,
}

#[derive(Insertable)]
#[diesel(table_name = item_tags)]
pub struct NewLink {
    pub item_id: i64,
    pub tag_id: i64,
}
