//! Contenders: who does the works, and what is known of a run.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use crate::work::Work;
use crate::{Failure, asynchronous, blocking, hand};

/// Who does a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Contender {
    /// rusqlite with cached statements.
    HandWritten,
    /// entail without a runtime.
    EntailBlocking,
    /// entail on tokio.
    EntailAsync,
}

/// One run of a work.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// How long it took, without opening and closing the database.
    pub took: Duration,
    /// What was loaded into memory, where the work is to load.
    pub seen: Seen,
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
        Run { took, seen: Seen::default() }
    }
}

impl Contender {
    /// All of them.
    pub const ALL: &'static [Contender] =
        &[Contender::HandWritten, Contender::EntailBlocking, Contender::EntailAsync];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Contender::HandWritten => "hand-written",
            Contender::EntailBlocking => "entail-blocking",
            Contender::EntailAsync => "entail-async",
        }
    }

    /// Does a work on a database.
    pub fn run(self, work: Work, path: &Path) -> Result<Run, Failure> {
        match self {
            Contender::HandWritten => hand::run(work, path),
            Contender::EntailBlocking => blocking::run(work, path),
            Contender::EntailAsync => asynchronous::run(work, path),
        }
    }
}
