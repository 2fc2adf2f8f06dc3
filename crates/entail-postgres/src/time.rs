//! Dates and times: between chrono and PostgreSQL's counts of days and microseconds since 2000.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

/// The number of 2000-01-01 among the days of the common era.
const EPOCH_DAY: i32 = 730_120;
/// 2000-01-01 as microseconds since 1970.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
const MICROS_A_DAY: i64 = 86_400_000_000;

/// Days since 2000.
pub(crate) fn from_date(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_DAY
}

/// A date; none if it is infinite or lies beyond what chrono knows.
pub(crate) fn to_date(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAY)?)
}

/// Microseconds since midnight. A leap second is the first one of the next minute.
pub(crate) fn from_time(time: NaiveTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1_000)
}

/// A time of day; none for 24:00:00, which chrono does not know.
pub(crate) fn to_time(micros: i64) -> Option<NaiveTime> {
    if !(0..MICROS_A_DAY).contains(&micros) {
        return None;
    }
    let nanos = u32::try_from(micros % 1_000_000 * 1_000).ok()?;
    NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(micros / 1_000_000).ok()?, nanos)
}

/// Microseconds since 2000.
pub(crate) fn from_date_time(time: NaiveDateTime) -> Option<i64> {
    time.and_utc().timestamp_micros().checked_sub(EPOCH_MICROS)
}

/// A date and time; none if it is infinite or lies beyond what chrono knows.
pub(crate) fn to_date_time(micros: i64) -> Option<NaiveDateTime> {
    to_timestamp(micros).map(|time| time.naive_utc())
}

/// A point in time; none if it is infinite or lies beyond what chrono knows.
pub(crate) fn to_timestamp(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros.checked_add(EPOCH_MICROS)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_begin_in_the_year_2000() {
        let date = NaiveDate::from_ymd_opt(1999, 12, 31).expect("a date");
        assert_eq!((from_date(date), to_date(-1)), (-1, Some(date)));
        let time = date.and_hms_micro_opt(23, 59, 59, 999_999).expect("a time");
        assert_eq!((from_date_time(time), to_date_time(-1)), (Some(-1), Some(time)));
        assert_eq!(to_time(from_time(time.time())), Some(time.time()));
    }

    #[test]
    fn what_chrono_does_not_know_is_none() {
        assert_eq!((to_date(i32::MAX), to_date(i32::MIN)), (None, None));
        assert_eq!((to_date_time(i64::MAX), to_timestamp(i64::MIN)), (None, None));
        assert_eq!((to_time(MICROS_A_DAY), to_time(-1)), (None, None));
    }
}
