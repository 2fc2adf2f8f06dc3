//! The recorder: a process that answers what SQLAlchemy does with a scenario.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value as Json;

use crate::Failed;

/// A running recorder.
#[derive(Debug)]
pub struct Recorder {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What became of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Recording {
    /// The scenario as it was run, and the answers.
    Made { scenario: Json, expected: Json },
    /// SQLAlchemy answers now this and now that.
    Unsettled,
    /// It ended with an error that no session should give.
    Unrecordable(String),
}

impl Recorder {
    /// Starts one: `python` is an interpreter that has SQLAlchemy, and `package` the directory that
    /// the recorder lies in.
    ///
    /// # Errors
    ///
    /// If the interpreter cannot be started.
    pub fn start(python: &Path, package: &Path) -> Result<Self, Failed> {
        let mut child = Command::new(python)
            .args(["-m", "recorder"])
            .current_dir(package)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", python.display()))?;
        let questions = child.stdin.take().ok_or("the recorder has no input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("the recorder has no output")?);
        Ok(Self { child, questions, answers })
    }

    /// Records a scenario.
    ///
    /// # Errors
    ///
    /// If the recorder ended.
    pub fn record(&mut self, scenario: &Json) -> Result<Recording, Failed> {
        writeln!(self.questions, "{scenario}")?;
        self.questions.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the recorder ended; its error is above".into());
        }
        let mut answer: Json = serde_json::from_str(&line)?;
        if let Some(reason) = answer["unrecordable"].as_str() {
            return Ok(Recording::Unrecordable(reason.to_owned()));
        }
        if answer["unsettled"] == Json::Bool(true) {
            return Ok(Recording::Unsettled);
        }
        let (scenario, expected) = (answer["scenario"].take(), answer["expected"].take());
        Ok(Recording::Made { scenario, expected })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
