//! Batches: what the engine asks a driver to run in one trip, and what comes back.
//!
//! A batch is plain data. Its SQL text is final; a parameter is a value or a *slot*: the place
//! of a key that an earlier statement of the batch makes. A driver runs the requests in their
//! order, fills slots as it goes, checks the row counts that the requests expect, and stops at
//! the first failure, which it reports with the place where it happened.

mod params;
mod rows;

use std::sync::Arc;

use crate::value::{ColumnType, Value};

pub use params::{Param, ParamList, ParamRef, ParamSlice, Params};
pub use rows::{Row, Rows};

/// One trip to the database: requests that run in their order on one connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// What to run.
    pub requests: Vec<Request>,
    /// How many slots the requests use, numbered from 0.
    pub slots: usize,
}

impl Batch {
    /// Whether there is nothing to run.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether the batch is a transaction around one statement that writes at most one row, and is
    /// right or has written nothing. A database commits such a statement by itself, which saves a
    /// BEGIN and a COMMIT, and on a server the trip of a COMMIT that waits for the count.
    pub fn is_lone_write(&self) -> bool {
        let [Request::Begin, Request::Call(call), Request::Commit] = self.requests.as_slice()
        else {
            return false;
        };
        matches!(call.kind, CallKind::Execute { .. })
            && call.executions() == 1
            && call.target.as_ref().is_some_and(|target| target.one_row)
    }
}

/// One request of a [`Batch`].
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Begin the transaction, for writing: on SQLite `BEGIN IMMEDIATE`. The engine asks for it
    /// at most once a transaction.
    Begin,
    /// Commit the transaction.
    Commit,
    /// Roll the transaction back. It never fails because there is none.
    Rollback,
    /// Set the savepoint with this number.
    Savepoint(u32),
    /// Release the savepoint with this number.
    Release(u32),
    /// Roll back to the savepoint with this number; the savepoint is gone afterwards.
    RollbackTo(u32),
    /// Run a statement, once or several times with other parameters.
    Call(Call),
}

/// A statement with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The text, final.
    pub sql: Arc<str>,
    /// The parameters of all executions, one after the other.
    pub params: Params,
    /// How many parameters one row takes; see [`bind`](Self::bind).
    pub arity: usize,
    /// How the parameters are given to the statement.
    pub bind: Bind,
    /// What the statement gives back, and what is expected of it.
    pub kind: CallKind,
    /// What the statement writes, where the engine wrote it; a driver uses it to say more
    /// about a failure. Raw SQL has none.
    pub target: Option<Arc<Target>>,
}

impl Call {
    /// How many times the statement runs.
    pub fn executions(&self) -> usize {
        match self.bind {
            Bind::Each => self.params.len().checked_div(self.arity).unwrap_or(1),
            Bind::Columns(_) => 1,
        }
    }
}

/// How the parameters of a [`Call`] are given to its statement. They lie row by row in both cases.
#[derive(Clone, Debug, PartialEq)]
pub enum Bind {
    /// Each as a parameter of its own: the statement runs once for every `arity` of them, or once
    /// if it takes none.
    Each,
    /// The statement runs once and has `arity` parameters, each an array: the first one of the
    /// first values of all rows, and so on. These are the types of the elements. Only dialects
    /// with arrays have such calls (PostgreSQL, by way of `unnest`).
    Columns(Arc<[ColumnType]>),
}

impl Bind {
    /// The arity of a call that takes `rows` rows of so many values at once.
    pub(crate) fn arity(&self, width: usize, rows: usize) -> usize {
        if *self == Bind::Each { rows * width } else { width }
    }

    /// The number of rows as far as the text of the statement depends on it.
    pub(crate) fn text_rows(&self, rows: usize) -> usize {
        if *self == Bind::Each { rows } else { 0 }
    }
}

/// What a [`Call`] gives back.
#[derive(Clone, Debug, PartialEq)]
pub enum CallKind {
    /// Rows. The statement runs once.
    Query {
        /// The types of the columns, in their order; empty to take each value as it is stored.
        types: Arc<[ColumnType]>,
    },
    /// The number of rows written, checked after each execution.
    Execute {
        /// What is expected of it.
        expect: Expect,
    },
    /// An INSERT whose generated values go into slots, row by row in the order of the VALUES:
    /// the generated value `c` of row `r` goes into slot `first + r * columns.len() + c`.
    Insert {
        /// The first slot.
        first: u32,
        /// How many rows one execution inserts.
        rows: usize,
        /// The columns whose values the database generates.
        columns: Arc<[GeneratedColumn]>,
        /// How the driver learns the generated values.
        fetch: Fetch,
    },
}

/// A column whose value the database makes at INSERT.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedColumn {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: ColumnType,
}

/// How a driver learns the values that an INSERT generated.
#[derive(Clone, Debug, PartialEq)]
pub enum Fetch {
    /// The statement has a RETURNING clause that gives the rows in the order of the VALUES.
    Returning,
    /// The one generated column is the table's rowid alias, and the statement has no RETURNING:
    /// SQLite numbers the rows of one statement consecutively where no trigger interferes and
    /// the largest rowid is not used up. The driver makes sure of that; where it does not hold,
    /// it runs `single` once a row instead.
    Consecutive {
        /// The same INSERT for one row, with RETURNING.
        single: Arc<str>,
    },
    /// The one generated column is the table's AUTO_INCREMENT, and the database has no RETURNING
    /// (MySQL). It gives the number of the first row of a statement whose rows are all written
    /// down in it, and numbers the others after it, each `auto_increment_increment` above the one
    /// before, whatever other connections insert.
    FirstNumber,
    /// The database has no RETURNING (MySQL), and makes more than one number, or something else. The
    /// statement has one row, which `select` reads behind it.
    ByKey {
        /// A SELECT of the generated columns of the row with the key: of a part that was generated it
        /// says `LAST_INSERT_ID()`.
        select: Arc<str>,
        /// The places of its parameters among those of the INSERT.
        keys: Arc<[usize]>,
    },
}

/// What is expected of the number of rows that one execution writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// Exactly this many rows.
    Exactly(u64),
}

/// What a statement writes: enough to look for the reason of a failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// INSERT, UPDATE or DELETE.
    pub operation: Operation,
    /// The schema of the table, where the mapping names one.
    pub schema: Option<Arc<str>>,
    /// The table.
    pub table: Arc<str>,
    /// For INSERT and UPDATE: the columns that are set, in the order of their parameters.
    pub columns: Vec<Arc<str>>,
    /// For UPDATE and DELETE of rows by key: the columns that find the row, in the order of
    /// their parameters, which follow those of `columns`. Empty where the rows are found in
    /// another way.
    pub keys: Vec<Arc<str>>,
    /// Whether each execution is an UPDATE or DELETE of one row by its primary key.
    pub one_row: bool,
}

/// What a statement does to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
}

/// Takes rows while a batch runs, so that nobody has to hold all of them.
///
/// It is given the number of the query among those of the batch, and a part of its rows, which
/// it may take out; how many that are is the driver's choice. The last rows of each query are
/// not handed to it: they are in the [`Outcome`].
pub type Sink<'a> = dyn FnMut(usize, &mut Rows) + Send + 'a;

/// Collects the rows that a driver hands over while a batch runs.
#[derive(Debug, Default)]
pub struct Parts {
    rows: Vec<Rows>,
}

impl Parts {
    /// Takes a part of the rows of a query.
    pub fn take(&mut self, query: usize, part: &mut Rows) {
        if self.rows.len() <= query {
            self.rows.resize_with(query + 1, Rows::default);
        }
        match &mut self.rows[query] {
            first if first.is_empty() => *first = std::mem::take(part),
            before => before.append(part),
        }
    }

    /// Puts the parts before the last rows, so that the outcome has all of them.
    pub fn complete(self, outcome: &mut Outcome) {
        for (mut all, last) in self.rows.into_iter().zip(&mut outcome.rows) {
            if !all.is_empty() {
                all.append(last);
                *last = all;
            }
        }
    }
}

/// What came back from a [`Batch`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// For each request that is a [`CallKind::Query`], in order, its rows; without those that
    /// were handed over while the batch ran.
    pub rows: Vec<Rows>,
    /// The slots, filled.
    pub slots: Vec<Value>,
    /// For each request in order the number of rows it wrote in all its executions; 0 for
    /// queries and for requests that are no calls.
    pub written: Vec<u64>,
}
