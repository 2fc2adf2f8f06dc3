//! Threads: the runtime that async code runs on.

use std::io;

use clap::ValueEnum;
use tokio::runtime::{Builder, Runtime};

/// On how many threads async code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Threads {
    /// On the one that waits for it: nobody has to be woken.
    One,
    /// On that and two workers: what `#[tokio::main]` gives on two cores.
    Workers,
}

impl Threads {
    /// Starts a runtime.
    pub fn start(self) -> io::Result<Runtime> {
        match self {
            Threads::One => Builder::new_current_thread().enable_all().build(),
            Threads::Workers => Builder::new_multi_thread().worker_threads(2).enable_all().build(),
        }
    }
}
