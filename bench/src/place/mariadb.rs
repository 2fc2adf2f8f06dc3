//! Places on MariaDB: databases whose tables are made and filled after those of another.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use entail_engine::sql::Dialect;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, Row, from_value_opt};
use tokio::runtime::{Builder, Runtime};

use super::{Ground, unique_name};
use crate::Failure;
use crate::database::{Server, name_in};
use crate::template::Template;

/// The databases of this run of the bench. They are dropped in the end.
pub struct Databases {
    server: Server,
    runtime: Runtime,
    admin: Conn,
    prefix: String,
    templates: HashMap<Template, Original>,
    made: Vec<String>,
    runs: u32,
}

/// A database that others are made after.
#[derive(Clone)]
struct Original {
    name: String,
    /// The statements that make its tables.
    schema: Vec<String>,
}

/// How long a run may take to close its connections.
const PATIENCE: Duration = Duration::from_secs(10);

impl Databases {
    /// Connects to the server.
    pub fn connect() -> Result<Self, Failure> {
        let server = Server::mariadb();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let options = Opts::from_url(&server.url("mysql"))?;
        let admin = runtime.block_on(Conn::new(options))?;
        let prefix = unique_name();
        let (templates, made) = (HashMap::new(), Vec::new());
        Ok(Self { server, runtime, admin, prefix, templates, made, runs: 0 })
    }

    fn run(&mut self, statements: &[String]) -> Result<(), Failure> {
        self.runtime.block_on(async {
            for statement in statements {
                self.admin.query_drop(statement).await?;
            }
            Ok(())
        })
    }

    fn create(&mut self, name: &str) -> Result<(), Failure> {
        let collation = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
        self.run(&[format!("CREATE DATABASE {name} {collation}"), format!("USE {name}")])?;
        self.made.push(name.to_owned());
        Ok(())
    }

    fn template(&mut self, template: Template) -> Result<Original, Failure> {
        if let Some(original) = self.templates.get(&template) {
            return Ok(original.clone());
        }
        let name = format!("{}_{}", self.prefix, template.name());
        self.create(&name)?;
        let schema = template.schema(Dialect::MariaDb)?;
        self.run(&schema)?;
        self.run(&["BEGIN".into()])?;
        self.run(&template.rows())?;
        self.run(&["COMMIT".into()])?;
        let original = Original { name, schema };
        self.templates.insert(template, original.clone());
        Ok(original)
    }
}

impl Ground for Databases {
    /// InnoDB sets the next number of a key by itself where rows are copied with their keys.
    fn make(&mut self, template: Template) -> Result<String, Failure> {
        let original = self.template(template)?;
        self.runs += 1;
        let name = format!("{}_run_{}", self.prefix, self.runs);
        self.create(&name)?;
        self.run(&original.schema)?;
        self.run(&["SET foreign_key_checks = 0".into(), "BEGIN".into()])?;
        for table in template.tables() {
            let from = &original.name;
            self.run(&[format!("INSERT INTO {table} SELECT * FROM {from}.{table} ORDER BY 1")])?;
        }
        let tables = template.tables().join(", ");
        self.run(&[
            "COMMIT".into(),
            "SET foreign_key_checks = 1".into(),
            format!("ANALYZE TABLE {tables}"),
        ])?;
        Ok(self.server.url(&name))
    }

    fn relax(&mut self, _url: &str) -> Result<(), Failure> {
        // innodb_flush_log_at_trx_commit is a setting of the whole server, which is not ours.
        Ok(())
    }

    fn wait_until_closed(&mut self, url: &str) -> Result<(), Failure> {
        let open = format!(
            "SELECT count(*) FROM information_schema.processlist \
             WHERE db = '{}' AND id <> connection_id()",
            name_in(url)
        );
        let until = Instant::now() + PATIENCE;
        while self.numbers(url, &open)? != [0] {
            if Instant::now() > until {
                return Err(format!("{url} is still open").into());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    fn numbers(&mut self, url: &str, query: &str) -> Result<Vec<i64>, Failure> {
        self.run(&[format!("USE {}", name_in(url))])?;
        let row: Option<Row> = self.runtime.block_on(self.admin.query_first(query))?;
        let row = row.ok_or("a digest without a row")?;
        row.unwrap()
            .into_iter()
            .map(|value| Ok(from_value_opt::<Option<i64>>(value)?.unwrap_or(0)))
            .collect()
    }

    fn remove(&mut self, url: &str) -> Result<(), Failure> {
        let name = name_in(url);
        self.run(&[format!("DROP DATABASE {name}")])?;
        self.made.retain(|made| made != name);
        Ok(())
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        for name in self.made.clone() {
            if let Err(failure) = self.run(&[format!("DROP DATABASE {name}")]) {
                eprintln!("bench: the database {name} is left: {failure}");
            }
        }
    }
}
