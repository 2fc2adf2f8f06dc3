//! The store of a pool: its idle connections, and the queue of those who wait for one.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use entail_engine::error::DriverError;
use futures_channel::oneshot;

use crate::url::Options;

/// A connection that knows how to come back clean.
pub(super) trait Recycle: Send + Sized + 'static {
    /// Rolls back, then calls [`Store::put`], or [`Store::forget`] if it must not be used again.
    fn recycle(self: Box<Self>, store: Arc<Store<Self>>);
}

/// The shared part of a pool.
pub(super) struct Store<C: Recycle> {
    options: Options,
    state: Mutex<State<C>>,
}

struct State<C: Recycle> {
    /// In boxes, because they come and go with every statement of a session.
    idle: Vec<Box<C>>,
    /// How many places are taken, by open connections or by those that are being opened.
    taken: usize,
    /// In the order of their deadlines, since all wait equally long.
    waiting: VecDeque<Waiter<C>>,
    usher: Usher,
    contents: Contents,
}

struct Waiter<C: Recycle> {
    grant: oneshot::Sender<Grant<C>>,
    deadline: Instant,
}

/// Whether the thread runs that ends the waits of async tasks.
#[derive(PartialEq, Eq)]
enum Usher {
    Away,
    AtWork,
}

/// Whether the database can still be there.
#[derive(PartialEq, Eq)]
enum Contents {
    Kept,
    /// A memory database goes with its connection.
    Gone,
}

/// What a pool has for someone who wants a connection.
pub(super) enum Turn<C: Recycle> {
    Now(Grant<C>),
    Later(Ticket<C>),
}

/// A connection, or a place to open one.
pub(super) enum Grant<C: Recycle> {
    Taken(Lease<C>),
    Place(Place<C>),
}

impl<C: Recycle> Store<C> {
    pub(super) fn new(options: Options) -> Arc<Self> {
        let state = State {
            idle: Vec::new(),
            taken: 0,
            waiting: VecDeque::new(),
            usher: Usher::Away,
            contents: Contents::Kept,
        };
        Arc::new(Self { options, state: Mutex::new(state) })
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Takes an idle connection, a free place, or a place in the queue.
    pub(super) fn turn(self: &Arc<Self>) -> Result<Turn<C>, DriverError> {
        let mut state = self.state();
        if state.contents == Contents::Gone {
            return Err(gone());
        }
        if let Some(connection) = state.idle.pop() {
            return Ok(Turn::Now(Grant::Taken(Lease::new(connection, self))));
        }
        if state.taken < self.options.connections() {
            state.taken += 1;
            return Ok(Turn::Now(Grant::Place(Place::new(self))));
        }
        let deadline = Instant::now() + self.options.busy_timeout();
        let (grant, receiver) = oneshot::channel();
        state.waiting.push_back(Waiter { grant, deadline });
        Ok(Turn::Later(Ticket { receiver, deadline, store: Arc::clone(self) }))
    }

    /// Takes a clean connection back, and hands it to the first who waits.
    pub(super) fn put(self: &Arc<Self>, connection: Box<C>) {
        let mut connection = connection;
        loop {
            let waiter = {
                let mut state = self.state();
                match state.waiting.pop_front() {
                    Some(waiter) => waiter,
                    None => return state.idle.push(connection),
                }
            };
            // Granting happens without the lock, for what is granted may be dropped there.
            match waiter.grant.send(Grant::Taken(Lease::new(connection, self))) {
                Err(Grant::Taken(lease)) => match lease.into_connection() {
                    Some(returned) => connection = returned,
                    None => return,
                },
                _ => return,
            }
        }
    }

    /// Gives up a connection that must not be used again.
    pub(super) fn forget(self: &Arc<Self>) {
        let refused = {
            let mut state = self.state();
            state.lose_memory(&self.options)
        };
        drop(refused);
        self.free();
    }

    /// Takes an idle connection out of the pool for good.
    pub(super) fn retire(&self) -> Option<Box<C>> {
        let (connection, refused) = {
            let mut state = self.state();
            let connection = state.idle.pop()?;
            state.taken -= 1;
            (connection, state.lose_memory(&self.options))
        };
        drop(refused);
        Some(connection)
    }

    /// Frees a place, and hands it to the first who waits.
    fn free(self: &Arc<Self>) {
        let waiter = {
            let mut state = self.state();
            let waiter = state.waiting.pop_front();
            if waiter.is_none() {
                state.taken -= 1;
            }
            waiter
        };
        if let Some(waiter) = waiter {
            // If the waiter is gone, the place is dropped, and so comes here again.
            let _ = waiter.grant.send(Grant::Place(Place::new(self)));
        }
    }

    /// Why a wait came to nothing.
    fn refusal(&self) -> DriverError {
        if self.state().contents == Contents::Gone {
            return gone();
        }
        let reason = if self.options.is_memory() {
            "a memory database has one connection, and another session has it; finish or drop \
             that session first, or use a file"
                .to_owned()
        } else {
            let connections = self.options.connections();
            format!(
                "all {connections} connection(s) of the pool stay in use; finish or drop a session \
                 first, or raise `connections`"
            )
        };
        DriverError::Busy { reason }
    }

    /// Ends the waits that are over. Answers how long to sleep until the next; none if nobody
    /// waits.
    fn usher(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state();
        let over = state.waiting.iter().take_while(|waiter| waiter.deadline <= now).count();
        let refused: Vec<Waiter<C>> = state.waiting.drain(..over).collect();
        let next = state.waiting.front().map(|waiter| waiter.deadline.duration_since(now));
        if next.is_none() {
            state.usher = Usher::Away;
        }
        drop(state);
        // Dropping the sender is what tells the waiter.
        drop(refused);
        next
    }

    /// Starts the thread that ends waits, unless it runs.
    fn call_usher(self: &Arc<Self>) -> Result<(), DriverError> {
        let mut state = self.state();
        if state.usher == Usher::AtWork {
            return Ok(());
        }
        let store = Arc::downgrade(self);
        thread::Builder::new()
            .name("entail-sqlite-pool".to_owned())
            .spawn(move || usher(&store))
            .map_err(|error| DriverError::Busy { reason: error.to_string() })?;
        state.usher = Usher::AtWork;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        // No code of others runs under the lock, so a panic cannot leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Recycle> State<C> {
    /// Notes that a memory database is gone. Answers the waiters, to be dropped without the
    /// lock.
    fn lose_memory(&mut self, options: &Options) -> VecDeque<Waiter<C>> {
        if !options.is_memory() {
            return VecDeque::new();
        }
        self.contents = Contents::Gone;
        std::mem::take(&mut self.waiting)
    }
}

impl<C: Recycle> fmt::Debug for Store<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("options", &self.options).finish_non_exhaustive()
    }
}

fn gone() -> DriverError {
    DriverError::ConnectionLost {
        reason: "the memory database went with its only connection; open a new pool".to_owned(),
    }
}

/// The thread that ends waits, as long as there are any.
fn usher<C: Recycle>(store: &Weak<Store<C>>) {
    while let Some(store) = store.upgrade() {
        let Some(pause) = store.usher(Instant::now()) else { return };
        drop(store);
        thread::sleep(pause);
    }
}

/// A place in the queue.
pub(super) struct Ticket<C: Recycle> {
    receiver: oneshot::Receiver<Grant<C>>,
    deadline: Instant,
    store: Arc<Store<C>>,
}

impl<C: Recycle> Ticket<C> {
    /// Waits until the deadline.
    pub(super) async fn wait(self) -> Result<Grant<C>, DriverError> {
        self.store.call_usher()?;
        self.receiver.await.map_err(|_| self.store.refusal())
    }

    /// Waits until the deadline, and blocks the thread meanwhile.
    pub(super) fn wait_blocking(mut self) -> Result<Grant<C>, DriverError> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self.receiver).poll(&mut context) {
                Poll::Ready(granted) => return granted.map_err(|_| self.store.refusal()),
                Poll::Pending => {}
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // What is granted from now on is dropped, and so goes to the next.
                return Err(self.store.refusal());
            }
            thread::park_timeout(left);
        }
    }
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A place of the pool that is free for a connection. Dropped, it is free for another.
pub(super) struct Place<C: Recycle> {
    store: Arc<Store<C>>,
    content: Content,
}

/// Whether a connection has taken the place.
#[derive(PartialEq, Eq)]
enum Content {
    Empty,
    Filled,
}

impl<C: Recycle> Place<C> {
    fn new(store: &Arc<Store<C>>) -> Self {
        Self { store: Arc::clone(store), content: Content::Empty }
    }

    /// Puts a new connection into the place.
    pub(super) fn fill(mut self, connection: C) -> Lease<C> {
        self.content = Content::Filled;
        Lease::new(Box::new(connection), &self.store)
    }
}

impl<C: Recycle> Drop for Place<C> {
    fn drop(&mut self) {
        if self.content == Content::Empty {
            self.store.free();
        }
    }
}

/// A connection of a pool, which goes back there when it is dropped.
pub(super) struct Lease<C: Recycle> {
    connection: Option<Box<C>>,
    store: Arc<Store<C>>,
}

impl<C: Recycle> Lease<C> {
    fn new(connection: Box<C>, store: &Arc<Store<C>>) -> Self {
        Self { connection: Some(connection), store: Arc::clone(store) }
    }

    pub(super) fn connection(&self) -> &C {
        self.connection.as_ref().expect("only dropping takes the connection")
    }

    pub(super) fn connection_mut(&mut self) -> &mut C {
        self.connection.as_mut().expect("only dropping takes the connection")
    }

    fn into_connection(mut self) -> Option<Box<C>> {
        self.connection.take()
    }
}

impl<C: Recycle> Drop for Lease<C> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.recycle(Arc::clone(&self.store));
        }
    }
}

impl<C: Recycle> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}
