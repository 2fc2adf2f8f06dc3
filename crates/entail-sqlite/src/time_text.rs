//! Dates and times as the ISO 8601 texts that SQLite's own functions read and that sort by time.
//!
//! Written are `2024-02-29`, `12:34:56`, `2024-02-29 12:34:56` and
//! `2024-02-29 12:34:56+00:00`, with a fraction of 3, 6 or 9 digits where there is one. Read are
//! also `T` for the space, times without seconds, `Z` and other offsets; a point in time without
//! an offset is UTC, as SQLite's `CURRENT_TIMESTAMP` is.

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

const SECOND: u32 = 1_000_000_000;

pub(crate) fn from_date(date: NaiveDate) -> String {
    let mut text = String::with_capacity(10);
    push_date(&mut text, date);
    text
}

pub(crate) fn from_time(time: NaiveTime) -> String {
    let mut text = String::with_capacity(18);
    push_time(&mut text, time);
    text
}

pub(crate) fn from_date_time(value: NaiveDateTime) -> String {
    let mut text = String::with_capacity(35);
    push_date(&mut text, value.date());
    text.push(' ');
    push_time(&mut text, value.time());
    text
}

pub(crate) fn from_timestamp(value: DateTime<Utc>) -> String {
    let mut text = from_date_time(value.naive_utc());
    text.push_str("+00:00");
    text
}

fn push_date(text: &mut String, date: NaiveDate) {
    let (year, month, day) = (date.year(), date.month(), date.day());
    // Writing into a String cannot fail. Years of other than four digits need their sign.
    let _ = match year {
        0..=9999 => write!(text, "{year:04}-{month:02}-{day:02}"),
        _ => write!(text, "{year:+05}-{month:02}-{day:02}"),
    };
}

fn push_time(text: &mut String, time: NaiveTime) {
    // chrono keeps a leap second as a fraction of more than one second.
    let leap = time.nanosecond() / SECOND;
    let fraction = time.nanosecond() % SECOND;
    let _ = write!(text, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second() + leap);
    let _ = match fraction {
        0 => Ok(()),
        f if f % 1_000_000 == 0 => write!(text, ".{:03}", f / 1_000_000),
        f if f % 1_000 == 0 => write!(text, ".{:06}", f / 1_000),
        f => write!(text, ".{f:09}"),
    };
}

pub(crate) fn to_date(text: &str) -> Option<NaiveDate> {
    let signed = text.starts_with(['+', '-']);
    let (sign, digits) = if signed { text.split_at(1) } else { ("+", text) };
    let mut parts = digits.split('-');
    let year = parts.next()?;
    if year.len() < 4 || year.len() > 4 && !signed {
        return None;
    }
    let year = i32::try_from(number(year)?).ok()?;
    let year = if sign == "-" { -year } else { year };
    let (month, day) = (two(parts.next()?)?, two(parts.next()?)?);
    if parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(year, month, day)
}

pub(crate) fn to_time(text: &str) -> Option<NaiveTime> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, digits)) => (clock, nanoseconds(digits)?),
        None => (text, 0),
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (two(parts.next()?)?, two(parts.next()?)?);
    let second = match parts.next() {
        Some(second) => two(second)?,
        None if text.contains('.') => return None,
        None => 0,
    };
    if parts.next().is_some() {
        return None;
    }
    match second {
        60 => NaiveTime::from_hms_nano_opt(hour, minute, 59, SECOND + fraction),
        _ => NaiveTime::from_hms_nano_opt(hour, minute, second, fraction),
    }
}

pub(crate) fn to_date_time(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = text.split_once([' ', 'T'])?;
    Some(NaiveDateTime::new(to_date(date)?, to_time(time)?))
}

pub(crate) fn to_timestamp(text: &str) -> Option<DateTime<Utc>> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let (time, offset) = match time.find(['+', '-', 'Z', 'z']) {
        Some(at) => (time[..at].trim_end(), minutes(&time[at..])?),
        None => (time, 0),
    };
    let local = NaiveDateTime::new(to_date(date)?, to_time(time)?);
    Some(local.checked_sub_signed(TimeDelta::minutes(offset))?.and_utc())
}

/// The minutes of `Z`, `+HH:MM`, `+HHMM` or `+HH`.
fn minutes(offset: &str) -> Option<i64> {
    if offset.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = offset.split_at(1);
    let (hours, minutes) = match digits.len() {
        2 => (two(digits)?, 0),
        4 => (two(digits.get(..2)?)?, two(digits.get(2..)?)?),
        5 if digits.get(2..3)? == ":" => (two(digits.get(..2)?)?, two(digits.get(3..)?)?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let total = i64::from(hours * 60 + minutes);
    Some(if sign == "-" { -total } else { total })
}

/// The nanoseconds of the digits after the point; digits past the ninth are cut off.
fn nanoseconds(digits: &str) -> Option<u32> {
    number(digits)?;
    let kept = digits.get(..digits.len().min(9))?;
    let scale = 10_u32.pow(9 - u32::try_from(kept.len()).ok()?);
    Some(u32::try_from(number(kept)?).ok()? * scale)
}

fn two(text: &str) -> Option<u32> {
    if text.len() == 2 { u32::try_from(number(text)?).ok() } else { None }
}

/// The number of a text that is all digits.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Only a fraction can be longer, and it is cut before its number matters.
    text.get(..text.len().min(18))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let dates = ["2024-02-29", "0000-01-01", "+10000-12-31", "-0044-03-15"];
        let times = ["00:00:00", "23:59:60.500", "12:34:56.000001", "12:34:56.123456789"];
        for date in dates {
            let parsed = to_date(date).expect(date);
            assert_eq!(from_date(parsed), date);
            for time in times {
                let clock = to_time(time).expect(time);
                assert_eq!(from_time(clock), time);
                let both = parsed.and_time(clock);
                assert_eq!(to_date_time(&from_date_time(both)), Some(both));
                assert_eq!(to_timestamp(&from_timestamp(both.and_utc())), Some(both.and_utc()));
            }
        }
    }

    #[test]
    fn other_forms_of_the_same_moment_are_read() {
        let moment = to_timestamp("2024-02-29 12:00:00+00:00");
        assert!(moment.is_some());
        for text in [
            "2024-02-29T12:00:00Z",
            "2024-02-29 12:00",
            "2024-02-29 12:00:00.0",
            "2024-02-29T14:30:00.000000000000+02:30",
            "2024-02-29 11:00:00 -0100",
            "2024-03-01T11:59:00+23:59",
        ] {
            assert_eq!(to_timestamp(text), moment, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_times_are_refused() {
        for text in
            ["", "2024-2-9", "20240229", "2023-02-29", "12024-01-01", "2024-01-01-01", "é024-01-01"]
        {
            assert_eq!(to_date(text), None, "{text}");
        }
        for text in [
            "24:00:00",
            "1:2:3",
            "12",
            "12:00:00.",
            "12:00.5",
            "12:00:61",
            "12:00:00:00",
            "+1:00:00",
        ] {
            assert_eq!(to_time(text), None, "{text}");
        }
        for text in [
            "2024-01-01",
            "2024-01-01 12:00:00+1",
            "2024-01-01 12:00:00+25:00",
            "2024-01-01 12:00:00ü",
        ] {
            assert_eq!(to_timestamp(text), None, "{text}");
        }
    }
}
