//! Pools: connections that sessions take turns with.

mod store;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use entail_engine::error::DriverError;

use crate::asynchronous::AsyncConnection;
use crate::connection::Connection;
use crate::url::Options;
use store::{Grant, Lease, Recycle, Store, Turn};

/// A pool of connections that block.
///
/// It opens connections as they are needed, up to the option `connections`, and keeps them. A
/// connection comes back when its [`PooledConnection`] is dropped; an open transaction is rolled
/// back then, and a broken connection is thrown away.
///
/// Several connections to a file read at the same time, and beside one that writes.
///
/// ```
/// use entail_sqlite::{Options, Pool};
///
/// let pool = Pool::new(Options::parse("sqlite::memory:")?);
/// let mut connection = pool.take()?;
/// connection.run_script(&["CREATE TABLE users (id INTEGER PRIMARY KEY)".to_owned()])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pool {
    store: Arc<Store<Connection>>,
}

impl Pool {
    /// Makes a pool, which does not open any connection yet.
    pub fn new(options: Options) -> Self {
        Self { store: Store::new(options) }
    }

    /// Takes a connection, opens one, or waits for one.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::open`], and `E0503` if all connections stay in use for the time of
    /// the option `busy_timeout`.
    pub fn take(&self) -> Result<PooledConnection, DriverError> {
        let grant = match self.store.turn()? {
            Turn::Now(grant) => grant,
            Turn::Later(ticket) => ticket.wait_blocking()?,
        };
        let lease = match grant {
            Grant::Taken(lease) => lease,
            Grant::Place(place) => place.fill(Connection::open(self.store.options())?),
        };
        Ok(PooledConnection { lease })
    }
}

/// A [`Connection`] that goes back to its [`Pool`] when it is dropped.
#[derive(Debug)]
pub struct PooledConnection {
    lease: Lease<Connection>,
}

impl Deref for PooledConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.lease.connection()
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        self.lease.connection_mut()
    }
}

impl Recycle for Connection {
    fn recycle(mut self: Box<Self>, store: Arc<Store<Self>>) {
        if self.roll_back().is_ok() && !self.is_broken() {
            store.put(self);
        } else {
            store.forget();
        }
    }
}

/// A pool of connections that do not block; otherwise like [`Pool`].
#[derive(Clone, Debug)]
pub struct AsyncPool {
    store: Arc<Store<AsyncConnection>>,
}

impl AsyncPool {
    /// Makes a pool, which does not open any connection yet.
    pub fn new(options: Options) -> Self {
        Self { store: Store::new(options) }
    }

    /// Takes a connection, opens one, or waits for one.
    ///
    /// # Errors
    ///
    /// Those of [`AsyncConnection::open`], and `E0503` if all connections stay in use for the
    /// time of the option `busy_timeout`.
    pub async fn take(&self) -> Result<PooledAsyncConnection, DriverError> {
        let grant = match self.store.turn()? {
            Turn::Now(grant) => grant,
            Turn::Later(ticket) => ticket.wait().await?,
        };
        let lease = match grant {
            Grant::Taken(lease) => lease,
            Grant::Place(place) => {
                place.fill(AsyncConnection::open(self.store.options().clone()).await?)
            }
        };
        Ok(PooledAsyncConnection { lease })
    }

    /// Closes the connections that are not in use, and waits until they are closed.
    ///
    /// A memory database is gone with its connection; the pool cannot be used after that.
    pub async fn close(&self) {
        while let Some(connection) = self.store.retire() {
            connection.close().await;
        }
    }
}

/// An [`AsyncConnection`] that goes back to its [`AsyncPool`] when it is dropped.
#[derive(Debug)]
pub struct PooledAsyncConnection {
    lease: Lease<AsyncConnection>,
}

impl Deref for PooledAsyncConnection {
    type Target = AsyncConnection;

    fn deref(&self) -> &AsyncConnection {
        self.lease.connection()
    }
}

impl DerefMut for PooledAsyncConnection {
    fn deref_mut(&mut self) -> &mut AsyncConnection {
        self.lease.connection_mut()
    }
}

impl Recycle for AsyncConnection {
    /// A connection at rest goes back at once; any other its thread puts back, once it has
    /// finished what it is at.
    fn recycle(self: Box<Self>, store: Arc<Store<Self>>) {
        if self.is_clean() {
            store.put(self);
            return;
        }
        let line = self.line();
        let returning = Returning { connection: Some(self), store };
        line.send(move |connection| returning.settle(connection));
    }
}

/// A connection on its way back. Dropped before it is there, it is given up: its thread has
/// ended.
struct Returning {
    connection: Option<Box<AsyncConnection>>,
    store: Arc<Store<AsyncConnection>>,
}

impl Returning {
    fn settle(mut self, connection: &mut Connection) {
        if connection.roll_back().is_err() || connection.is_broken() {
            return;
        }
        if let Some(mut handle) = self.connection.take() {
            handle.renew();
            self.store.put(handle);
        }
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        if self.connection.take().is_some() {
            self.store.forget();
        }
    }
}
