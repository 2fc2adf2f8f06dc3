//! Binding: values of the engine in the server's own form.

use entail_engine::batch::ParamRef;
use entail_engine::error::DriverError;
use entail_engine::value::{Value, ValueRef};
use mysql_async::Value as Server;

/// The values that earlier statements of a batch have made.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    values: Vec<Option<Value>>,
}

impl Slots {
    pub(crate) fn new(count: usize) -> Self {
        Self { values: vec![None; count] }
    }

    /// Fills a slot; none if the batch has no such slot.
    pub(crate) fn fill(&mut self, slot: usize, value: Value) -> Option<()> {
        *self.values.get_mut(slot)? = Some(value);
        Some(())
    }

    /// Whether a parameter is known by now.
    pub(crate) fn knows(&self, param: ParamRef<'_>) -> bool {
        match param {
            ParamRef::Value(_) => true,
            ParamRef::Slot(slot) => matches!(self.values.get(slot as usize), Some(Some(_))),
        }
    }

    /// The value of a parameter; NULL where it is not known.
    pub(crate) fn value<'a>(&'a self, param: ParamRef<'a>) -> ValueRef<'a> {
        match param {
            ParamRef::Value(value) => value,
            ParamRef::Slot(slot) => match self.values.get(slot as usize) {
                Some(Some(value)) => value.as_ref(),
                _ => ValueRef::Null,
            },
        }
    }

    /// All values; NULL where none was made.
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values.into_iter().map(|value| value.unwrap_or(Value::Null)).collect()
    }
}

/// Makes all parameters of an execution ready to travel in binary form.
pub(crate) fn bound<'a>(
    params: impl Iterator<Item = ParamRef<'a>>,
    slots: &Slots,
) -> Result<Vec<Server>, DriverError> {
    params
        .enumerate()
        .map(|(index, param)| {
            if slots.knows(param) {
                server_value(slots.value(param)).map_err(|reason| refused(index, reason))
            } else {
                Err(refused(index, "no statement before this one fills its slot".to_owned()))
            }
        })
        .collect()
}

/// The failure of a parameter that cannot be sent.
#[cold]
pub(crate) fn refused(index: usize, reason: String) -> DriverError {
    DriverError::Value { column: format!("parameter {}", index + 1), reason }
}

/// The server's form of a value, or why it has none.
pub(crate) fn server_value(value: ValueRef<'_>) -> Result<Server, String> {
    Ok(match value {
        ValueRef::Null => Server::NULL,
        ValueRef::Bool(value) => Server::Int(i64::from(value)),
        ValueRef::Int(value) => Server::Int(value),
        ValueRef::Float(value) if value.is_finite() => Server::Double(value),
        ValueRef::Float(_) => {
            return Err("MySQL has neither NaN nor infinity; store NULL instead".to_owned());
        }
        ValueRef::Text(value) => Server::Bytes(value.as_bytes().to_vec()),
        ValueRef::Bytes(value) => Server::Bytes(value.to_vec()),
        #[cfg(feature = "chrono")]
        ValueRef::Date(value) => moment(value, chrono::NaiveTime::MIN)?,
        #[cfg(feature = "chrono")]
        ValueRef::Time(value) => {
            let (hour, minute, second, micro) = clock(value)?;
            Server::Time(false, 0, hour, minute, second, micro)
        }
        #[cfg(feature = "chrono")]
        ValueRef::DateTime(value) => moment(value.date(), value.time())?,
        #[cfg(feature = "chrono")]
        ValueRef::Timestamp(value) => {
            let value = value.naive_utc();
            moment(value.date(), value.time())?
        }
        #[cfg(feature = "uuid")]
        ValueRef::Uuid(value) => Server::Bytes(value.as_bytes().to_vec()),
        other => return Err(format!("this driver cannot send {}", other.kind())),
    })
}

#[cfg(feature = "chrono")]
fn moment(date: chrono::NaiveDate, time: chrono::NaiveTime) -> Result<Server, String> {
    use chrono::Datelike;

    let year = u16::try_from(date.year())
        .ok()
        .filter(|year| *year <= 9999)
        .ok_or_else(|| format!("the year {} is not within 0 and 9999", date.year()))?;
    let (hour, minute, second, micro) = clock(time)?;
    Ok(Server::Date(year, date.month() as u8, date.day() as u8, hour, minute, second, micro))
}

#[cfg(feature = "chrono")]
fn clock(time: chrono::NaiveTime) -> Result<(u8, u8, u8, u32), String> {
    use chrono::Timelike;

    let micro = time.nanosecond() / 1000;
    if micro >= 1_000_000 {
        return Err("MySQL has no leap seconds".to_owned());
    }
    Ok((time.hour() as u8, time.minute() as u8, time.second() as u8, micro))
}
