//! Definitions: a mapping as it is written down, by the derive or at run time, before it is checked.

use crate::value::{ColumnType, Value};

use super::cascades::Cascades;

/// Entities and tables that are to be mapped together. Names tie them to each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MappingDefinition {
    /// Tables that no entity has, such as association tables; those of the entities need not
    /// be repeated here.
    pub tables: Vec<TableDefinition>,
    /// The entities.
    pub entities: Vec<EntityDefinition>,
}

impl MappingDefinition {
    /// Puts all tables that name no schema into one.
    pub(super) fn move_to_schema(&mut self, schema: &str) {
        let entities = self.entities.iter_mut();
        let mut tables: Vec<_> = entities.map(|entity| &mut entity.table).collect();
        tables.extend(&mut self.tables);
        let mut moved = Vec::new();
        for table in tables.iter_mut().filter(|table| table.schema.is_none()) {
            moved.push(table.name.clone());
            table.schema = Some(schema.to_owned());
        }
        let follow = |name: &mut String| {
            if moved.contains(name) {
                *name = format!("{schema}.{name}");
            }
        };
        for key in tables.into_iter().flat_map(|table| &mut table.foreign_keys) {
            follow(&mut key.table);
        }
        for relationship in self.entities.iter_mut().flat_map(|entity| &mut entity.relationships) {
            if let KindDefinition::ManyToMany { table, .. } = &mut relationship.kind {
                follow(table);
            }
        }
    }
}

/// An entity as it is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityDefinition {
    /// Its name, such as `User`.
    pub name: String,
    /// Its table.
    pub table: TableDefinition,
    /// The column that counts versions.
    pub version: Option<String>,
    /// Its relationships.
    pub relationships: Vec<RelationshipDefinition>,
}

/// A table as it is written down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableDefinition {
    /// Its name.
    pub name: String,
    /// The schema in which it lies (to MySQL and MariaDB: the database); none for the default one
    /// of the connection.
    pub schema: Option<String>,
    /// Its columns, in their order.
    pub columns: Vec<ColumnDefinition>,
    /// The columns of the primary key, in their order.
    pub primary_key: Vec<String>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKeyDefinition>,
    /// Unique constraints over several columns.
    pub uniques: Vec<Vec<String>>,
    /// Unique constraints in which two NULLs are equal (`NULLS NOT DISTINCT`, which PostgreSQL has
    /// since version 15), over any number of columns.
    pub uniques_nulls_not_distinct: Vec<Vec<String>>,
    /// Indexes over several columns, in their order.
    pub indexes: Vec<Vec<String>>,
    /// CHECK constraints: SQL expressions.
    pub checks: Vec<String>,
}

impl TableDefinition {
    /// The name by which foreign keys and relationships refer to the table: `users`, or
    /// `app.users` for one in a schema.
    pub fn full_name(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether no two rows have the same values in these columns.
    pub(super) fn is_unique(&self, columns: &[String]) -> bool {
        let same = |key: &[String]| {
            !key.is_empty()
                && key.len() == columns.len()
                && key.iter().all(|column| columns.contains(column))
        };
        let single =
            |column: &ColumnDefinition| column.unique && same(std::slice::from_ref(&column.name));
        same(&self.primary_key)
            || self.uniques.iter().any(|unique| same(unique))
            || self.uniques_nulls_not_distinct.iter().any(|unique| same(unique))
            || self.columns.iter().any(single)
    }
}

/// A column as it is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefinition {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether the database makes the value where none is given: a generated key, or a column
    /// that is declared with [`server_default`](Self::server_default).
    pub generated: bool,
    /// Whether it must be unique.
    pub unique: bool,
    /// Whether it has an index of its own.
    pub index: bool,
    /// The value that the client gives where the object has none.
    pub default: Option<Value>,
    /// The SQL expression that the database gives where the object has no value.
    pub server_default: Option<String>,
    /// A CHECK constraint: an SQL expression.
    pub check: Option<String>,
}

impl ColumnDefinition {
    /// A column that may not be NULL and has no other properties.
    pub fn new(name: impl Into<String>, ty: ColumnType) -> Self {
        Self {
            name: name.into(),
            ty,
            nullable: false,
            generated: false,
            unique: false,
            index: false,
            default: None,
            server_default: None,
            check: None,
        }
    }

    /// The same column, but it may be NULL.
    pub fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// The same column, but the database makes its value.
    pub fn generated(self) -> Self {
        Self { generated: true, ..self }
    }
}

/// A foreign key as it is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKeyDefinition {
    /// The referring columns.
    pub columns: Vec<String>,
    /// The table they refer to, by its [full name](TableDefinition::full_name).
    pub table: String,
    /// The columns they refer to; empty for the primary key of that table.
    pub references: Vec<String>,
    /// What the database does with the row when the row it refers to is deleted.
    pub on_delete: Action,
    /// What the database does with the row when the key it refers to changes.
    pub on_update: Action,
    /// Whether the check may wait for COMMIT.
    pub deferrable: Deferrable,
}

impl ForeignKeyDefinition {
    /// A foreign key without actions.
    pub fn new(columns: Vec<String>, table: impl Into<String>, references: Vec<String>) -> Self {
        Self {
            columns,
            table: table.into(),
            references,
            on_delete: Action::NoAction,
            on_update: Action::NoAction,
            deferrable: Deferrable::No,
        }
    }
}

/// What a database does with referring rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Action {
    /// It refuses at the end of the statement (or at COMMIT, where the key is deferred).
    #[default]
    NoAction,
    /// It refuses at once.
    Restrict,
    /// It deletes or changes them likewise.
    Cascade,
    /// It sets their columns to NULL.
    SetNull,
    /// It sets their columns to their default.
    SetDefault,
}

impl Action {
    /// The SQL for it.
    pub fn sql(self) -> &'static str {
        match self {
            Action::NoAction => "NO ACTION",
            Action::Restrict => "RESTRICT",
            Action::Cascade => "CASCADE",
            Action::SetNull => "SET NULL",
            Action::SetDefault => "SET DEFAULT",
        }
    }

    /// Reads the word as the derive and the scenarios write it, such as `set null`, `set_null`
    /// or `cascade`.
    pub fn parse(word: &str) -> Option<Self> {
        match word.replace('_', " ").as_str() {
            "no action" => Some(Action::NoAction),
            "restrict" => Some(Action::Restrict),
            "cascade" => Some(Action::Cascade),
            "set null" => Some(Action::SetNull),
            "set default" => Some(Action::SetDefault),
            _ => None,
        }
    }
}

/// When a foreign key is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Deferrable {
    /// At the end of each statement.
    #[default]
    No,
    /// At the end of each statement, unless the transaction asks for later.
    InitiallyImmediate,
    /// At COMMIT.
    InitiallyDeferred,
}

/// A relationship as it is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationshipDefinition {
    /// Its name, such as `addresses`.
    pub name: String,
    /// The name of the entity it leads to.
    pub target: String,
    /// Which way it goes, and by which columns.
    pub kind: KindDefinition,
    /// The relationship of the target that leads back.
    pub back_populates: Option<String>,
    /// Its cascades; none for the default, save-update and merge.
    pub cascade: Option<Cascades>,
    /// Whether the database takes care of children when their parent is deleted.
    pub passive_deletes: PassiveDeletes,
    /// Whether the database carries changed keys to the children (ON UPDATE CASCADE).
    pub passive_updates: bool,
    /// Whether a target has at most one parent by this relationship.
    pub single_parent: bool,
    /// Whether the foreign key is written by an UPDATE of its own, after the INSERTs and before
    /// the DELETEs.
    pub post_update: bool,
    /// Whether it is only read.
    pub viewonly: bool,
    /// The order of the members: columns of the target.
    pub order_by: Vec<OrderBy>,
}

impl RelationshipDefinition {
    /// A relationship with the default options.
    pub fn new(name: impl Into<String>, target: impl Into<String>, kind: KindDefinition) -> Self {
        Self {
            name: name.into(),
            target: target.into(),
            kind,
            back_populates: None,
            cascade: None,
            passive_deletes: PassiveDeletes::No,
            passive_updates: true,
            single_parent: false,
            post_update: false,
            viewonly: false,
            order_by: Vec::new(),
        }
    }
}

/// The direction of a relationship and the columns it goes by.
#[derive(Clone, Debug, PartialEq)]
pub enum KindDefinition {
    /// A list of rows whose foreign key points here.
    OneToMany(Via),
    /// At most one row whose foreign key points here.
    OneToOne(Via),
    /// The row that a foreign key of this row points at. The columns are those of this entity's
    /// table.
    ManyToOne {
        /// The referring columns.
        foreign_key: Vec<String>,
    },
    /// A list of rows, by way of an association table.
    ManyToMany {
        /// The association table, by its [full name](TableDefinition::full_name).
        table: String,
        /// Its columns that point here.
        local: Vec<String>,
        /// Its columns that point at the target.
        remote: Vec<String>,
    },
}

/// How a relationship names the foreign key that lies on the target's side.
#[derive(Clone, Debug, PartialEq)]
pub enum Via {
    /// By its columns.
    Columns(Vec<String>),
    /// By the target's relationship that goes by it.
    Inverse(String),
}

/// Whether children are left to the database when their parent is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PassiveDeletes {
    /// No: entail loads or reaches them.
    #[default]
    No,
    /// Those that are not loaded are.
    Yes,
    /// All are, loaded or not.
    All,
}

/// One column of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBy {
    /// The column.
    pub column: String,
    /// Upwards or downwards.
    pub direction: Direction,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the least to the greatest.
    #[default]
    Ascending,
    /// From the greatest to the least.
    Descending,
}
