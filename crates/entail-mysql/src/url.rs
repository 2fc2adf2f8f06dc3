//! Options: what a connection URL says, checked once.

mod words;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use entail_engine::error::DriverError;
use percent_encoding::percent_decode_str;

use words::Words;

/// How a server is reached and used, read from a URL.
///
/// The URL is `mysql://user:password@host:port/database` or the same with `mariadb://`, with
/// options after a `?`. All parts are percent-decoded; the port is 3306 if none is given.
///
/// | option | values | without it |
/// |---|---|---|
/// | `pool_size` | connections of a pool | 10 |
/// | `connect_timeout` | a time: how long connecting may take | 10 s |
/// | `acquire_timeout` | a time: how long to wait for a connection of the pool | 30 s |
/// | `lock_timeout` | a time: how long a statement waits for a lock | the server's own |
/// | `statement_timeout` | a time: how long a statement may run; MySQL applies it to SELECT only | no limit |
/// | `statement_cache` | prepared statements a connection keeps | 256 |
/// | `application_name` | the program's name in the server's list of connections | none |
/// | `ssl_mode` | `disabled`, `preferred`, `required`, `verify_identity` | `preferred` |
/// | `ssl_ca` | a file with the certificates to trust, instead of the well-known ones | none |
/// | `isolation` | `read-uncommitted`, `read-committed`, `repeatable-read`, `serializable` | `repeatable-read` |
/// | `returning` | `on`, `off`: whether a MariaDB is asked by RETURNING for generated values | `on` |
///
/// A time is a number of milliseconds, or a number with its unit: `500ms`, `5s`. A lock timeout is
/// rounded up to whole seconds, because the servers know no other.
///
/// With `ssl_mode=preferred` the connection is encrypted if the server can do it; with `required`
/// it must be. Only `verify_identity` makes sure who the server is: its certificate must be for
/// this host, and signed by somebody who is well-known or stands in the file `ssl_ca`.
///
/// ```
/// use entail_mysql::Options;
///
/// let options = Options::parse("mysql://ed:secret@localhost/shop?pool_size=4")?;
/// assert_eq!(options.shown(), "mysql://ed@localhost/shop?pool_size=4");
/// # Ok::<(), entail_engine::error::DriverError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Options {
    shown: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: String,
    pub(crate) pool_size: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) acquire_timeout: Duration,
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) statement_cache: usize,
    pub(crate) application_name: Option<String>,
    pub(crate) encryption: Encryption,
    pub(crate) ssl_ca: Option<PathBuf>,
    pub(crate) isolation: Isolation,
    pub(crate) returning: Returning,
}

/// Whether a connection is encrypted, and who may be at its other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    Disabled,
    Preferred,
    Required,
    VerifyIdentity,
}

/// How far a transaction is kept apart from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

impl Isolation {
    /// What the server calls it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Isolation::ReadUncommitted => "READ UNCOMMITTED",
            Isolation::ReadCommitted => "READ COMMITTED",
            Isolation::RepeatableRead => "REPEATABLE READ",
            Isolation::Serializable => "SERIALIZABLE",
        }
    }
}

/// Whether generated values are asked for by RETURNING, where the server has that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returning {
    On,
    Off,
}

const FORM: &str = "write `mysql://user:password@host:3306/database`";

impl Options {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// `E0511` for a URL of another kind, an unknown option, and a value that the option does not
    /// take; the reason says what to write instead, and nothing shows the password.
    pub fn parse(url: &str) -> Result<Self, DriverError> {
        read(url).map_err(|reason| DriverError::Url { url: without_password(url), reason })
    }

    /// The URL, without the password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Where a connection goes, for messages.
    pub(crate) fn target(&self) -> String {
        format!("{}:{}, database `{}`, as `{}`", self.host, self.port, self.database, self.user)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Options").field(&self.shown).finish()
    }
}

fn read(url: &str) -> Result<Options, String> {
    let rest = url
        .strip_prefix("mysql://")
        .or_else(|| url.strip_prefix("mariadb://"))
        .ok_or_else(|| format!("it does not begin with `mysql://` or `mariadb://`; {FORM}"))?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let Some((login, address)) = authority.rsplit_once('@') else {
        return Err(if place.contains('@') {
            "a character of the password must be percent-encoded, such as `/` as `%2F`".to_owned()
        } else {
            format!("it has no user; {FORM}")
        });
    };
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(decoded("password", password)?)),
        None => (login, None),
    };
    let (host, port) = address_of(address)?;
    let words = Words::read(query)?;
    let scheme = &url[..url.len() - rest.len()];
    let options = if query.is_empty() { String::new() } else { format!("?{query}") };
    Ok(Options {
        shown: format!("{scheme}{user}@{address}/{database}{options}"),
        host,
        port,
        user: present("user", user)?,
        password,
        database: present("database", database)?,
        pool_size: words.pool_size.unwrap_or(10),
        connect_timeout: words.connect_timeout.unwrap_or(Duration::from_secs(10)),
        acquire_timeout: words.acquire_timeout.unwrap_or(Duration::from_secs(30)),
        lock_timeout: words.lock_timeout,
        statement_timeout: words.statement_timeout,
        statement_cache: words.statement_cache.unwrap_or(256),
        application_name: words.application_name,
        encryption: words.encryption.unwrap_or(Encryption::Preferred),
        ssl_ca: words.ssl_ca,
        isolation: words.isolation.unwrap_or(Isolation::RepeatableRead),
        returning: words.returning.unwrap_or(Returning::On),
    })
}

/// Reads `host`, `host:port`, `[::1]` or `[::1]:port`.
fn address_of(address: &str) -> Result<(String, u16), String> {
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').filter(|port| !port.is_empty())),
        None => match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let port = match port {
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| format!("`{port}` is no port; write a number up to 65535"))?,
        None => 3306,
    };
    Ok((present("host", host)?, port))
}

/// A part of the URL that must be there.
fn present(part: &str, text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err(format!("it has no {part}; {FORM}"));
    }
    decoded(part, text)
}

fn decoded(part: &str, text: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        Ok(_) => Err(format!("its {part} has a NUL character")),
        Err(_) => Err(format!("its {part} is not UTF-8 after percent-decoding")),
    }
}

/// The URL as it may be shown. It may be wrong in any way, so whatever could be a password is
/// left out: all between the first colon of the login and the last `@`, and options of that name.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (login, place) = match rest.rsplit_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, rest),
    };
    let mut shown = String::new();
    if !scheme.is_empty() {
        shown.push_str(scheme);
        shown.push_str("://");
    }
    if let Some(login) = login {
        shown.push_str(login.split_once(':').map_or(login, |(user, _)| user));
        shown.push('@');
    }
    let (place, query) = place.split_once('?').unwrap_or((place, ""));
    // Where the host was forgotten, the login stands in its place.
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    match authority.split_once(':') {
        Some((user, port)) if login.is_none() && port.parse::<u16>().is_err() => {
            shown.push_str(user);
            if !database.is_empty() {
                shown.push('/');
                shown.push_str(database);
            }
        }
        _ => shown.push_str(place),
    }
    let secret = |pair: &&str| pair.to_ascii_lowercase().starts_with("pass");
    for (index, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        shown.push_str(if Some(pair).filter(secret).is_some() { name } else { pair });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_decoded_and_have_defaults() {
        let options = Options::parse("mariadb://ed%40x:p%40ss:%2F@[::1]:3307/my%20shop").unwrap();
        assert_eq!(
            (&*options.user, options.password.as_deref(), &*options.host, options.port),
            ("ed@x", Some("p@ss:/"), "::1", 3307)
        );
        assert_eq!((&*options.database, options.pool_size), ("my shop", 10));
        let options = Options::parse("mysql://root@db/test?lock_timeout=1500ms&").unwrap();
        assert_eq!((options.port, options.password), (3306, None));
        assert_eq!(options.lock_timeout, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn nothing_shows_the_password() {
        let urls = [
            "mysql://ed:secret@host/db",
            "mysql://ed:sec:secret@host/db?pool_size=0",
            "mysql://ed:sec/secret@host/db",
            "mysql://ed:sec?secret@host/db",
            "mysql://ed:sec@secret@host/db?x=y@z",
            "ed:secret@host/db",
            "mysql://ed:secret/db",
            "mysql://ed:secret",
            "mysql://ed@host/db?password=secret",
            "mysql://ed:%ffsecret@host/db",
        ];
        for url in urls {
            let shown = match Options::parse(url) {
                Ok(options) => format!("{} {options:?} {}", options.shown(), options.target()),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!shown.contains("secret"), "{url}: {shown}");
        }
    }
}
