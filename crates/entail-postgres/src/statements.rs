//! Statements that a connection has prepared, and what it knows of the tables they write.

use std::num::NonZeroUsize;
use std::sync::Arc;

use entail_engine::batch::{Call, CallKind, Expect, Operation};
use lru::LruCache;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Statement};

/// What a table does with rows that are inserted into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Habits {
    /// A trigger or a rule may keep rows out.
    pub(crate) keeps_out: bool,
    /// A sequence of it counts down.
    pub(crate) counts_down: bool,
}

/// What is known of a call.
pub(crate) struct Known {
    /// None where the statement is not prepared.
    pub(crate) statement: Option<Statement>,
    /// None where the table into which the call inserts was not asked about.
    pub(crate) habits: Option<Habits>,
}

/// A call that can be sent.
#[derive(Clone)]
pub(crate) struct Ready {
    /// None where no statement is prepared.
    pub(crate) statement: Option<Statement>,
    pub(crate) habits: Habits,
}

/// The statements of a connection: the least recently used make room for others.
pub(crate) struct Statements {
    /// None to prepare nothing.
    prepared: Option<LruCache<Arc<str>, Statement>>,
    tables: LruCache<Arc<str>, Habits>,
}

/// So many tables are remembered.
const TABLES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

impl Statements {
    /// Room for so many statements.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            prepared: NonZeroUsize::new(capacity).map(LruCache::new),
            tables: LruCache::new(TABLES),
        }
    }

    /// Whether statements are prepared.
    pub(crate) fn are_kept(&self) -> bool {
        self.prepared.is_some()
    }

    /// Forgets everything: tables may have another shape now.
    pub(crate) fn clear(&mut self) {
        self.tables.clear();
        if let Some(prepared) = &mut self.prepared {
            prepared.clear();
        }
    }

    /// What is known of a call already.
    fn known(&mut self, call: &Call) -> Known {
        let statement = self.prepared.as_mut().and_then(|kept| kept.get(&call.sql).cloned());
        let habits = match filled(call) {
            Some(table) => self.habits(table),
            None => Some(Habits::default()),
        };
        Known { statement, habits }
    }

    /// The habits of a table, where they are known already.
    pub(crate) fn habits(&mut self, table: &str) -> Option<Habits> {
        self.tables.get(table).copied()
    }

    /// How a call can be sent, or what is known of it, if something must be asked before.
    pub(crate) fn ready(&mut self, call: &Call) -> Result<Ready, Known> {
        match self.known(call) {
            Known { statement, habits: Some(habits) }
                if statement.is_some() || !self.are_kept() =>
            {
                Ok(Ready { statement, habits })
            }
            known => Err(known),
        }
    }

    /// Takes an answer.
    pub(crate) fn learn(&mut self, learned: Learned) {
        match learned {
            Learned::Statement(sql, statement) => {
                if let Some(prepared) = &mut self.prepared {
                    prepared.put(sql, statement);
                }
            }
            Learned::Table(table, habits) => {
                self.tables.put(table, habits);
            }
        }
    }
}

/// What a connection asks the server before it sends a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// To prepare a statement.
    Statement(Arc<str>),
    /// The habits of a table.
    Table(Arc<str>),
}

/// An answer.
pub(crate) enum Learned {
    Statement(Arc<str>, Statement),
    Table(Arc<str>, Habits),
}

impl Question {
    /// Asks, in one trip.
    pub(crate) async fn ask(self, client: &Client) -> Result<Learned, Error> {
        match self {
            Question::Statement(sql) => {
                let statement = client.prepare(&sql).await?;
                Ok(Learned::Statement(sql, statement))
            }
            Question::Table(table) => {
                let rows = client.query_typed(HABITS, &[(&&*table, Type::TEXT)]).await?;
                let habits = match rows.first() {
                    Some(row) => {
                        Habits { keeps_out: row.try_get(0)?, counts_down: row.try_get(1)? }
                    }
                    None => Habits::default(),
                };
                Ok(Learned::Table(table, habits))
            }
        }
    }
}

/// Triggers that run before or instead of an INSERT, rules for it, and sequences that the table
/// owns.
const HABITS: &str = "\
SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = t.oid AND NOT g.tgisinternal \
AND g.tgtype & 4 <> 0 AND g.tgtype & 66 <> 0) \
OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = t.oid AND r.ev_type = '3'), \
EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid \
WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = d.classid \
AND d.refobjid = t.oid AND d.deptype IN ('a', 'i') AND s.seqincrement < 0) \
FROM pg_catalog.pg_class t WHERE t.oid = pg_catalog.to_regclass(pg_catalog.quote_ident($1))";

/// The table into which the call inserts rows that are counted.
pub(crate) fn filled(call: &Call) -> Option<&Arc<str>> {
    let counted = matches!(
        call.kind,
        CallKind::Insert { .. } | CallKind::Execute { expect: Expect::Exactly(_) }
    );
    let target = call.target.as_ref().filter(|_| counted)?;
    (target.operation == Operation::Insert).then_some(&target.table)
}
