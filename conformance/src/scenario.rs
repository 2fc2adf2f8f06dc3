//! Scenarios: the documents that say what is mapped and what is done to it, as they are written.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

/// One small program against a session.
#[derive(Clone, Debug, Deserialize)]
pub struct Scenario {
    /// Its name; what comes before the first `-` is its kind.
    pub name: String,
    /// The options of its session.
    #[serde(default)]
    pub session: SessionOptions,
    /// All tables.
    pub tables: Vec<Table>,
    /// The entities that live in some of them.
    pub entities: Vec<Entity>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// What comes before the first `-` of the name.
    pub fn kind(&self) -> &str {
        self.name.split('-').next().unwrap_or_default()
    }

    /// The table with this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The table of an entity.
    pub fn table_of(&self, entity: &str) -> Option<&Table> {
        self.table(&self.entities.iter().find(|one| one.name == entity)?.table)
    }
}

/// What the session does by itself.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub struct SessionOptions {
    /// Whether queries and loads flush first.
    pub autoflush: bool,
    /// Whether a commit expires all objects.
    pub expire_on_commit: bool,
}

/// SQLAlchemy's defaults.
impl Default for SessionOptions {
    fn default() -> Self {
        Self { autoflush: true, expire_on_commit: true }
    }
}

/// A table.
#[derive(Clone, Debug, Deserialize)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    #[serde(default)]
    pub uniques: Vec<Vec<String>>,
}

impl Table {
    /// The column with this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A column.
#[derive(Clone, Debug, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: ColumnType,
    #[serde(default, deserialize_with = "flag")]
    pub primary_key: bool,
    #[serde(default, deserialize_with = "flag")]
    pub autoincrement: bool,
    /// Absent means: unless it is part of the primary key.
    pub nullable: Option<bool>,
    #[serde(default, deserialize_with = "flag")]
    pub unique: bool,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    Integer,
    Text,
    Boolean,
    Float,
}

/// A foreign key.
#[derive(Clone, Debug, Deserialize)]
pub struct ForeignKey {
    pub columns: Vec<String>,
    pub references: References,
    pub on_delete: Option<String>,
    pub on_update: Option<String>,
}

/// What a foreign key points at.
#[derive(Clone, Debug, Deserialize)]
pub struct References {
    pub table: String,
    pub columns: Vec<String>,
}

/// An entity.
#[derive(Clone, Debug, Deserialize)]
pub struct Entity {
    pub name: String,
    pub table: String,
    pub version_column: Option<String>,
    #[serde(default)]
    pub relationships: Vec<Relationship>,
}

/// A relationship of an entity.
#[derive(Clone, Debug, Deserialize)]
pub struct Relationship {
    pub name: String,
    pub target: String,
    pub kind: Kind,
    #[serde(default)]
    pub foreign_key: Vec<String>,
    pub secondary: Option<String>,
    #[serde(default)]
    pub local: Vec<String>,
    #[serde(default)]
    pub remote: Vec<String>,
    pub back_populates: Option<String>,
    pub cascade: Option<String>,
    #[serde(default)]
    pub passive_deletes: PassiveDeletes,
    pub passive_updates: Option<bool>,
    #[serde(default, deserialize_with = "flag")]
    pub single_parent: bool,
    #[serde(default, deserialize_with = "flag")]
    pub post_update: bool,
    #[serde(default, deserialize_with = "flag")]
    pub viewonly: bool,
}

/// Which way a relationship goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    OneToMany,
    OneToOne,
    ManyToOne,
    ManyToMany,
}

/// Whether children are left to the database: `true`, `false` or `"all"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum PassiveDeletes {
    Flag(bool),
    Word(String),
}

impl Default for PassiveDeletes {
    fn default() -> Self {
        Self::Flag(false)
    }
}

/// A flag, which is off where it is null.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Columns by name, with their values.
pub type Columns = BTreeMap<String, Json>;

/// One step. What its fields mean is written in the format's description.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Step {
    New {
        entity: String,
        #[serde(rename = "as")]
        name: String,
        #[serde(default)]
        set: Columns,
    },
    Add {
        #[serde(rename = "ref")]
        object: String,
    },
    Append {
        owner: String,
        rel: String,
        value: String,
    },
    Remove {
        owner: String,
        rel: String,
        value: String,
    },
    SetRel {
        owner: String,
        rel: String,
        value: Target,
    },
    ClearRel {
        owner: String,
        rel: String,
    },
    Set {
        #[serde(rename = "ref")]
        object: String,
        column: String,
        value: Json,
    },
    Delete {
        #[serde(rename = "ref")]
        object: String,
    },
    Expunge {
        #[serde(rename = "ref")]
        object: String,
    },
    Refresh {
        #[serde(rename = "ref")]
        object: String,
    },
    Expire {
        #[serde(rename = "ref")]
        object: String,
    },
    ExpungeAll,
    Flush,
    Commit,
    Rollback,
    BeginNested,
    Release,
    RollbackTo,
    Merge {
        #[serde(rename = "as")]
        name: String,
        value: Graph,
    },
    Get {
        entity: String,
        key: Json,
        #[serde(rename = "as")]
        name: Option<String>,
    },
    Sql {
        sql: String,
    },
    Tables,
    States,
    View {
        owner: String,
        rel: String,
    },
    Read {
        #[serde(rename = "ref")]
        object: String,
        column: String,
    },
    Dirty,
    Same {
        a: String,
        b: String,
    },
}

/// What a relationship is set to: names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Target {
    Many(Vec<String>),
    One(Option<String>),
}

/// An object that is merged, with what it holds.
#[derive(Clone, Debug, Deserialize)]
pub struct Graph {
    pub entity: String,
    #[serde(default)]
    pub set: Columns,
    #[serde(default)]
    pub rels: BTreeMap<String, Branch>,
}

/// What an object that is merged holds by one relationship.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Branch {
    Many(Vec<Graph>),
    One(Option<Box<Graph>>),
}
