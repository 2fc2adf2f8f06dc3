//! Words: the options of a URL as they are written, each checked by its own rule.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::{Encryption, Isolation, Returning};

/// The options that were given.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub pool_size: Option<usize>,
    pub connect_timeout: Option<Duration>,
    pub acquire_timeout: Option<Duration>,
    pub lock_timeout: Option<Duration>,
    pub statement_timeout: Option<Duration>,
    pub statement_cache: Option<usize>,
    pub application_name: Option<String>,
    pub encryption: Option<Encryption>,
    pub ssl_ca: Option<PathBuf>,
    pub isolation: Option<Isolation>,
    pub returning: Option<Returning>,
}

const OPTIONS: &str = "pool_size, connect_timeout, acquire_timeout, lock_timeout, \
                       statement_timeout, statement_cache, application_name, ssl_mode, ssl_ca, \
                       isolation, returning";

const ENCRYPTIONS: &[(&str, Encryption)] = &[
    ("disabled", Encryption::Disabled),
    ("preferred", Encryption::Preferred),
    ("required", Encryption::Required),
    ("verify_identity", Encryption::VerifyIdentity),
];

const ISOLATIONS: &[(&str, Isolation)] = &[
    ("read-uncommitted", Isolation::ReadUncommitted),
    ("read-committed", Isolation::ReadCommitted),
    ("repeatable-read", Isolation::RepeatableRead),
    ("serializable", Isolation::Serializable),
];

const SWITCHES: &[(&str, Returning)] = &[("on", Returning::On), ("off", Returning::Off)];

impl Words {
    /// Reads what stands behind the `?` of a URL.
    pub(super) fn read(query: &str) -> Result<Self, String> {
        let mut words = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value)
                .decode_utf8()
                .ok()
                .filter(|value| !value.contains('\0'))
                .ok_or_else(|| format!("the option `{name}` is not UTF-8, or has a NUL"))?;
            words.take(name, &value)?;
        }
        if words.ssl_ca.is_some() && words.encryption != Some(Encryption::VerifyIdentity) {
            return Err("`ssl_ca` says whom to trust, which no other mode than \
                        `ssl_mode=verify_identity` asks; add that, or leave `ssl_ca` out"
                .to_owned());
        }
        Ok(words)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "pool_size" => self.pool_size = Some(count(name, value, 1)?),
            "connect_timeout" => self.connect_timeout = Some(time(name, value)?),
            "acquire_timeout" => self.acquire_timeout = Some(time(name, value)?),
            "lock_timeout" => self.lock_timeout = Some(time(name, value)?),
            "statement_timeout" => self.statement_timeout = Some(time(name, value)?),
            "statement_cache" => self.statement_cache = Some(count(name, value, 0)?),
            "application_name" => self.application_name = Some(present(name, value, "a name")?),
            "ssl_mode" => self.encryption = Some(pick(name, value, ENCRYPTIONS)?),
            "ssl_ca" => self.ssl_ca = Some(present(name, value, "the path of a file")?.into()),
            "isolation" => self.isolation = Some(pick(name, value, ISOLATIONS)?),
            "returning" => self.returning = Some(pick(name, value, SWITCHES)?),
            _ => return Err(format!("there is no option `{name}`; the options are {OPTIONS}")),
        }
        Ok(())
    }
}

fn pick<T: Copy>(name: &str, value: &str, allowed: &[(&str, T)]) -> Result<T, String> {
    let found = allowed.iter().find(|(word, _)| word.eq_ignore_ascii_case(value));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<&str> = allowed.iter().map(|(word, _)| *word).collect();
        refusal(name, value, &words.join(", "))
    })
}

fn count(name: &str, value: &str, least: usize) -> Result<usize, String> {
    let fits = |number: &usize| (least..=100_000).contains(number);
    let allowed = format!("a number from {least} to 100000");
    value.parse().ok().filter(fits).ok_or_else(|| refusal(name, value, &allowed))
}

/// A year is more than any of the server's timeouts can be.
const LONGEST: f64 = 31_536_000.0;

fn time(name: &str, value: &str) -> Result<Duration, String> {
    let (number, scale) = match (value.strip_suffix("ms"), value.strip_suffix('s')) {
        (Some(number), _) => (number, 1000.0),
        (None, Some(number)) => (number, 1.0),
        (None, None) => (value, 1000.0),
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = number.parse::<f64>().ok().filter(|_| digits).map(|number| number / scale);
    seconds
        .filter(|seconds| *seconds > 0.0 && *seconds <= LONGEST)
        .map(Duration::from_secs_f64)
        .ok_or_else(|| {
            refusal(name, value, "a time such as `500ms` or `5s`; a plain number is milliseconds")
        })
}

fn present(name: &str, value: &str, allowed: &str) -> Result<String, String> {
    if value.is_empty() { Err(refusal(name, value, allowed)) } else { Ok(value.to_owned()) }
}

fn refusal(name: &str, value: &str, allowed: &str) -> String {
    format!("the option `{name}` does not take `{value}`; it takes {allowed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let read = |value| time("t", value).map(|time| time.as_millis());
        assert_eq!(
            ["5000", "0.25s", "1500ms", "2s"].map(read),
            [Ok(5000), Ok(250), Ok(1500), Ok(2000)]
        );
        for wrong in ["", "0", "-1", "1e3", "inf", "NaN", "5m", "ms", "99999999999"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
