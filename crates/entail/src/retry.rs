//! Retries: which failures of a transaction are worth another try, and how long to wait for it.

use std::error::Error as StdError;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use entail_engine::error::Error;

use crate::session::Session;

/// How often a transaction is tried again.
const RETRIES: usize = 9;

/// The pauses between tries.
pub(crate) fn pauses() -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(5))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(RETRIES)
        .with_jitter()
        .build()
}

/// Commits a session whose work went well, and gives it up otherwise.
pub(crate) async fn settle<T, E: From<Error>>(
    mut session: Session,
    result: Result<T, E>,
) -> Result<T, E> {
    let output = result?;
    session.commit().await?;
    Ok(output)
}

/// Waits for the next try, if there is one and the failure is worth it.
pub(crate) async fn wait<E: StdError + 'static>(
    failed: E,
    pause: Option<Duration>,
) -> Result<(), E> {
    match pause {
        Some(pause) if is_retryable(&failed) => {
            tracing::debug!(?pause, "the transaction is tried again");
            futures_timer::Delay::new(pause).await;
            Ok(())
        }
        _ => Err(failed),
    }
}

/// Whether a failure comes from one that may be gone at the next try.
pub(crate) fn is_retryable(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<Error>() {
            return error.is_retryable();
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use entail_engine::error::{DriverError, StateError};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the shop failed")]
    struct Wrapped(#[source] Error);

    #[test]
    fn a_deadlock_is_worth_a_try_however_it_is_wrapped() {
        let deadlock = Error::from(DriverError::Deadlock { reason: "two waited".to_owned() });
        assert!(is_retryable(&deadlock));
        assert!(is_retryable(&Wrapped(deadlock)));
        assert!(!is_retryable(&Wrapped(StateError::NoSavepoint.into())));
        assert!(!is_retryable(&std::fmt::Error));
    }

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> = pauses().collect();
        assert_eq!(pauses.len(), RETRIES);
        assert!(pauses[0] < pauses[RETRIES - 1]);
    }
}
