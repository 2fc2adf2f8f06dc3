//! A network that breaks at every byte: whatever was cut off, a flush is there whole or not at all,
//! the session is as it was, and the same flush succeeds once the network is back.
#![cfg(any(feature = "postgres", feature = "mysql"))]

#[path = "faults/network.rs"]
mod network;

use std::env;
use std::process;

use entail::ViolationKind;
use entail::blocking::{Database, Session};
use entail::prelude::*;
use network::{Cut, Network};

#[derive(Entity)]
#[entity(table = "faults_users")]
struct User {
    #[key]
    id: Auto<i64>,
    #[column(length = 50, unique)]
    name: String,
    #[has_many(Order::USER, cascade = "all, delete-orphan")]
    orders: HasMany<Order>,
}

#[derive(Entity)]
#[entity(table = "faults_orders")]
struct Order {
    #[key]
    id: Auto<i64>,
    note: Option<String>,
    #[belongs_to(column = "user_id", back_populates = User::ORDERS)]
    user: BelongsTo<User>,
}

/// Bytes at which the network is cut, in either direction.
const LAST: u64 = 2_000;
/// So many cuts are tried at the same time, each on a network of its own.
const AT_ONCE: u64 = 8;

/// A server, and a place on it for this test.
struct Server {
    /// Past the network.
    url: String,
    /// The server's address, which is replaced by that of the network.
    address: String,
    admin: String,
    drop: String,
}

impl Server {
    /// None, said loudly, if there is no server and nobody insists on it.
    fn find(variable: &str, standard: &str, port: u16) -> Option<Self> {
        let admin = env::var(variable).unwrap_or_else(|_| standard.to_owned());
        let scheme = standard.split(':').next().unwrap_or_default();
        let required = env::var("ENTAIL_REQUIRE").unwrap_or_default();
        if let Err(error) = run(&admin, "SELECT 1")
            && !required.split(',').any(|word| word == scheme)
        {
            eprintln!("SKIPPED: there is no server for {variable}: {error}");
            return None;
        }
        let name = format!("entail_faults_{}", process::id());
        let (create, drop) = match scheme {
            "mysql" => (format!("CREATE DATABASE {name}"), format!("DROP DATABASE {name}")),
            _ => (format!("CREATE SCHEMA {name}"), format!("DROP SCHEMA {name} CASCADE")),
        };
        run(&admin, &create).expect("a place for the test can be made");
        let (path, options) = admin.split_once('?').unwrap_or((&admin, ""));
        let url = match scheme {
            "mysql" => {
                let start = path.rfind('/').expect("the URL has a path");
                format!("{}/{name}?{options}", &path[..start])
            }
            _ => format!("{path}?search_path={name}&{options}"),
        };
        let url = url.trim_end_matches(['?', '&']).to_owned();
        let host = path.split("://").nth(1).and_then(|rest| rest.split('/').next());
        let host = host.map_or("", |host| host.rsplit('@').next().unwrap_or(host));
        let address = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
        Some(Self { url, address, admin, drop })
    }

    fn through(&self, network: &Network) -> String {
        let own = self.address.split(':').next().unwrap_or_default();
        let with_port = self.url.replacen(&self.address, &network.address(), 1);
        if with_port == self.url {
            self.url.replacen(own, &network.address(), 1)
        } else {
            with_port
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = run(&self.admin, &self.drop);
    }
}

fn run(url: &str, sql: &str) -> Result<(), Error> {
    let db = Database::connect(url, mapping![]?)?;
    let mut session = db.session();
    session.execute(sql, [])?;
    session.commit()
}

fn mapping() -> Mapping {
    mapping![User, Order].expect("the mapping is right")
}

fn graph(number: u64) -> User {
    let orders = many![Order::new(), Order::new(), Order::new()];
    User { id: auto(), name: format!("user {number}"), orders }
}

/// How many rows of a graph are there.
fn rows(session: &mut Session, number: u64) -> usize {
    let name = format!("user {number}");
    let found = session.query::<User>().filter(User::NAME.eq(name)).with(User::ORDERS).all();
    let found = found.expect("the server answers");
    let orders = found.iter().map(|&user| session.many(user, User::ORDERS).map_or(0, |o| o.len()));
    found.len() + orders.sum::<usize>()
}

/// Commits a graph through a network that is cut at a byte.
fn commit_through(server: &Server, direct: &Database, cut: Cut, number: u64) {
    let network = Network::to(&server.address);
    let db = match Database::connect(&server.through(&network), mapping()) {
        Ok(db) => db,
        Err(error) => panic!("the network works until it is cut: {error}"),
    };
    let mut session = db.session();
    let user = session.add(graph(number));
    network.cut(cut);
    let result = session.commit();
    network.mend();
    let there = rows(&mut direct.session(), number);
    match result {
        Ok(()) => assert_eq!(there, 4, "what was acknowledged is there, cut at {cut:?}"),
        Err(error) => {
            let code = error.code();
            assert!(["E0501", "E0506"].contains(&code.as_str()), "{error}, cut at {cut:?}");
            assert!(there == 0 || there == 4, "{there} rows of 4, cut at {cut:?}");
            assert_eq!(session.state(user), State::Pending, "cut at {cut:?}");
            // The server may still be at it: then the name is taken by the time of the second try.
            if let Err(error) = session.commit() {
                let kind = error.integrity().map(|refused| &refused.kind);
                assert_eq!(kind, Some(&ViolationKind::Unique), "{error} after {cut:?}");
            }
            assert_eq!(rows(&mut direct.session(), number), 4);
        }
    }
}

fn every_byte(server: Option<Server>) {
    let Some(server) = server else { return };
    let db = Database::connect(&server.url, mapping()).expect("the server is there");
    db.create_all().expect("the tables are new");
    std::thread::scope(|scope| {
        for first in 0..AT_ONCE {
            let (server, db) = (&server, &db);
            scope.spawn(move || {
                for byte in (first..LAST).step_by(AT_ONCE as usize) {
                    commit_through(server, db, Cut::Sent(byte), byte * 2);
                    commit_through(server, db, Cut::Received(byte), byte * 2 + 1);
                }
            });
        }
    });
}

#[test]
#[cfg(feature = "postgres")]
fn postgres_commits_whole_or_not_at_all_wherever_the_network_is_cut() {
    let standard = "postgres://postgres@127.0.0.1:5432/postgres";
    every_byte(Server::find("ENTAIL_POSTGRES_URL", standard, 5432));
}

#[test]
#[cfg(feature = "mysql")]
fn mariadb_commits_whole_or_not_at_all_wherever_the_network_is_cut() {
    let standard = "mysql://root@127.0.0.1:3306/test";
    every_byte(Server::find("ENTAIL_MYSQL_URL", standard, 3306));
}
