//! Places on PostgreSQL: databases that are created from a template database.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use entail_engine::sql::Dialect;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::{Ground, unique_name};
use crate::Failure;
use crate::database::{Server, name_in};
use crate::template::Template;

/// The databases of this run of the bench. They are dropped in the end.
pub struct Databases {
    server: Server,
    runtime: Runtime,
    admin: Client,
    prefix: String,
    templates: HashMap<Template, String>,
    made: Vec<String>,
    runs: u32,
}

/// How long a run may take to close its connections.
const PATIENCE: Duration = Duration::from_secs(10);

impl Databases {
    /// Connects to the server.
    pub fn connect() -> Result<Self, Failure> {
        let server = Server::postgres();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let admin = runtime.block_on(connect(&server.url("postgres")))?;
        let prefix = unique_name();
        let (templates, made) = (HashMap::new(), Vec::new());
        Ok(Self { server, runtime, admin, prefix, templates, made, runs: 0 })
    }

    fn run(&self, statement: &str) -> Result<(), Failure> {
        Ok(self.runtime.block_on(self.admin.batch_execute(statement))?)
    }

    /// Makes the database that others are created from. It is vacuumed, so that no run has to do
    /// for the first time what is done once with every new row.
    fn template(&mut self, template: Template) -> Result<String, Failure> {
        if let Some(name) = self.templates.get(&template) {
            return Ok(name.clone());
        }
        let name = format!("{}_{}", self.prefix, template.name());
        self.run(&format!("CREATE DATABASE {name}"))?;
        self.made.push(name.clone());
        let url = self.server.url(&name);
        self.runtime.block_on(async {
            let db = connect(&url).await?;
            for statement in template.schema(Dialect::Postgres)?.iter().chain(&template.rows()) {
                db.batch_execute(statement).await?;
            }
            for table in template.generated() {
                db.batch_execute(&format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                ))
                .await?;
            }
            db.batch_execute("VACUUM (FREEZE, ANALYZE)").await?;
            Ok::<_, Failure>(())
        })?;
        self.wait_until_closed(&url)?;
        self.templates.insert(template, name.clone());
        Ok(name)
    }
}

impl Ground for Databases {
    fn make(&mut self, template: Template) -> Result<String, Failure> {
        let template = self.template(template)?;
        self.runs += 1;
        let name = format!("{}_run_{}", self.prefix, self.runs);
        self.run(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        self.made.push(name.clone());
        Ok(self.server.url(&name))
    }

    fn relax(&mut self, url: &str) -> Result<(), Failure> {
        self.run(&format!("ALTER DATABASE {} SET synchronous_commit = off", name_in(url)))
    }

    fn wait_until_closed(&mut self, url: &str) -> Result<(), Failure> {
        let open = format!(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = '{}' AND backend_type = 'client backend'",
            name_in(url)
        );
        let until = Instant::now() + PATIENCE;
        while self.runtime.block_on(numbers(&self.admin, &open))? != [0] {
            if Instant::now() > until {
                return Err(format!("{url} is still open").into());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    fn numbers(&mut self, url: &str, query: &str) -> Result<Vec<i64>, Failure> {
        self.runtime.block_on(async {
            let db = connect(url).await?;
            numbers(&db, query).await
        })
    }

    fn remove(&mut self, url: &str) -> Result<(), Failure> {
        let name = name_in(url);
        self.run(&format!("DROP DATABASE {name} WITH (FORCE)"))?;
        self.made.retain(|made| made != name);
        Ok(())
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        for name in &self.made {
            if let Err(failure) = self.run(&format!("DROP DATABASE {name} WITH (FORCE)")) {
                eprintln!("bench: the database {name} is left: {failure}");
            }
        }
    }
}

/// Opens a connection, which is driven by a task of the runtime.
async fn connect(url: &str) -> Result<Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Asks for texts, because sums have types of their own.
async fn numbers(db: &Client, query: &str) -> Result<Vec<i64>, Failure> {
    for message in db.simple_query(query).await? {
        if let SimpleQueryMessage::Row(row) = message {
            let numbers = (0..row.len()).map(|column| row.get(column).unwrap_or("0").parse());
            return Ok(numbers.collect::<Result<_, _>>()?);
        }
    }
    Err("a digest without a row".into())
}
