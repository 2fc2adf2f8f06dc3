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
        expect![[r#"
            E0511: the URL `mysql://ada@localhost/app` cannot be used: it does not begin with `postgres://`; write `postgres://user:password@host:5432/database`
            E0511: the URL `localhost/app` cannot be used: it does not begin with `postgres://`; write `postgres://user:password@host:5432/database`
            E0511: the URL `postgres://localhost/app` cannot be used: it has no user; write `postgres://user:password@host:5432/database`
            E0511: the URL `postgres://@localhost/app` cannot be used: it has no user; write `postgres://user:password@host:5432/database`
            E0511: the URL `postgres://ada@/app` cannot be used: it has no host; write `postgres://user:password@host:5432/database`
            E0511: the URL `postgres://ada@localhost` cannot be used: it has no database; write `postgres://user:password@host:5432/database`
            E0511: the URL `postgres://ada@localhost/?pool_size=1` cannot be used: it has no database; write `postgres://user:password@host:5432/database`
            E0511: the URL `postgres://ada@localhost:0/app` cannot be used: its port is no number from 1 to 65535; write `host:5432`
            E0511: the URL `postgres://ada@localhost:port/app` cannot be used: its port is no number from 1 to 65535; write `host:5432`
            E0511: the URL `postgres://ada@[::1/app` cannot be used: its host has a `[` without a `]`; write `[::1]`
            E0511: the URL `postgres://ada@one,two/app` cannot be used: it has several hosts; write one
            E0511: the URL `postgres://ada@localhost/a%ffpp` cannot be used: its database is not UTF-8 after percent-decoding
            E0511: the URL `postgres://ada@localhost/a%00pp` cannot be used: its database has a NUL character; leave it out
            E0511: the URL `postgres://ada@localhost/app` cannot be used: it has an `@` behind the host; percent-encode `/`, `?`, `#`, `@` and `%` in the user, the password and the options
            E0511: the URL `postgres://ada@localhost/app` cannot be used: it has an `@` behind the host; percent-encode `/`, `?`, `#`, `@` and `%` in the user, the password and the options
            E0511: the URL `postgres://ada@localhost/app` cannot be used: it has an `@` behind the host; percent-encode `/`, `?`, `#`, `@` and `%` in the user, the password and the options
            E0511: the URL `postgres://ada@localhost/app#part` cannot be used: it has a `#`; write `%23` where one is meant
        "#]],
    );
}

#[test]
fn every_mistake_in_the_options_says_what_to_write() {
    check(
        &[
            "postgres://ada:secret@localhost/app?pool=3",
            "postgres://ada:secret@localhost/app?password=secret",
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
        expect![[r#"
            E0511: the URL `postgres://ada@localhost/app?pool=3` cannot be used: there is no option `pool`; the options are pool_size, connect_timeout, acquire_timeout, statement_timeout, lock_timeout, idle_in_transaction_session_timeout, statement_cache, isolation, application_name, search_path, options, sslmode, sslrootcert
            E0511: the URL `postgres://ada@localhost/app?password=` cannot be used: there is no option `password`; write `postgres://user:password@host:port/database`
            E0511: the URL `postgres://ada@localhost/app?pool_size=0` cannot be used: the option `pool_size` does not take `0`; it takes a number from 1 up
            E0511: the URL `postgres://ada@localhost/app?pool_size` cannot be used: the option `pool_size` does not take ``; it takes a number from 1 up
            E0511: the URL `postgres://ada@localhost/app?connect_timeout=soon` cannot be used: the option `connect_timeout` does not take `soon`; it takes a time up to 24 days, such as `500ms`, `10s` or `2min`
            E0511: the URL `postgres://ada@localhost/app?lock_timeout=10h` cannot be used: the option `lock_timeout` does not take `10h`; it takes a time up to 24 days, such as `500ms`, `10s` or `2min`
            E0511: the URL `postgres://ada@localhost/app?statement_timeout=30000000min` cannot be used: the option `statement_timeout` does not take `30000000min`; it takes a time up to 24 days, such as `500ms`, `10s` or `2min`
            E0511: the URL `postgres://ada@localhost/app?statement_cache=-1` cannot be used: the option `statement_cache` does not take `-1`; it takes a number of statements
            E0511: the URL `postgres://ada@localhost/app?isolation=snapshot` cannot be used: the option `isolation` does not take `snapshot`; it takes read-committed, repeatable-read, serializable
            E0511: the URL `postgres://ada@localhost/app?search_path=` cannot be used: the option `search_path` does not take ``; it takes names of schemas, such as `app,public`
            E0511: the URL `postgres://ada@localhost/app?sslmode=allow` cannot be used: the option `sslmode` does not take `allow`; it takes disable, prefer, require, verify-ca, verify-full
            E0511: the URL `postgres://ada@localhost/app?sslrootcert=` cannot be used: the option `sslrootcert` does not take ``; it takes the path of a file in PEM
        "#]],
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
