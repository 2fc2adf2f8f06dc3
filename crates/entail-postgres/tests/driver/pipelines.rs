//! Pipelines: how many trips a batch takes, measured between the driver and the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use entail_engine::batch::{Param, Request};
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value};
use entail_postgres::{Options, Pool, PooledConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::database::{Place, check};
use crate::requests::{
    batch, delete, fail, insert, insert_arrays, insert_returning, int, of_one_row, one, query, run,
    update,
};

const SCHEMA: &str = "CREATE TABLE a (id bigserial PRIMARY KEY, n int8);
                      CREATE TABLE b (id bigserial PRIMARY KEY, a int8 REFERENCES a);
                      CREATE TABLE c (id bigserial PRIMARY KEY, b int8 REFERENCES b)";
const ID: [(&str, ColumnType); 1] = [("id", ColumnType::BigInt)];

/// A way to the server on which answers take a while, so that whatever is sent without waiting
/// for them is sent before they come.
struct Way {
    trips: Arc<AtomicUsize>,
    pool: Pool,
}

const LATENCY: Duration = Duration::from_millis(60);

impl Way {
    async fn to(place: &Place, options: &str) -> Self {
        let url = place.url(options);
        let at = url.find('@').expect("a user") + 1;
        let end = at + url[at..].find('/').expect("a database");
        let server = url[at..end].to_owned();
        let server = if server.contains(':') { server } else { format!("{server}:5432") };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("an address");
        let trips = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&trips);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("the server");
                tokio::spawn(forward(client, server, Arc::clone(&counted)));
            }
        });
        let url = format!("{}{own}{}", &url[..at], &url[end..]);
        let options = Options::parse(&url).expect("the URL is right");
        Self { trips, pool: Pool::new(options).expect("the options are right") }
    }

    async fn connection(&self) -> PooledConnection {
        self.pool.take().await.expect("a connection")
    }

    /// How many trips a batch takes.
    async fn trips(&self, db: &mut PooledConnection, requests: Vec<Request>) -> usize {
        let before = self.trips.load(Ordering::SeqCst);
        run(db, requests).await;
        self.trips.load(Ordering::SeqCst) - before
    }
}

/// Moves bytes, and counts how often the client speaks after it has heard something.
async fn forward(client: TcpStream, server: TcpStream, trips: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let heard = Arc::new(AtomicUsize::new(1));
    let told = Arc::clone(&heard);
    tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            trips.fetch_add(told.swap(0, Ordering::SeqCst), Ordering::SeqCst);
            if to_server.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 1 << 20];
    while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
        tokio::time::sleep(LATENCY).await;
        heard.store(1, Ordering::SeqCst);
        if to_client.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

fn ints(count: i64) -> Vec<Param> {
    (0..count).map(|value| Param::from(int(value))).collect()
}

#[test]
fn inserts_that_need_no_keys_of_each_other_take_one_trip_with_begin_and_commit() {
    check(SCHEMA, async |place| {
        let way = Way::to(place, "").await;
        let mut db = way.connection().await;
        let requests = || {
            vec![
                Request::Begin,
                insert_arrays("a", &[("n", ColumnType::BigInt)], ints(3), 0, &ID),
                insert("a", &["n"], &[int(1), int(2), int(3)]),
                insert("b", &["a"], &[Value::Null]),
                insert("c", &["b"], &[Value::Null]),
                Request::Commit,
            ]
        };
        // Statements that are new are prepared in the trip of the BEGIN.
        assert_eq!(way.trips(&mut db, requests()).await, 2);
        assert_eq!(way.trips(&mut db, requests()).await, 1);
        assert_eq!(one(&mut db, "SELECT count(*) FROM a").await, int(12));
    });
}

#[test]
fn a_level_of_keys_takes_a_trip() {
    check(SCHEMA, async |place| {
        let way = Way::to(place, "").await;
        let mut db = way.connection().await;
        let requests = || {
            vec![
                Request::Begin,
                insert_returning("a", &["n"], ints(1), 0, &ID),
                insert_returning("b", &["a"], vec![Param::Slot(0)], 1, &ID),
                insert_returning("c", &["b"], vec![Param::Slot(1)], 2, &ID),
                Request::Commit,
            ]
        };
        run(&mut db, requests()).await;
        assert_eq!(way.trips(&mut db, requests()).await, 3);
    });
}

#[test]
fn a_commit_waits_for_counts_that_may_be_wrong_and_for_no_others() {
    check(SCHEMA, async |place| {
        let way = Way::to(place, "").await;
        let mut db = way.connection().await;
        run(&mut db, vec![insert("a", &["id", "n"], &[int(1), int(1), int(2), int(2)])]).await;
        let change = |id: i64| {
            vec![
                Request::Begin,
                update("a", &["n"], &["id"], &[int(9), int(1), int(9), int(2)]),
                insert("a", &["id", "n"], &[int(id), int(0)]),
                delete("a", &["id"], &[int(id)]),
                Request::Commit,
            ]
        };
        run(&mut db, change(3)).await;
        assert_eq!(way.trips(&mut db, change(3)).await, 2);
    });
}

#[test]
fn the_server_commits_a_lone_statement_by_itself() {
    check(SCHEMA, async |place| {
        let way = Way::to(place, "").await;
        let mut db = way.connection().await;
        run(&mut db, vec![insert("a", &["id", "n"], &[int(1), int(1)])]).await;
        let change = |id| {
            let update = update("a", &["n"], &["id"], &[int(9), int(id)]);
            vec![Request::Begin, of_one_row(update), Request::Commit]
        };
        run(&mut db, change(1)).await;
        assert_eq!(way.trips(&mut db, change(1)).await, 1);
        let failure = fail(&mut db, change(7)).await;
        assert!(matches!(failure.error, DriverError::RowCount { .. }), "{failure:?}");
        assert_eq!((failure.request, failure.in_transaction), (Some(1), false));
        assert_eq!(one(&mut db, "SELECT n FROM a").await, int(9));
        let refused = of_one_row(update("b", &["a"], &["id"], &[int(9), int(1)]));
        run(&mut db, vec![insert("b", &["id", "a"], &[int(1), int(1)])]).await;
        let failure = fail(&mut db, vec![Request::Begin, refused, Request::Commit]).await;
        assert!(matches!(failure.error, DriverError::Integrity(_)), "{failure:?}");
        assert!(!db.in_transaction());

        // In another isolation than the server's own it takes a transaction.
        let way = Way::to(place, "isolation=serializable").await;
        let mut db = way.connection().await;
        run(&mut db, change(1)).await;
        assert_eq!(way.trips(&mut db, change(1)).await, 2);
    });
}

#[test]
fn queries_of_one_snapshot_take_one_trip() {
    check(SCHEMA, async |place| {
        let way = Way::to(place, "").await;
        let mut db = way.connection().await;
        let queries = || (0..5).map(|n| query("SELECT $1::int8", &[int(n)])).collect::<Vec<_>>();
        run(&mut db, queries()).await;
        assert_eq!(way.trips(&mut db, queries()).await, 1);
        let outcome = db.run(batch(queries())).await.expect("it runs");
        let read = outcome.rows.iter().map(|rows| rows.value(0, 0).map(|value| value.to_value()));
        assert!(read.eq((0..5).map(|n| Some(int(n)))));
    });
}

#[test]
fn without_a_statement_cache_there_is_nothing_to_prepare() {
    check(SCHEMA, async |place| {
        let way = Way::to(place, "statement_cache=0").await;
        let mut db = way.connection().await;
        let requests =
            || vec![Request::Begin, insert("a", &["n"], &[int(1), int(2)]), Request::Commit];
        run(&mut db, requests()).await;
        assert_eq!(way.trips(&mut db, requests()).await, 1);
        let named = "SELECT count(*) FROM pg_prepared_statements";
        assert_eq!(one(&mut db, named).await, int(0));
    });
}
