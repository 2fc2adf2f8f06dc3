//! Races: rounds in which every contender does a work on a fresh copy of the same database.

use std::time::Duration;

use crate::Failure;
use crate::contender::{Contender, Run, Seen};
use crate::database::Database;
use crate::digest::Digest;
use crate::peers::Peers;
use crate::place::{Ground, Place};
use crate::proxy::Proxy;
use crate::threads::Threads;
use crate::work::{Job, Work};

/// Who races, and how often.
pub struct Race<'a> {
    /// On what.
    pub database: Database,
    /// Where the databases come from.
    pub ground: &'a mut dyn Ground,
    /// Who races.
    pub contenders: &'a [Contender],
    /// The programs of those who are not in this one.
    pub peers: &'a Peers,
    /// What async code runs on.
    pub threads: Threads,
    /// How many rounds are measured.
    pub runs: u32,
}

/// The outcome of a race.
#[derive(Debug)]
pub struct Standing {
    /// Where it was.
    pub database: Database,
    /// What was done.
    pub work: Work,
    /// The contenders with what they needed.
    entries: Vec<(Contender, Entry)>,
}

/// What a contender needed, in the median.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Milliseconds.
    pub ms: f64,
    /// Round trips, where they are counted.
    pub trips: Option<u64>,
}

impl Standing {
    /// What a contender needed, if it took part.
    pub fn entry(&self, contender: Contender) -> Option<Entry> {
        self.entries.iter().find(|(one, _)| *one == contender).map(|(_, entry)| *entry)
    }

    /// The median time of a contender, if it took part.
    pub fn ms(&self, contender: Contender) -> Option<f64> {
        self.entry(contender).map(|entry| entry.ms)
    }

    /// How many times as long as `other` a contender took.
    pub fn ratio(&self, contender: Contender, other: Contender) -> Option<f64> {
        Some(self.ms(contender)? / self.ms(other)?)
    }

    /// The contenders in their order.
    pub fn contenders(&self) -> impl Iterator<Item = Contender> {
        self.entries.iter().map(|(contender, _)| *contender)
    }
}

/// Those who are still in a race, and what all of them have to come to.
struct Course {
    job: Job,
    runs: Vec<(Contender, Vec<Run>)>,
    expected: Option<(Seen, Digest)>,
}

impl Race<'_> {
    /// Does a work as often as it is measured, and once before. The contenders take turns in
    /// going first. A peer that cannot do the work is left out; anyone else must be able to.
    pub fn run(&mut self, job: Job) -> Result<Standing, Failure> {
        let runs = self.contenders.iter().filter(|one| one.does(job.work));
        let runs = runs.map(|one| (*one, Vec::new())).collect();
        let mut course = Course { job, runs, expected: None };
        for round in 0..=self.runs as usize {
            let count = course.runs.len();
            let mut failed = Vec::new();
            for turn in 0..count {
                let index = (round + turn) % count;
                let contender = course.runs[index].0;
                match self.turn(&mut course, contender) {
                    Ok(Some(run)) if round > 0 => course.runs[index].1.push(run),
                    Ok(Some(_)) => {}
                    Ok(None) => failed.push(contender),
                    Err(failure) if contender.is_peer() => {
                        eprintln!("bench: LEFT OUT: {failure}");
                        failed.push(contender);
                    }
                    Err(failure) => return Err(failure),
                }
            }
            course.runs.retain(|(contender, _)| !failed.contains(contender));
        }
        let entries = course.runs.into_iter().map(|(contender, runs)| (contender, entry(&runs)));
        Ok(Standing { database: self.database, work: job.work, entries: entries.collect() })
    }

    fn turn(&mut self, course: &mut Course, contender: Contender) -> Result<Option<Run>, Failure> {
        let job = course.job;
        let url = self.ground.make(job.template())?;
        if job.work == Work::W6 {
            self.ground.relax(&url)?;
        }
        let mut place = Place::new(self.database, url.clone(), self.threads);
        if job.work == Work::W9 {
            place = place.behind(&Proxy::start(&url)?)?;
        }
        let said = |failure: Failure| {
            let (name, database) = (contender.name(), self.database.name());
            Failure::from(format!("{name} at {} on {database}: {failure}", job.work.name()))
        };
        let run = contender.run(job, &place, self.peers).map_err(said);
        self.ground.wait_until_closed(&url)?;
        let digest = Digest::of(job.template(), self.database, self.ground, &url);
        self.ground.remove(&url)?;
        let Some(run) = run? else { return Ok(None) };
        let found = (run.seen, digest?);
        let expected = course.expected.get_or_insert_with(|| found.clone());
        if *expected != found {
            return Err(said(format!("left other rows: {found:?}, not {expected:?}").into()));
        }
        Ok(Some(run))
    }
}

fn entry(runs: &[Run]) -> Entry {
    let mut trips: Vec<u64> = runs.iter().filter_map(|run| run.trips).collect();
    trips.sort_unstable();
    let ms = median(runs.iter().map(|run| run.took).collect());
    Entry { ms, trips: trips.get(trips.len() / 2).copied() }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let (low, high) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    (low + high).as_secs_f64() * 1e3 / 2.0
}
