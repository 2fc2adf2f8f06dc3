//! Spinning: a short look before a thread goes to sleep. A small batch takes less time than it
//! takes to put a thread to sleep and to wake it again.

use std::hint;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// How long the connection's thread looks for the next batch before it sleeps.
pub(crate) const FOR_WORK: Duration = Duration::from_micros(60);

/// How long a task looks for its reply before it gives its thread back to the executor.
pub(crate) const FOR_REPLY: Duration = Duration::from_micros(20);

/// What a thread does between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// It keeps its core, so that it is back in time.
    Hold,
    /// It lets others have its core, however long they take.
    Yield,
}

/// Asks again and again, for at most `time`, until there is an answer. With one core there is no
/// use in it: who could answer is not running meanwhile.
pub(crate) fn until<T>(
    time: Duration,
    pause: Pause,
    mut ask: impl FnMut() -> Option<T>,
) -> Option<T> {
    if let Some(answer) = ask() {
        return Some(answer);
    }
    if cores() < 2 {
        return None;
    }
    let start = Instant::now();
    loop {
        match pause {
            Pause::Hold => hint::spin_loop(),
            Pause::Yield => thread::yield_now(),
        }
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > time {
            return None;
        }
    }
}

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_the_answer_or_without_one() {
        let mut left = 3;
        let answer = until(Duration::from_secs(5), Pause::Yield, || {
            left -= 1;
            (left <= 0).then_some("there")
        });
        assert_eq!(answer, (cores() > 1).then_some("there"));
        assert_eq!(until(Duration::ZERO, Pause::Hold, || None::<()>), None);
    }
}
