//! What a flush writes and in which order, as plans, and what it fetches.

use entail::blocking::{Database, Session};
use entail::prelude::*;
use entail::{Error, FlushError};
use expect_test::{Expect, expect};

use super::database::{Kind, Place};
use super::shop::*;

fn check(session: &mut Session, expected: Expect) {
    expected.assert_eq(&session.plan().unwrap().to_string());
    session.flush().unwrap();
}

fn tag(name: &str) -> Tag {
    Tag { name: name.to_owned(), items: unset() }
}

fn book(title: &str) -> Book {
    Book { id: auto(), title: title.to_owned(), library: unset() }
}

/// Behaviours: ORDER-04, BATCH-01.
#[test]
fn rows_are_inserted_as_they_were_added_and_changed_by_their_keys() {
    let db = shop();
    let mut session = db.session();
    let tags = session.add_all(["c", "a", "b"].map(tag));
    let users = session.add_all(["wendy", "ed", "jack"].map(user));
    check(
        &mut session,
        expect![[r#"
        1. insert into users
             name = 'wendy', id = new $0 -- add User(new 0)
             name = 'ed', id = new $1 -- add User(new 1)
             name = 'jack', id = new $2 -- add User(new 2)
        2. insert into tags
             name = 'c' -- add Tag(new 0)
             name = 'a' -- add Tag(new 1)
             name = 'b' -- add Tag(new 2)"#]],
    );
    for &user in users.iter().rev() {
        session[user].name.push('!');
    }
    check(
        &mut session,
        expect![[r#"
        1. update users
             id = 1: name = 'wendy!' -- change User#1
             id = 2: name = 'ed!' -- change User#2
             id = 3: name = 'jack!' -- change User#3"#]],
    );
    for tag in tags {
        session.delete(tag).unwrap();
    }
    check(
        &mut session,
        expect![[r#"
        1. delete from item_tags
             rows with tag in ('c'; 'a'; 'b') -- delete Tag#'c' -> Tag.items
        2. delete from tags
             name = 'a' -- delete Tag#'a'
             name = 'b' -- delete Tag#'b'
             name = 'c' -- delete Tag#'c'"#]],
    );
}

/// Behaviours: NULLIFY-05, BATCH-08.
#[test]
fn children_that_lose_their_owner_go_together_and_with_their_other_changes() {
    let db = shop();
    let mut session = db.session();
    let library = session.add(Library { id: auto(), name: "l".into(), books: unset() });
    let books = session.add_all(["a", "b", "c"].map(book));
    for &book in &books {
        session.push(library, Library::BOOKS, book);
    }
    session.commit().unwrap();
    session[books[1]].title = "changed".into();
    session.delete(library).unwrap();
    check(
        &mut session,
        expect![[r#"
        1. update books
             id = 1: library_id = NULL -- delete Library#1 -> Library.books -> Book#1
        2. update books
             id = 2: title = 'changed', library_id = NULL -- change Book#2
        3. update books
             id = 3: library_id = NULL -- delete Library#1 -> Library.books -> Book#3
        4. delete from libraries
             id = 1 -- delete Library#1"#]],
    );
}

/// Behaviours: M2M-01, M2M-04.
#[test]
fn links_go_before_others_come_and_both_behind_their_ends() {
    let db = shop();
    let mut session = db.session();
    let nut = nut(&mut session);
    let (a, b) = (session.add(tag("a")), session.add(tag("b")));
    session.set_all(nut, Item::TAGS, [a, b]).unwrap();
    check(
        &mut session,
        expect![[r#"
        1. insert into users
             name = 'ed', id = new $0 -- add User(new 0)
        2. insert into orders
             note = 'o', user_id = $0, id = new $1 -- add User(new 0) -> User.orders (save-update) -> Order(new 0)
        3. insert into items
             name = 'nut', version = 1, order_id = $1, id = new $2 -- add User(new 0) -> User.orders (save-update) -> Order(new 0) -> Order.items (save-update) -> Item(new 0)
        4. insert into tags
             name = 'a' -- add Tag(new 0)
             name = 'b' -- add Tag(new 1)
        5. link in item_tags
             item_id = $2, tag = 'a' -- add User(new 0) -> User.orders (save-update) -> Order(new 0) -> Order.items (save-update) -> Item(new 0) -> Item.tags -> Tag(new 0)
             item_id = $2, tag = 'b' -- add User(new 0) -> User.orders (save-update) -> Order(new 0) -> Order.items (save-update) -> Item(new 0) -> Item.tags -> Tag(new 1)"#]],
    );
    let c = session.add(tag("c"));
    session.set_all(nut, Item::TAGS, [b, c]).unwrap();
    check(
        &mut session,
        expect![[r#"
        1. insert into tags
             name = 'c' -- add Tag(new 2)
        2. unlink in item_tags
             item_id = 1 and tag = 'a' -- change Item#1 -> Item.tags -> Tag#'a'
        3. link in item_tags
             item_id = 1, tag = 'c' -- change Item#1 -> Item.tags -> Tag(new 2)"#]],
    );
}

/// Behaviours: M2M-07.
#[test]
fn a_link_to_an_object_that_the_flush_deletes_is_not_written() {
    let db = shop();
    let mut session = db.session();
    let nut = nut(&mut session);
    let old = session.add(tag("old"));
    session.commit().unwrap();
    session.push(nut, Item::TAGS, old);
    session.delete(old).unwrap();
    check(
        &mut session,
        expect![[r#"
            1. delete from item_tags
                 rows with tag in ('old') -- delete Tag#'old' -> Tag.items
            2. delete from tags
                 name = 'old' -- delete Tag#'old'"#]],
    );
}

/// Behaviours: DIRTY-02.
#[test]
fn an_object_whose_list_changed_is_modified_and_nothing_is_asked_for_it() {
    let db = shop();
    let mut session = db.session();
    let library = session.add(Library { id: auto(), name: "l".into(), books: unset() });
    session.commit().unwrap();
    session.load(library, Library::BOOKS).unwrap();
    let before = session.statistics();
    assert!(!session.is_modified(library));
    session.push(library, Library::BOOKS, book("a"));
    assert!(session.is_modified(library));
    assert_eq!(session.statistics(), before);
}

/// Behaviours: CASC-DEL-04.
#[test]
fn a_delete_asks_nothing_so_that_no_flush_can_come_in_between() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    session.push(ed, User::ORDERS, order("o", &["nut"]));
    session.commit().unwrap();
    session.clear();
    let ed = session.get_by_key::<User>(1).unwrap().unwrap();
    session[ed].name = "edward".into();
    let before = session.statistics();
    session.delete(ed).unwrap();
    assert_eq!(session.statistics(), before);
    assert_eq!(session.state(ed), State::Persistent);
    session.flush().unwrap();
    assert_eq!(session.query::<Item>().count().unwrap(), 0);
}

// --- Keys that change ----------------------------------------------------------------------------

#[derive(Entity)]
#[entity(table = "countries")]
struct Country {
    #[key]
    #[column(length = 2)]
    code: String,
    #[has_many(City::COUNTRY, passive_updates = false)]
    cities: HasMany<City>,
}

#[derive(Entity)]
#[entity(table = "cities")]
struct City {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "country_code", back_populates = Country::CITIES, deferrable = "deferred")]
    country: BelongsTo<Option<Country>>,
}

/// Behaviours: PKCHG-04.
#[test]
fn without_passive_updates_children_follow_a_changed_key_whether_loaded_or_not() {
    if crate::DATABASE == Kind::MariaDb {
        return; // It cannot wait with a foreign key until the commit.
    }
    let place = Place::small();
    let mapping = mapping![Country, City].expect("the mapping is right");
    let db = Database::connect(&place.url, mapping).expect("the database is there");
    db.create_all().expect("the tables are new");
    let mut session = db.session();
    let country = session.add(Country { code: "su".into(), cities: unset() });
    let cities = session.add_all([(); 2].map(|()| City { id: auto(), country: unset() }));
    for &city in &cities {
        session.set(city, City::COUNTRY, country);
    }
    session.commit().unwrap();
    for (old, new) in [("su", "ru"), ("ru", "rf")] {
        session.clear();
        let country = session.get_by_key::<Country>(old).unwrap().unwrap();
        if old == "su" {
            session.load(country, Country::CITIES).unwrap();
        }
        session[country].code = new.into();
        let carried = |city| {
            let why = format!("change Country#'{old}' -> Country.cities -> City#{city}");
            format!("     id = {city}: country_code = '{new}' -- {why}")
        };
        let expected = [
            "1. update countries".to_owned(),
            format!("     code = '{old}': code = '{new}' -- change Country#'{old}'"),
            "2. update cities".to_owned(),
            carried(1),
            carried(2),
        ];
        assert_eq!(session.plan().unwrap().to_string().trim_end(), expected.join("\n"));
        session.commit().unwrap();
    }
    let cities = session.query::<City>().filter(City::COUNTRY_CODE.eq("rf")).count();
    assert_eq!(cities.unwrap(), 2);
}

// --- References that are written afterwards ------------------------------------------------------

#[derive(Entity)]
#[entity(table = "teams")]
struct Team {
    #[key]
    id: Auto<i64>,
    name: String,
    #[belongs_to(column = "captain_id", back_populates = Player::TEAMS, post_update)]
    captain: BelongsTo<Option<Player>>,
}

#[derive(Entity)]
#[entity(table = "players")]
struct Player {
    #[key]
    id: Auto<i64>,
    #[has_many(Team::CAPTAIN, post_update)]
    teams: HasMany<Team>,
}

/// Behaviours: POSTUPD-10.
#[test]
fn who_refers_to_a_deleted_row_lets_go_once_and_apart_from_its_other_changes() {
    let place = Place::small();
    let mapping = mapping![Team, Player].expect("the mapping is right");
    let db = Database::connect(&place.url, mapping).expect("the database is there");
    db.create_all().expect("the tables are new");
    let mut session = db.session();
    let captain = session.add(Player { id: auto(), teams: unset() });
    let team = |name: &str| Team { id: auto(), name: name.to_owned(), captain: unset() };
    let teams = session.add_all([team("a"), team("b")]);
    for &team in &teams {
        session.set(team, Team::CAPTAIN, captain);
    }
    session.commit().unwrap();
    session[teams[1]].name = "changed".into();
    session.delete(captain).unwrap();
    check(
        &mut session,
        expect![[r#"
        1. update teams
             id = 2: name = 'changed' -- change Team#2
        2. update teams
             id = 1: captain_id = NULL -- delete Player#1 -> Player.teams -> Team#1
             id = 2: captain_id = NULL -- change Team#2
        3. delete from players
             id = 1 -- delete Player#1"#]],
    );
}

// --- Rings of rows whose keys the database makes ---------------------------------------------------

#[derive(Entity)]
#[entity(table = "lefts")]
struct Left {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "right_id", deferrable = "deferred")]
    right: BelongsTo<Option<Right>>,
    #[belongs_to(column = "only_id", deferrable = "deferred")]
    only: BelongsTo<Only>,
}

#[derive(Entity)]
#[entity(table = "rights")]
struct Right {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "left_id")]
    left: BelongsTo<Left>,
}

#[derive(Entity)]
#[entity(table = "onlies")]
struct Only {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "left_id")]
    left: BelongsTo<Option<Left>>,
}

#[derive(Entity)]
#[entity(table = "yins")]
struct Yin {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "yang_id", deferrable = "deferred")]
    yang: BelongsTo<Yang>,
}

#[derive(Entity)]
#[entity(table = "yangs")]
struct Yang {
    #[key]
    id: Auto<i64>,
    #[belongs_to(column = "yin_id", deferrable = "deferred")]
    yin: BelongsTo<Yin>,
}

#[test]
fn a_deferred_key_does_not_lose_a_reference_to_a_row_whose_key_is_made_later() {
    if crate::DATABASE == Kind::MariaDb {
        return; // It cannot wait with a foreign key until the commit.
    }
    let place = Place::small();
    let mapping = mapping![Left, Right, Only, Yin, Yang].expect("the mapping is right");
    let db = Database::connect(&place.url, mapping).expect("the database is there");
    db.create_all().expect("the tables are new");
    let mut session = db.session();
    let only = session.add(Only { id: auto(), left: unset() });
    let left = session.add(Left { id: auto(), right: unset(), only: unset() });
    let right = session.add(Right { id: auto(), left: unset() });
    session.set(left, Left::ONLY, only);
    session.set(left, Left::RIGHT, right);
    session.set(right, Right::LEFT, left);
    session.set(only, Only::LEFT, left);
    session.commit().unwrap();
    session.clear();
    let left = session.query::<Left>().one().unwrap();
    let right = session.query::<Right>().one().unwrap();
    let only = session.query::<Only>().one().unwrap();
    assert_eq!(session.one(left, Left::RIGHT).unwrap(), Some(right));
    assert_eq!(session.one(left, Left::ONLY).unwrap(), Some(only));
    assert_eq!(session.one(right, Right::LEFT).unwrap(), Some(left));
    assert_eq!(session.one(only, Only::LEFT).unwrap(), Some(left));

    let yin = session.add(Yin { id: auto(), yang: unset() });
    let yang = session.add(Yang { id: auto(), yin: unset() });
    session.set(yin, Yin::YANG, yang);
    session.set(yang, Yang::YIN, yin);
    if crate::DATABASE == Kind::Postgres {
        session.commit().unwrap(); // Its keys are drawn ahead.
        assert_eq!(session.query::<Yang>().filter(Yang::YIN_ID.eq(1)).count().unwrap(), 1);
        session.execute("update yins set yang_id = yang_id", []).unwrap();
        let yin = session.add(Yin { id: auto(), yang: unset() });
        let yang = session.add(Yang { id: auto(), yin: unset() });
        session.set(yin, Yin::YANG, yang);
        session.set(yang, Yang::YIN, yin);
        session.commit().unwrap();
    } else {
        assert_eq!(session.plan().unwrap_err().code(), "E0302");
        assert_eq!(session.commit().unwrap_err().code(), "E0302");
        assert_eq!(session.state(yin), State::Pending);
    }
}

// --- Values that the database puts in -----------------------------------------------------------

#[derive(Entity, Debug)]
#[entity(table = "papers")]
struct Paper {
    #[key]
    id: Auto<i64>,
    title: Option<String>,
    #[column(server_default = "'draft'", length = 20)]
    status: Auto<String>,
    #[column(server_default = "'none'", length = 20)]
    note: Option<String>,
}

fn paper(title: Option<&str>, status: Auto<String>, note: Option<&str>) -> Paper {
    Paper { id: auto(), title: title.map(String::from), status, note: note.map(String::from) }
}

fn papers() -> (Database, Place) {
    let place = Place::small();
    let db = Database::connect(&place.url, mapping![Paper].expect("the mapping is right"))
        .expect("the database is there");
    db.create_all().expect("the tables are new");
    (db, place)
}

/// Behaviours: DEFAULTS-02, DEFAULTS-05, DEFAULTS-07, BATCH-02.
#[test]
fn what_the_database_puts_in_is_known_after_the_insert_and_nothing_else_is_asked_for() {
    let (db, _place) = papers();
    let mut session = db.session();
    let left_out = session.add(paper(None, auto(), None));
    let given = session.add(paper(Some("t"), "final".to_owned().into(), Some("n")));
    let also_left_out = session.add(paper(Some("u"), auto(), Some("n")));
    check(
        &mut session,
        expect![[r#"
        1. insert into papers
             title = NULL, id = new $0, status = new $1, note = new $2 -- add Paper(new 0)
        2. insert into papers
             title = 't', status = 'final', note = 'n', id = new $3 -- add Paper(new 1)
        3. insert into papers
             title = 'u', note = 'n', id = new $4, status = new $5 -- add Paper(new 2)"#]],
    );
    let before = session.statistics();
    assert_eq!(session[left_out].status, "draft".to_owned());
    assert_eq!(session[left_out].title, None);
    assert_eq!(session[given].status, "final".to_owned());
    assert_eq!(session[also_left_out].status, "draft".to_owned());
    assert_eq!(session[left_out].note.as_deref(), Some("none"));
    assert_eq!(session.statistics(), before);
    session.commit().unwrap();
    session.clear();
    let notes: Vec<_> = session.query::<Paper>().order_by(Paper::ID.asc()).all().unwrap();
    let notes: Vec<_> = notes.iter().map(|&one| session[one].note.clone()).collect();
    assert_eq!(notes, [Some("none".into()), Some("n".into()), Some("n".into())]);
}

/// Behaviours: DEFAULTS-02.
#[test]
fn nothing_that_is_set_later_is_written_whatever_the_default() {
    let (db, _place) = papers();
    let mut session = db.session();
    let one = session.add(paper(Some("t"), auto(), Some("n")));
    session.flush().unwrap();
    session[one].note = None;
    session.commit().unwrap();
    session.clear();
    let one = session.get_by_key::<Paper>(1).unwrap().unwrap();
    assert_eq!(session[one].note, None);
}

// --- Rows that the database does not take or give ------------------------------------------------

/// Behaviours: WRITE-08.
#[test]
fn an_insert_that_the_database_swallows_is_an_error_and_its_object_is_pending_again() {
    let db = shop();
    let mut session = db.session();
    let swallow = match crate::DATABASE {
        Kind::Sqlite => {
            "create trigger swallow before insert on users when new.name = 'nobody' \
             begin select raise(ignore); end"
        }
        Kind::Postgres => {
            "create function swallow() returns trigger language plpgsql as \
             $$ begin if new.name = 'nobody' then return null; end if; return new; end $$"
        }
        // Its triggers can refuse a row, not swallow it.
        Kind::MariaDb => return,
    };
    session.execute(swallow, []).unwrap();
    if crate::DATABASE == Kind::Postgres {
        let trigger =
            "create trigger swallow before insert on users for each row execute function swallow()";
        session.execute(trigger, []).unwrap();
    }
    session.commit().unwrap();
    for names in
        [&["nobody"][..], &["ed", "nobody", "jack"], &["nobody", "jack"], &["jack", "nobody"]]
    {
        let users = session.add_all(names.iter().map(|name| user(name)));
        let error = session.flush().unwrap_err();
        assert!(
            matches!(error, Error::Flush(FlushError::NotInserted { .. })),
            "{names:?}: {error}"
        );
        for &user in &users {
            assert_eq!(session.state(user), State::Pending, "{names:?}");
            session.expunge(user).unwrap();
        }
        session.rollback().unwrap();
        assert_eq!(session.query::<User>().count().unwrap(), 0);
    }
}

/// SQLite gives the number of a row that is gone to the next one.
#[test]
fn a_new_row_stays_though_it_has_the_number_of_one_that_was_gone_and_is_deleted() {
    let db = shop();
    for behind in ["delete from libraries", "delete from libraries where id > 1"] {
        let mut session = db.session();
        for name in ["old", "older"] {
            session.add(Library { id: auto(), name: name.into(), books: unset() });
        }
        session.commit().unwrap();
        let gone = session.query::<Library>().order_by(Library::ID.asc()).all().unwrap();
        session.execute(behind, []).unwrap();
        for name in ["new", "newer"] {
            session.add(Library { id: auto(), name: name.into(), books: unset() });
        }
        for one in gone {
            session.delete(one).unwrap();
        }
        session.commit().unwrap();
        assert_eq!(count(&mut session, "select count(*) from libraries where name like 'new%'"), 2);
        assert_eq!(count(&mut session, "select count(*) from libraries"), 2);
        session.execute("delete from libraries", []).unwrap();
        session.commit().unwrap();
    }
}
