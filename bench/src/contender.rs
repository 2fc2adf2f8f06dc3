//! Contenders: who does the works, and what is known of a run.

use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::database::Database;
use crate::peers::Peers;
use crate::place::Place;
use crate::work::{Job, Work};
use crate::{Failure, asynchronous, blocking, hand};

/// Who does a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Contender {
    /// The bare driver, in its best form.
    HandWritten,
    /// entail without a runtime.
    EntailBlocking,
    /// entail on tokio.
    EntailAsync,
    /// entail on tokio, on a server.
    Entail,
    /// SQLAlchemy, a program of its own.
    Sqlalchemy,
    /// SeaORM, a program of its own.
    Seaorm,
    /// Diesel, a program of its own.
    Diesel,
    /// Toasty, a program of its own.
    Toasty,
}

/// One run of a work.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// How long it took, without opening and closing the database.
    pub took: Duration,
    /// What was loaded into memory, where the work is to load.
    pub seen: Seen,
    /// The round trips, where they are counted.
    pub trips: Option<u64>,
}

/// What a run has loaded: it must be the same for all contenders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many objects there are.
    pub objects: i64,
    /// Their numbers, and the lengths of their texts.
    pub sum: i64,
}

impl Seen {
    /// Counts one object.
    pub fn count(&mut self, sum: i64) {
        self.objects += 1;
        self.sum += sum;
    }
}

impl From<Duration> for Run {
    fn from(took: Duration) -> Self {
        Run { took, seen: Seen::default(), trips: None }
    }
}

/// A clock that counts round trips too.
#[derive(Debug)]
pub struct Clock<'a> {
    place: &'a Place,
    trips: u64,
    start: Instant,
}

impl<'a> Clock<'a> {
    /// Starts it.
    pub fn start(place: &'a Place) -> Self {
        let trips = place.trips.as_ref().map_or(0, |trips| trips.count());
        Self { place, trips, start: Instant::now() }
    }

    /// Stops it.
    pub fn stop(self) -> Run {
        let took = self.start.elapsed();
        let trips = self.place.trips.as_ref().map(|trips| trips.count() - self.trips);
        Run { took, seen: Seen::default(), trips }
    }
}

impl Contender {
    /// All of them.
    pub const ALL: &'static [Contender] = &[
        Contender::HandWritten,
        Contender::EntailBlocking,
        Contender::EntailAsync,
        Contender::Entail,
        Contender::Sqlalchemy,
        Contender::Seaorm,
        Contender::Diesel,
        Contender::Toasty,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Contender::HandWritten => "hand-written",
            Contender::EntailBlocking => "entail-blocking",
            Contender::EntailAsync => "entail-async",
            Contender::Entail => "entail",
            Contender::Sqlalchemy => "sqlalchemy",
            Contender::Seaorm => "seaorm",
            Contender::Diesel => "diesel",
            Contender::Toasty => "toasty",
        }
    }

    /// Whether it is a program of its own.
    pub fn is_peer(self) -> bool {
        matches!(
            self,
            Contender::Sqlalchemy | Contender::Seaorm | Contender::Diesel | Contender::Toasty
        )
    }

    /// Whether it takes part on a database.
    pub fn is_on(self, database: Database) -> bool {
        match self {
            Contender::EntailBlocking | Contender::EntailAsync => !database.is_server(),
            Contender::Entail => database.is_server(),
            _ => true,
        }
    }

    /// Whether it does a work: round trips are counted for entail and by hand only.
    pub fn does(self, work: Work) -> bool {
        work != Work::W9 || !self.is_peer()
    }

    /// Does a work. None if a peer cannot do it.
    pub fn run(self, job: Job, place: &Place, peers: &Peers) -> Result<Option<Run>, Failure> {
        match self {
            Contender::HandWritten => hand::run(job, place).map(Some),
            Contender::EntailBlocking => blocking::run(job, place).map(Some),
            Contender::EntailAsync | Contender::Entail => asynchronous::run(job, place).map(Some),
            _ => peers.run(self, job, place),
        }
    }
}
