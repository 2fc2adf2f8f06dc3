//! Differences that are explained: each rule stands for a line of DEVIATIONS.md, which it names.

mod answer;
mod look;
mod past;
mod refusal;
mod rules;

use serde_json::Value as Json;

use crate::scenario::{Scenario, Step};
pub use answer::Answer;
pub use look::one_word;
pub use past::Past;

/// What follows from a difference that is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// From here on the two sessions are in different states: nothing more is compared.
    Stop,
    /// Only this answer is not compared.
    GoOn,
}

/// Why two answers may differ, or those that come after two that agree.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The behaviours whose lines in DEVIATIONS.md say why.
    pub because: &'static str,
    /// What follows.
    pub then: Then,
    /// Whether it is this rule that explains a case.
    explains: fn(&Case<'_>) -> bool,
}

/// A step with what was answered to it.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The scenario of the step.
    pub scenario: &'a Scenario,
    /// What happened before.
    pub past: &'a Past,
    /// The step.
    pub step: &'a Step,
    /// SQLAlchemy's answer.
    pub expected: Answer<'a>,
    /// entail's.
    pub got: Answer<'a>,
}

impl<'a> Case<'a> {
    /// The case of a step with its two answers.
    pub fn new(
        scenario: &'a Scenario,
        past: &'a Past,
        step: &'a Step,
        expected: &'a Json,
        got: &'a Json,
    ) -> Self {
        Self { scenario, past, step, expected: Answer::new(expected), got: Answer::new(got) }
    }

    /// The rule that says why the answers differ.
    pub fn explained(&self) -> Option<&'static Rule> {
        rules::OF_DIFFERENCES.iter().find(|rule| (rule.explains)(self))
    }

    /// The rule that says why the sessions may differ from here on, though the answers agree.
    pub fn parted(&self) -> Option<&'static Rule> {
        rules::OF_AGREEMENTS.iter().find(|rule| (rule.explains)(self))
    }
}
