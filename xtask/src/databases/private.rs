//! Private servers: started for one run, in a folder of their own, on loopback only, and stopped by
//! the number of their process.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::program::{self, find, is_root, run};
use super::{Kind, answers};

/// A server that ends when this is dropped.
#[derive(Debug)]
pub struct Private {
    kind: Kind,
    child: Child,
    folder: PathBuf,
    port: u16,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    InOrder,
    Killed,
}

/// How long a server may take to answer, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

impl Private {
    /// Starts a server from installed programs.
    pub fn start(kind: Kind) -> Result<Self, String> {
        let port = free_port()?;
        let folder = std::env::temp_dir().join(format!("entail-{}-{port}", kind.word()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let child = install(kind, &folder).and_then(|()| serve(kind, &folder, port));
        let child = child.inspect_err(|_| {
            let _ = fs::remove_dir_all(&folder);
        })?;
        let mut server = Self { kind, child, folder, port };
        server.wait()?;
        server.prepare()?;
        println!("== {kind}: started for this run on port {port}");
        Ok(server)
    }

    /// Stops the server: in order, or without a word.
    pub fn stop(&mut self, how: Stop) {
        let signal = match (how, self.kind) {
            (Stop::Killed, _) => "-KILL",
            // PostgreSQL takes INT for a fast shutdown, MariaDB takes TERM for an orderly one.
            (Stop::InOrder, Kind::Postgres) => "-INT",
            (Stop::InOrder, Kind::MariaDb) => "-TERM",
        };
        let _ = Command::new("kill").args([signal, &self.process().to_string()]).status();
        let start = Instant::now();
        while start.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts a server that was stopped, on its own data. What a killed one left running may be in
    /// the way for a moment.
    pub fn start_again(&mut self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            self.child = serve(self.kind, &self.folder, self.port)?;
            match self.wait() {
                Ok(()) => return Ok(()),
                Err(reason) if start.elapsed() > PATIENCE => return Err(reason),
                Err(_) => sleep(Duration::from_millis(100)),
            }
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    fn wait(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if answers(self.port) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or_default().to_owned();
                return Err(format!("the server ended with {status}: {last}"));
            }
            sleep(Duration::from_millis(50));
        }
        Err(format!("the server did not answer within {} s", PATIENCE.as_secs()))
    }

    /// What the tests expect to be there.
    fn prepare(&self) -> Result<(), String> {
        if self.kind == Kind::Postgres {
            return Ok(());
        }
        let client = find("mariadb", &[]).or_else(|| find("mysql", &[]));
        let client = client.ok_or("the client `mariadb` is not installed")?;
        let mut command = Command::new(client);
        command.args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-u", "root"]);
        command.arg(format!("--port={}", self.port));
        run(command.args(["-e", "CREATE DATABASE IF NOT EXISTS test"]))
    }

    /// The process to be stopped: of PostgreSQL it is a child of ours only if no other user had to
    /// be taken.
    fn process(&self) -> u32 {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid"));
        let first = file.ok().and_then(|text| text.lines().next()?.parse().ok());
        first.unwrap_or_else(|| self.child.id())
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.stop(Stop::InOrder);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

fn log(folder: &Path) -> Result<(File, File), String> {
    let file = File::create(folder.join("log")).map_err(|error| error.to_string())?;
    let again = file.try_clone().map_err(|error| error.to_string())?;
    Ok((file, again))
}

fn spawn(mut command: Command, folder: &Path) -> Result<Child, String> {
    let (out, err) = log(folder)?;
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    command.spawn().map_err(|error| format!("the server did not start: {error}"))
}

const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";

const MISSING: &str = "it is not installed";

/// PostgreSQL does not run as root, so root gives the folder to another user and becomes it.
const USER: &str = "postgres";

/// A command that runs a program of PostgreSQL.
fn postgres(name: &str) -> Result<Command, String> {
    let program = find(name, &program::postgres_folders()).ok_or(MISSING)?;
    if !is_root() {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(program);
    Ok(command)
}

/// Makes the data of a new server, and gives it a certificate for `localhost`.
fn install(kind: Kind, folder: &Path) -> Result<(), String> {
    let data = folder.join("data");
    let certificates = crate::root().join("crates/entail/tests/tls");
    for name in [CERTIFICATE, KEY] {
        let copied = fs::copy(certificates.join(name), folder.join(name));
        copied.map_err(|error| format!("{name}: {error}"))?;
    }
    // PostgreSQL takes no key that others can read.
    run(Command::new("chmod").arg("600").arg(folder.join(KEY)))?;
    match kind {
        Kind::Postgres => {
            let mut init = postgres("initdb")?;
            if is_root() {
                run(Command::new("chown").arg("-R").arg(USER).arg(folder))?;
            }
            init.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8"]);
            run(init.args(["--no-sync", "--locale", "C"]).current_dir(folder))
        }
        Kind::MariaDb => {
            let program = find("mariadb-install-db", &[]);
            let program = program.or_else(|| find("mysql_install_db", &[])).ok_or(MISSING)?;
            let mut init = Command::new(program);
            init.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
            init.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
            if is_root() {
                init.arg("--user=root");
            }
            run(&mut init)
        }
    }
}

/// Starts the process of a server. What it has acknowledged outlives the process, but not the
/// machine.
fn serve(kind: Kind, folder: &Path, port: u16) -> Result<Child, String> {
    let data = folder.join("data");
    if kind == Kind::Postgres {
        let mut command = postgres("postgres")?;
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string()).arg("-k").arg(folder);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "ssl=on"]);
        let file = |option: &str, name: &str| format!("{option}={}", folder.join(name).display());
        command.arg("-c").arg(file("ssl_cert_file", CERTIFICATE));
        command.arg("-c").arg(file("ssl_key_file", KEY)).current_dir(folder);
        return spawn(command, folder);
    }
    let server = find("mariadbd", &[]).or_else(|| find("mysqld", &[])).ok_or(MISSING)?;
    let mut command = Command::new(server);
    command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    command.arg(format!("--port={port}")).arg("--bind-address=127.0.0.1");
    command.arg(format!("--socket={}", folder.join("socket").display()));
    command.arg(format!("--pid-file={}", folder.join("pid").display()));
    command.arg("--innodb-flush-log-at-trx-commit=2");
    command.arg(format!("--ssl-cert={}", folder.join(CERTIFICATE).display()));
    command.arg(format!("--ssl-key={}", folder.join(KEY).display()));
    if is_root() {
        command.arg("--user=root");
    }
    spawn(command, folder)
}
