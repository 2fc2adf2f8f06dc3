//! A live connection: the client, and the task that moves its messages.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use entail_engine::error::DriverError;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::failure;
use crate::url::{Encryption, Options};

/// What opens connections: the options, and what encrypts.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) options: Arc<Options>,
    pub(crate) tls: MakeRustlsConnect,
}

/// An open connection.
pub(crate) struct Live {
    pub(crate) client: Client,
    task: AbortHandle,
    tls: MakeRustlsConnect,
    /// Why the task ended.
    end: Arc<OnceLock<String>>,
    /// A call was dropped before it ended.
    abandoned: AtomicBool,
    /// The server has said that this is the end.
    ended: AtomicBool,
}

impl Opener {
    /// Opens a connection.
    pub(crate) async fn open(&self) -> Result<(Arc<Live>, JoinHandle<()>), DriverError> {
        self.open_with(self.options.settings.clone()).await
    }

    /// Opens a connection with these settings of the server.
    pub(crate) async fn open_with(
        &self,
        settings: String,
    ) -> Result<(Arc<Live>, JoinHandle<()>), DriverError> {
        let options = &self.options;
        let config = config(options, &settings);
        let connect = |reason: String| DriverError::Connect { to: options.to(), reason };
        let opened = timeout(options.connect_timeout, config.connect(self.tls.clone()))
            .await
            .map_err(|_| connect(format!("no answer within {:?}", options.connect_timeout)))?;
        let (client, mut connection) = opened.map_err(|error| failure::opening(&error, options))?;
        let end = Arc::new(OnceLock::new());
        let told = Arc::clone(&end);
        let task = tokio::spawn(async move {
            if let Err(error) = (&mut connection).await {
                // Told before the client can see that its connection is gone.
                let _ = told.set(failure::reason(&error));
            }
        });
        let live = Live {
            client,
            task: task.abort_handle(),
            tls: self.tls.clone(),
            end,
            abandoned: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        };
        let live = Arc::new(live);
        if options.statement_cache > 0 {
            // The details of failures are read, so they should come in one language. Who may not
            // set it has them in the language of the server, in which keys look the same.
            let _ = live.client.batch_execute(ENGLISH).await;
        }
        tracing::debug!(to = options.shown(), "opened");
        Ok((live, task))
    }
}

const ENGLISH: &str = "SELECT set_config('lc_messages', 'C', false) \
    WHERE (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)";

impl Live {
    /// Whether no more requests can be sent.
    pub(crate) fn is_broken(&self) -> bool {
        self.client.is_closed() || self.is_abandoned() || self.ended.load(Ordering::Relaxed)
    }

    /// Notes that the server has ended the connection, which the client may see later.
    pub(crate) fn has_ended(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether a call was dropped before it ended.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Why the connection has ended, where that is known.
    pub(crate) fn end(&self) -> Option<&str> {
        self.end.get().map(String::as_str)
    }

    /// Ends the connection at once, and stops what it is at: nothing that was not sent by now
    /// will be, and the server rolls back.
    fn abandon(self: &Arc<Self>) {
        self.abandoned.store(true, Ordering::Relaxed);
        self.task.abort();
        if let Ok(runtime) = Handle::try_current() {
            let token = self.client.cancel_token();
            let tls = self.tls.clone();
            runtime.spawn(async move {
                // If the server is out of reach, there is nothing to stop.
                let _ = token.cancel_query(tls).await;
            });
        }
    }
}

/// A call on its way. Dropped before it has landed, it takes the connection with it.
pub(crate) struct Flight {
    live: Option<Arc<Live>>,
}

impl Flight {
    pub(crate) fn start(live: &Arc<Live>) -> Self {
        Self { live: Some(Arc::clone(live)) }
    }

    pub(crate) fn land(mut self) {
        self.live = None;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(live) = self.live.take() {
            live.abandon();
        }
    }
}

fn config(options: &Options, settings: &str) -> Config {
    let mut config = Config::new();
    config
        .host(&options.host)
        .port(options.port)
        .user(&options.user)
        .dbname(&options.database)
        .application_name(&options.application_name)
        .connect_timeout(options.connect_timeout)
        .ssl_mode(match options.encryption {
            Encryption::Disable => SslMode::Disable,
            Encryption::Prefer => SslMode::Prefer,
            Encryption::Require | Encryption::VerifyCa | Encryption::VerifyFull => SslMode::Require,
        });
    if let Some(password) = &options.password {
        config.password(password);
    }
    if !settings.is_empty() {
        config.options(settings);
    }
    config
}
