//! Connections with TLS: when they are encrypted, and whom they believe.
//!
//! `cargo xtask test` starts a server of its own for this, with a certificate for `localhost`. The
//! keys in `tests/tls` are worth nothing elsewhere.
#![cfg(all(feature = "postgres", feature = "mysql"))]

use std::env;

use entail::blocking::Database;
use entail::prelude::*;

/// The path of a file with certificates.
fn file(name: &str) -> String {
    format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

/// Whether a connection to the server is encrypted.
fn is_encrypted(url: &str) -> Result<bool, Error> {
    let db = Database::connect(url, mapping![]?)?;
    let sql = match url.starts_with("mysql") {
        true => {
            "SELECT length(variable_value) FROM information_schema.session_status \
                 WHERE variable_name = 'Ssl_cipher'"
        }
        false => {
            "SELECT ssl::int8 FROM (SELECT ssl::int FROM pg_stat_ssl \
                  WHERE pid = pg_backend_pid()) own"
        }
    };
    let mut session = db.session();
    let rows = session.execute(sql, [])?.rows;
    let value = rows.value(0, 0).map(|value| value.to_value());
    Ok(!matches!(value, None | Some(Value::Null | Value::Int(0))))
}

#[test]
fn connections_are_as_safe_as_their_urls_ask() {
    let Ok(url) = env::var("ENTAIL_TLS_URL") else {
        eprintln!("SKIPPED: `cargo xtask test` starts the server that this test needs");
        return;
    };
    let by_name = url.replace("127.0.0.1", "localhost");
    let (ca, stranger) = (file("ca"), file("stranger"));
    let (encrypted, plain, refused) = (Some(true), Some(false), None);
    let cases = if url.starts_with("mysql") {
        vec![
            (format!("{url}?ssl_mode=disabled"), plain),
            (format!("{url}?ssl_mode=preferred"), encrypted),
            (format!("{url}?ssl_mode=required"), encrypted),
            (format!("{by_name}?ssl_mode=verify_identity&ssl_ca={ca}"), encrypted),
            (format!("{url}?ssl_mode=verify_identity&ssl_ca={ca}"), refused),
            (format!("{by_name}?ssl_mode=verify_identity&ssl_ca={stranger}"), refused),
            (format!("{by_name}?ssl_mode=verify_identity"), refused),
        ]
    } else {
        vec![
            (format!("{url}?sslmode=disable"), plain),
            (format!("{url}?sslmode=prefer"), encrypted),
            (format!("{url}?sslmode=require"), encrypted),
            (format!("{url}?sslmode=verify-ca&sslrootcert={ca}"), encrypted),
            (format!("{by_name}?sslmode=verify-full&sslrootcert={ca}"), encrypted),
            (format!("{url}?sslmode=verify-full&sslrootcert={ca}"), refused),
            (format!("{by_name}?sslmode=verify-full&sslrootcert={stranger}"), refused),
            (format!("{url}?sslmode=verify-ca&sslrootcert={stranger}"), refused),
        ]
    };
    for (url, expected) in cases {
        match is_encrypted(&url) {
            Ok(found) => assert_eq!(Some(found), expected, "{url}"),
            Err(error) => {
                assert_eq!(expected, None, "{url}: {error}");
                assert_eq!(error.code(), "E0501", "{url}: {error}");
            }
        }
    }
}
