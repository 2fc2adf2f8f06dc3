//! Options: what a connection URL says, checked once.

mod words;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use entail_engine::error::DriverError;
use percent_encoding::percent_decode_str;

use crate::pipeline::BEGIN;
use words::Words;

/// How a database is reached, read from a URL.
///
/// The URL is `postgres://user:password@host:port/database` (or `postgresql://`), with options
/// after a `?`. User, password, host and database are percent-decoded; a host that is an absolute
/// path, such as `%2Fvar%2Frun%2Fpostgresql`, is a directory with a Unix socket.
///
/// | option | values | without it |
/// |---|---|---|
/// | `pool_size` | connections of a pool | 10 |
/// | `connect_timeout` | a time: how long opening a connection may take | 10 s |
/// | `acquire_timeout` | a time: how long to wait for a connection of the pool | 30 s |
/// | `statement_timeout` | a time: how long a statement may take | the server's own |
/// | `lock_timeout` | a time: how long a statement waits for a lock | the server's own |
/// | `idle_in_transaction_session_timeout` | a time: how long a transaction may rest | the server's own |
/// | `statement_cache` | prepared statements that a connection keeps; 0 for PgBouncer in transaction mode | 256 |
/// | `isolation` | `read-committed`, `repeatable-read`, `serializable` | the server's own |
/// | `application_name` | a name | `entail` |
/// | `search_path` | schemas, such as `app,public` | the server's own |
/// | `options` | settings as the server's command line takes them, such as `-c jit=off` | none |
/// | `sslmode` | `disable`, `prefer`, `require`, `verify-ca`, `verify-full` | `prefer` |
/// | `sslrootcert` | a file with certificates in PEM | the system's own |
///
/// A time is a number of milliseconds, or a number with its unit: `500ms`, `10s`, `2min`.
///
/// `prefer` and `require` encrypt, but believe every certificate; `verify-ca` wants one that leads
/// to a known root, and `verify-full` one that also has the name of the host.
///
/// ```
/// use entail_postgres::Options;
///
/// let options = Options::parse("postgres://ada:secret@localhost/app?pool_size=4")?;
/// assert_eq!(options.shown(), "postgres://ada@localhost/app?pool_size=4");
/// # Ok::<(), entail_engine::error::DriverError>(())
/// ```
#[derive(Clone)]
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
    pub(crate) statement_cache: usize,
    pub(crate) application_name: String,
    /// Settings for the server, as its command line takes them.
    pub(crate) settings: String,
    /// What begins a transaction.
    pub(crate) begin: &'static str,
    pub(crate) encryption: Encryption,
    pub(crate) root_certificates: Option<PathBuf>,
}

/// Whether a connection is encrypted, and whom it believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

const FORM: &str = "write `postgres://user:password@host:5432/database`";
const ENCODING: &str =
    "percent-encode `/`, `?`, `#`, `@` and `%` in the user, the password and the options";

impl Options {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// `E0511` for a URL of another kind, a missing part, an unknown option, and a value that the
    /// option does not take; the reason says what to write instead. The password is never shown.
    pub fn parse(url: &str) -> Result<Self, DriverError> {
        Self::read(url).map_err(|reason| DriverError::Url { url: without_password(url), reason })
    }

    fn read(url: &str) -> Result<Self, String> {
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(|| format!("it does not begin with `postgres://`; {FORM}"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        // What lies before it may be a part of a password, so nothing of it is named.
        if path.contains('@') {
            return Err(format!("it has an `@` behind the host; {ENCODING}"));
        }
        let (user_info, address) =
            authority.rsplit_once('@').ok_or_else(|| format!("it has no user; {FORM}"))?;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if path.contains('#') || query.contains('#') {
            return Err("it has a `#`; write `%23` where one is meant".to_owned());
        }
        let (user, password) = match user_info.split_once(':') {
            Some((user, password)) => (user, Some(decoded("password", password)?)),
            None => (user_info, None),
        };
        let user = decoded("user", user)?;
        if user.is_empty() {
            return Err(format!("it has no user; {FORM}"));
        }
        let (host, port) = address_parts(address)?;
        let database = decoded("database", path.strip_prefix('/').unwrap_or(path))?;
        if database.is_empty() {
            return Err(format!("it has no database; {FORM}"));
        }
        let mut words = Words::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            words.take(name, &decoded(name, value)?)?;
        }
        let settings = words.settings();
        Ok(Self {
            shown: without_password(url),
            host,
            port,
            user,
            password,
            database,
            pool_size: words.pool_size.unwrap_or(10),
            connect_timeout: words.connect_timeout.unwrap_or(Duration::from_secs(10)),
            acquire_timeout: words.acquire_timeout.unwrap_or(Duration::from_secs(30)),
            statement_cache: words.statement_cache.unwrap_or(256),
            application_name: words.application_name.unwrap_or_else(|| "entail".to_owned()),
            settings,
            begin: words.begin.unwrap_or(BEGIN),
            encryption: words.encryption.unwrap_or(Encryption::Prefer),
            root_certificates: words.root_certificates,
        })
    }

    /// The URL without its password, for messages.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Where the server is, for messages about a connection that could not be made.
    pub(crate) fn to(&self) -> String {
        let Self { host, port, user, database, .. } = self;
        format!("database `{database}` at {host}:{port} as user `{user}`")
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("url", &self.shown).finish_non_exhaustive()
    }
}

/// Cuts the password out of a URL that may be wrong in any way: all between the first colon
/// behind the scheme and the last `@`, and an option of that name.
fn without_password(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    let end = rest.rfind('@').unwrap_or(0);
    let user = rest[..end].find(':').unwrap_or(end);
    let mut shown = format!("{scheme}{}{}", &rest[..user], &rest[end..]);
    if let Some(at) = shown.find("password=") {
        let start = at + "password=".len();
        let end = shown[start..].find('&').map_or(shown.len(), |length| start + length);
        shown.replace_range(start..end, "");
    }
    shown
}

/// Splits `host:port`, `[::1]:port` and `host`.
fn address_parts(address: &str) -> Result<(String, u16), String> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest
                .split_once(']')
                .ok_or_else(|| "its host has a `[` without a `]`; write `[::1]`".to_owned())?;
            (host.to_owned(), port)
        }
        None => {
            let at = address.find(':').unwrap_or(address.len());
            (decoded("host", &address[..at])?, &address[at..])
        }
    };
    if host.is_empty() {
        return Err(format!("it has no host; {FORM}"));
    }
    if host.contains(',') {
        return Err("it has several hosts; write one".to_owned());
    }
    let port = match port {
        "" => 5432,
        port => port
            .strip_prefix(':')
            .and_then(|port| port.parse().ok())
            .filter(|port| *port > 0)
            .ok_or_else(|| "its port is no number from 1 to 65535; write `host:5432`".to_owned())?,
    };
    Ok((host, port))
}

fn decoded(what: &str, text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| format!("its {what} is not UTF-8 after percent-decoding"))?;
    if decoded.contains('\0') {
        return Err(format!("its {what} has a NUL character; leave it out"));
    }
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests;
