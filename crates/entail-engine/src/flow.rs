//! Flows: what needs the database, as machines without I/O. A flow asks for a batch, is fed what
//! came back, and asks again.
//!
//! ```text
//!             +--- Step::Run(batch) ---> connection.run(batch) ---+
//!   next(unit, answer) <---------------- answer ------------------+
//!             +--- Step::Done(output)
//! ```
//!
//! While a batch runs, the driver hands over the rows of long answers in parts
//! ([`Flow::feed`]), so that objects are made while the database still reads.
//!
//! The async and the blocking session are each one small loop around this.

mod explain;
mod flush;
mod get;
mod load;
mod merge;
mod query;
mod raw;
mod reach;
mod refresh;
mod transaction;

pub use flush::{Flush, Preview};
pub use get::Get;
pub use load::Load;
pub use merge::Merge;
pub use query::{Count, Find};
pub use raw::{Executed, Raw};
pub use reach::Reach;
pub use refresh::Refresh;
pub use transaction::{RollBack, RollBackTo};

use crate::batch::{Batch, Outcome, Parts, Rows};
use crate::error::{BatchFailure, Error};
use crate::unit::Unit;

/// What a flow wants next.
#[derive(Debug)]
pub enum Step<T> {
    /// A batch is to be run, and its outcome fed to the flow.
    Run(Batch),
    /// The flow is over.
    Done(T),
}

/// What came back from a batch.
pub type Answer = Result<Outcome, BatchFailure>;

/// A machine that needs the database.
pub trait Flow: Send {
    /// The name of the verb, for spans.
    const NAME: &'static str;

    /// What it comes to.
    type Output;

    /// Goes on: first without an answer, then with the answer to the last batch.
    ///
    /// # Errors
    ///
    /// What the flow's verb says. After an error the flow is over.
    fn next(
        &mut self,
        unit: &mut Unit,
        answer: Option<Answer>,
    ) -> Result<Step<Self::Output>, Error>;

    /// Takes a part of the rows of a query, given by its number among those of the batch that
    /// runs. A flow that needs all rows at once leaves them; they are kept for the answer then.
    fn feed(&mut self, unit: &mut Unit, query: usize, rows: &Rows) -> Fed {
        let _ = (unit, query, rows);
        Fed::Left
    }
}

/// Refuses a verb that begins when the session needs a rollback. Of one that is on its way the
/// failure counts that made it so.
fn begin(unit: &Unit, answer: Option<&Answer>) -> Result<(), Error> {
    if answer.is_none() { unit.check_usable() } else { Ok(()) }
}

/// What a flow did with a part of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// It took them.
    Taken,
    /// It needs them in the answer.
    Left,
}

/// Where the rows go that a driver hands over while a batch of a flow runs.
#[derive(Debug)]
pub struct Intake<'a, F> {
    flow: &'a mut F,
    unit: &'a mut Unit,
    left: Parts,
}

impl<'a, F: Flow> Intake<'a, F> {
    /// The rows go to the flow; what it leaves is kept.
    pub fn new(flow: &'a mut F, unit: &'a mut Unit) -> Self {
        Self { flow, unit, left: Parts::default() }
    }

    /// Takes a part of the rows of a query.
    pub fn take(&mut self, query: usize, rows: &mut Rows) {
        if self.flow.feed(self.unit, query, rows) == Fed::Left {
            self.left.take(query, rows);
        }
    }

    /// The outcome with all rows that the flow has left.
    pub fn complete(self, mut outcome: Outcome) -> Outcome {
        self.left.complete(&mut outcome);
        outcome
    }
}

/// Runs a flow inside another: its batches are passed on, its output is returned.
macro_rules! inner {
    ($flow:expr, $unit:expr, $answer:expr) => {
        match $crate::flow::Flow::next($flow, $unit, $answer)? {
            $crate::flow::Step::Run(batch) => return Ok($crate::flow::Step::Run(batch)),
            $crate::flow::Step::Done(output) => output,
        }
    };
}
use inner;

/// The failure of a batch that wrote nothing.
fn read_failure(unit: &mut Unit, failure: BatchFailure) -> Error {
    if unit.transaction.begun && !failure.in_transaction {
        unit.connection_lost(&failure.error.to_string());
    }
    Error::Driver(failure.error)
}
