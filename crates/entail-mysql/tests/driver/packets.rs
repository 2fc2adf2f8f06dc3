//! Packets: how often a batch is sent, and what is never sent together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use entail_engine::batch::{Fetch, Param, Request};
use entail_engine::error::DriverError;
use entail_engine::sql::Dialect;
use entail_engine::value::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::requests::{delete, insert, insert_made, insert_params, int, of_one_row, text, update};
use crate::server::{all, fail, has_transaction, one, run, scratch};

/// Counts the packets that the driver tells of, and keeps what it says at `debug`.
#[derive(Clone, Default)]
struct Listener {
    packets: Arc<AtomicUsize>,
    said: Arc<std::sync::Mutex<String>>,
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::DEBUG && metadata.target().starts_with("entail_mysql")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{field}={value:?} "));
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        if text.0.contains("message=packet") {
            self.packets.fetch_add(1, Ordering::Relaxed);
        }
        self.said.lock().expect("nobody panicked").push_str(&text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

const TREE: &[&str] = &[
    "CREATE TABLE a (id bigint PRIMARY KEY AUTO_INCREMENT, name varchar(20))",
    "CREATE TABLE b (id bigint PRIMARY KEY AUTO_INCREMENT, a bigint REFERENCES a (id))",
    "CREATE TABLE c (id bigint PRIMARY KEY AUTO_INCREMENT, b bigint REFERENCES b (id))",
];

#[tokio::test]
async fn a_tree_of_three_levels_takes_three_packets() {
    let Some(scratch) = scratch(TREE).await else { return };
    let mut db = scratch.take().await;
    let fetch = match db.dialect() {
        Dialect::MariaDb => Fetch::Returning,
        _ => Fetch::FirstNumber,
    };
    let names = ["secret 1", "secret 2"].map(|name| Param::Value(text(name)));
    let listener = Listener::default();
    let listening = tracing::subscriber::set_default(listener.clone());
    run(
        &mut db,
        vec![
            Request::Begin,
            insert_made("a", &["name"], names.into(), (0, 2), fetch.clone()),
            insert_made("b", &["a"], vec![Param::Slot(0), Param::Slot(1)], (2, 2), fetch),
            insert_params("c", &["b"], vec![Param::Slot(2), Param::Slot(3), Param::Slot(3)]),
            insert("a", &["name"], &[text("another")]),
            Request::Commit,
        ],
    )
    .await;
    drop(listening);
    assert_eq!(listener.packets.load(Ordering::Relaxed), 3);
    let said = listener.said.lock().expect("nobody panicked").clone();
    assert!(said.contains("INSERT INTO `a` (`name`) VALUES (?)"), "{said}");
    assert!(!said.contains("secret"), "values are for `trace`: {said}");
    assert_eq!(one(&mut db, "SELECT count(*) FROM c").await, int(3));
}

#[tokio::test]
async fn a_commit_waits_for_the_counts_of_updates_only() {
    let Some(scratch) = scratch(TREE).await else { return };
    let mut db = scratch.take().await;
    let inserts = insert("a", &["id", "name"], &[int(1), text("x"), int(2), text("y")]);
    let changes = update("a", &["name"], &["id"], &[text("z"), int(1), text("z"), int(2)]);
    let deletes = delete("a", &["id"], &[int(1), int(2)]);
    let cases = [(inserts, 1), (changes, 2), (deletes, 2)];
    for (request, packets) in cases {
        let listener = Listener::default();
        let listening = tracing::subscriber::set_default(listener.clone());
        let requests = vec![Request::Begin, Request::Savepoint(1), request, Request::Commit];
        run(&mut db, requests).await;
        drop(listening);
        assert_eq!(listener.packets.load(Ordering::Relaxed), packets);
    }
}

#[tokio::test]
async fn what_is_too_large_for_a_packet_goes_in_several() {
    let Some(scratch) = scratch(&["CREATE TABLE t (id int PRIMARY KEY, v longblob)"]).await else {
        return;
    };
    let mut db = scratch.take().await;
    let Value::Int(most) = one(&mut db, "SELECT @@max_allowed_packet").await else {
        panic!("a number");
    };
    // Written as a literal, it takes twice as much.
    let size = most as usize / 4;
    let row = |id: i64| insert("t", &["id", "v"], &[int(id), Value::from(vec![7_u8; size])]);
    let listener = Listener::default();
    let listening = tracing::subscriber::set_default(listener.clone());
    run(&mut db, vec![Request::Begin, row(1), row(2), row(3), Request::Commit]).await;
    drop(listening);
    assert_eq!(listener.packets.load(Ordering::Relaxed), 3);
    assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(3));

    let whole = insert("t", &["id", "v"], &[int(4), Value::from(vec![7_u8; size * 2])]);
    let failure = fail(&mut db, vec![Request::Begin, row(5), whole]).await;
    assert_eq!((failure.request, failure.in_transaction), (Some(2), false));
    assert!(failure.error.to_string().contains("max_allowed_packet"), "{}", failure.error);
    let param = crate::requests::raw("DO ?", &[Value::from(vec![7_u8; size * 5])]);
    let failure = fail(&mut db, vec![param]).await;
    assert!(failure.error.to_string().contains("max_allowed_packet"), "{}", failure.error);
    assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(3));
}

#[tokio::test]
async fn the_server_commits_a_lone_statement_by_itself() {
    let Some(scratch) = scratch(&["CREATE TABLE t (id int PRIMARY KEY, v varchar(9))"]).await
    else {
        return;
    };
    let listener = Listener::default();
    let mut db = scratch.take().await;
    run(&mut db, vec![insert("t", &["id", "v"], &[int(1), text("x")])]).await;
    let change = |id| {
        let update = update("t", &["v"], &["id"], &[text("y"), int(id)]);
        vec![Request::Begin, of_one_row(update), Request::Commit]
    };
    let listening = tracing::subscriber::set_default(listener.clone());
    run(&mut db, change(1)).await;
    drop(listening);
    assert_eq!(listener.packets.load(Ordering::Relaxed), 1);
    let failure = fail(&mut db, change(7)).await;
    assert!(matches!(failure.error, DriverError::RowCount { .. }), "{failure:?}");
    assert_eq!((failure.request, failure.in_transaction), (Some(1), false));
    assert!(!has_transaction(&scratch, &mut db).await);
    assert_eq!(all(&mut db, "SELECT v FROM t").await, "'y'");
}
