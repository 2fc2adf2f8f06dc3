//! Times: dates and times of the server as chrono has them.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use entail_engine::value::{ColumnType, ValueRef};
use mysql_async::Value;

/// Takes a date or time of a type; none for a date of zeros, and for a time that is longer than a
/// day or negative: the server's type for times is one for spans of time.
pub(super) fn moment(value: &Value, ty: ColumnType) -> Option<ValueRef<'static>> {
    Some(match ty {
        ColumnType::Date => {
            let moment = date_time(value)?;
            ValueRef::Date(Some(moment.date()).filter(|_| moment.time() == NaiveTime::MIN)?)
        }
        ColumnType::Time => ValueRef::Time(time(value)?),
        ColumnType::DateTime => ValueRef::DateTime(date_time(value)?),
        ColumnType::Timestamp => ValueRef::Timestamp(date_time(value)?.and_utc()),
        _ => return None,
    })
}

fn date_time(value: &Value) -> Option<NaiveDateTime> {
    match *value {
        Value::Date(year, month, day, hour, minute, second, micro) => {
            NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))?
                .and_hms_micro_opt(u32::from(hour), u32::from(minute), u32::from(second), micro)
        }
        Value::Bytes(ref bytes) => {
            let text = std::str::from_utf8(bytes).ok()?;
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(NaiveDateTime::from);
            date.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")).ok()
        }
        _ => None,
    }
}

fn time(value: &Value) -> Option<NaiveTime> {
    match *value {
        Value::Time(false, 0, hour, minute, second, micro) => NaiveTime::from_hms_micro_opt(
            u32::from(hour),
            u32::from(minute),
            u32::from(second),
            micro,
        ),
        Value::Bytes(ref bytes) => {
            let text = std::str::from_utf8(bytes).ok()?;
            NaiveTime::parse_from_str(text, "%H:%M:%S%.f").ok()
        }
        _ => None,
    }
}
