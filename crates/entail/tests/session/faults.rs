//! A fault at every statement of flushes that have each kind of step: afterwards the objects are as
//! before the flush, the database as before the transaction, and the same flush succeeds.

use std::pin::Pin;
use std::time::Duration;

use entail::Error;
use entail::faults::{Fault, Faults};
use entail::prelude::*;

use super::database::{Kind, Place};
use super::shop::{self, Book, Item, Library, Order, Profile, Tag, User, item, order, user};

/// What a case does with a session.
type Done<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A flush that is to fail at each of its statements.
struct Case {
    mapping: fn() -> Mapping,
    /// Puts into an empty database what the flush needs.
    prepare: fn(&mut Session) -> Done<'_>,
    /// Makes the changes that are to be flushed.
    change: fn(&mut Session) -> Done<'_>,
    /// A statement that writes and changes nothing.
    touch: &'static str,
    /// The statements that empty the database.
    clear: &'static [&'static str],
    /// What shows all that is in the database, whatever the generated keys.
    show: &'static [&'static str],
}

/// Whether something was written in the transaction before the flush.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Nothing,
    Written,
}

// --- The cases -----------------------------------------------------------------------------------

const SHOP: &[&str] = &[
    "select u.name, p.bio from users u left join profiles p on p.user_id = u.id",
    "select u.name, o.note from orders o join users u on u.id = o.user_id",
    "select o.note, i.name, i.version from items i join orders o on o.id = i.order_id",
    "select i.name, t.tag from item_tags t join items i on i.id = t.item_id",
    "select name from tags",
    "select l.name, b.title from books b left join libraries l on library_id = l.id",
    "select name from libraries",
];

const CLEAR_SHOP: &[&str] = &[
    "delete from item_tags",
    "delete from tags",
    "delete from items",
    "delete from orders",
    "delete from profiles",
    "delete from users",
    "delete from books",
    "delete from libraries",
];

const TREE: Case = Case {
    mapping: shop::mapping,
    prepare: nothing,
    change: new_objects,
    touch: "update tags set name = name",
    clear: CLEAR_SHOP,
    show: SHOP,
};

fn nothing(_: &mut Session) -> Done<'_> {
    Box::pin(async {})
}

/// INSERTs with generated and with given keys, one row and many, and links.
fn new_objects(session: &mut Session) -> Done<'_> {
    Box::pin(async {
        let red = session.add(Tag { name: "red".into(), items: unset() });
        for name in ["ed", "wendy"] {
            let user = session.add(user(name));
            let profile = Profile { id: auto(), bio: Some(name.into()), user: unset() };
            session.set(user, User::PROFILE, profile);
            let order = session.push(user, User::ORDERS, order(name, &["nut", "bolt"]));
            for item in session.many(order, Order::ITEMS).unwrap() {
                session.push(item, Item::TAGS, red);
            }
        }
    })
}

const CHANGES: Case = Case {
    mapping: shop::mapping,
    prepare: shop_with_stock,
    change: many_changes,
    touch: "update tags set name = name",
    clear: CLEAR_SHOP,
    show: SHOP,
};

fn shop_with_stock(session: &mut Session) -> Done<'_> {
    Box::pin(async {
        new_objects(session).await;
        let library = session.add(Library { id: auto(), name: "l".into(), books: unset() });
        for title in ["a", "b"] {
            let book = Book { id: auto(), title: title.into(), library: unset() };
            session.push(library, Library::BOOKS, book);
        }
        session.add(Tag { name: "blue".into(), items: unset() });
        session.commit().await.unwrap();
    })
}

/// UPDATEs, also of versioned rows and of a unique value that another row gives up, an orphan, links
/// that come and go.
fn many_changes(session: &mut Session) -> Done<'_> {
    Box::pin(async {
        let blue = session.get_by_key::<Tag>("blue").await.unwrap().unwrap();
        let red = session.get_by_key::<Tag>("red").await.unwrap().unwrap();
        let users = session.query::<User>().with(User::ORDERS.then(Order::ITEMS)).all().await;
        let users = users.unwrap();
        session.load(users[1], User::PROFILE).await.unwrap();
        session[users[0]].name = "jack".into();
        session[users[1]].name = "ed".into();
        let order = session.many(users[0], User::ORDERS).unwrap()[0];
        let items = session.many(order, Order::ITEMS).unwrap();
        session[items[0]].name = "screw".into();
        session.remove(order, Order::ITEMS, items[1]);
        session.push(order, Order::ITEMS, item("washer"));
        let other = session.many(users[1], User::ORDERS).unwrap()[0];
        for item in session.many(other, Order::ITEMS).unwrap() {
            session.remove(item, Item::TAGS, red);
            session.push(item, Item::TAGS, blue);
        }
        session.set(users[1], User::PROFILE, None);
    })
}

const DELETES: Case = Case {
    mapping: shop::mapping,
    prepare: shop_with_stock,
    change: deletes,
    touch: "update tags set name = name",
    clear: CLEAR_SHOP,
    show: SHOP,
};

/// DELETEs of what is loaded and of what is reached by its parents' keys, and UPDATEs that let go.
fn deletes(session: &mut Session) -> Done<'_> {
    Box::pin(async {
        let users = session.query::<User>().order_by(User::NAME.asc()).all().await.unwrap();
        session.load(users[0], User::ORDERS.then(Order::ITEMS)).await.unwrap();
        let library = session.query::<Library>().one().await.unwrap();
        let red = session.get_by_key::<Tag>("red").await.unwrap().unwrap();
        for user in users {
            session.delete(user).unwrap();
        }
        session.delete(library).unwrap();
        session.delete(red).unwrap();
    })
}

#[derive(Entity)]
#[entity(table = "teams")]
struct Team {
    #[key]
    id: Auto<i64>,
    name: String,
    #[belongs_to(column = "captain_id", back_populates = Player::LEADS, post_update)]
    captain: BelongsTo<Option<Player>>,
    #[has_many(Player::TEAM)]
    players: HasMany<Player>,
}

#[derive(Entity)]
#[entity(table = "players")]
struct Player {
    #[key]
    id: Auto<i64>,
    name: String,
    #[belongs_to(column = "team_id", back_populates = Team::PLAYERS)]
    team: BelongsTo<Team>,
    #[has_many(Team::CAPTAIN)]
    leads: HasMany<Team>,
}

const RINGS: Case = Case {
    mapping: || mapping![Team, Player].expect("the mapping is right"),
    prepare: a_team,
    change: one_ring_for_another,
    touch: "update teams set name = name",
    clear: &["update teams set captain_id = null", "delete from players", "delete from teams"],
    show: &[
        "select t.name, p.name from teams t left join players p on p.id = t.captain_id",
        "select p.name, t.name from players p join teams t on t.id = p.team_id",
    ],
};

fn team(session: &mut Session, name: &str) {
    let team =
        session.add(Team { id: auto(), name: name.into(), captain: unset(), players: unset() });
    let player = Player { id: auto(), name: format!("{name}'s"), team: unset(), leads: unset() };
    let player = session.push(team, Team::PLAYERS, player);
    session.set(team, Team::CAPTAIN, player);
}

fn a_team(session: &mut Session) -> Done<'_> {
    Box::pin(async {
        team(session, "old");
        session.commit().await.unwrap();
    })
}

/// Rows that refer to each other: inserted, and closed by an UPDATE; opened by one, and deleted.
fn one_ring_for_another(session: &mut Session) -> Done<'_> {
    Box::pin(async {
        let old =
            session.query::<Team>().with(Team::PLAYERS).with(Team::CAPTAIN).one().await.unwrap();
        for player in session.many(old, Team::PLAYERS).unwrap() {
            session.delete(player).unwrap();
        }
        session.delete(old).unwrap();
        team(session, "new");
    })
}

#[derive(Entity)]
#[entity(table = "roles")]
struct Role {
    #[key]
    #[column(length = 20)]
    name: String,
    #[many_to_many(table = "holders", local = "role", remote = "person_id",
        back_populates = Person::ROLES, deferrable = "deferred", passive_updates = false)]
    people: ManyToMany<Person>,
}

#[derive(Entity)]
#[entity(table = "people")]
struct Person {
    #[key]
    id: Auto<i64>,
    #[many_to_many(table = "holders", local = "person_id", remote = "role",
        back_populates = Role::PEOPLE, deferrable = "deferred")]
    roles: ManyToMany<Role>,
}

const RELINKS: Case = Case {
    mapping: || mapping![Role, Person].expect("the mapping is right"),
    prepare: a_role,
    change: another_name,
    touch: "update roles set name = name",
    clear: &["delete from holders", "delete from roles", "delete from people"],
    show: &["select name from roles", "select role, count(*) from holders group by role"],
};

fn a_role(session: &mut Session) -> Done<'_> {
    Box::pin(async {
        let people = [(); 2].map(|()| Person { id: auto(), roles: unset() });
        session.add(Role { name: "cook".into(), people: people.into_iter().collect() });
        session.commit().await.unwrap();
    })
}

/// Links that follow a changed key by statements of the session.
fn another_name(session: &mut Session) -> Done<'_> {
    Box::pin(async {
        let cook = session.query::<Role>().with(Role::PEOPLE).one().await.unwrap();
        session[cook].name = "chef".into();
    })
}

// --- What is checked -----------------------------------------------------------------------------

/// All that is in the database, as somebody else sees it.
async fn seen(db: &Database, case: &Case) -> Vec<String> {
    let mut session = db.session();
    let mut rows = Vec::new();
    for (number, sql) in case.show.iter().enumerate() {
        let answer = session.execute(sql, []).await.unwrap();
        for row in answer.rows.iter() {
            rows.push(format!("{number}: {:?}", row.iter().collect::<Vec<_>>()));
        }
    }
    rows.sort_unstable();
    rows
}

/// All that a session has in memory, apart from the state of its connection.
fn held(session: &Session) -> String {
    let all = format!("{:#?}", **session);
    let (start, end) = ("    arena: Arena {", "\n        options: ");
    let start = all.find(start).expect("a unit shows its arena first");
    let end = all[start..].find(end).expect("its options come next");
    all[start..start + end].to_owned()
}

/// Empties the tables.
async fn empty(db: &Database, case: &Case) {
    let mut session = db.session();
    for sql in case.clear {
        session.execute(sql, []).await.unwrap();
    }
    session.commit().await.unwrap();
}

/// The statements at which a case was made to fail.
async fn fail_everywhere(case: &Case, fault: Fault, before: Before) -> usize {
    let place = Place::shared();
    let db = Database::connect(&place.url, (case.mapping)()).await.unwrap();
    db.create_all().await.unwrap();
    let faults = Faults::default();
    let faulty = db.with_faults(&faults);
    for nth in 1.. {
        if nth > 1 {
            empty(&db, case).await;
        }
        let mut first = db.session();
        (case.prepare)(&mut first).await;
        drop(first);
        let (prepared, mut session) = (seen(&db, case).await, faulty.session());
        if before == Before::Written {
            session.execute(case.touch, []).await.unwrap();
        }
        let unchanged = held(&session);
        (case.change)(&mut session).await;
        let plan = session.plan().await.unwrap().to_string();
        let memory = held(&session);
        assert_ne!(memory, unchanged);
        let what = format!("{fault:?} at statement {nth} of\n{plan}\n");

        faults.fail(nth, fault);
        let ended = commit(&mut session, &faults, fault).await;
        let happened = faults.has_happened();
        faults.clear();
        if !happened {
            assert!(nth > 1, "nothing was sent");
            ended.expect("it ended").unwrap();
            assert_ne!(seen(&db, case).await, prepared, "the case changes nothing");
            return nth - 1;
        }
        check_failure(ended, fault, &what);
        assert_eq!(held(&session), memory, "{what}");
        assert_eq!(seen(&db, case).await, prepared, "{what}");
        match before {
            Before::Nothing => {
                assert_eq!(session.plan().await.unwrap().to_string(), plan);
                session.commit().await.unwrap_or_else(|error| panic!("{what}{error}"));
                assert_ne!(seen(&db, case).await, prepared, "{what}");
            }
            Before::Written => {
                let error = session.flush().await.unwrap_err();
                assert_eq!(error.code(), "E0213", "{what}{error}");
                session.rollback().await.unwrap();
                assert_eq!(session.plan().await.unwrap().to_string(), "nothing to do", "{what}");
                (case.change)(&mut session).await;
                session.commit().await.unwrap_or_else(|error| panic!("{what}{error}"));
                assert_ne!(seen(&db, case).await, prepared, "{what}");
            }
        }
    }
    unreachable!("every case ends")
}

/// Commits. None if the call was dropped at the fault.
async fn commit(session: &mut Session, faults: &Faults, fault: Fault) -> Option<Result<(), Error>> {
    let dropped = async {
        while fault != Fault::Slow || !faults.has_happened() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        biased;
        result = session.commit() => Some(result),
        () = dropped => None,
    }
}

fn check_failure(ended: Option<Result<(), Error>>, fault: Fault, what: &str) {
    let code = match fault {
        Fault::Slow => return assert!(ended.is_none(), "{what}"),
        Fault::Refused => "E0509",
        Fault::Lost => "E0506",
        Fault::Busy if crate::DATABASE == Kind::Sqlite => "E0503",
        Fault::Busy => "E0514",
    };
    let error = ended.expect("it ended").unwrap_err();
    assert_eq!(error.code(), code, "{what}{error}");
}

/// Makes a case fail in all ways.
async fn check(case: &Case, statements: usize) {
    for fault in [Fault::Refused, Fault::Busy, Fault::Lost, Fault::Slow] {
        for before in [Before::Nothing, Before::Written] {
            let failed = fail_everywhere(case, fault, before).await;
            assert!(failed >= statements, "it failed at {failed} statements only");
        }
    }
}

#[tokio::test]
async fn inserts_and_links_fail_without_a_trace() {
    check(&TREE, 7).await;
}

#[tokio::test]
async fn changes_fail_without_a_trace() {
    check(&CHANGES, 8).await;
}

#[tokio::test]
async fn deletes_fail_without_a_trace() {
    check(&DELETES, 8).await;
}

#[tokio::test]
async fn rings_fail_without_a_trace() {
    check(&RINGS, 6).await;
}

#[tokio::test]
async fn links_that_follow_a_key_fail_without_a_trace() {
    if crate::DATABASE != Kind::MariaDb {
        check(&RELINKS, 4).await; // MariaDB cannot wait with a foreign key until the commit.
    }
}
