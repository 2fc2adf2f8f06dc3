//! Flows: what needs the database, as machines without I/O. A flow asks for a batch, is fed what
//! came back, and asks again.
//!
//! ```text
//!             +--- Step::Run(batch) ---> connection.run(batch) ---+
//!   next(unit, answer) <---------------- answer ------------------+
//!             +--- Step::Done(output)
//! ```
//!
//! The async and the blocking session are each one small loop around this.

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

use crate::batch::{Batch, Outcome};
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
pub trait Flow {
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
