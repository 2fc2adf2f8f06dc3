//! The options of a URL as they were written, before the defaults are known.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::Encryption;

const NAMES: &str = "pool_size, connect_timeout, acquire_timeout, statement_timeout, lock_timeout, \
                     idle_in_transaction_session_timeout, statement_cache, isolation, \
                     application_name, search_path, options, sslmode, sslrootcert";

const MODES: &[(&str, Encryption)] = &[
    ("disable", Encryption::Disable),
    ("prefer", Encryption::Prefer),
    ("require", Encryption::Require),
    ("verify-ca", Encryption::VerifyCa),
    ("verify-full", Encryption::VerifyFull),
];

const ISOLATIONS: &[(&str, &str)] = &[
    ("read-committed", "BEGIN ISOLATION LEVEL READ COMMITTED"),
    ("repeatable-read", "BEGIN ISOLATION LEVEL REPEATABLE READ"),
    ("serializable", "BEGIN ISOLATION LEVEL SERIALIZABLE"),
];

/// What the URL says; none where it says nothing.
#[derive(Default)]
pub(super) struct Words {
    pub pool_size: Option<usize>,
    pub connect_timeout: Option<Duration>,
    pub acquire_timeout: Option<Duration>,
    pub statement_cache: Option<usize>,
    pub application_name: Option<String>,
    pub begin: Option<&'static str>,
    pub encryption: Option<Encryption>,
    pub root_certificates: Option<PathBuf>,
    statement_timeout: Option<Duration>,
    lock_timeout: Option<Duration>,
    rest_timeout: Option<Duration>,
    search_path: Option<String>,
    options: Option<String>,
}

impl Words {
    /// Takes one option.
    pub(super) fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "pool_size" => self.pool_size = Some(number(name, value, 1, "a number from 1 up")?),
            "connect_timeout" => self.connect_timeout = Some(time(name, value)?),
            "acquire_timeout" => self.acquire_timeout = Some(time(name, value)?),
            "statement_timeout" => self.statement_timeout = Some(time(name, value)?),
            "lock_timeout" => self.lock_timeout = Some(time(name, value)?),
            "idle_in_transaction_session_timeout" => self.rest_timeout = Some(time(name, value)?),
            "statement_cache" => {
                self.statement_cache = Some(number(name, value, 0, "a number of statements")?);
            }
            "isolation" => self.begin = Some(pick(name, value, ISOLATIONS)?),
            "application_name" => self.application_name = Some(value.to_owned()),
            "search_path" if value.is_empty() => {
                return Err(refusal(name, value, "names of schemas, such as `app,public`"));
            }
            "search_path" => self.search_path = Some(value.to_owned()),
            "options" => self.options = Some(value.to_owned()),
            "sslmode" => self.encryption = Some(pick(name, value, MODES)?),
            "sslrootcert" if value.is_empty() => {
                return Err(refusal(name, value, "the path of a file in PEM"));
            }
            "sslrootcert" => self.root_certificates = Some(PathBuf::from(value)),
            "user" | "password" | "host" | "port" | "dbname" => {
                return Err(format!(
                    "there is no option `{name}`; write `postgres://user:password@host:port/database`"
                ));
            }
            _ => return Err(format!("there is no option `{name}`; the options are {NAMES}")),
        }
        Ok(())
    }

    /// The settings for the server, as its command line takes them.
    pub(super) fn settings(&self) -> String {
        let mut settings = String::new();
        let mut set = |name: &str, value: &str| {
            // Where there is a space, the server takes the next setting to begin.
            let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
            let _ = write!(settings, "-c {name}={value} ");
        };
        for (name, time) in [
            ("statement_timeout", self.statement_timeout),
            ("lock_timeout", self.lock_timeout),
            ("idle_in_transaction_session_timeout", self.rest_timeout),
        ] {
            if let Some(time) = time {
                set(name, &time.as_millis().to_string());
            }
        }
        if let Some(path) = &self.search_path {
            set("search_path", path);
        }
        settings.push_str(self.options.as_deref().unwrap_or(""));
        settings.trim_end().to_owned()
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

fn number(name: &str, value: &str, least: usize, allowed: &str) -> Result<usize, String> {
    value
        .parse()
        .ok()
        .filter(|number| *number >= least)
        .ok_or_else(|| refusal(name, value, allowed))
}

/// A time of up to what the server takes: about 24 days.
fn time(name: &str, value: &str) -> Result<Duration, String> {
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let factor = match unit {
        "" | "ms" => Some(1),
        "s" => Some(1_000),
        "min" => Some(60_000),
        _ => None,
    };
    factor
        .zip(number.parse::<u64>().ok())
        .and_then(|(factor, number)| number.checked_mul(factor))
        .filter(|time| *time <= i32::MAX as u64)
        .map(Duration::from_millis)
        .ok_or_else(|| {
            refusal(name, value, "a time up to 24 days, such as `500ms`, `10s` or `2min`")
        })
}

fn refusal(name: &str, value: &str, allowed: &str) -> String {
    format!("the option `{name}` does not take `{value}`; it takes {allowed}")
}
