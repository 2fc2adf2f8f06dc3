//! The differential run: scenarios made at random, on SQLAlchemy and on entail, and the smallest
//! form of each one in which they differ.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use clap::Args;
use serde_json::{Value as Json, json};

use crate::check::{check, quietly, scenario_of};
use crate::compare::Difference;
use crate::recorder::{Recorder, Recording};
use crate::report::{Report, Verdict};
use crate::runner::DeletesLoad;
use crate::{Failed, generate, shrink};

/// What is run, and how.
#[derive(Args, Debug)]
pub struct Differential {
    /// Where chance begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many scenarios are made.
    #[arg(long, default_value_t = 2000)]
    count: u64,
    /// The number of the first one, to make a single one of a seed again.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Of one kind only.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(generate::kinds()))]
    kind: Option<String>,
    /// An interpreter of Python that has SQLAlchemy 2.1.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// The directory of the recorder's package.
    #[arg(long, default_value = "conformance")]
    package: PathBuf,
    /// How many recorders run at once.
    #[arg(long, default_value_t = 2)]
    recorders: usize,
    /// Where differing scenarios go, in their smallest form, one file each.
    #[arg(long, default_value = "target/differential")]
    out: PathBuf,
    /// Where all recordings go, one a line.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// How often a difference is recorded again before it counts.
const TRIALS: usize = 20;

/// What all workers add to.
struct Results {
    report: Report,
    unsettled: usize,
    unrecordable: Vec<String>,
    kept: Option<File>,
}

impl Differential {
    /// Runs it, and says whether nothing differed.
    ///
    /// # Errors
    ///
    /// If a recorder cannot be started or ends, or a file cannot be written.
    pub fn run(&self) -> Result<bool, Failed> {
        fs::create_dir_all(&self.out)?;
        let kept = self.keep.as_ref().map(File::create).transpose()?;
        let results = Mutex::new(Results {
            report: Report::default(),
            unsettled: 0,
            unrecordable: Vec::new(),
            kept,
        });
        let next = AtomicU64::new(self.first);
        quietly(|| {
            thread::scope(|scope| {
                let work = || self.work(&next, &results).map_err(|error| error.to_string());
                let workers: Vec<_> =
                    (0..self.recorders.max(1)).map(|_| scope.spawn(work)).collect();
                workers.into_iter().try_for_each(|one| match one.join() {
                    Ok(result) => result.map_err(Failed::from),
                    Err(_) => Err("a worker of the differential run panicked".into()),
                })
            })
        })?;
        let results = results.into_inner().map_err(|_| "a worker panicked")?;
        for reason in &results.unrecordable {
            println!("not recorded: {reason}");
        }
        print!("{}", results.report.text(usize::MAX));
        println!(
            "{} more were not compared: {} on which SQLAlchemy is of two minds, {} on which it fails",
            results.unsettled + results.unrecordable.len(),
            results.unsettled,
            results.unrecordable.len()
        );
        Ok(results.report.is_clean())
    }

    fn work(&self, next: &AtomicU64, results: &Mutex<Results>) -> Result<(), Failed> {
        let mut recorder = Recorder::start(&self.python, &self.package)?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number - self.first >= self.count {
                return Ok(());
            }
            let made = generate::scenario(self.seed, number, self.kind.as_deref());
            let recording = recorder.record(&made)?;
            let (scenario, expected) = match recording {
                Recording::Made { scenario, expected } => (scenario, expected),
                other => {
                    let mut results = results.lock().map_err(|_| "another worker panicked")?;
                    match other {
                        Recording::Unrecordable(why) => {
                            results.unrecordable.push(format!("{}: {why}", made["name"]));
                        }
                        _ => results.unsettled += 1,
                    }
                    continue;
                }
            };
            let verdict = verdict(&scenario, &expected)?;
            if !verdict.is_agreed() && !is_settled(&mut recorder, &scenario, &expected)? {
                results.lock().map_err(|_| "another worker panicked")?.unsettled += 1;
                continue;
            }
            let (mut shown, mut shown_verdict) = (scenario.clone(), verdict.clone());
            if !verdict.is_agreed() {
                (shown, shown_verdict) = self.smallest(&mut recorder, &scenario, &verdict)?;
            }
            let mut results = results.lock().map_err(|_| "another worker panicked")?;
            if let Some(kept) = &mut results.kept {
                writeln!(kept, "{}", json!({"scenario": scenario, "expected": expected}))?;
            }
            let kind = scenario_of(&scenario)?.kind().to_owned();
            results.report.note(&kind, &shown, &shown_verdict);
        }
    }

    /// The smallest form of a scenario that differs in the same way. It is written to a file.
    fn smallest(
        &self,
        recorder: &mut Recorder,
        scenario: &Json,
        verdict: &Verdict,
    ) -> Result<(Json, Verdict), Failed> {
        let way = way(scenario, verdict);
        let mut last = None;
        let shrunk = shrink::shrink(scenario, |candidate| {
            let Recording::Made { scenario, expected } = recorder.record(candidate)? else {
                return Ok::<_, Failed>(false);
            };
            // A candidate may have lost what it names.
            let Ok(found) = self::verdict(&scenario, &expected) else { return Ok(false) };
            let same = !found.is_agreed() && self::way(&scenario, &found) == way;
            if same {
                last = Some((scenario, expected, found));
            }
            Ok(same)
        })?;
        let (scenario, expected, found) = match last {
            Some(last) => last,
            None => (shrunk, Json::Null, verdict.clone()),
        };
        let name = scenario["name"].as_str().unwrap_or("scenario");
        let file = self.out.join(format!("{name}.json"));
        fs::write(file, format!("{}\n", json!({"scenario": scenario, "expected": expected})))?;
        Ok((scenario, found))
    }
}

/// Whether SQLAlchemy answers the same again and again. The recorder has tried some times, but chance
/// may have given it the same order of a set each time.
fn is_settled(recorder: &mut Recorder, scenario: &Json, expected: &Json) -> Result<bool, Failed> {
    for _ in 0..TRIALS {
        match recorder.record(scenario)? {
            Recording::Made { expected: again, .. } if bare(&again) == bare(expected) => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Answers without their details, which name places in memory.
fn bare(answers: &Json) -> Json {
    let mut answers = answers.clone();
    for answer in answers["results"].as_array_mut().into_iter().flatten() {
        if let Some(answer) = answer.as_object_mut() {
            answer.remove("detail");
        }
    }
    answers
}

/// What comes of playing it on entail: with deletes that load as SQLAlchemy's do, and then with such as
/// load nothing. A session that flushes by itself would do that at other times then.
fn verdict(scenario: &Json, expected: &Json) -> Result<Verdict, Failed> {
    let scenario = scenario_of(scenario)?;
    let verdict = |deletes_load| check(&scenario, expected, "sqlite::memory:", deletes_load);
    let at_once = verdict(DeletesLoad::AtOnce);
    if !at_once.is_agreed() || scenario.session.autoflush {
        return Ok(at_once);
    }
    match verdict(DeletesLoad::InTheFlush) {
        Verdict::Agreed { .. } => Ok(at_once),
        in_the_flush => Ok(in_the_flush),
    }
}

/// In which way a scenario differs: by which step, with which errors.
fn way(scenario: &Json, verdict: &Verdict) -> String {
    let Verdict::Differed(Difference { step: Some(step), expected, got }) = verdict else {
        return format!("{:?}", std::mem::discriminant(verdict));
    };
    format!("{} {} {}", scenario["steps"][*step]["op"], expected["error"], got["error"])
}
