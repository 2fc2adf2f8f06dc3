//! Pools: connections that sessions take turns with.

use std::fmt;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{
    self, BuildError, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult,
    TimeoutType, Timeouts,
};
use entail_engine::error::DriverError;

use crate::connection::PooledConnection;
use crate::failure;
use crate::link::{Link, Opener};
use crate::url::Options;

/// A pool of connections.
///
/// It opens connections as they are needed, up to the option `pool_size`, and keeps them. A
/// connection comes back when its [`PooledConnection`] is dropped; an open transaction is rolled
/// back then, and a broken connection is thrown away. One that has not been used for half a second
/// is asked whether it still works before it is handed out.
///
/// It needs a runtime of tokio.
#[derive(Clone)]
pub struct Pool {
    store: managed::Pool<Keeper>,
}

/// Opens connections for the pool, and looks at them before they are used again.
pub(crate) struct Keeper {
    opener: Opener,
}

/// To take a connection without waiting for one that is in use.
const AT_ONCE: Timeouts = Timeouts { wait: Some(Duration::ZERO), create: None, recycle: None };

/// A connection on loan.
pub(crate) type Lease = Object<Keeper>;

impl managed::Manager for Keeper {
    /// It is handed on a dozen times for each call.
    type Type = Box<Link>;
    type Error = DriverError;

    async fn create(&self) -> Result<Box<Link>, DriverError> {
        // It is large, and every call would carry it.
        Box::pin(self.opener.open()).await.map(Box::new)
    }

    async fn recycle(&self, link: &mut Box<Link>, _: &Metrics) -> RecycleResult<DriverError> {
        if link.is_clean() && link.is_fresh() {
            return Ok(());
        }
        Box::pin(self.renew(link)).await
    }
}

impl Keeper {
    /// Makes a connection ready for its next owner, in time.
    async fn renew(&self, link: &mut Link) -> RecycleResult<DriverError> {
        let options = &self.opener.options;
        let recycled = tokio::time::timeout(options.connect_timeout, link.recycle(options)).await;
        match recycled {
            Ok(Ok(())) => Ok(()),
            Ok(Err(fault)) => {
                link.give_up();
                Err(RecycleError::Backend(fault.sorted("")))
            }
            Err(_) => {
                link.give_up();
                Err(RecycleError::message("no answer in time"))
            }
        }
    }
}

impl Pool {
    /// Makes a pool, which does not open any connection yet.
    ///
    /// # Errors
    ///
    /// `E0501` if the pool cannot be made.
    pub fn new(options: Options) -> Result<Self, DriverError> {
        let to = options.target();
        let size = options.pool_size;
        let wait = Some(options.acquire_timeout);
        managed::Pool::builder(Keeper { opener: Opener::new(options) })
            .max_size(size)
            .timeouts(Timeouts { wait, create: None, recycle: None })
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()
            .map(|store| Self { store })
            .map_err(|error: BuildError| failure::refused(&to, error.to_string()))
    }

    /// Takes a connection, opens one, or waits for one.
    ///
    /// # Errors
    ///
    /// `E0501` if a connection cannot be opened, and `E0503` if all stay in use for the time of
    /// the option `acquire_timeout`, or the server takes no more of them.
    pub async fn take(&self) -> Result<PooledConnection, DriverError> {
        Ok(PooledConnection::new(self.clone(), self.lease().await?))
    }

    /// Closes the connections that are not in use, and waits until they are closed. Those in use
    /// are closed when they come back. No connection can be taken after that.
    pub async fn close(&self) {
        let idle = self.store.retain(|_, _| false).removed;
        self.store.close();
        for link in idle {
            link.close().await;
        }
    }

    pub(crate) async fn lease(&self) -> Result<Lease, DriverError> {
        let taken = match self.store.timeout_get(&AT_ONCE).await {
            // Only who waits pays for a timer.
            Err(PoolError::Timeout(TimeoutType::Wait)) => Box::pin(self.store.get()).await,
            taken => taken,
        };
        taken.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(_) => DriverError::Busy {
                reason: format!(
                    "no connection of the pool came free within {} s (all {} are in use)",
                    self.options().acquire_timeout.as_secs_f64(),
                    self.options().pool_size
                ),
            },
            other => failure::refused(&self.options().target(), other.to_string()),
        })
    }

    pub(crate) fn options(&self) -> &Options {
        &self.store.manager().opener.options
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("options", self.options())
            .field("status", &self.store.status())
            .finish()
    }
}

/// Takes a connection out of its pool.
pub(crate) fn take_out(lease: Lease) -> Link {
    *Object::take(lease)
}
