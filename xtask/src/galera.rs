//! A cluster of three MariaDB nodes on loopback, joined by Galera: started, loaded, hurt, stopped.
//!
//! ```text
//!   start three nodes --> the load runs on all of them (crates/entail/tests/galera.rs)
//!                             |-- a node is killed --|-- and comes back --|
//!                         the load compares the nodes with what was acknowledged
//! ```

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cargo::Invocation;
use crate::databases::program::{self, find, is_root, run as run_program};

/// How long the load runs, in seconds; it is long enough for a node to go and to come back.
const LOAD: u64 = 90;
/// When a node is killed, and when it is started again, after the load began.
const KILLED_AT: Duration = Duration::from_secs(20);
const BACK_AT: Duration = Duration::from_secs(40);
/// Whom root becomes: rsync, which copies a node's state, writes nothing as root.
const USER: &str = "mysql";
/// How long a node may take to join.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the load on a cluster of its own.
pub fn run() -> Result<(), String> {
    let build = Invocation::new("test --release -p entail --all-features --test galera --no-run");
    build.run()?;
    let mut cluster = Cluster::start()?;
    println!("== three nodes are joined: {}", cluster.urls());
    let load =
        Invocation::new("test --release -p entail --all-features --test galera -- --nocapture")
            .env("ENTAIL_GALERA_URLS", cluster.urls())
            .env("ENTAIL_GALERA_SECONDS", LOAD.to_string());
    let mut load = load.start()?;
    let begun = Instant::now();
    sleep(KILLED_AT.saturating_sub(begun.elapsed()));
    cluster.nodes[2].kill()?;
    println!("== node 3 was killed");
    sleep(BACK_AT.saturating_sub(begun.elapsed()));
    cluster.revive(2)?;
    println!("== node 3 is back after {} s", begun.elapsed().as_secs());
    let status = load.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("the load ended with {status}")) }
}

/// Three nodes.
struct Cluster {
    folder: PathBuf,
    nodes: Vec<Node>,
}

/// One node, and the ports that it listens on.
struct Node {
    folder: PathBuf,
    port: u16,
    /// For the group, for state as it changes, and for state as a whole.
    group: [u16; 3],
    child: Option<Child>,
}

impl Cluster {
    fn start() -> Result<Self, String> {
        let provider = provider()?;
        let folder = std::env::temp_dir().join(format!("entail-galera-{}", std::process::id()));
        let mut cluster = Self { folder: folder.clone(), nodes: Vec::new() };
        for number in 1..=3 {
            let folder = folder.join(number.to_string());
            fs::create_dir_all(&folder)
                .map_err(|error| format!("{}: {error}", folder.display()))?;
            let [port, a, b, c] = free_ports()?;
            cluster.nodes.push(Node { folder, port, group: [a, b, c], child: None });
        }
        for number in 0..3 {
            cluster.nodes[number].install()?;
            let address = if number == 0 { String::new() } else { cluster.address() };
            cluster.nodes[number].start(&provider, &address)?;
            cluster.nodes[number].wait_until_joined()?;
        }
        cluster.nodes[0].sql("CREATE DATABASE shop")?;
        Ok(cluster)
    }

    fn address(&self) -> String {
        let groups = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.group[0]));
        groups.collect::<Vec<_>>().join(",")
    }

    fn urls(&self) -> String {
        let urls =
            self.nodes.iter().map(|node| format!("mysql://root@127.0.0.1:{}/shop", node.port));
        urls.collect::<Vec<_>>().join(",")
    }

    fn revive(&mut self, number: usize) -> Result<(), String> {
        let address = self.address();
        self.nodes[number].start(&provider()?, &address)?;
        self.nodes[number].wait_until_joined()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in self.nodes.iter_mut().rev() {
            node.stop();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Node {
    fn install(&self) -> Result<(), String> {
        let install = find("mariadb-install-db", &[]).ok_or("mariadb-install-db is missing")?;
        let mut command = Command::new(install);
        command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", self.folder.join("data").display()));
        command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        if is_root() {
            run_program(Command::new("chown").arg(USER).arg(&self.folder))?;
            command.arg(format!("--user={USER}"));
        }
        run_program(&mut command)
    }

    /// Starts the process; without the address of a cluster it founds one.
    fn start(&mut self, provider: &str, address: &str) -> Result<(), String> {
        let server = find("mariadbd", &[]).ok_or("mariadbd is missing")?;
        let [group, changes, whole] = self.group;
        let mut command = Command::new(server);
        command.arg("--no-defaults");
        let folder = |name: &str| self.folder.join(name).display().to_string();
        for option in [
            format!("datadir={}", folder("data")),
            format!("socket={}", folder("socket")),
            format!("pid-file={}", folder("pid")),
            format!("port={}", self.port),
            "bind-address=127.0.0.1".to_owned(),
            "binlog-format=ROW".to_owned(),
            "innodb-autoinc-lock-mode=2".to_owned(),
            // Durability comes from the other nodes, as Galera's manual has it.
            "innodb-flush-log-at-trx-commit=0".to_owned(),
            "wsrep-on=ON".to_owned(),
            format!("wsrep-provider={provider}"),
            format!("wsrep-cluster-address=gcomm://{address}"),
            "wsrep-cluster-name=entail".to_owned(),
            format!("wsrep-node-address=127.0.0.1:{group}"),
            "wsrep-sst-method=rsync".to_owned(),
            format!("wsrep-sst-receive-address=127.0.0.1:{whole}"),
            format!(
                "wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{group};\
                 ist.recv_addr=127.0.0.1:{changes}"
            ),
        ] {
            command.arg(format!("--{option}"));
        }
        if address.is_empty() {
            command.arg("--wsrep-new-cluster");
        }
        if is_root() {
            command.arg(format!("--user={USER}"));
        }
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log"));
        let log = log.map_err(|error| error.to_string())?;
        let again = log.try_clone().map_err(|error| error.to_string())?;
        command.stdin(Stdio::null()).stdout(log).stderr(again);
        let child = command.spawn().map_err(|error| format!("a node did not start: {error}"))?;
        self.child = Some(child);
        Ok(())
    }

    fn wait_until_joined(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let state = "SHOW STATUS LIKE 'wsrep_local_state_comment'";
            if self.sql(state).is_ok_and(|answer| answer.contains("Synced")) {
                return Ok(());
            }
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return Err(format!("a node ended with {status}: {}", self.last_words()));
            }
            sleep(Duration::from_millis(200));
        }
        Err(format!("a node did not join in {} s: {}", PATIENCE.as_secs(), self.last_words()))
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<_> =
            log.lines().rev().filter(|line| line.contains("ERROR")).take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("; ")
    }

    fn sql(&self, sql: &str) -> Result<String, String> {
        let client = find("mariadb", &[]).ok_or("the client `mariadb` is missing")?;
        let mut command = Command::new(client);
        command.args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-u", "root"]);
        command.arg(format!("--port={}", self.port)).args(["--connect-timeout=5", "-e", sql]);
        let output = command.output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Ends the process as a loss of power would.
    fn kill(&mut self) -> Result<(), String> {
        match &mut self.child {
            Some(child) => {
                child.kill().map_err(|error| error.to_string())?;
                child.wait().map(|_| ()).map_err(|error| error.to_string())
            }
            None => Err("the node does not run".to_owned()),
        }
    }

    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if matches!(child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(20) && matches!(child.try_wait(), Ok(None))
            {
                sleep(Duration::from_millis(100));
            }
            let _ = child.kill();
        }
        let _ = child.wait();
    }
}

/// Galera's library, which is installed if that is possible.
fn provider() -> Result<String, String> {
    let folders = ["/usr/lib/galera", "/usr/lib64/galera-4", "/usr/lib/galera-4"];
    let library = || {
        let paths = folders.iter().map(|folder| format!("{folder}/libgalera_smm.so"));
        paths.into_iter().find(|path| fs::metadata(path).is_ok())
    };
    let programs = || ["mariadbd", "mariadb", "rsync"].iter().all(|name| find(name, &[]).is_some());
    if library().is_none() || !programs() {
        for package in ["mariadb-server", "galera-4", "rsync"] {
            program::install(package)?;
        }
    }
    library().ok_or_else(|| "libgalera_smm.so is missing: install Galera 4".to_owned())
}

/// Ports that nobody listens on.
fn free_ports() -> Result<[u16; 4], String> {
    let listen = || TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string());
    let all = [listen()?, listen()?, listen()?, listen()?];
    let mut ports = [0; 4];
    for (port, listener) in ports.iter_mut().zip(&all) {
        *port = listener.local_addr().map_err(|error| error.to_string())?.port();
    }
    Ok(ports)
}
