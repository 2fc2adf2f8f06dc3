//! The changes station: compares the arena with what the database has, and says what must be
//! written and why. It orders nothing.
//!
//! ```text
//!   new, touched, marked --register--> fates --settle--> fates of all that is affected
//!                                        \-- what is not loaded: a pass of loading, then again
//!   fates --synchronise--> foreign key values --build--> rows, links, sets
//! ```

mod build;
mod bulk;
mod fate;
mod sets;
mod settle;
mod synchronise;
mod write_back;

use std::fmt;
use std::sync::Arc;

use crate::arena::Arena;
use crate::batch::{Expect, Operation, Param};
use crate::cascade::Missing;
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::key::Key;
use crate::mapping::{Cascade, Mapping, RelationshipId, TableId};
use crate::value::Value;

pub use bulk::{Bulk, BulkRow, Of};
pub use write_back::WriteBack;

/// What a flush must write: plain data, in no order yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeSet {
    /// Rows that wait for nothing in their own table, by their shapes.
    pub bulks: Vec<Bulk>,
    /// Other rows of entities.
    pub rows: Vec<RowChange>,
    /// Other rows of association tables.
    pub links: Vec<LinkChange>,
    /// Rows that are reached by their parents' keys, without being known one by one.
    pub sets: Vec<SetChange>,
    /// How many slots the rows use.
    pub slots: usize,
    /// The reasons that the changes refer to.
    pub causes: Vec<CauseNode>,
    /// Values that the objects take after the flush: foreign keys, versions and defaults.
    pub write_back: WriteBack,
    /// Objects that take part and have a row afterwards.
    pub kept: Vec<ObjectId>,
    /// Objects that have no row afterwards.
    pub deleted: Vec<ObjectId>,
    /// Pending objects that are dropped, because they lost their parent outside of the session.
    pub dropped: Vec<ObjectId>,
}

/// When a row is written, among the statements for its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// In its place.
    Main,
    /// Afterwards, because its relationship has post_update.
    After,
    /// Before the deletes, because its relationship has post_update.
    BeforeDelete,
}

/// One row of an entity.
#[derive(Clone, Debug, PartialEq)]
pub struct RowChange {
    /// The object.
    pub object: ObjectId,
    /// Its table.
    pub table: TableId,
    /// What is done.
    pub operation: Operation,
    /// When it is done.
    pub phase: Phase,
    /// The columns that are written.
    pub values: Vec<(usize, Param)>,
    /// The columns that find the row.
    pub key: Vec<(usize, Param)>,
    /// The first of the slots that take generated columns, and which columns these are.
    pub generated: Option<(u32, Arc<[usize]>)>,
    /// What the row gives up: of an UPDATE the former values of the written columns, of a
    /// DELETE its values.
    pub old: Vec<(usize, Value)>,
    /// How many rows must be met.
    pub expect: Expect,
    /// The place among the objects that were added.
    pub order: u32,
    /// The reason, by its place in [`ChangeSet::causes`].
    pub cause: u32,
}

/// One row of an association table.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkChange {
    /// The table.
    pub table: TableId,
    /// INSERT, DELETE, or UPDATE where a key changed.
    pub operation: Operation,
    /// The columns of the row; for UPDATE those that are written.
    pub values: Vec<(usize, Param)>,
    /// For UPDATE the columns that find the row.
    pub key: Vec<(usize, Param)>,
    /// The reason.
    pub cause: u32,
}

/// Rows that are reached by the keys of their parents.
#[derive(Clone, Debug, PartialEq)]
pub struct SetChange {
    /// DELETE, or UPDATE to set the columns to NULL.
    pub operation: Operation,
    /// The table.
    pub table: TableId,
    /// Its columns that refer to the first hop, or to the keys if there is none.
    pub columns: Vec<usize>,
    /// Tables between it and the keys, from the nearest to the farthest.
    pub hops: Vec<Hop>,
    /// The keys of the parents at the far end.
    pub keys: Vec<Vec<Value>>,
    /// The reason.
    pub cause: u32,
}

/// A table on the way of a [`SetChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The table.
    pub table: TableId,
    /// Its columns that are referred to.
    pub select: Vec<usize>,
    /// Its columns that refer to the next hop, or to the keys.
    pub columns: Vec<usize>,
}

/// Why a row is written.
#[derive(Clone, Debug, PartialEq)]
pub struct CauseNode {
    /// The object.
    pub object: ObjectId,
    /// Its key, if it has a row.
    pub key: Option<Key>,
    /// What happened to it.
    pub reason: Reason,
    /// The reason behind this one.
    pub parent: Option<u32>,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was added.
    Added,
    /// Its columns or links were changed.
    Changed,
    /// It was deleted.
    Deleted,
    /// A cascade reached it along a relationship.
    Cascaded(RelationshipId, Cascade),
    /// It lost its parent by a relationship with delete-orphan.
    Orphaned(RelationshipId),
    /// Its foreign key follows a relationship of another object.
    Linked(RelationshipId),
    /// Rows without objects, reached along a relationship.
    Reached(RelationshipId),
    /// It takes over the row of an object that was deleted.
    Switched,
}

/// What must be loaded before the changes are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Relationships.
    pub relationships: Vec<Missing>,
    /// Relationships to one whose former target is needed.
    pub former: Vec<Missing>,
    /// Objects whose rows are needed.
    pub rows: Vec<ObjectId>,
}

impl Needs {
    /// Whether nothing is needed.
    pub fn is_empty(&self) -> bool {
        self.relationships.is_empty() && self.former.is_empty() && self.rows.is_empty()
    }
}

/// What collecting came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Collected {
    /// All changes.
    Changes(ChangeSet),
    /// Something must be loaded first.
    Needs(Needs),
}

/// What becomes of rows that a delete reaches and nothing in memory needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unloaded {
    /// They are written by the keys of their parents.
    #[default]
    InSets,
    /// They are loaded, and written one by one.
    OneByOne,
}

/// Collects all changes of the arena.
///
/// # Errors
///
/// E0301, E0303, E0304 and E0309.
pub fn collect(arena: &Arena, unloaded: Unloaded) -> Result<Collected, FlushError> {
    if !arena.has_work() {
        return Ok(Collected::Changes(ChangeSet::default()));
    }
    let mut fates = fate::Fates::new(arena, unloaded);
    fates.register_work()?;
    fates.settle();
    if !fates.needs.is_empty() {
        return Ok(Collected::Needs(fates.needs.sorted()));
    }
    let foreign = synchronise::synchronise(&fates)?;
    build::build(&mut fates, foreign).map(Collected::Changes)
}

impl Needs {
    fn sorted(mut self) -> Self {
        self.relationships.sort_unstable();
        self.relationships.dedup();
        self.former.sort_unstable();
        self.former.dedup();
        self.rows.sort_unstable();
        self.rows.dedup();
        self
    }
}

impl ChangeSet {
    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.bulks.is_empty()
            && self.rows.is_empty()
            && self.links.is_empty()
            && self.sets.is_empty()
    }

    /// Writes a reason as a chain: `delete User#1 -> User.addresses (delete) -> Address#7`.
    pub fn write_cause(
        causes: &[CauseNode],
        mapping: &Mapping,
        cause: u32,
        f: &mut impl fmt::Write,
    ) -> fmt::Result {
        let Some(node) = causes.get(cause as usize) else { return Ok(()) };
        match (node.reason, node.parent) {
            (Reason::Cascaded(relationship, cascade), Some(parent)) => {
                Self::write_cause(causes, mapping, parent, f)?;
                let label = mapping.relationship_label(relationship);
                write!(f, " -> {label} ({}) -> ", cascade.word())?;
            }
            (Reason::Cascaded(relationship, cascade), None) => {
                write!(f, "{} ({}) -> ", mapping.relationship_label(relationship), cascade.word())?;
            }
            (Reason::Linked(relationship), Some(parent)) => {
                Self::write_cause(causes, mapping, parent, f)?;
                write!(f, " -> {} -> ", mapping.relationship_label(relationship))?;
            }
            (Reason::Linked(relationship), None) => {
                write!(f, "{} -> ", mapping.relationship_label(relationship))?;
            }
            (Reason::Reached(relationship), parent) => {
                if let Some(parent) = parent {
                    Self::write_cause(causes, mapping, parent, f)?;
                    f.write_str(" -> ")?;
                }
                return f.write_str(&mapping.relationship_label(relationship));
            }
            (Reason::Orphaned(relationship), _) => {
                write!(f, "orphan of {} -> ", mapping.relationship_label(relationship))?;
            }
            (Reason::Added, _) => f.write_str("add ")?,
            (Reason::Changed, _) => f.write_str("change ")?,
            (Reason::Deleted, _) => f.write_str("delete ")?,
            (Reason::Switched, _) => f.write_str("take over the row of ")?,
        }
        write_label(mapping, node.object, node.key.as_ref(), f)
    }
}

/// Writes how an object is called: `User#1`, or `User(new 3)`.
pub(crate) fn write_label(
    mapping: &Mapping,
    object: ObjectId,
    key: Option<&Key>,
    f: &mut impl fmt::Write,
) -> fmt::Result {
    let name = &mapping.entity(object.entity).name;
    match key {
        Some(key) => write!(f, "{name}#{key}"),
        None => write!(f, "{name}(new {})", object.slot.0),
    }
}
