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

/// How long a server may take to answer, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

impl Private {
    /// Starts a server from installed programs.
    pub fn start(kind: Kind) -> Result<Self, String> {
        let port = free_port()?;
        let folder = std::env::temp_dir().join(format!("entail-{}-{port}", kind.word()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let child = match kind {
            Kind::Postgres => postgres(&folder, port),
            Kind::MariaDb => mariadb(&folder, port),
        };
        let child = child.inspect_err(|_| {
            let _ = fs::remove_dir_all(&folder);
        })?;
        let mut server = Self { kind, child, folder, port };
        server.wait()?;
        println!("== {kind}: started for this run on port {port}");
        Ok(server)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    fn wait(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if answers(self.port) {
                return self.prepare();
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
        // PostgreSQL takes INT for a fast shutdown, MariaDB takes TERM for an orderly one.
        let signal = if self.kind == Kind::Postgres { "-INT" } else { "-TERM" };
        let _ = Command::new("kill").args([signal, &self.process().to_string()]).status();
        let start = Instant::now();
        while start.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
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

/// PostgreSQL does not run as root, so root gives the folder to another user and becomes it.
fn postgres(folder: &Path, port: u16) -> Result<Child, String> {
    let folders = program::postgres_folders();
    let missing = "it is not installed";
    let initdb = find("initdb", &folders).ok_or(missing)?;
    let server = find("postgres", &folders).ok_or(missing)?;
    let data = folder.join("data");
    let user = if is_root() { Some("postgres") } else { None };
    if let Some(user) = user {
        run(Command::new("chown").arg(user).arg(folder))?;
    }
    let as_user = |program: &Path| match user {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
            command
        }
    };
    let mut init = as_user(&initdb);
    init.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]);
    run(init.args(["--locale", "C"]).current_dir(folder))?;
    let mut command = as_user(&server);
    command.arg("-D").arg(&data).arg("-p").arg(port.to_string()).arg("-k").arg(folder);
    command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]).current_dir(folder);
    spawn(command, folder)
}

fn mariadb(folder: &Path, port: u16) -> Result<Child, String> {
    let missing = "it is not installed";
    let server = find("mariadbd", &[]).or_else(|| find("mysqld", &[])).ok_or(missing)?;
    let install = find("mariadb-install-db", &[]).or_else(|| find("mysql_install_db", &[]));
    let data = folder.join("data");
    let mut init = Command::new(install.ok_or(missing)?);
    init.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    init.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    let mut command = Command::new(server);
    command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    command.arg(format!("--port={port}")).arg("--bind-address=127.0.0.1");
    command.arg(format!("--socket={}", folder.join("socket").display()));
    command.arg(format!("--pid-file={}", folder.join("pid").display()));
    command.arg("--innodb-flush-log-at-trx-commit=0");
    if is_root() {
        init.arg("--user=root");
        command.arg("--user=root");
    }
    run(&mut init)?;
    spawn(command, folder)
}
