//! Links: a connection to the server, and what is known of its state.

mod cancel;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use entail_engine::error::DriverError;
use entail_engine::sql::Dialect;
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError as ClientError, Error, Opts, ServerError, Statement};
use rustls::crypto::{CryptoProvider, ring};

use crate::failure::{self, Fault};
use crate::guard;
use crate::literal::Backslash;
use crate::setup::{self, Encrypted, Server};
use crate::statements::Statements;
use crate::url::{Encryption, Options, Returning};

/// Opens connections, and remembers what it learned from those before.
pub(crate) struct Opener {
    pub options: Options,
    /// Whether the server was found to speak without encryption only.
    plain: AtomicBool,
}

impl Opener {
    pub(crate) fn new(options: Options) -> Self {
        Self { options, plain: AtomicBool::new(false) }
    }

    /// Connects, within the time of the option `connect_timeout`.
    pub(crate) async fn open(&self) -> Result<Link, DriverError> {
        let options = &self.options;
        let limit = options.connect_timeout;
        let to = options.target();
        let opened = match tokio::time::timeout(limit, self.connect()).await {
            Ok(opened) => opened.map_err(|error| failure::connecting(error, &to))?,
            Err(_) => {
                let reason = format!("no answer within {} s", limit.as_secs_f64());
                return Err(failure::refused(&to, reason));
            }
        };
        tracing::debug!(to, server = ?opened.server, "opened");
        Ok(opened)
    }

    async fn connect(&self) -> Result<Link, Error> {
        let (mut conn, login) = self.greet().await?;
        let server = setup::session(&mut conn, &self.options).await?;
        let mut link = Link {
            login,
            server: Arc::new(server),
            state: State::default(),
            last_used: Instant::now(),
            statements: Statements::new(self.options.statement_cache),
            singles: HashSet::new(),
            conn,
        };
        link.note();
        Ok(link)
    }

    /// Opens a connection with or without encryption, as the options and the server want it.
    async fn greet(&self) -> Result<(Conn, Opts), Error> {
        let mode = self.options.encryption;
        let known_as_plain = self.plain.load(Ordering::Relaxed);
        if mode != Encryption::Disabled && !(mode == Encryption::Preferred && known_as_plain) {
            if CryptoProvider::get_default().is_none() {
                // Another thread may have been faster, which is just as well.
                let _ = ring::default_provider().install_default();
            }
            let login = setup::login(&self.options, Encrypted::Yes);
            match Conn::new(login.clone()).await {
                Err(Error::Driver(ClientError::NoClientSslFlagFromServer))
                    if mode == Encryption::Preferred =>
                {
                    self.plain.store(true, Ordering::Relaxed);
                }
                other => return other.map(|conn| (conn, login)),
            }
        }
        let login = setup::login(&self.options, Encrypted::No);
        Ok((Conn::new(login.clone()).await?, login))
    }
}

/// A connection to the server.
pub(crate) struct Link {
    pub conn: Conn,
    login: Opts,
    pub server: Arc<Server>,
    state: State,
    last_used: Instant,
    statements: Statements,
    /// Texts of single statements that ran here.
    singles: HashSet<String>,
}

/// What the last answers said of a connection.
#[derive(Clone, Copy, Debug)]
struct State {
    in_transaction: bool,
    autocommit: bool,
    backslash: Backslash,
    soundness: Soundness,
    settings: Settings,
}

impl Default for State {
    fn default() -> Self {
        Self {
            in_transaction: false,
            autocommit: true,
            backslash: Backslash::Escapes,
            soundness: Soundness::Sound,
            settings: Settings::Own,
        }
    }
}

/// Whether a connection can be used for another task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Soundness {
    Sound,
    Broken,
}

/// Whether the session is as it was set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settings {
    Own,
    /// Somebody may have changed them.
    Foreign,
}

/// A connection that was used so short ago is taken for one that works.
const FRESH: Duration = Duration::from_millis(500);

impl Link {
    /// How SQL is written for the server.
    pub(crate) fn dialect(&self) -> Dialect {
        match self.server.returning {
            Returning::On => Dialect::MariaDb,
            Returning::Off => Dialect::MySql,
        }
    }

    /// Whether a transaction is open.
    pub(crate) fn in_transaction(&self) -> bool {
        self.state.in_transaction
    }

    /// Whether a statement outside of a transaction commits by itself.
    pub(crate) fn autocommit(&self) -> bool {
        self.state.autocommit
    }

    /// Whether a single statement has run here before. One that is repeated is worth a trip in
    /// which it is prepared.
    pub(crate) fn repeats(&mut self, sql: &str) -> bool {
        if self.singles.contains(sql) {
            return true;
        }
        let most = self.statements.capacity();
        if self.singles.len() >= most {
            self.singles.clear();
        }
        if most > 0 {
            self.singles.insert(sql.to_owned());
        }
        false
    }

    /// The statement of a text, prepared if it is not.
    pub(crate) async fn prepared(&mut self, sql: &Arc<str>) -> Result<Statement, Error> {
        self.statements.get(&mut self.conn, sql).await
    }

    /// Takes over what a prepared statement came to, and lets go of it.
    pub(crate) async fn ran<T>(
        &mut self,
        statement: Statement,
        outcome: Result<T, Fault>,
    ) -> Result<T, Fault> {
        if outcome.is_ok() {
            self.note();
        }
        let closed = self.release(statement).await;
        let outcome = outcome?;
        closed.map(|()| outcome)
    }

    /// Lets go of a prepared statement. The server forgets it, unless it is kept.
    pub(crate) async fn release(&mut self, statement: Statement) -> Result<(), Fault> {
        if self.statements.capacity() > 0 {
            return Ok(());
        }
        Ok(self.conn.close(statement).await?)
    }

    /// How backslashes in texts are read.
    pub(crate) fn backslash(&self) -> Backslash {
        self.state.backslash
    }

    /// Whether the connection must not be used any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.state.soundness == Soundness::Broken
    }

    /// Whether nothing has to be done before somebody else uses the connection.
    pub(crate) fn is_clean(&self) -> bool {
        !self.state.in_transaction
            && self.state.autocommit
            && self.state.soundness == Soundness::Sound
            && self.state.settings == Settings::Own
    }

    /// Whether it was used so lately that it needs not be asked whether it still works.
    pub(crate) fn is_fresh(&self) -> bool {
        self.last_used.elapsed() <= FRESH
    }

    /// Makes sure that the connection is never used again.
    pub(crate) fn give_up(&mut self) {
        self.state.soundness = Soundness::Broken;
        self.state.in_transaction = false;
    }

    /// Notes that a statement may have changed settings of the session.
    pub(crate) fn suspect_settings(&mut self) {
        self.state.settings = Settings::Foreign;
    }

    /// Takes over what the last answer of the server says of the session. Must not be called
    /// behind a failure, nor behind a preparation: these say nothing of it.
    pub(crate) fn note(&mut self) {
        self.last_used = Instant::now();
        if let Some(answer) = self.conn.last_ok_packet() {
            let flags = answer.status_flags();
            self.state.in_transaction = flags.contains(StatusFlags::SERVER_STATUS_IN_TRANS);
            self.state.autocommit = flags.contains(StatusFlags::SERVER_STATUS_AUTOCOMMIT);
            let plain = flags.contains(StatusFlags::SERVER_STATUS_NO_BACKSLASH_ESCAPES);
            self.state.backslash = if plain { Backslash::Plain } else { Backslash::Escapes };
        }
    }

    /// Asks for the state of the session, which a failure does not tell.
    pub(crate) async fn ask(&mut self) -> Result<(), Fault> {
        self.conn.ping().await?;
        self.note();
        Ok(())
    }

    /// Notes what a failure says of the connection, and asks for the rest; answers what the failure was.
    pub(crate) async fn after(&mut self, fault: Fault) -> Fault {
        if fault.is_fatal() || self.conn.is_disconnected() || self.ask().await.is_err() {
            self.give_up();
            return fault.on_lost_connection();
        }
        fault
    }

    /// Runs a text of statements that give no rows.
    pub(crate) async fn run(&mut self, text: &str) -> Result<(), Fault> {
        tracing::debug!(sql = text, "control");
        self.conn.query_drop(text).await?;
        self.note();
        Ok(())
    }

    /// Rolls back the open transaction. If that fails, the connection is broken.
    pub(crate) async fn roll_back(&mut self) -> Result<(), Fault> {
        // The guard of a transaction on a cluster has switched autocommit off.
        let done = match self.state.autocommit {
            true => self.run("ROLLBACK").await,
            false => self.run(&format!("ROLLBACK; {}", guard::ON)).await,
        };
        if done.is_err() {
            self.give_up();
        }
        done
    }

    /// Makes the connection as it was when it was opened.
    pub(crate) async fn renew(&mut self, options: &Options) -> Result<(), Fault> {
        let unsupported = || {
            Fault::Server(ServerError {
                code: 0,
                message: "the server cannot reset a connection".to_owned(),
                state: String::new(),
            })
        };
        if !self.conn.reset().await? {
            return Err(unsupported());
        }
        self.statements.clear();
        setup::session(&mut self.conn, options).await?;
        self.state = State::default();
        self.note();
        Ok(())
    }

    /// Makes the connection ready for its next owner, or says that it is of no more use.
    pub(crate) async fn recycle(&mut self, options: &Options) -> Result<(), Fault> {
        if self.is_broken() {
            return Err(Fault::Lost("it was lost before".to_owned()));
        }
        if self.state.in_transaction || !self.state.autocommit {
            self.roll_back().await?;
        }
        if self.state.settings == Settings::Foreign {
            self.renew(options).await?;
        }
        if !self.is_fresh() {
            self.ask().await?;
        }
        Ok(())
    }

    /// Closes the connection, and waits until it is closed.
    pub(crate) async fn close(self) {
        // It is gone either way.
        let _ = self.conn.disconnect().await;
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("id", &self.conn.id()).field("state", &self.state).finish()
    }
}
