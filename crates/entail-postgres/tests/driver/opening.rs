//! Opening: what the options set, and what is said when a connection cannot be made.

use std::time::{Duration, Instant};

use entail_engine::error::DriverError;
use entail_postgres::{Options, Pool};

use crate::database::{check, server};
use crate::requests::{one, text};

async fn refused(url: &str) -> DriverError {
    let pool = Pool::new(Options::parse(url).expect("the URL is right")).expect("a pool");
    pool.take().await.expect_err("there is no such server")
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_without_the_password() {
    let error = refused("postgres://ada:secret@127.0.0.1:1/app?connect_timeout=2s").await;
    let told = error.to_string();
    let expected = "E0501: cannot connect to database `app` at 127.0.0.1:1 as user `ada`: ";
    assert!(told.starts_with(expected) && told.contains("refused"), "{told}");
    assert!(!format!("{error:?}{told}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let before = Instant::now();
    let error = refused(&format!("postgres://ada@{address}/app?connect_timeout=100")).await;
    assert!(error.to_string().contains("no answer within 100ms"), "{error}");
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_database_that_is_not_there_is_told() {
    check("", async |_| {
        let server = server();
        let end = server.rfind('/').expect("a database");
        let error = refused(&format!("{}/no_such_database", &server[..end])).await;
        assert!(matches!(error, DriverError::Connect { .. }), "{error}");
        assert!(error.to_string().contains("\"no_such_database\" does not exist"), "{error}");
    });
}

#[test]
fn encryption_that_the_server_does_not_offer_is_told() {
    check("", async |place| {
        let mut db = place.connection("sslmode=disable").await;
        if one(&mut db, "SHOW ssl").await == text("off") {
            let error = refused(&place.url("sslmode=require")).await;
            assert!(matches!(error, DriverError::Connect { .. }), "{error}");
        }
        place.connection("sslmode=prefer").await;
    });
}

#[test]
fn certificates_that_cannot_be_read_are_told() {
    let url = "postgres://ada:secret@localhost/app?sslmode=verify-full&sslrootcert=/no/such.pem";
    let error = Pool::new(Options::parse(url).expect("the URL is right")).expect_err("no file");
    assert!(error.to_string().contains("the certificates in `/no/such.pem`"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn the_options_set_what_they_say() {
    check("", async |place| {
        let mut db = place
            .connection(
                "statement_timeout=2s&lock_timeout=300&idle_in_transaction_session_timeout=1min\
                 &application_name=an%20app&options=-c%20work_mem=5MB",
            )
            .await;
        for (name, expected) in [
            ("statement_timeout", "2s"),
            ("lock_timeout", "300ms"),
            ("idle_in_transaction_session_timeout", "1min"),
            ("application_name", "an app"),
            ("work_mem", "5MB"),
        ] {
            assert_eq!(one(&mut db, &format!("SHOW {name}")).await, text(expected), "{name}");
        }
        let mut db = place.connection("").await;
        assert_eq!(one(&mut db, "SHOW application_name").await, text("entail"));
    });
}

#[test]
fn a_pool_never_shows_the_password() {
    let options = Options::parse("postgres://ada:secret@localhost/app").expect("the URL is right");
    let pool = Pool::new(options.clone()).expect("a pool");
    let shown = format!("{options:?} {pool:?}");
    assert!(!shown.contains("secret") && shown.contains("ada@localhost"), "{shown}");
}
