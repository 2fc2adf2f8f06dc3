//! Options: what a connection URL says, checked once.

use std::time::Duration;

use entail_engine::error::DriverError;
use percent_encoding::percent_decode_str;

/// How a database is opened, read from a URL.
///
/// The URL is `sqlite:path`, `sqlite://path` or `sqlite::memory:`, with options after a `?`:
///
/// | option | values | without it |
/// |---|---|---|
/// | `mode` | `ro`, `rw`, `rwc` | `rwc`: read, write, create |
/// | `busy_timeout` | milliseconds | 5000 |
/// | `journal_mode` | `wal`, `delete`, `truncate`, `persist`, `memory`, `off` | `wal` |
/// | `synchronous` | `off`, `normal`, `full`, `extra` | `normal` under `wal`, else `full` |
/// | `foreign_keys` | `on`, `off` | `on` |
/// | `statement_cache` | number of statements | 256 |
/// | `cache_size` | pages, or KiB if negative | SQLite's own |
/// | `connections` | connections of a pool | 8 |
///
/// The path is percent-decoded. A memory database has one connection, and neither a `mode` nor a
/// `journal_mode`; a database opened with `mode=ro` keeps the journal mode it has.
///
/// ```
/// use entail_sqlite::Options;
///
/// let options = Options::parse("sqlite:app.db?busy_timeout=2000&connections=4")?;
/// assert_eq!(options.connections(), 4);
/// # Ok::<(), entail_engine::error::DriverError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub(crate) location: Location,
    pub(crate) mode: Mode,
    pub(crate) busy_timeout: Duration,
    /// None keeps the mode that the database has.
    pub(crate) journal_mode: Option<&'static str>,
    pub(crate) synchronous: &'static str,
    pub(crate) foreign_keys: Switch,
    pub(crate) statement_cache: usize,
    pub(crate) cache_size: Option<i32>,
    connections: usize,
}

/// Where a database lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    File(String),
    Memory,
}

/// What may be done with a database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    ReadOnly,
    ReadWrite,
    Create,
}

/// Whether something is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}

const MODES: &[(&str, Mode)] =
    &[("ro", Mode::ReadOnly), ("rw", Mode::ReadWrite), ("rwc", Mode::Create)];
const SWITCHES: &[(&str, Switch)] = &[("on", Switch::On), ("off", Switch::Off)];
const JOURNAL_MODES: &[&str] = &["wal", "delete", "truncate", "persist", "memory", "off"];
const SYNCHRONOUS: &[&str] = &["off", "normal", "full", "extra"];
const OPTIONS: &str = "mode, busy_timeout, journal_mode, synchronous, foreign_keys, \
                       statement_cache, cache_size, connections";
const FORMS: &str = "write `sqlite:app.db`, `sqlite:///absolute/path/app.db` or `sqlite::memory:`";

impl Options {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// `E0511` for a URL of another kind, an unknown option, and a value that the option does
    /// not take; the reason says what to write instead.
    pub fn parse(url: &str) -> Result<Self, DriverError> {
        let mistake = |reason: String| DriverError::Url { url: url.to_owned(), reason };
        let rest = url
            .strip_prefix("sqlite:")
            .ok_or_else(|| mistake(format!("it does not begin with `sqlite:`; {FORMS}")))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let location = location(path.strip_prefix("//").unwrap_or(path)).map_err(mistake)?;

        let mut words = Words::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            words.take(name, value).map_err(mistake)?;
        }
        words.options(location).map_err(mistake)
    }

    /// The greatest number of connections of a pool.
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// How long a statement waits for a lock of another connection, and a checkout for a
    /// connection of the pool.
    pub fn busy_timeout(&self) -> Duration {
        self.busy_timeout
    }

    /// Whether the database lies in memory.
    pub fn is_memory(&self) -> bool {
        self.location == Location::Memory
    }

    /// The path of the database, for messages.
    pub(crate) fn shown(&self) -> &str {
        match &self.location {
            Location::File(path) => path,
            Location::Memory => ":memory:",
        }
    }
}

/// Reads the part of the URL that says where the database lies.
fn location(path: &str) -> Result<Location, String> {
    if path == ":memory:" {
        return Ok(Location::Memory);
    }
    let path = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| "its path is not UTF-8 after percent-decoding".to_owned())?;
    if path.is_empty() {
        return Err(format!("it has no path; {FORMS}"));
    }
    if path.contains('\0') {
        return Err("its path has a NUL character, which no file name can have".to_owned());
    }
    Ok(Location::File(path.into_owned()))
}

/// The options as they were written, before the defaults are known.
#[derive(Default)]
struct Words {
    mode: Option<Mode>,
    busy_timeout: Option<u32>,
    journal_mode: Option<&'static str>,
    synchronous: Option<&'static str>,
    foreign_keys: Option<Switch>,
    statement_cache: Option<usize>,
    cache_size: Option<i32>,
    connections: Option<usize>,
}

impl Words {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "mode" => self.mode = Some(pick(name, value, MODES)?),
            "busy_timeout" => {
                self.busy_timeout =
                    Some(number(name, value, "a number of milliseconds up to 2147483647", |n| {
                        *n <= i32::MAX as u32
                    })?);
            }
            "journal_mode" => self.journal_mode = Some(word(name, value, JOURNAL_MODES)?),
            "synchronous" => self.synchronous = Some(word(name, value, SYNCHRONOUS)?),
            "foreign_keys" => self.foreign_keys = Some(pick(name, value, SWITCHES)?),
            "statement_cache" => {
                self.statement_cache =
                    Some(number(name, value, "a number of statements", |_| true)?);
            }
            "cache_size" => {
                self.cache_size =
                    Some(number(name, value, "a number of pages, or of KiB if negative", |_| {
                        true
                    })?);
            }
            "connections" => {
                self.connections = Some(number(name, value, "a number from 1 up", |n| *n > 0)?);
            }
            _ => return Err(format!("there is no option `{name}`; the options are {OPTIONS}")),
        }
        Ok(())
    }

    fn options(self, location: Location) -> Result<Options, String> {
        let memory = location == Location::Memory;
        if memory && self.mode.is_some() {
            return Err("a memory database has no `mode`; leave the option out".to_owned());
        }
        if memory && self.journal_mode.is_some() {
            return Err("a memory database has no `journal_mode`; leave the option out".to_owned());
        }
        if memory && self.connections.is_some_and(|n| n != 1) {
            return Err(
                "a memory database has exactly one connection; leave `connections` out, or \
                        use a file"
                    .to_owned(),
            );
        }
        let mode = self.mode.unwrap_or(Mode::Create);
        let fixed = memory || mode == Mode::ReadOnly;
        if mode == Mode::ReadOnly && self.journal_mode.is_some() {
            return Err(
                "`journal_mode` cannot be set with `mode=ro`; leave one of them out".to_owned()
            );
        }
        let journal_mode = if fixed { None } else { Some(self.journal_mode.unwrap_or("wal")) };
        let synchronous = if journal_mode == Some("wal") { "normal" } else { "full" };
        Ok(Options {
            location,
            mode,
            busy_timeout: Duration::from_millis(u64::from(self.busy_timeout.unwrap_or(5_000))),
            journal_mode,
            synchronous: self.synchronous.unwrap_or(synchronous),
            foreign_keys: self.foreign_keys.unwrap_or(Switch::On),
            statement_cache: self.statement_cache.unwrap_or(256),
            cache_size: self.cache_size,
            connections: if memory { 1 } else { self.connections.unwrap_or(8) },
        })
    }
}

fn pick<T: Copy>(name: &str, value: &str, allowed: &[(&str, T)]) -> Result<T, String> {
    allowed
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(value))
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| {
            let words: Vec<&str> = allowed.iter().map(|(word, _)| *word).collect();
            refusal(name, value, &words.join(", "))
        })
}

fn word(name: &str, value: &str, allowed: &[&'static str]) -> Result<&'static str, String> {
    allowed
        .iter()
        .find(|word| word.eq_ignore_ascii_case(value))
        .copied()
        .ok_or_else(|| refusal(name, value, &allowed.join(", ")))
}

fn number<T: std::str::FromStr>(
    name: &str,
    value: &str,
    allowed: &str,
    fits: impl FnOnce(&T) -> bool,
) -> Result<T, String> {
    value.parse().ok().filter(fits).ok_or_else(|| refusal(name, value, allowed))
}

fn refusal(name: &str, value: &str, allowed: &str) -> String {
    format!("the option `{name}` does not take `{value}`; it takes {allowed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_says_what_to_write() {
        let mistakes = [
            ("postgres://localhost/x", "does not begin with `sqlite:`"),
            ("app.db", "write `sqlite:app.db`"),
            ("sqlite:", "it has no path; write `sqlite:app.db`"),
            ("sqlite://?mode=ro", "it has no path"),
            ("sqlite:%ff.db", "not UTF-8"),
            ("sqlite:a%00b", "NUL"),
            ("sqlite:a?mode=rx", "`mode` does not take `rx`; it takes ro, rw, rwc"),
            ("sqlite:a?mode", "`mode` does not take ``"),
            (
                "sqlite:a?busy_timeout=soon",
                "`busy_timeout` does not take `soon`; it takes a number",
            ),
            ("sqlite:a?busy_timeout=3000000000", "up to 2147483647"),
            ("sqlite:a?journal_mode=log", "wal, delete, truncate, persist, memory, off"),
            ("sqlite:a?synchronous=2", "off, normal, full, extra"),
            ("sqlite:a?foreign_keys=yes", "`foreign_keys` does not take `yes`; it takes on, off"),
            ("sqlite:a?statement_cache=-1", "a number of statements"),
            ("sqlite:a?cache_size=big", "a number of pages"),
            ("sqlite:a?connections=0", "a number from 1 up"),
            ("sqlite:a?password=x", "there is no option `password`; the options are mode,"),
            ("sqlite:a?mode=ro&journal_mode=wal", "leave one of them out"),
            ("sqlite::memory:?connections=2", "exactly one connection"),
            ("sqlite::memory:?mode=ro", "has no `mode`"),
            ("sqlite::memory:?journal_mode=wal", "has no `journal_mode`"),
        ];
        for (url, expected) in mistakes {
            match Options::parse(url) {
                Err(DriverError::Url { url: named, reason }) => {
                    assert_eq!(named, url);
                    assert!(reason.contains(expected), "{url}: {reason}");
                }
                other => panic!("{url}: {other:?}"),
            }
        }
    }

    #[test]
    fn paths_are_decoded_and_end_at_the_question_mark() {
        let paths = [
            ("sqlite:app.db", "app.db"),
            ("sqlite://app.db?mode=rw", "app.db"),
            ("sqlite:///tmp/my%20app%3F.db?", "/tmp/my app?.db"),
            ("sqlite:./a+b&c.db", "./a+b&c.db"),
        ];
        for (url, path) in paths {
            let options = Options::parse(url).expect(url);
            assert_eq!(options.location, Location::File(path.to_owned()), "{url}");
        }
    }

    #[test]
    fn synchronous_follows_the_journal_mode_unless_it_is_given() {
        let cases = [
            ("sqlite:a", Some("wal"), "normal"),
            ("sqlite:a?journal_mode=DELETE", Some("delete"), "full"),
            ("sqlite:a?mode=ro", None, "full"),
            ("sqlite:a?journal_mode=off&synchronous=off", Some("off"), "off"),
            ("sqlite::memory:", None, "full"),
        ];
        for (url, journal_mode, synchronous) in cases {
            let options = Options::parse(url).expect(url);
            assert_eq!(
                (options.journal_mode, options.synchronous),
                (journal_mode, synchronous),
                "{url}"
            );
        }
    }

    #[test]
    fn a_memory_database_has_one_connection() {
        for url in ["sqlite::memory:", "sqlite://:memory:?connections=1"] {
            let options = Options::parse(url).expect(url);
            assert_eq!((options.is_memory(), options.connections()), (true, 1));
        }
    }
}
