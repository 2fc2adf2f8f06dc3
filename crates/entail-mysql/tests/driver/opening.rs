//! Opening: mistakes in a URL, and servers that are not there or let nobody in.

use entail_engine::error::DriverError;
use entail_mysql::{Options, Pool};
use expect_test::expect;

use crate::requests::raw;
use crate::server::{one, run, scratch};

#[test]
fn every_mistake_says_what_to_write() {
    let urls = [
        "postgres://localhost/x",
        "localhost",
        "mysql://",
        "mysql://localhost/db",
        "mysql://root@/db",
        "mysql://root@localhost",
        "mysql://root@localhost:db/x",
        "mysql://root@localhost:0/x",
        "mysql://ed:pa/ss@localhost/x",
        "mysql://ed:pass@localhost/%ff",
        "mysql://ed:pass@localhost/x?pool=3",
        "mysql://ed:pass@localhost/x?password=pass",
        "mysql://ed:pass@localhost/x?pool_size=0",
        "mysql://ed:pass@localhost/x?connect_timeout=soon",
        "mysql://ed:pass@localhost/x?lock_timeout=0",
        "mysql://ed:pass@localhost/x?statement_cache=-1",
        "mysql://ed:pass@localhost/x?ssl_mode=on",
        "mysql://ed:pass@localhost/x?ssl_ca=ca.pem",
        "mysql://ed:pass@localhost/x?ssl_mode=required&ssl_ca=ca.pem",
        "mysql://ed:pass@localhost/x?returning=maybe",
        "mysql://ed:pass@localhost/x?isolation=high",
        "mysql://ed:pass@localhost/x?application_name",
    ];
    let mut told = String::new();
    for url in urls {
        match Options::parse(url) {
            Err(error @ DriverError::Url { .. }) => told.push_str(&format!("{error}\n")),
            other => panic!("{url}: {other:?}"),
        }
    }
    expect![[r#"
        E0511: the URL `postgres://localhost/x` cannot be used: it does not begin with `mysql://` or `mariadb://`; write `mysql://user:password@host:3306/database`
        E0511: the URL `localhost` cannot be used: it does not begin with `mysql://` or `mariadb://`; write `mysql://user:password@host:3306/database`
        E0511: the URL `mysql://` cannot be used: it has no user; write `mysql://user:password@host:3306/database`
        E0511: the URL `mysql://localhost/db` cannot be used: it has no user; write `mysql://user:password@host:3306/database`
        E0511: the URL `mysql://root@/db` cannot be used: it has no host; write `mysql://user:password@host:3306/database`
        E0511: the URL `mysql://root@localhost` cannot be used: it has no database; write `mysql://user:password@host:3306/database`
        E0511: the URL `mysql://root@localhost:db/x` cannot be used: `db` is no port; write a number up to 65535
        E0511: the URL `mysql://root@localhost:0/x` cannot be used: `0` is no port; write a number up to 65535
        E0511: the URL `mysql://ed@localhost/x` cannot be used: a character of the password must be percent-encoded, such as `/` as `%2F`
        E0511: the URL `mysql://ed@localhost/%ff` cannot be used: its database is not UTF-8 after percent-decoding
        E0511: the URL `mysql://ed@localhost/x?pool=3` cannot be used: there is no option `pool`; the options are pool_size, connect_timeout, acquire_timeout, lock_timeout, statement_timeout, statement_cache, application_name, ssl_mode, ssl_ca, isolation, returning
        E0511: the URL `mysql://ed@localhost/x?password` cannot be used: there is no option `password`; the options are pool_size, connect_timeout, acquire_timeout, lock_timeout, statement_timeout, statement_cache, application_name, ssl_mode, ssl_ca, isolation, returning
        E0511: the URL `mysql://ed@localhost/x?pool_size=0` cannot be used: the option `pool_size` does not take `0`; it takes a number from 1 to 100000
        E0511: the URL `mysql://ed@localhost/x?connect_timeout=soon` cannot be used: the option `connect_timeout` does not take `soon`; it takes a time such as `500ms` or `5s`; a plain number is milliseconds
        E0511: the URL `mysql://ed@localhost/x?lock_timeout=0` cannot be used: the option `lock_timeout` does not take `0`; it takes a time such as `500ms` or `5s`; a plain number is milliseconds
        E0511: the URL `mysql://ed@localhost/x?statement_cache=-1` cannot be used: the option `statement_cache` does not take `-1`; it takes a number from 0 to 100000
        E0511: the URL `mysql://ed@localhost/x?ssl_mode=on` cannot be used: the option `ssl_mode` does not take `on`; it takes disabled, preferred, required, verify_identity
        E0511: the URL `mysql://ed@localhost/x?ssl_ca=ca.pem` cannot be used: `ssl_ca` says whom to trust, which no other mode than `ssl_mode=verify_identity` asks; add that, or leave `ssl_ca` out
        E0511: the URL `mysql://ed@localhost/x?ssl_mode=required&ssl_ca=ca.pem` cannot be used: `ssl_ca` says whom to trust, which no other mode than `ssl_mode=verify_identity` asks; add that, or leave `ssl_ca` out
        E0511: the URL `mysql://ed@localhost/x?returning=maybe` cannot be used: the option `returning` does not take `maybe`; it takes on, off
        E0511: the URL `mysql://ed@localhost/x?isolation=high` cannot be used: the option `isolation` does not take `high`; it takes read-uncommitted, read-committed, repeatable-read, serializable
        E0511: the URL `mysql://ed@localhost/x?application_name` cannot be used: the option `application_name` does not take ``; it takes a name
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let url = "mysql://ed:secret@127.0.0.1:1/shop?connect_timeout=2s";
    let pool = Pool::new(Options::parse(url).expect("the URL is right")).expect("a pool");
    let error = pool.take().await.expect_err("nobody listens there");
    assert!(matches!(error, DriverError::Connect { .. }));
    let told = error.to_string();
    for part in ["127.0.0.1:1", "`shop`", "`ed`", "refused"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!format!("{told} {error:?} {pool:?}").contains("secret"), "{told}");
}

#[tokio::test]
async fn a_user_who_may_not_come_in_is_told_so_without_the_password() {
    let Some(scratch) = scratch(&[]).await else { return };
    drop(scratch);
    let url = std::env::var("ENTAIL_MYSQL_URL")
        .unwrap_or_else(|_| "mysql://root@127.0.0.1:3306/test".to_owned());
    let options = Options::parse(&url).expect("the URL is right");
    let (_, place) = options.shown().rsplit_once('@').expect("it has a user");
    let url = format!("mysql://nobody_at_all:secret@{place}");
    let pool = Pool::new(Options::parse(&url).expect("the URL is right")).expect("a pool");
    let error = pool.take().await.expect_err("there is no such user");
    assert!(matches!(error, DriverError::Connect { .. }), "{error}");
    let told = format!("{error} {error:?}");
    assert!(told.contains("nobody_at_all") && !told.contains("secret"), "{told}");
}

#[tokio::test]
async fn encryption_is_used_where_the_server_has_it() {
    let Some(scratch) = scratch(&[]).await else { return };
    let mut db = scratch.take().await;
    let sql = "SELECT COALESCE(MAX(variable_value), 'NO') FROM information_schema.global_variables \
               WHERE variable_name = 'have_ssl'";
    let Ok(outcome) = db.run(crate::requests::batch(vec![crate::requests::query(sql, &[])])).await
    else {
        return;
    };
    let has = outcome.rows[0].value(0, 0).map(|value| value.to_string());
    let taken = scratch.other_pool("ssl_mode=required").take().await;
    if has.as_deref() == Some("'YES'") {
        let mut db = taken.expect("the server can");
        run(&mut db, vec![raw("DO 1", &[])]).await;
    } else {
        let error = taken.expect_err("the server cannot").to_string();
        assert!(error.contains("SSL"), "{error}");
        let mut db = scratch.other_pool("ssl_mode=preferred").take().await.expect("it is plain");
        assert_eq!(one(&mut db, "SELECT 1").await, crate::requests::int(1));
    }
}
