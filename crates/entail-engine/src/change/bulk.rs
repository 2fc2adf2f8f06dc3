//! Bulks: rows of one shape that wait for nothing in their own table, collected in the form in
//! which they are written. Most rows of most flushes are such.

use std::sync::Arc;

use crate::batch::{Expect, Operation, Param, ParamList, ParamRef, ParamSlice};
use crate::handle::ObjectId;
use crate::mapping::{Table, TableId};
use crate::room;

use super::{LinkChange, Phase, RowChange};

/// Rows of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Bulk {
    /// The table.
    pub table: TableId,
    /// What is done.
    pub operation: Operation,
    /// Whether they are rows of objects or of an association table.
    pub of: Of,
    /// The columns that are written.
    pub columns: Vec<usize>,
    /// The columns that find the rows.
    pub keys: Vec<usize>,
    /// The columns that the database makes.
    pub generated: Arc<[usize]>,
    /// The parameters, row by row: the columns, then the keys.
    pub params: ParamList,
    /// The rows.
    pub rows: Vec<BulkRow>,
}

/// Whose rows they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Rows of entities.
    Objects,
    /// Association rows.
    Links,
}

/// One row of a [`Bulk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkRow {
    /// The object, if the row is one.
    pub object: Option<ObjectId>,
    /// The first slot that takes generated values.
    pub slot: u32,
    /// For an INSERT, the place among the objects that are written.
    pub order: u32,
    /// The reason.
    pub cause: u32,
}

/// Columns with their parameters.
pub(super) type Pairs = Vec<(usize, Param)>;

/// A row on its way into a bulk. Its pairs are drained.
pub(super) struct NewRow<'a> {
    pub table: TableId,
    pub operation: Operation,
    pub of: Of,
    pub values: &'a mut Pairs,
    pub key: &'a mut Pairs,
    pub generated: &'a [usize],
    pub row: BulkRow,
}

/// How many bulks are looked through for one of the same shape.
const LOOK_BACK: usize = 16;

/// Whether two lists of columns are the same. Both are short and mostly empty: a call that
/// compares memory costs more than the rest of the search.
fn same_columns(one: &[usize], other: &[usize]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one == other)
}

/// The bulk that is like `new`, or that one, added.
fn bulk_like(
    bulks: &mut Vec<Bulk>,
    is_like: impl Fn(&Bulk) -> bool,
    new: impl FnOnce() -> Bulk,
) -> &mut Bulk {
    let known = bulks.iter().rev().take(LOOK_BACK).position(is_like);
    let place = match known {
        Some(back) => bulks.len() - 1 - back,
        None => {
            if bulks.is_empty() {
                bulks.reserve_exact(1);
            }
            bulks.push(new());
            bulks.len() - 1
        }
    };
    &mut bulks[place]
}

/// Puts a row to those of its shape.
pub(super) fn put(bulks: &mut Vec<Bulk>, new: NewRow<'_>) {
    let same = |columns: &[usize], pairs: &Pairs| {
        columns.len() == pairs.len()
            && columns.iter().zip(pairs).all(|(one, (other, _))| one == other)
    };
    let is_like = |bulk: &Bulk| {
        bulk.table == new.table
            && bulk.operation == new.operation
            && bulk.of == new.of
            && same(&bulk.columns, new.values)
            && same(&bulk.keys, new.key)
            && same_columns(&bulk.generated, new.generated)
    };
    let columns = |pairs: &Pairs| pairs.iter().map(|(column, _)| *column).collect();
    let bulk = bulk_like(bulks, is_like, || Bulk {
        table: new.table,
        operation: new.operation,
        of: new.of,
        columns: columns(new.values),
        keys: columns(new.key),
        generated: Arc::from(new.generated),
        params: ParamList::new(),
        rows: Vec::new(),
    });
    bulk.params.extend(new.values.iter().chain(&*new.key).map(|(_, param)| param.as_ref()));
    new.values.clear();
    new.key.clear();
    bulk.push(new.row);
}

/// The bulk of new rows of a table in which the database makes the given columns. Its parameters
/// are pushed to it first, then the row.
pub(super) fn inserted<'a>(
    bulks: &'a mut Vec<Bulk>,
    table: &Table,
    generated: &Arc<[usize]>,
) -> &'a mut Bulk {
    let is_like = |bulk: &Bulk| {
        bulk.table == table.id
            && bulk.operation == Operation::Insert
            && bulk.of == Of::Objects
            && same_columns(&bulk.generated, generated)
    };
    bulk_like(bulks, is_like, || Bulk {
        table: table.id,
        operation: Operation::Insert,
        of: Of::Objects,
        columns: (0..table.columns.len()).filter(|column| !generated.contains(column)).collect(),
        keys: Vec::new(),
        generated: Arc::clone(generated),
        params: ParamList::new(),
        rows: Vec::new(),
    })
}

/// The bulk of rows of objects in which the given columns are updated, and which are found by
/// `keys`. Its parameters are pushed to it first, then the row.
pub(super) fn updated<'a>(
    bulks: &'a mut Vec<Bulk>,
    table: TableId,
    columns: &[usize],
    keys: &[usize],
) -> &'a mut Bulk {
    let is_like = |bulk: &Bulk| {
        bulk.table == table
            && bulk.operation == Operation::Update
            && bulk.of == Of::Objects
            && same_columns(&bulk.columns, columns)
            && same_columns(&bulk.keys, keys)
    };
    bulk_like(bulks, is_like, || Bulk {
        table,
        operation: Operation::Update,
        of: Of::Objects,
        columns: columns.to_vec(),
        keys: keys.to_vec(),
        generated: Arc::default(),
        params: ParamList::new(),
        rows: Vec::with_capacity(1),
    })
}

impl Bulk {
    /// Adds a row whose parameters are there already.
    #[inline]
    pub(super) fn push(&mut self, row: BulkRow) {
        let more = room::additional(&self.rows);
        if more > 0 {
            self.params.reserve(more * (self.columns.len() + self.keys.len()));
            self.rows.reserve(more);
        }
        self.rows.push(row);
    }

    /// How many rows each of the rows must meet.
    pub fn expect(&self) -> Expect {
        if self.operation == Operation::Insert { Expect::Any } else { Expect::Exactly(1) }
    }

    /// The parameters of each row.
    pub fn params_of_rows(&self) -> impl Iterator<Item = ParamSlice<'_>> {
        let arity = self.columns.len() + self.keys.len();
        let params = self.params.as_slice();
        (0..self.rows.len()).map(move |row| params.part(row * arity, arity))
    }

    /// Puts the rows into the order of the columns that find them.
    pub fn sort_by_keys(&mut self) {
        if self.rows.len() < 2 {
            return;
        }
        let keys: Vec<_> = self
            .params_of_rows()
            .map(|row| row.part(self.columns.len(), self.keys.len()))
            .collect();
        if keys.is_sorted_by(|one, other| one.compare(*other).is_le()) {
            return;
        }
        let mut places: Vec<usize> = (0..keys.len()).collect();
        places.sort_by(|&one, &other| keys[one].compare(keys[other]));
        self.params.reorder(&places, self.columns.len() + self.keys.len());
        self.rows = places.into_iter().map(|place| self.rows[place]).collect();
    }

    /// The rows one by one, where they are rows of objects.
    pub fn into_rows(self) -> Vec<RowChange> {
        let mut params = self.params.as_slice().iter().map(ParamRef::to_param);
        let mut pairs = |columns: &[usize]| -> Vec<(usize, Param)> {
            columns.iter().copied().zip(params.by_ref()).collect()
        };
        let mut rows = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let values = pairs(&self.columns);
            let key = pairs(&self.keys);
            let Some(object) = row.object else { continue };
            let generated =
                (!self.generated.is_empty()).then(|| (row.slot, Arc::clone(&self.generated)));
            rows.push(RowChange {
                object,
                table: self.table,
                operation: self.operation,
                phase: Phase::Main,
                values,
                key,
                generated,
                old: Vec::new(),
                expect: if self.operation == Operation::Insert {
                    Expect::Any
                } else {
                    Expect::Exactly(1)
                },
                order: row.order,
                cause: row.cause,
            });
        }
        rows
    }

    /// The rows one by one, where they are association rows.
    pub fn into_links(self) -> Vec<LinkChange> {
        let arity = self.columns.len() + self.keys.len();
        let columns: Vec<usize> = self.columns.into_iter().chain(self.keys).collect();
        let mut params = self.params.as_slice().iter().map(ParamRef::to_param);
        self.rows
            .iter()
            .map(|row| LinkChange {
                table: self.table,
                operation: self.operation,
                values: columns.iter().copied().zip(params.by_ref().take(arity)).collect(),
                key: Vec::new(),
                cause: row.cause,
            })
            .collect()
    }
}
