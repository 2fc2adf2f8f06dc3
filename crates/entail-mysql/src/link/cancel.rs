//! Cancelling: a connection is thrown away in the middle of what it does.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, Row};

use super::Link;
use crate::setup::{IDENTITY, Server, texts};

/// How long it is tried to tell the server.
const PATIENCE: Duration = Duration::from_secs(5);

impl Link {
    /// Closes the connection at once, whatever is under way on it, and has the server stop that.
    ///
    /// The server rolls back once it sees that the socket is closed, which may be only at the end
    /// of a long statement. So it is told over another connection, if a runtime is there to do it.
    pub(crate) fn cancel(self) {
        let id = self.conn.id();
        let (login, server) = (self.login.clone(), Arc::clone(&self.server));
        self.abandon();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                match tokio::time::timeout(PATIENCE, stop(login, &server, id)).await {
                    Ok(Ok(())) => tracing::debug!(id, "stopped"),
                    Ok(Err(error)) => tracing::debug!(id, %error, "could not be stopped"),
                    Err(_) => tracing::debug!(id, "could not be stopped in time"),
                }
            });
        }
    }

    /// Closes the socket without a word.
    ///
    /// A client that is dropped would otherwise read all that is still to come, in the background.
    /// It does not if a command is under way that nobody waits for: so one is begun here.
    pub(crate) fn abandon(mut self) {
        let mut ping = self.conn.ping();
        let _ = ping.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(ping);
        drop(self.conn);
    }
}

/// Ends the connection with this number. Behind one address there may be several servers, which
/// number their connections alike; so it is done only on the one where it began.
async fn stop(login: Opts, server: &Server, id: u32) -> Result<(), Error> {
    let mut conn = Conn::new(login).await?;
    let row: Option<Row> = conn.query_first(format!("SELECT {IDENTITY}")).await?;
    if texts::<3>(row.as_ref()) == server.identity {
        match conn.query_drop(format!("KILL {id}")).await {
            // It has ended by itself.
            Err(Error::Server(error)) if error.code == 1094 => {}
            other => other?,
        }
    }
    conn.disconnect().await
}
