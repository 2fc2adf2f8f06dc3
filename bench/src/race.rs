//! Races: rounds in which every contender does a work on a fresh copy of the same database.

use std::time::Duration;

use crate::Failure;
use crate::contender::{Contender, Seen};
use crate::digest::Digest;
use crate::template::Templates;
use crate::work::Work;

/// Who races, and how often.
pub struct Race<'a> {
    /// Where the databases come from.
    pub templates: &'a Templates,
    /// Who races.
    pub contenders: &'a [Contender],
    /// How many rounds are measured.
    pub runs: u32,
}

/// The outcome of a race.
#[derive(Debug)]
pub struct Standing {
    /// What was done.
    pub work: Work,
    /// The contenders with their median times in milliseconds.
    times: Vec<(Contender, f64)>,
}

impl Standing {
    /// The median time of a contender, if it took part.
    pub fn ms(&self, contender: Contender) -> Option<f64> {
        self.times.iter().find(|(one, _)| *one == contender).map(|(_, ms)| *ms)
    }

    /// How many times as long as `other` a contender took.
    pub fn ratio(&self, contender: Contender, other: Contender) -> Option<f64> {
        Some(self.ms(contender)? / self.ms(other)?)
    }

    /// The contenders in their order.
    pub fn contenders(&self) -> impl Iterator<Item = Contender> {
        self.times.iter().map(|(contender, _)| *contender)
    }
}

impl Race<'_> {
    /// Does a work as often as it is measured, and once before. The contenders take turns in
    /// going first.
    pub fn run(&self, work: Work) -> Result<Standing, Failure> {
        let mut times = vec![Vec::new(); self.contenders.len()];
        let mut expected = None;
        for round in 0..=self.runs as usize {
            for turn in 0..self.contenders.len() {
                let index = (round + turn) % self.contenders.len();
                let took = self.turn(work, self.contenders[index], &mut expected)?;
                if round > 0 {
                    times[index].push(took);
                }
            }
        }
        let medians = times.into_iter().map(median);
        Ok(Standing { work, times: self.contenders.iter().copied().zip(medians).collect() })
    }

    fn turn(
        &self,
        work: Work,
        contender: Contender,
        expected: &mut Option<(Seen, Digest)>,
    ) -> Result<Duration, Failure> {
        let copy = self.templates.copy(work.template())?;
        let run = contender
            .run(work, &copy.path)
            .map_err(|failure| format!("{} at {}: {failure}", contender.name(), work.name()))?;
        copy.wait_until_closed()?;
        let found = (run.seen, Digest::of(work.template(), &copy.path)?);
        let expected = expected.get_or_insert_with(|| found.clone());
        if *expected != found {
            let (name, work) = (contender.name(), work.name());
            return Err(
                format!("{name} at {work} left other rows: {found:?}, not {expected:?}").into()
            );
        }
        Ok(run.took)
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let (low, high) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    (low + high).as_secs_f64() * 1e3 / 2.0
}
