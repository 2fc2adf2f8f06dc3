//! Values of every type, to the database and back, and keys that the program makes itself.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use entail::Uuid;
use entail::blocking::Database;
use entail::prelude::*;

use super::database::Place;

#[derive(Entity, Debug)]
#[entity(table = "readings")]
struct Reading {
    #[key]
    #[column(default = Uuid::now_v7())]
    id: Uuid,
    small: i16,
    middle: i32,
    big: i64,
    real: f32,
    double: f64,
    flag: bool,
    text: String,
    #[column(length = 40)]
    short: String,
    bytes: Vec<u8>,
    date: NaiveDate,
    time: NaiveTime,
    date_time: NaiveDateTime,
    timestamp: DateTime<Utc>,
    other: Option<Uuid>,
    maybe: Option<i32>,
    #[has_many(Note::READING, cascade = "all, delete-orphan")]
    notes: HasMany<Note>,
}

#[derive(Entity, Debug)]
#[entity(table = "notes")]
struct Note {
    #[key]
    #[column(default = Uuid::now_v7())]
    id: Uuid,
    text: String,
    #[belongs_to(column = "reading_id", back_populates = Reading::NOTES)]
    reading: BelongsTo<Reading>,
}

fn open() -> (Database, Place) {
    let place = Place::small();
    let mapping = mapping![Reading, Note].expect("the mapping is right");
    let db = Database::connect(&place.url, mapping).expect("the database is there");
    db.create_all().expect("the tables are new");
    (db, place)
}

/// A reading whose values lie at one end of what their types can hold.
fn reading(extreme: Extreme) -> Reading {
    let highest = extreme == Extreme::Highest;
    let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a date");
    let date = if highest { date(9999, 12, 31) } else { date(1000, 1, 1) };
    let micros = if highest { 999_999 } else { 0 };
    let time = if highest { (23, 59, 59) } else { (0, 0, 0) };
    let time = NaiveTime::from_hms_micro_opt(time.0, time.1, time.2, micros).expect("a time");
    Reading {
        id: Uuid::now_v7(),
        small: if highest { i16::MAX } else { i16::MIN },
        middle: if highest { i32::MAX } else { i32::MIN },
        big: if highest { i64::MAX } else { i64::MIN },
        real: if highest { 3.402_823_4e38 } else { -1.175_494_4e-38 },
        double: if highest { 1.797_693_134_862_315_7e308 } else { -0.1 },
        flag: highest,
        text: if highest { "\u{1F980} 'it' \\ \"is\"; -- ?\n".repeat(1000) } else { String::new() },
        short: if highest { "\u{df}".repeat(40) } else { "' ? ` \\".to_owned() },
        bytes: if highest { (0..=255).collect() } else { Vec::new() },
        date,
        time,
        date_time: date.and_time(time),
        timestamp: date.and_time(time).and_utc(),
        other: if highest { Some(Uuid::max()) } else { None },
        maybe: if highest { Some(0) } else { None },
        notes: unset(),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Extreme {
    Lowest,
    Highest,
}

/// What of a reading can be compared.
fn shown(reading: &Reading) -> String {
    let Reading { notes: _, .. } = reading;
    format!(
        "{:?}",
        (
            (reading.id, reading.small, reading.middle, reading.big, reading.real, reading.double),
            (reading.flag, &reading.text, &reading.short, &reading.bytes),
            (reading.date, reading.time, reading.date_time, reading.timestamp),
            (reading.other, reading.maybe),
        )
    )
}

#[test]
fn values_come_back_as_they_went_whether_one_row_or_many_were_written() {
    let (db, _place) = open();
    for rows in [1, 2, 7] {
        let mut session = db.session();
        let extremes = [Extreme::Lowest, Extreme::Highest];
        let readings: Vec<_> = (0..rows).map(|row| reading(extremes[row % 2])).collect();
        let expected: Vec<_> = readings.iter().map(shown).collect();
        let keys: Vec<_> = readings.iter().map(|reading| reading.id).collect();
        session.add_all(readings);
        session.commit().unwrap();
        let mut fresh = db.session();
        for (key, expected) in keys.into_iter().zip(expected) {
            let found = fresh.get_by_key::<Reading>(key).unwrap().expect("it was written");
            assert_eq!(shown(&fresh[found]), expected);
            assert!(fresh.changes(found).is_empty());
        }
    }
}

#[test]
fn values_are_changed_one_by_one_and_together() {
    let (db, _place) = open();
    for rows in [1, 2, 7] {
        let mut session = db.session();
        let handles: Vec<_> = (0..rows).map(|_| session.add(reading(Extreme::Lowest))).collect();
        session.commit().unwrap();
        let mut expected = Vec::new();
        for &handle in &handles {
            let id = session[handle].id;
            session[handle] = Reading { id, ..reading(Extreme::Highest) };
            expected.push((id, shown(&session[handle])));
        }
        session.commit().unwrap();
        let mut fresh = db.session();
        for (key, expected) in expected {
            let found = fresh.get_by_key::<Reading>(key).unwrap().expect("it is there");
            assert_eq!(shown(&fresh[found]), expected);
        }
    }
}

#[test]
fn a_graph_with_keys_of_its_own_needs_none_of_the_database() {
    let (db, _place) = open();
    let mut session = db.session();
    let mut first = reading(Extreme::Lowest);
    first.notes = many![Note::new("one"), Note::new("two")];
    let id = first.id;
    let handle = session.add(first);
    session.commit().unwrap();
    assert_eq!(session[handle].id, id);
    let notes = session.many(handle, Reading::NOTES).unwrap();
    assert_eq!(
        session[notes[1]].reading.to_key().map(|key| key.to_string()),
        Some(format!("'{id}'"))
    );
    session.delete(handle).unwrap();
    session.commit().unwrap();
    assert_eq!(session.query::<Note>().count().unwrap(), 0);
}
