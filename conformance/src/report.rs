//! Reports: how many scenarios agree, by kind, and where the others differ.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value as Json;

use crate::compare::Difference;

/// What came of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// All answers agree, but for differences that are explained.
    Agreed {
        /// The rules that explain them.
        explained: Vec<&'static str>,
    },
    /// One differs.
    Differed(Difference),
    /// It could not be run to its end; why.
    Failed(String),
}

impl Verdict {
    /// Whether nothing differs that is not explained.
    pub fn is_agreed(&self) -> bool {
        matches!(self, Self::Agreed { .. })
    }
}

/// What came of all scenarios.
#[derive(Debug, Default)]
pub struct Report {
    kinds: BTreeMap<String, Count>,
    differences: Vec<String>,
    /// How often each rule explained a difference.
    explained: BTreeMap<&'static str, usize>,
}

#[derive(Debug, Default)]
struct Count {
    agreed: usize,
    all: usize,
}

impl Report {
    /// Notes what came of a scenario; `scenario` is its document.
    pub fn note(&mut self, kind: &str, scenario: &Json, verdict: &Verdict) {
        let count = self.kinds.entry(kind.to_owned()).or_default();
        count.all += 1;
        let name = scenario["name"].as_str().unwrap_or("?");
        match verdict {
            Verdict::Agreed { explained } => {
                count.agreed += 1;
                for rule in explained {
                    *self.explained.entry(rule).or_default() += 1;
                }
            }
            Verdict::Failed(reason) => self.differences.push(format!("{name}\n  failed: {reason}")),
            Verdict::Differed(difference) => {
                self.differences.push(format!("{name}{}", describe(scenario, difference)));
            }
        }
    }

    /// Whether every scenario agreed.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }

    /// The report as text, with the first differences.
    pub fn text(&self, show: usize) -> String {
        let mut text = String::new();
        for difference in self.differences.iter().take(show) {
            text += difference;
            text += "\n\n";
        }
        let (mut agreed, mut all) = (0, 0);
        for (kind, count) in &self.kinds {
            line(&mut text, kind, count.agreed, count.all);
            agreed += count.agreed;
            all += count.all;
        }
        line(&mut text, "all", agreed, all);
        for (rule, count) in &self.explained {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "explained by {rule}: {count}");
        }
        text
    }
}

fn line(text: &mut String, kind: &str, agreed: usize, all: usize) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{kind:<20} {agreed:>5} of {all}");
}

fn describe(scenario: &Json, difference: &Difference) -> String {
    let step = match difference.step {
        Some(number) => format!(", step {number}: {}", scenario["steps"][number]),
        None => String::new(),
    };
    format!("{step}\n  expected {}\n  got      {}", difference.expected, difference.got)
}
