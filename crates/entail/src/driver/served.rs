//! The runtime behind blocking sessions on servers.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use entail_engine::error::DriverError;
use tokio::runtime::{Builder, Handle};

/// A runtime with one thread, shared by all connections of a pool.
#[derive(Clone)]
pub(crate) struct Runtime(Arc<Kept>);

/// Ends without waiting, since it may be dropped where nobody may wait.
struct Kept(Option<tokio::runtime::Runtime>);

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runtime")
    }
}

impl Runtime {
    pub(crate) fn start() -> Result<Self, DriverError> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("entail-blocking").enable_all();
        let runtime = builder.build().map_err(|error| DriverError::Connect {
            to: "the server".to_owned(),
            reason: format!("no thread can be started: {error}"),
        })?;
        Ok(Self(Arc::new(Kept(Some(runtime)))))
    }

    /// Runs a future to its end.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> Result<F::Output, DriverError> {
        let refused = |reason: &str| DriverError::Connect {
            to: "the server".to_owned(),
            reason: reason.to_owned(),
        };
        if Handle::try_current().is_ok() {
            return Err(refused(
                "a blocking session is used within an async runtime; use `entail::Database` there, or \
                 move the blocking one to a thread of its own",
            ));
        }
        match &self.0.0 {
            Some(runtime) => Ok(runtime.block_on(future)),
            None => Err(refused("its runtime has ended")),
        }
    }
}
