//! Texts: the SQL of each shape of statement, built once and kept.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::batch::Target;
use crate::mapping::TableId;

use super::Dialect;

/// What a text depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape<'a> {
    /// Which kind of statement it is.
    pub kind: u8,
    pub table: TableId,
    pub columns: &'a [usize],
    pub keys: &'a [usize],
    pub generated: &'a [usize],
    /// How many rows or keys it takes.
    pub rows: usize,
    /// What else tells it from others.
    pub other: u64,
}

#[derive(Debug)]
struct Kept {
    kind: u8,
    table: TableId,
    columns: Vec<usize>,
    keys: Vec<usize>,
    generated: Vec<usize>,
    rows: usize,
    other: u64,
    text: Text,
}

/// A text, and what it writes.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub sql: Arc<str>,
    pub target: Option<Arc<Target>>,
}

impl Kept {
    fn shape(&self) -> Shape<'_> {
        Shape {
            kind: self.kind,
            table: self.table,
            columns: &self.columns,
            keys: &self.keys,
            generated: &self.generated,
            rows: self.rows,
            other: self.other,
        }
    }
}

/// How many texts are kept; beyond that all are dropped and built again as they are needed.
const CAPACITY: usize = 1024;

/// The SQL texts of one mapping in one dialect.
#[derive(Debug)]
pub struct Texts {
    /// The dialect.
    pub dialect: Dialect,
    kept: HashTable<Kept>,
}

fn hash(shape: &Shape<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    shape.hash(&mut hasher);
    hasher.finish()
}

impl Texts {
    /// No texts yet.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, kept: HashTable::new() }
    }

    /// The text of a shape, built if it is not there.
    pub(super) fn get(&mut self, shape: Shape<'_>, build: impl FnOnce() -> Arc<str>) -> Arc<str> {
        let text = self.of(shape, || Text { sql: build(), target: None });
        Arc::clone(&text.sql)
    }

    /// The text of a shape that writes, and what it writes, built if they are not there.
    pub(super) fn of(&mut self, shape: Shape<'_>, build: impl FnOnce() -> Text) -> &Text {
        let hashed = hash(&shape);
        if self.kept.len() >= CAPACITY
            && self.kept.find(hashed, |one| one.shape() == shape).is_none()
        {
            self.kept.clear();
        }
        let entry = self.kept.entry(hashed, |one| one.shape() == shape, |one| hash(&one.shape()));
        let make = || Kept {
            kind: shape.kind,
            table: shape.table,
            columns: shape.columns.to_vec(),
            keys: shape.keys.to_vec(),
            generated: shape.generated.to_vec(),
            rows: shape.rows,
            other: shape.other,
            text: build(),
        };
        &entry.or_insert_with(make).into_mut().text
    }
}
