//! What is read from URLs, and what is said about mistakes in them.

use expect_test::{Expect, expect};

use super::*;

fn mistake(url: &str) -> String {
    let error = Options::parse(url).expect_err(url);
    assert!(!error.to_string().contains("secret"), "{error}");
    format!("{error}\n")
}

fn check(urls: &[&str], expected: Expect) {
    let text: String = urls.iter().map(|url| mistake(url)).collect();
    expected.assert_eq(&text);
}

#[test]
fn every_mistake_in_the_address_says_what_to_write() {
    check(
        &[
            "mysql://ada:secret@localhost/app",
            "localhost/app",
            "postgres://localhost/app",
            "postgres://:secret@localhost/app",
            "postgres://ada:secret@/app",
            "postgres://ada:secret@localhost",
            "postgres://ada:secret@localhost/?pool_size=1",
            "postgres://ada:secret@localhost:0/app",
            "postgres://ada:secret@localhost:port/app",
            "postgres://ada:secret@[::1/app",
            "postgres://ada:secret@one,two/app",
            "postgres://ada:secret@localhost/a%ffpp",
            "postgres://ada:secret@localhost/a%00pp",
            "postgres://ada:se?cret@localhost/app",
            "postgres://ada:secret/1@localhost/app",
            "postgres://ada:x@secret/1@localhost/app",
            "postgres://ada:secret@localhost/app#part",
        ],
        expect![[""]],
    );
}

#[test]
fn every_mistake_in_the_options_says_what_to_write() {
    check(
        &[
            "postgres://ada:secret@localhost/app?pool=3",
            "postgres://ada:secret@localhost/app?password=x",
            "postgres://ada:secret@localhost/app?pool_size=0",
            "postgres://ada:secret@localhost/app?pool_size",
            "postgres://ada:secret@localhost/app?connect_timeout=soon",
            "postgres://ada:secret@localhost/app?lock_timeout=10h",
            "postgres://ada:secret@localhost/app?statement_timeout=30000000min",
            "postgres://ada:secret@localhost/app?statement_cache=-1",
            "postgres://ada:secret@localhost/app?isolation=snapshot",
            "postgres://ada:secret@localhost/app?search_path=",
            "postgres://ada:secret@localhost/app?sslmode=allow",
            "postgres://ada:secret@localhost/app?sslrootcert=",
        ],
        expect![[""]],
    );
}

#[test]
fn all_parts_are_read() {
    let options = Options::parse(
        "postgresql://ad%40a:se%3Acret@db.example:6543/my%20app?pool_size=3&connect_timeout=2s\
         &acquire_timeout=100&statement_timeout=1min&statement_cache=0&application_name=my%20app\
         &search_path=my app,public&options=-c%20jit=off&isolation=Serializable&sslmode=require\
         &sslrootcert=/etc/root.pem",
    )
    .expect("the URL is right");
    assert_eq!((options.host.as_str(), options.port), ("db.example", 6543));
    assert_eq!((options.user.as_str(), options.password.as_deref()), ("ad@a", Some("se:cret")));
    assert_eq!((options.database.as_str(), options.pool_size), ("my app", 3));
    assert_eq!(options.connect_timeout, Duration::from_secs(2));
    assert_eq!(options.acquire_timeout, Duration::from_millis(100));
    assert_eq!((options.statement_cache, options.application_name.as_str()), (0, "my app"));
    assert_eq!(
        options.settings,
        "-c statement_timeout=60000 -c search_path=my\\ app,public -c jit=off"
    );
    assert_eq!(options.begin, "BEGIN ISOLATION LEVEL SERIALIZABLE");
    assert_eq!(options.encryption, Encryption::Require);
    assert_eq!(options.root_certificates, Some(PathBuf::from("/etc/root.pem")));
}

#[test]
fn an_address_may_be_short_a_number_or_a_directory() {
    let cases = [
        ("postgres://ada@localhost/app", "localhost", 5432),
        ("postgres://ada@[::1]/app", "::1", 5432),
        ("postgres://ada@[::1]:6000/app", "::1", 6000),
        ("postgres://ada@%2Fvar%2Frun/app", "/var/run", 5432),
        ("postgres://ada:a@b@127.0.0.1:1/app?", "127.0.0.1", 1),
    ];
    for (url, host, port) in cases {
        let options = Options::parse(url).expect(url);
        assert_eq!((options.host.as_str(), options.port), (host, port), "{url}");
    }
}

#[test]
fn a_password_is_never_shown() {
    let cases = [
        ("postgres://ada:secret@localhost/app", "postgres://ada@localhost/app"),
        (
            "postgres://ada:secret@localhost/app?application_name=a%40b",
            "postgres://ada@localhost/app?application_name=a%40b",
        ),
        ("postgres://ada@localhost/app", "postgres://ada@localhost/app"),
    ];
    for (url, shown) in cases {
        let options = Options::parse(url).expect(url);
        assert_eq!(options.shown(), shown);
        assert_eq!(format!("{options:?}"), format!("Options {{ url: {shown:?}, .. }}"));
    }
}
