//! Relationships: both sides in step, cascades, orphans, and links of many to many.

use entail::StateError;
use entail::blocking::{Database, Session};
use entail::prelude::*;

use super::database::Place;
use super::shop::*;

#[test]
fn both_sides_change_at_once() {
    let db = shop();
    let mut session = db.session();
    let (ed, wendy) = (session.add(user("ed")), session.add(user("wendy")));
    let order = session.push(ed, User::ORDERS, order("o", &[]));
    assert_eq!(session.one(order, Order::USER).unwrap(), Some(ed));
    session.flush().unwrap();
    session.set(order, Order::USER, wendy);
    assert_eq!(session.many(ed, User::ORDERS).unwrap(), []);
    session.load(wendy, User::ORDERS).unwrap();
    assert_eq!(session.many(wendy, User::ORDERS).unwrap(), [order]);
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select user_id from orders"), 2);
}

#[test]
fn a_removed_child_is_an_orphan_and_a_moved_one_is_not() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    let wendy = session.add(user("wendy"));
    let second = session.push(ed, User::ORDERS, order("second", &["cog"]));
    session.commit().unwrap();
    let first = session.many(ed, User::ORDERS).unwrap()[0];
    session.remove(ed, User::ORDERS, first);
    session.push(wendy, User::ORDERS, second);
    session.commit().unwrap();
    assert_eq!(session.state(first), State::Detached);
    assert_eq!(count(&mut session, "select count(*) from items"), 1);
    assert_eq!(count(&mut session, "select user_id from orders"), 2);
}

#[test]
fn a_pending_orphan_leaves_at_once() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    let order = session.push(ed, User::ORDERS, order("o", &["nut"]));
    session.remove(ed, User::ORDERS, order);
    assert_eq!(session.state(order), State::Transient);
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from orders"), 0);
}

#[test]
fn a_has_one_is_replaced_although_its_key_is_unique() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(User {
        id: auto(),
        name: "ed".into(),
        orders: unset(),
        profile: HasOne::of(Profile { id: auto(), bio: None, user: unset() }),
    });
    session.commit().unwrap();
    let old = session.one(ed, User::PROFILE).unwrap().unwrap();
    session.set(ed, User::PROFILE, Profile { id: auto(), bio: Some("new".into()), user: unset() });
    session.commit().unwrap();
    assert_eq!(session.state(old), State::Detached);
    assert_eq!(count(&mut session, "select count(*) from profiles where bio = 'new'"), 1);
    assert_eq!(count(&mut session, "select count(*) from profiles"), 1);
}

#[test]
fn books_stay_when_their_library_goes() {
    for loaded in [true, false] {
        let db = shop();
        let mut session = db.session();
        let books = many![Book { id: auto(), title: "emma".into(), library: unset() }];
        let library = session.add(Library { id: auto(), name: "city".into(), books });
        session.commit().unwrap();
        if !loaded {
            session.clear();
        }
        let library =
            if loaded { library } else { session.get_by_key::<Library>(1).unwrap().unwrap() };
        session.delete(library).unwrap();
        session.commit().unwrap();
        assert_eq!(count(&mut session, "select count(*) from books where library_id is null"), 1);
    }
}

#[test]
fn many_to_many_links_go_and_come_without_the_objects() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    let order = session.many(ed, User::ORDERS).unwrap()[0];
    let nut = session.many(order, Order::ITEMS).unwrap()[0];
    session.load(nut, Item::TAGS).unwrap();
    let red = session.push(nut, Item::TAGS, Tag { name: "red".into(), items: unset() });
    let big = session.push(nut, Item::TAGS, Tag { name: "big".into(), items: unset() });
    session.commit().unwrap();
    session.load(red, Tag::ITEMS).unwrap();
    assert_eq!(session.many(red, Tag::ITEMS).unwrap(), [nut]);
    session.remove(red, Tag::ITEMS, nut);
    assert_eq!(session.many(nut, Item::TAGS).unwrap(), [big]);
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from item_tags"), 1);
    session.delete(big).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from item_tags"), 0);
    assert_eq!(count(&mut session, "select count(*) from items"), 2);
    assert_eq!(count(&mut session, "select count(*) from tags"), 1);
}

/// Else two sessions could lock the same link rows in another order.
#[test]
fn links_that_go_with_either_side_go_in_one_statement() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    let order = session.many(ed, User::ORDERS).unwrap()[0];
    let items = session.many(order, Order::ITEMS).unwrap();
    let tags = ["red", "big"].map(|name| session.add(Tag { name: name.into(), items: unset() }));
    for &item in &items {
        session.load(item, Item::TAGS).unwrap();
        for tag in tags {
            session.push(item, Item::TAGS, tag);
        }
    }
    session.commit().unwrap();
    for tag in tags {
        session.load(tag, Tag::ITEMS).unwrap();
    }
    session.delete(items[0]).unwrap();
    session.delete(tags[1]).unwrap();
    let plan = session.plan().unwrap().to_string();
    assert_eq!(plan.matches("unlink in item_tags").count(), 1, "{plan}");
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from item_tags"), 1);
}

/// Two users, of whom the first has an order; nothing is in memory.
fn ed_and_wendy(session: &mut Session) {
    ed(session);
    session.add(user("wendy"));
    session.commit().unwrap();
    session.clear();
}

/// Behaviours: CASC-DEL-01.
#[test]
fn who_is_queued_on_an_unloaded_list_goes_with_its_owner() {
    let db = shop();
    let mut session = db.session();
    ed_and_wendy(&mut session);
    let wendy = session.get_by_key::<User>(2).unwrap().unwrap();
    let order = session.get_by_key::<Order>(1).unwrap().unwrap();
    session.set(order, Order::USER, wendy);
    session.delete(wendy).unwrap();
    session.commit().unwrap();
    assert_eq!(session.state(order), State::Detached);
    assert_eq!(count(&mut session, "select count(*) from orders"), 0);
    assert_eq!(count(&mut session, "select count(*) from items"), 0);
    assert_eq!(count(&mut session, "select count(*) from users"), 1);
}

/// Behaviours: CASC-DEL-10.
#[test]
fn who_comes_to_an_unloaded_list_after_the_delete_does_not_go_along() {
    let db = shop();
    let mut session = db.session();
    ed_and_wendy(&mut session);
    let wendy = session.get_by_key::<User>(2).unwrap().unwrap();
    let order = session.get_by_key::<Order>(1).unwrap().unwrap();
    session.delete(wendy).unwrap();
    session.set(order, Order::USER, wendy);
    let error = session.commit().unwrap_err();
    assert_eq!(error.code(), "E0502", "{error}");
    session.rollback().unwrap();
    session.delete(wendy).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from orders"), 1);
}

/// Behaviours: CASC-DEL-09.
#[test]
fn who_is_added_after_the_delete_does_not_go_along_though_the_list_was_not_loaded() {
    let db = shop();
    let mut session = db.session();
    ed_and_wendy(&mut session);
    for taken_in in [false, true] {
        session.clear();
        let [ed, wendy] = [1, 2].map(|key| session.get_by_key::<User>(key).unwrap().unwrap());
        let order = session.get_by_key::<Order>(1).unwrap().unwrap();
        session.delete(ed).unwrap();
        session.add(order);
        if taken_in {
            session.set(order, Order::USER, wendy);
            session.commit().unwrap();
        } else {
            let error = session.commit().unwrap_err();
            assert_eq!(error.code(), "E0502", "{error}");
            session.rollback().unwrap();
        }
        assert_eq!(count(&mut session, "select count(*) from orders"), 1);
    }
    // It is spared once, and not if it has left meanwhile.
    session.add(Order { id: auto(), note: None, user: BelongsTo::key(2), items: unset() });
    session.commit().unwrap();
    session.clear();
    let wendy = session.get_by_key::<User>(2).unwrap().unwrap();
    let first = session.get_by_key::<Order>(1).unwrap().unwrap();
    session.delete(wendy).unwrap();
    session.set_autoflush(false);
    session.add(first);
    session.take(first).unwrap();
    session.get_by_key::<Order>(2).unwrap().expect("it takes the place of the first");
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from orders"), 0);
}

/// Behaviours: CASC-DEL-09.
#[test]
fn who_was_added_before_a_second_delete_goes_along() {
    let db = shop();
    let mut session = db.session();
    ed_and_wendy(&mut session);
    let [ed, wendy] = [1, 2].map(|key| session.get_by_key::<User>(key).unwrap().unwrap());
    let order = session.get_by_key::<Order>(1).unwrap().unwrap();
    session.delete(wendy).unwrap();
    session.delete(ed).unwrap();
    session.add(order);
    session.add(ed);
    session.delete(ed).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from orders"), 0);
    assert_eq!(count(&mut session, "select count(*) from users"), 0);
}

/// A child and its toys, one of which is its favorite: a ring of two tables.
#[derive(Entity)]
#[entity(table = "children")]
struct Child {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "favorite_id")]
    favorite: BelongsTo<Option<Toy>>,
    #[has_many(Toy::CHILD, cascade = "all, delete-orphan")]
    toys: HasMany<Toy>,
}

#[derive(Entity)]
#[entity(table = "toys")]
struct Toy {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "child_id", back_populates = Child::TOYS)]
    child: BelongsTo<Option<Child>>,
}

#[test]
fn an_owner_goes_with_its_list_though_their_tables_are_a_ring() {
    let place = Place::small();
    let mapping = mapping![Child, Toy].expect("the mapping is right");
    let db = Database::connect(&place.url, mapping).expect("the database is there");
    db.create_all().expect("the tables are new");
    for stale in [false, true] {
        let mut session = db.session();
        let child = session.add(Child { id: auto(), favorite: unset(), toys: unset() });
        let toys =
            [(); 2].map(|()| session.push(child, Child::TOYS, Toy { id: auto(), child: unset() }));
        session.set(child, Child::FAVORITE, toys[0]);
        session.commit().unwrap();
        let key = session[child].id.get().copied().unwrap();
        session.clear();
        let child = session.get_by_key::<Child>(key).unwrap().unwrap();
        if stale {
            session.expire(child).unwrap();
        }
        session.delete(child).unwrap();
        session.commit().unwrap();
        assert_eq!(count(&mut session, "select count(*) from children"), 0);
        assert_eq!(count(&mut session, "select count(*) from toys"), 0);
    }
}

/// A folder with its pages.
#[derive(Entity)]
#[entity(table = "folders")]
struct Folder {
    #[key]
    id: Auto<i64>,
    #[has_many(Page::FOLDER, cascade = "all, delete-orphan")]
    pages: HasMany<Page>,
}

/// A page may name the index that lists it.
#[derive(Entity)]
#[entity(table = "pages")]
struct Page {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "folder_id", back_populates = Folder::PAGES)]
    folder: BelongsTo<Option<Folder>>,
    #[belongs_to(column = "index_id")]
    index: BelongsTo<Option<Index>>,
}

/// An index stands for a page, always: a ring of two tables that opens at the page alone.
#[derive(Entity)]
#[entity(table = "indexes")]
struct Index {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "page_id")]
    page: BelongsTo<Page>,
}

#[test]
fn rows_are_loaded_where_a_ring_opens_at_them_alone() {
    let place = Place::small();
    let mapping = mapping![Folder, Page, Index].expect("the mapping is right");
    let db = Database::connect(&place.url, mapping).expect("the database is there");
    db.create_all().expect("the tables are new");
    let mut session = db.session();
    let folder = session.add(Folder { id: auto(), pages: unset() });
    let page =
        session.push(folder, Folder::PAGES, Page { id: auto(), folder: unset(), index: unset() });
    let index = session.add(Index { id: auto(), page: BelongsTo::of(page) });
    session.set(page, Page::INDEX, index);
    session.commit().unwrap();
    session.clear();
    let folder = session.get_by_key::<Folder>(1).unwrap().unwrap();
    let index = session.get_by_key::<Index>(1).unwrap().unwrap();
    session.delete(folder).unwrap();
    session.delete(index).unwrap();
    session.plan().unwrap();
    session.commit().unwrap();
    for table in ["folders", "pages", "indexes"] {
        assert_eq!(count(&mut session, &format!("select count(*) from {table}")), 0);
    }
}

#[test]
fn an_unloaded_relationship_is_an_error_never_an_empty_list() {
    let db = shop();
    let mut session = db.session();
    ed(&mut session);
    session.clear();
    let ed = session.get_by_key::<User>(1).unwrap().unwrap();
    assert!(matches!(session.many(ed, User::ORDERS), Err(StateError::NotLoaded { .. })));
    assert!(matches!(session.one(ed, User::PROFILE), Err(StateError::NotLoaded { .. })));
    assert!(matches!(
        session.clear_relationship(ed, User::ORDERS),
        Err(StateError::NotLoaded { .. })
    ));
    session.load(ed, User::ORDERS.then(Order::ITEMS)).unwrap();
    let order = session.many(ed, User::ORDERS).unwrap()[0];
    let names: Vec<_> = session
        .many(order, Order::ITEMS)
        .unwrap()
        .into_iter()
        .map(|item| session[item].name.clone())
        .collect();
    assert_eq!(names, ["nut", "bolt"]);
    assert_eq!(session.one(order, Order::USER).unwrap(), Some(ed));
}

#[test]
fn push_and_remove_need_no_load() {
    let db = shop();
    let mut session = db.session();
    ed(&mut session);
    session.clear();
    let ed = session.get_by_key::<User>(1).unwrap().unwrap();
    let first = session.get_by_key::<Order>(1).unwrap().unwrap();
    let second = session.push(ed, User::ORDERS, order("second", &[]));
    session.remove(ed, User::ORDERS, first);
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from orders"), 1);
    session.load(ed, User::ORDERS).unwrap();
    assert_eq!(session.many(ed, User::ORDERS).unwrap(), [second]);
}

#[test]
fn lists_are_replaced_as_a_whole() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    let first = session.many(ed, User::ORDERS).unwrap()[0];
    let now = session.set_all(ed, User::ORDERS, [order("a", &[]), order("b", &[])]).unwrap();
    session.commit().unwrap();
    assert_eq!(session.many(ed, User::ORDERS).unwrap(), now);
    assert_eq!(session.state(first), State::Detached);
    session.clear_relationship(ed, User::ORDERS).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from orders"), 0);
}

#[test]
fn a_raw_key_is_a_foreign_key_value() {
    let db = shop();
    let mut session = db.session();
    ed(&mut session);
    session.add(Order { id: auto(), note: None, user: BelongsTo::key(1), items: unset() });
    session.commit().unwrap();
    assert_eq!(count(&mut session, "select count(*) from orders where user_id = 1"), 2);
}
