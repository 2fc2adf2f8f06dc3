//! What `#[derive(Entity)]` writes: mappings, constants, constructors, and rows of values.

use std::sync::Arc;

use entail::__private::arena::Arena;
use entail::__private::entity::{
    Auto, BelongsTo, HasMany, HasOne, ManyToMany, Object, RowReader, auto, many, unset,
};
use entail::__private::mapping::{Mapping, TableDefinition};
use entail::__private::value::{Value, ValueError, ValueRef};
use entail::{Entity, Rows};
use expect_test::{Expect, expect};

#[derive(Entity)]
#[entity(table = "users", unique(email, username), index(username), check = "length(username) > 0")]
struct User {
    #[key]
    pub id: Auto<i64>,
    #[column(unique, length = 50)]
    pub username: String,
    #[column(rename = "mail", check = "mail LIKE '%@%'")]
    pub email: Option<String>,
    #[column(default = "new")]
    pub r#type: String,
    #[column(server_default = "CURRENT_TIMESTAMP", index)]
    pub created: Auto<String>,
    #[version]
    pub version: i64,
    #[has_many(
        Address::USER,
        cascade = "all, delete-orphan",
        order_by = "street desc, id",
        passive_deletes
    )]
    pub addresses: HasMany<Address>,
    #[has_one(Profile::USER, cascade = "save-update", passive_deletes = "all", viewonly)]
    pub profile: HasOne<Profile>,
    #[has_many(column = "username", passive_updates = false)]
    pub mentions: HasMany<Mention>,
}

#[derive(Entity)]
#[entity(table = "addresses")]
struct Address {
    #[key]
    pub id: Auto<i64>,
    #[belongs_to(
        column = "user_id",
        back_populates = User::ADDRESSES,
        on_delete = "cascade",
        on_update = "cascade",
        deferrable = "deferred"
    )]
    pub user: BelongsTo<User>,
    #[column(length = 200)]
    pub street: String,
}

#[derive(Entity)]
#[entity(table = "profiles")]
struct Profile {
    #[key]
    pub user_id: Auto<i64>,
    pub bio: Option<String>,
    #[belongs_to(back_populates = User::PROFILE, cascade = "all, delete-orphan", single_parent)]
    pub user: BelongsTo<User>,
    #[belongs_to(on_delete = "set null", post_update, unique)]
    pub friend: BelongsTo<Option<Profile>>,
}

#[derive(Entity)]
#[entity(table = "mentions")]
struct Mention {
    #[key]
    pub id: Auto<i64>,
    pub username: String,
    #[belongs_to(column = "username", references = User::USERNAME)]
    pub user: BelongsTo<User>,
    #[column(references = Address::ID, on_delete = "set null")]
    pub address_id: Option<i64>,
}

#[derive(Entity)]
#[entity(table = "rooms")]
struct Room {
    #[key]
    pub house: i32,
    #[key]
    #[column(length = 10)]
    pub number: String,
    #[many_to_many(
        table = "room_guest",
        local("room_house", "room_number"),
        remote = "guest_id",
        back_populates = Guest::ROOMS,
        on_delete = "cascade"
    )]
    pub guests: ManyToMany<Guest>,
}

#[derive(Entity)]
#[entity(table = "guests")]
struct Guest {
    #[key]
    pub id: Auto<i64>,
    #[many_to_many(
        table = "room_guest",
        local = "guest_id",
        remote("room_house", "room_number"),
        back_populates = Room::GUESTS,
        on_delete = "cascade"
    )]
    pub rooms: ManyToMany<Room>,
    #[belongs_to(columns("home_house", "home_number"), index)]
    pub home: BelongsTo<Option<Room>>,
}

#[derive(Entity)]
#[entity(table = "stays")]
struct Stay {
    #[key]
    pub guest_id: Auto<i64>,
    #[key]
    pub house: i32,
    #[key]
    pub number: String,
    #[belongs_to]
    pub guest: BelongsTo<Guest>,
    #[belongs_to(columns("house", "number"), on_delete = "restrict")]
    pub room: BelongsTo<Room>,
    #[belongs_to(columns("house", "number"), viewonly)]
    pub same_room: BelongsTo<Room>,
}

#[derive(Entity)]
#[entity(table = "hosts", no_new)]
struct Host {
    #[key]
    pub id: i64,
    #[many_to_many(entity = Stay, local = "guest_id", remote("house", "number"), viewonly)]
    pub rooms: ManyToMany<Room>,
}

/// What a library writes: the lints on documentation hold for generated code as well.
pub mod library {
    use entail::__private::entity::{Auto, HasMany};

    /// Documented.
    #[derive(Debug, entail::Entity)]
    #[entity(table = "shelves")]
    pub struct Shelf {
        /// Documented.
        #[key]
        pub id: Auto<i64>,
        #[has_many(column = "shelf_id")]
        hidden: HasMany<Hidden>,
    }

    #[derive(entail::Entity)]
    #[entity(table = "hidden")]
    struct Hidden {
        #[key]
        #[column(references = Shelf::ID)]
        shelf_id: i64,
    }
}

/// A table in few words.
fn table(definition: &TableDefinition) -> String {
    let mut text = format!("{} key ({})\n", definition.name, definition.primary_key.join(", "));
    for column in &definition.columns {
        text.push_str(&format!("  {} {:?}", column.name, column.ty));
        let flags = [
            (column.nullable, "nullable"),
            (column.generated, "generated"),
            (column.unique, "unique"),
            (column.index, "index"),
        ];
        flags.iter().filter(|(flag, _)| *flag).for_each(|(_, word)| {
            text.push(' ');
            text.push_str(word);
        });
        for sql in [&column.server_default, &column.check].into_iter().flatten() {
            text.push_str(&format!(" [{sql}]"));
        }
        text.push('\n');
    }
    for key in &definition.foreign_keys {
        text.push_str(&format!(
            "  ({}) -> {}({}) {:?} {:?} {:?}\n",
            key.columns.join(", "),
            key.table,
            key.references.join(", "),
            key.on_delete,
            key.on_update,
            key.deferrable
        ));
    }
    for (word, lists) in [("unique", &definition.uniques), ("index", &definition.indexes)] {
        lists.iter().for_each(|list| text.push_str(&format!("  {word} ({})\n", list.join(", "))));
    }
    definition.checks.iter().for_each(|check| text.push_str(&format!("  check {check}\n")));
    text
}

fn check<T: Entity>(expected: Expect) {
    let definition = T::definition();
    let mut text = table(&definition.table);
    if let Some(version) = &definition.version {
        text.push_str(&format!("  version {version}\n"));
    }
    T::association_tables().iter().for_each(|one| text.push_str(&table(one)));
    for one in &definition.relationships {
        text.push_str(&format!("{}.{} -> {}\n", definition.name, one.name, one.target));
        text.push_str(&format!("  {:?}\n", one.kind));
        text.push_str(&format!("  back {:?}, {:?}", one.back_populates, one.cascade));
        text.push_str(&format!(", passive {:?} {}", one.passive_deletes, one.passive_updates));
        for order in &one.order_by {
            text.push_str(&format!(", {} {:?}", order.column, order.direction));
        }
        let flags = [
            (one.single_parent, ", single_parent"),
            (one.post_update, ", post_update"),
            (one.viewonly, ", viewonly"),
        ];
        flags.iter().filter(|(flag, _)| *flag).for_each(|(_, word)| text.push_str(word));
        text.push('\n');
    }
    expected.assert_eq(&text);
}

#[test]
fn a_struct_becomes_a_definition() {
    check::<User>(expect![[r#"
        users key (id)
          id BigInt generated
          username Text { length: Some(50) } unique
          mail Text { length: None } nullable [mail LIKE '%@%']
          type Text { length: None }
          created Text { length: None } generated index [CURRENT_TIMESTAMP]
          version BigInt
          unique (mail, username)
          index (username)
          check length(username) > 0
          version version
        User.addresses -> Address
          OneToMany(Inverse("user"))
          back Some("user"), Some(Cascades(save-update, merge, refresh-expire, expunge, delete, delete-orphan)), passive Yes true, street Descending, id Ascending
        User.profile -> Profile
          OneToOne(Inverse("user"))
          back None, Some(Cascades(save-update)), passive All true, viewonly
        User.mentions -> Mention
          OneToMany(Columns(["username"]))
          back None, None, passive No false
    "#]]);
    check::<Address>(expect![[r#"
        addresses key (id)
          id BigInt generated
          user_id BigInt
          street Text { length: Some(200) }
          (user_id) -> users() Cascade Cascade InitiallyDeferred
        Address.user -> User
          ManyToOne { foreign_key: ["user_id"] }
          back Some("addresses"), None, passive No true
    "#]]);
}

#[test]
fn fields_share_columns_with_relationships() {
    check::<Profile>(expect![[r#"
        profiles key (user_id)
          user_id BigInt
          bio Text { length: None } nullable
          friend_id BigInt nullable unique
          (user_id) -> users() NoAction NoAction No
          (friend_id) -> profiles() SetNull NoAction No
        Profile.user -> User
          ManyToOne { foreign_key: ["user_id"] }
          back Some("profile"), Some(Cascades(save-update, merge, refresh-expire, expunge, delete, delete-orphan)), passive No true, single_parent
        Profile.friend -> Profile
          ManyToOne { foreign_key: ["friend_id"] }
          back None, None, passive No true, post_update
    "#]]);
    check::<Mention>(expect![[r#"
        mentions key (id)
          id BigInt generated
          username Text { length: None }
          address_id BigInt nullable
          (address_id) -> addresses(id) SetNull NoAction No
          (username) -> users(username) NoAction NoAction No
        Mention.user -> User
          ManyToOne { foreign_key: ["username"] }
          back None, None, passive No true
    "#]]);
    check::<Stay>(expect![[r#"
        stays key (guest_id, house, number)
          guest_id BigInt
          house Integer
          number Text { length: None }
          (guest_id) -> guests() NoAction NoAction No
          (house, number) -> rooms() Restrict NoAction No
        Stay.guest -> Guest
          ManyToOne { foreign_key: ["guest_id"] }
          back None, None, passive No true
        Stay.room -> Room
          ManyToOne { foreign_key: ["house", "number"] }
          back None, None, passive No true
        Stay.same_room -> Room
          ManyToOne { foreign_key: ["house", "number"] }
          back None, None, passive No true, viewonly
    "#]]);
}

#[test]
fn both_sides_declare_one_association_table() {
    check::<Room>(expect![[r#"
        rooms key (house, number)
          house Integer
          number Text { length: Some(10) }
        room_guest key (guest_id, room_house, room_number)
          guest_id BigInt
          room_house Integer
          room_number Text { length: Some(10) }
          (guest_id) -> guests() Cascade NoAction No
          (room_house, room_number) -> rooms() Cascade NoAction No
        Room.guests -> Guest
          ManyToMany { table: "room_guest", local: ["room_house", "room_number"], remote: ["guest_id"] }
          back Some("rooms"), None, passive No true
    "#]]);
    check::<Guest>(expect![[r#"
        guests key (id)
          id BigInt generated
          home_house Integer nullable
          home_number Text { length: Some(10) } nullable
          (home_house, home_number) -> rooms() NoAction NoAction No
          index (home_house, home_number)
        room_guest key (guest_id, room_house, room_number)
          guest_id BigInt
          room_house Integer
          room_number Text { length: Some(10) }
          (guest_id) -> guests() Cascade NoAction No
          (room_house, room_number) -> rooms() Cascade NoAction No
        Guest.rooms -> Room
          ManyToMany { table: "room_guest", local: ["guest_id"], remote: ["room_house", "room_number"] }
          back Some("guests"), None, passive No true
        Guest.home -> Room
          ManyToOne { foreign_key: ["home_house", "home_number"] }
          back None, None, passive No true
    "#]]);
    assert_eq!(Room::association_tables(), Guest::association_tables());
    assert!(Host::association_tables().is_empty());
}

#[test]
fn all_of_them_make_a_mapping() {
    let mapping = Mapping::builder()
        .entity::<User>()
        .entity::<Address>()
        .entity::<Profile>()
        .entity::<Mention>()
        .entity::<Room>()
        .entity::<Guest>()
        .entity::<Stay>()
        .build()
        .unwrap();
    let labels: Vec<_> = mapping
        .relationships()
        .iter()
        .map(|one| {
            let label = mapping.relationship_label(one.id);
            match one.inverse {
                Some(id) => format!("{label} <-> {}\n", mapping.relationship_label(id)),
                None => format!("{label}\n"),
            }
        })
        .collect();
    expect![[r#"
        User.addresses <-> Address.user
        User.profile <-> Profile.user
        User.mentions
        Address.user <-> User.addresses
        Profile.user <-> User.profile
        Profile.friend
        Mention.user
        Room.guests <-> Guest.rooms
        Guest.rooms <-> Room.guests
        Guest.home
        Stay.guest
        Stay.room
        Stay.same_room
    "#]]
    .assert_eq(&labels.concat());
}

#[test]
fn constants_name_columns_and_relationships() {
    assert_eq!(User::TABLE, "users");
    assert_eq!((User::EMAIL.name(), User::EMAIL.index()), ("mail", 2));
    assert_eq!(User::TYPE.name(), "type");
    assert_eq!((Address::USER_ID.name(), Address::USER_ID.index()), ("user_id", 1));
    assert_eq!((Profile::FRIEND_ID.name(), Profile::USER_ID.name()), ("friend_id", "user_id"));
    assert_eq!((Stay::SAME_ROOM.name(), User::ADDRESSES.name()), ("same_room", "addresses"));
    let _ = (Address::USER_ID.eq(7), Profile::FRIEND_ID.is_null(), User::ID.eq(7));
}

/// The columns of an object, one after the other.
fn row(object: &impl Object) -> String {
    let values: Vec<_> = (0..6)
        .map(|index| object.column(index).map_or("-".to_owned(), |value| value.to_string()))
        .collect();
    values.join(" ")
}

#[test]
fn new_takes_what_cannot_be_left_out() {
    assert_eq!(row(&User::new("ed")), "- 'ed' NULL 'new' - 1");
    assert_eq!(row(&Address::new("Main St")), "- - 'Main St' - - -");
    assert_eq!(row(&Profile::new()), "- NULL - - - -");
    assert_eq!(row(&Stay::new(7, "1a")), "- 7 '1a' - - -");
}

fn decode<T: Object>(values: impl IntoIterator<Item = Value>) -> Result<T, ValueError> {
    let values: Vec<Value> = values.into_iter().collect();
    let rows = Rows::of(values.len(), values);
    T::decode(&mut RowReader::new(rows.iter().next().unwrap()))
}

#[test]
fn an_object_is_a_row_of_values() {
    let mut address = decode::<Address>([Value::Int(1), Value::Int(2), "Main St".into()]).unwrap();
    assert_eq!(address.id, 1);
    assert_eq!(address.user.to_key().unwrap().to_string(), "2");
    assert_eq!(row(&address), "1 2 'Main St' - - -");

    address.set_column(0, None).unwrap();
    address.set_column(1, Some(Value::Int(5))).unwrap();
    address.set_column(2, None).unwrap();
    assert_eq!(row(&address), "- 5 'Main St' - - -");
    assert!(address.set_column(2, Some(Value::Null)).is_err());
    assert!(decode::<Host>(["a".into()]).is_err());
}

#[test]
fn a_composite_key_lies_over_several_columns() {
    let mut guest = decode::<Guest>([Value::Int(1), Value::Int(2), "1a".into()]).unwrap();
    assert_eq!(row(&guest), "1 2 '1a' - - -");
    guest.set_column(2, Some("2b".into())).unwrap();
    assert_eq!(guest.home.to_key().unwrap().to_string(), "(2, '2b')");
    guest.home = BelongsTo::key((3, "3c".to_owned()));
    assert!(matches!(guest.column(1), Some(ValueRef::Int(3))));
}

#[test]
fn a_copy_has_the_columns_and_no_links() {
    let user = User { addresses: many(vec![Address::new("Main St").into()]), ..User::new("ed") };
    assert_eq!(row(&user.copy()), row(&user));
    assert!(!user.copy().has_links());

    let keyed = Address { user: BelongsTo::key(7), ..Address::new("Main St") };
    assert_eq!(row(&keyed.copy()), "- 7 'Main St' - - -");
    let given = Address { user: BelongsTo::of(User::new("ed")), ..Address::new("Main St") };
    assert_eq!(row(&given.copy()), "- - 'Main St' - - -");
    assert!(!given.copy().has_links());
}

#[test]
fn initial_values_are_links_until_they_are_taken() {
    let user = User {
        id: auto(),
        username: "ed".to_owned(),
        email: None,
        r#type: String::new(),
        created: auto(),
        version: 0,
        addresses: many(vec![Address::new("Main St").into()]),
        profile: unset(),
        mentions: unset(),
    };
    assert!(user.has_links());
    assert!(!User::new("ed").has_links());
    assert!(!Address { user: BelongsTo::key(7), ..Address::new("") }.has_links());
    assert!(Address { user: BelongsTo::of(User::new("ed")), ..Address::new("") }.has_links());
    // The columns of this one are fields of their own: the key is yet to go there.
    assert!(Profile { user: BelongsTo::key(7), ..Profile::new() }.has_links());
}

#[test]
fn the_key_of_a_shared_column_goes_to_its_field() {
    let mapping = Mapping::builder()
        .entity::<User>()
        .entity::<Address>()
        .entity::<Profile>()
        .entity::<Mention>()
        .build()
        .unwrap();
    let mut arena = Arena::new(Arc::new(mapping));
    let profile = Profile { user: BelongsTo::key(7), ..Profile::new() };
    let id = arena.hold(profile).unwrap();
    let profile: &Profile = arena.get(arena.handle(id)).unwrap();
    assert_eq!(profile.user_id, 7);
    assert!(!profile.has_links());
}

#[test]
fn all_columns_at_once_are_those_one_by_one() {
    let user = User::new("ed");
    let mut all = Vec::new();
    user.columns(|index, value| all.push((index, value)));
    assert!(all.len() > 3);
    for (place, (index, value)) in all.into_iter().enumerate() {
        assert_eq!((index, value), (place, user.column(place)));
    }
}

/// A table in one schema that leads to tables in it and beside it.
#[derive(Entity)]
#[entity(table = "parts", schema = "stock", unique_nulls_not_distinct(name, label))]
struct Part {
    #[key]
    id: Auto<i64>,
    name: Option<String>,
    label: Option<String>,
    #[belongs_to(column = "of_id", back_populates = Part::PARTS)]
    of: BelongsTo<Option<Part>>,
    #[has_many(Part::OF)]
    parts: HasMany<Part>,
    #[many_to_many(table = "part_users", schema = "stock", local = "part_id", remote = "user_id")]
    users: ManyToMany<User>,
}

#[test]
fn a_schema_is_part_of_the_name() {
    let mapping = Mapping::builder()
        .entity::<Part>()
        .entity::<User>()
        .entity::<Address>()
        .entity::<Profile>()
        .entity::<Mention>()
        .build()
        .unwrap();
    assert_eq!(Part::TABLE, "stock.parts");
    let parts = mapping.table_of(mapping.entity_of::<Part>().unwrap());
    assert_eq!((&*parts.name, parts.schema.as_deref()), ("parts", Some("stock")));
    assert_eq!(parts.uniques_nulls_not_distinct, [[1, 2]]);
    let names: Vec<_> = mapping.tables().iter().map(|table| &*table.full_name).collect();
    assert!(names.contains(&"stock.part_users") && names.contains(&"users"), "{names:?}");
}
