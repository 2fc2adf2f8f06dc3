//! Tables in a schema of their own, and unique constraints in which NULLs are equal.

use entail::blocking::Database;
use entail::prelude::*;
use entail::{DriverError, ForeignKeyViolation, ViolationKind};

use super::database::{Kind, Place};
use super::shop::{Item, Order, Profile, Tag, User, order, user};

/// The schema of one test, dropped when it is over.
struct Schema {
    place: Place,
    name: String,
}

impl Schema {
    fn new() -> Self {
        let place = Place::small();
        Self { name: format!("{}_b", place.name), place }
    }

    fn mapping(&self) -> Mapping {
        let builder = Mapping::builder().entity::<User>().entity::<Profile>().entity::<Order>();
        let builder = builder.entity::<Item>().entity::<Tag>().schema(&self.name);
        builder.build().expect("the shop's mapping is right")
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.place.drop_schema(&self.name);
    }
}

#[test]
fn a_shop_works_in_a_schema_of_its_own() {
    let schema = Schema::new();
    let connected = Database::connect(&schema.place.url, schema.mapping());
    if crate::DATABASE == Kind::Sqlite {
        let error = connected.expect_err("SQLite has no schemas");
        assert!(error.to_string().contains("lies in a schema"), "{error}");
        return;
    }
    let db = connected.expect("the server has schemas");
    db.create_all().expect("the schema and its tables are new");
    db.create_all().expect("what exists stays");
    let mut session = db.session();
    let ann = session.add(user("ann"));
    let bob = session.add(user("bob"));
    for owner in [ann, bob] {
        session.push(owner, User::ORDERS, order("first", &["nut", "bolt"]));
        session.push(owner, User::ORDERS, order("second", &["cog"]));
    }
    let red = session.add(Tag { name: "red".into(), items: unset() });
    session.commit().unwrap();
    let items = session.query::<Item>().order_by(Item::ID.asc()).all().unwrap();
    for &item in &items {
        session[item].name.push('!');
        session.push(item, Item::TAGS, red);
    }
    session.commit().unwrap();
    session.clear();

    let red = session.query::<Tag>().with(Tag::ITEMS).one().unwrap();
    assert_eq!(session.many(red, Tag::ITEMS).unwrap().len(), 6);
    let users = session.query::<User>().with(User::ORDERS.then(Order::ITEMS)).all().unwrap();
    assert_eq!(session.query::<Item>().filter(Item::NAME.eq("nut!")).count().unwrap(), 2);
    session.delete(users[0]).unwrap();
    session.commit().unwrap();
    session.clear();
    assert_eq!(session.query::<Order>().count().unwrap(), 2);

    // Rows that nobody has loaded are reached by their parents' keys.
    let bob = session.query::<User>().one().unwrap();
    session.delete(bob).unwrap();
    assert!(session.plan().unwrap().to_string().contains(&format!("{}.users", schema.name)));
    session.commit().unwrap();
    assert_eq!(session.query::<Item>().count().unwrap(), 0);
    db.drop_all().expect("the tables go");
}

#[test]
fn refusals_in_a_schema_name_their_rows() {
    if crate::DATABASE == Kind::Sqlite {
        return;
    }
    let schema = Schema::new();
    let db = Database::connect(&schema.place.url, schema.mapping()).unwrap();
    db.create_all().unwrap();
    let mut session = db.session();
    session.add(Order { id: auto(), note: None, user: BelongsTo::key(999), items: unset() });
    let refused = session.commit().unwrap_err();
    let Error::Integrity(integrity) = &refused else { panic!("{refused}") };
    let ViolationKind::ForeignKey(ForeignKeyViolation::MissingParent { parent, key, .. }) =
        &integrity.kind
    else {
        panic!("{integrity:?}")
    };
    assert_eq!((parent.as_str(), key.as_slice()), ("users", &[Value::Int(999)][..]));
    assert_eq!(integrity.table.as_deref(), Some("orders"));
    session.rollback().unwrap();
    session.expunge_all();

    let ann = session.add(user("ann"));
    session.push(ann, User::ORDERS, order("first", &[]));
    session.commit().unwrap();
    let sql = format!("DELETE FROM {}.users", schema.name);
    let refused = session.execute(&sql, []).unwrap_err();
    assert_eq!(refused.code(), "E0502");
    session.rollback().unwrap();
    session.add(user("ann"));
    let refused = session.commit().unwrap_err();
    let Error::Integrity(integrity) = &refused else { panic!("{refused}") };
    assert_eq!(integrity.kind, ViolationKind::Unique);
    assert_eq!(integrity.columns, ["name"]);
}

/// A seat that is taken once, or free once.
#[derive(Entity)]
#[entity(table = "seats", unique_nulls_not_distinct("guest"))]
struct Seat {
    #[key]
    id: i64,
    guest: Option<String>,
}

#[test]
fn nulls_that_are_equal_wait_for_each_other() {
    let place = Place::small();
    let connected = Database::connect(&place.url, mapping![Seat].unwrap());
    if crate::DATABASE != Kind::Postgres {
        let Err(Error::Driver(DriverError::Unsupported { missing, .. })) = connected else {
            panic!("no other database has it")
        };
        assert!(missing[0].contains("NULLs for equal"), "{missing:?}");
        return;
    }
    let db = connected.unwrap();
    db.create_all().unwrap();
    let mut session = db.session();
    session.add(Seat { id: 2, guest: None });
    session.add(Seat { id: 1, guest: Some("ann".into()) });
    session.commit().unwrap();
    // By their keys seat 1 would come first, but NULL must be given up before it is taken.
    let first = session.get_by_key::<Seat>(1).unwrap().unwrap();
    let second = session.get_by_key::<Seat>(2).unwrap().unwrap();
    session[first].guest = None;
    session[second].guest = Some("bob".into());
    session.commit().unwrap();
    session.add(Seat { id: 3, guest: None });
    assert_eq!(session.commit().unwrap_err().code(), "E0502");
}
