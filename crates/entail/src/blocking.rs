//! The same for programs without a runtime: every verb that needs the database blocks.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use entail_engine::arena::MergeGraph;
use entail_engine::batch::{Batch, Outcome};
use entail_engine::entity::{Entity, Object, Record};
use entail_engine::error::{BatchFailure, Error, StateError};
use entail_engine::flow::{
    Executed, Flow, Flush, Get, Intake, Load, Merge, Preview, Raw, Reach, Refresh, RollBack,
    RollBackTo, Step,
};
use entail_engine::handle::{Handle, RawHandle};
use entail_engine::key::{EntityKey, Key};
use entail_engine::mapping::{Cascade, EntityId, Mapping};
use entail_engine::plan::Plan;
use entail_engine::unit::{Unit, UnitOptions};
use entail_engine::value::Value;

use crate::database;
use crate::driver::blocking::{Connection, Pool};
use crate::path::PathTo;
use crate::query::Query;
use crate::retry;
use crate::work::Work;

/// A database and the mapping of what is in it, for programs without a runtime.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    mapping: Arc<Mapping>,
}

impl Database {
    /// Opens a database by its URL: `sqlite:app.db`, `sqlite::memory:`,
    /// `postgres://user:password@host/database` or `mysql://user:password@host/database`. It is
    /// opened once at once, so that a mistake shows here.
    ///
    /// # Errors
    ///
    /// E0511 for a mistake in the URL, E0501 if the database cannot be opened, E0516 if the
    /// mapping asks for what it does not have.
    pub fn connect(url: &str, mapping: Mapping) -> Result<Self, Error> {
        let pool = Pool::open(url)?;
        database::check(&mapping, pool.dialect())?;
        Ok(Self { pool, mapping: Arc::new(mapping) })
    }

    /// The mapping.
    pub fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    /// Creates all tables and indexes that are not there, in dependency order.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub fn create_all(&self) -> Result<(), Error> {
        self.run_script(self.create_all_sql())
    }

    /// Drops all tables of the mapping.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub fn drop_all(&self) -> Result<(), Error> {
        self.run_script(self.drop_all_sql())
    }

    /// The statements of [`create_all`](Self::create_all).
    pub fn create_all_sql(&self) -> Vec<String> {
        entail_engine::ddl::create_all(&self.mapping, self.pool.dialect())
    }

    /// The statements of [`drop_all`](Self::drop_all).
    pub fn drop_all_sql(&self) -> Vec<String> {
        entail_engine::ddl::drop_all(&self.mapping, self.pool.dialect())
    }

    fn run_script(&self, statements: Vec<String>) -> Result<(), Error> {
        let mut connection = self.pool.take()?;
        connection.run_script(statements).map_err(|failure| Error::Driver(failure.error))
    }

    /// A new session.
    pub fn session(&self) -> Session {
        self.session_with(UnitOptions::default())
    }

    /// A new session that does other things by itself.
    pub fn session_with(&self, options: UnitOptions) -> Session {
        let unit = Unit::new(Arc::clone(&self.mapping), self.pool.dialect(), options);
        Session { work: Work::new(unit), pool: self.pool.clone(), connection: None }
    }

    /// Runs `work` on a new session and commits, again and again as long as others are in the way;
    /// see [`crate::Database::transaction`].
    ///
    /// # Errors
    ///
    /// Those of `work` and of the commit; one that is retryable only after ten tries.
    pub fn transaction<T, E>(
        &self,
        mut work: impl FnMut(&mut Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error> + std::error::Error + 'static,
    {
        let mut pauses = retry::pauses();
        loop {
            let mut session = self.session();
            let failed = match work(&mut session) {
                Ok(output) => match session.commit() {
                    Ok(()) => return Ok(output),
                    Err(error) => E::from(error),
                },
                Err(error) => error,
            };
            drop(session);
            match pauses.next() {
                Some(pause) if retry::is_retryable(&failed) => {
                    tracing::debug!(?pause, "the transaction is tried again");
                    std::thread::sleep(pause);
                }
                _ => return Err(failed),
            }
        }
    }
}

/// A unit of work with an identity map, whose verbs block; see [`crate::Session`].
#[derive(Debug)]
pub struct Session {
    work: Work,
    pool: Pool,
    connection: Option<Connection>,
}

impl Session {
    /// Runs a flow: the one loop around the engine.
    pub(crate) fn drive<F: Flow>(&mut self, mut flow: F) -> Result<F::Output, Error> {
        let _span = self.work.span(F::NAME).entered();
        let mut answer = None;
        let result = loop {
            match flow.next(&mut self.work.unit, answer.take()) {
                Ok(Step::Done(output)) => break Ok(output),
                Err(error) => break Err(error),
                Ok(Step::Run(batch)) => {
                    self.work.unit.count(&batch);
                    answer = Some(self.run(batch, &mut flow));
                }
            }
        };
        if !self.work.unit.in_transaction() {
            self.connection = None;
        }
        result
    }

    /// Runs a batch; the flow takes rows while it runs.
    fn run<F: Flow>(&mut self, batch: Batch, flow: &mut F) -> Result<Outcome, BatchFailure> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                let taken = self.pool.take().map_err(|error| BatchFailure {
                    request: None,
                    execution: 0,
                    error,
                    in_transaction: false,
                })?;
                self.connection.insert(taken)
            }
        };
        let mut intake = Intake::new(flow, &mut self.work.unit);
        let outcome = connection.run_into(batch, &mut |query, rows| intake.take(query, rows))?;
        Ok(intake.complete(outcome))
    }

    /// Writes all changes to the database, in the open transaction.
    ///
    /// # Errors
    ///
    /// E0301 to E0309 if it cannot be planned or rows were changed by others, E0502 if a constraint
    /// refuses, and failures of the database. The session is as before then.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.drive(Flush::new())
    }

    /// Flushes and commits the transaction, savepoints included, in one trip.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn commit(&mut self) -> Result<(), Error> {
        self.drive(Flush::and_commit())
    }

    /// Flushes and sets a savepoint.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn savepoint(&mut self) -> Result<(), Error> {
        self.drive(Flush::and_savepoint())
    }

    /// Rolls the transaction back, savepoints included. New objects become transient, deleted
    /// ones persistent again; values are as before the transaction, and stale.
    ///
    /// # Errors
    ///
    /// If the database could not be reached; the session is rolled back even so.
    pub fn rollback(&mut self) -> Result<(), Error> {
        self.drive(RollBack::new())
    }

    /// Rolls back to the innermost savepoint, which is gone afterwards. What changed since is as
    /// before it, and stale.
    ///
    /// # Errors
    ///
    /// E0212 if none is open, and failures of the database.
    pub fn rollback_to_savepoint(&mut self) -> Result<(), Error> {
        self.drive(RollBackTo::new())
    }

    /// What a flush would do now, and why. It may load what deletes reach.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush), but for what only the database can refuse.
    pub fn plan(&mut self) -> Result<Plan, Error> {
        self.drive(Preview::new())
    }

    /// Flushes and releases the innermost savepoint: what was done since belongs to the enclosing
    /// one, or to the transaction.
    ///
    /// # Errors
    ///
    /// E0212 if none is open; else as [`flush`](Self::flush).
    pub fn release_savepoint(&mut self) -> Result<(), Error> {
        if self.savepoints() == 0 {
            return Err(StateError::NoSavepoint.into());
        }
        self.drive(Flush::and_release())
    }

    /// The object with this key: from the identity map, or else from the database; none if there
    /// is no such row.
    ///
    /// # Errors
    ///
    /// Those of the flush that goes before, and failures of the database.
    pub fn get_by_key<T: Entity>(
        &mut self,
        key: impl Into<T::Key>,
    ) -> Result<Option<Handle<T>>, Error> {
        let entity = self.entity::<T>()?;
        let found = self.drive(Get::new(entity, key.into().into_key()))?;
        Ok(found.map(|id| self.work.unit.arena.handle(id)))
    }

    /// The record with this key, of an entity that is mapped at run time.
    ///
    /// # Errors
    ///
    /// As [`get_by_key`](Self::get_by_key), and E0217 for a key of another width.
    pub fn get_record(
        &mut self,
        entity: EntityId,
        key: Key,
    ) -> Result<Option<Handle<Record>>, Error> {
        let found = self.drive(Get::new(entity, key))?;
        Ok(found.map(|id| self.work.unit.arena.handle(id)))
    }

    /// A query for objects of type `T`.
    pub fn query<T: Entity>(&mut self) -> Query<'_, Self, T> {
        Query::new(self)
    }

    /// A query for the records of an entity that is mapped at run time.
    pub fn query_records(&mut self, entity: EntityId) -> Query<'_, Self, Record> {
        Query::of_entity(self, entity)
    }

    /// Loads the relationships of a path, one SELECT a relationship. What is loaded stays as it
    /// is.
    ///
    /// # Errors
    ///
    /// Those of the flush that goes before, E0404 if the object's row is gone, and failures of
    /// the database.
    pub fn load<P: PathTo>(&mut self, object: Handle<P::Root>, path: P) -> Result<(), Error> {
        self.load_all(&[object], path)
    }

    /// Loads the relationships of a path for several objects, one SELECT a relationship.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_all<P: PathTo>(
        &mut self,
        objects: &[Handle<P::Root>],
        path: P,
    ) -> Result<(), Error> {
        let Some(first) = objects.first() else { return Ok(()) };
        let entity = self.id(*first)?.entity;
        let path = self.path(entity, path)?;
        let mut ids = Vec::with_capacity(objects.len());
        for object in objects {
            ids.push(self.id(*object)?);
        }
        self.drive(Load::new(ids, path))
    }

    /// Drops the unflushed changes of an object and reads its row again. With autoflush, changes of
    /// others are written before.
    ///
    /// # Errors
    ///
    /// E0205 for an object that is not persistent, E0404 if its row is gone, those of the flush
    /// that goes before, and failures of the database.
    pub fn refresh<T>(&mut self, object: Handle<T>) -> Result<(), Error> {
        let id = self.id(object)?;
        self.drive(Refresh::new(id))
    }

    /// Merges a graph of new or detached values: the state of each is copied onto the session's
    /// own object with its key, which is loaded if it must be, or onto a new one. Unset fields
    /// and relationships are left alone.
    ///
    /// # Errors
    ///
    /// E0307 if a version differs, those of the flush that goes before, and failures of the
    /// database.
    pub fn merge<T: Object>(&mut self, value: T) -> Result<Handle<T>, Error> {
        let merged = self.merge_all([value])?;
        Ok(merged[0])
    }

    /// Merges the graphs of several values, as [`merge`](Self::merge) does with one, with one SELECT
    /// an entity or relationship and level for all of them.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge). If a version differs, nothing is merged.
    pub fn merge_all<T: Object>(
        &mut self,
        values: impl IntoIterator<Item = T>,
    ) -> Result<Vec<Handle<T>>, Error> {
        let graph = MergeGraph::of_values(&self.work.unit.arena, values)?;
        let merged = self.drive(Merge::new(graph))?;
        Ok(merged.into_iter().map(|id| self.work.unit.arena.handle(id)).collect())
    }

    /// Merges the graph of an object that is held or detached; it stays as it is.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge).
    pub fn merge_held<T>(&mut self, object: Handle<T>) -> Result<Handle<T>, Error> {
        let graph = MergeGraph::of_held(&self.work.unit.arena, &[object.raw()])?;
        let merged = self.drive(Merge::new(graph))?;
        Ok(self.work.unit.arena.handle(merged[0]))
    }

    /// Changes an object as a document says, such as the body of a PATCH: an absent field stays, null
    /// sets null, and a list is all that its relationship is to lead to, so that who is missing in it
    /// becomes an orphan where the cascade says so. In a list, an object with a key is one that is
    /// there, one without is new, and a bare key only names one. For a
    /// relationship to one, an object without a key is the one that is there, or new if there is none.
    ///
    /// The document's fields are columns and relationships by their names. It may change only what its
    /// object has. If it has a mistake, nothing is changed.
    ///
    /// ```
    /// # use entail::prelude::*;
    /// # #[derive(Entity)]
    /// # #[entity(table = "users")]
    /// # struct User {
    /// #     #[key] id: Auto<i64>, name: String,
    /// #     #[has_many(Address::USER, cascade = "all, delete-orphan")] addresses: HasMany<Address>,
    /// # }
    /// # #[derive(Entity)]
    /// # #[entity(table = "addresses")]
    /// # struct Address {
    /// #     #[key] id: Auto<i64>, street: String,
    /// #     #[belongs_to(column = "user_id", back_populates = User::ADDRESSES)] user: BelongsTo<User>,
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let db = entail::blocking::Database::connect("sqlite::memory:", mapping![User, Address]?)?;
    /// # db.create_all()?;
    /// # let mut session = db.session();
    /// # let ed = session.add(User {
    /// #     id: auto(), name: "ed".into(),
    /// #     addresses: many![Address::new("1 Main St"), Address::new("2 High St")],
    /// # });
    /// # session.commit()?;
    /// let body = r#"{"addresses": [{"id": 2, "street": "2 Low St"}, {"street": "3 New St"}]}"#;
    /// session.patch(ed, &mut serde_json::Deserializer::from_str(body))?;
    /// session.commit()?;
    ///
    /// let view = session.view(ed)?.with(User::ADDRESSES)?;
    /// assert_eq!(
    ///     serde_json::to_string(&view)?,
    ///     r#"{"id":1,"name":"ed","addresses":[{"id":2,"street":"2 Low St","user_id":1},{"id":3,"street":"3 New St","user_id":1}]}"#
    /// );
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// E0601 to E0607 for a mistake in the document, E0307 if it names another version than the
    /// row's, E0205 for an object that is not in the database, those of the flush that goes before, and
    /// failures of the database.
    #[cfg(feature = "serde")]
    pub fn patch<'de, T, D: serde_core::Deserializer<'de>>(
        &mut self,
        object: Handle<T>,
        document: D,
    ) -> Result<(), Error> {
        let id = self.id(object)?;
        let document = crate::document::read(self.mapping(), id.entity, document)?;
        let graph = MergeGraph::of_document(&self.work.unit.arena, id, document)?;
        self.drive(Merge::new(graph)).map(drop)
    }

    /// The objects that a cascade would reach from an object. For a delete it loads what is not
    /// loaded.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub fn reach<T>(
        &mut self,
        object: Handle<T>,
        cascade: Cascade,
    ) -> Result<Vec<RawHandle>, Error> {
        let id = self.id(object)?;
        let reached = self.drive(Reach::new(id, cascade))?;
        Ok(self.raw_handles(reached))
    }

    /// Runs raw SQL in the session's transaction, past the session: objects in memory do not know
    /// what it changes.
    ///
    /// # Errors
    ///
    /// Those of the flush that goes before, E0502 if a constraint refuses, and failures of the
    /// database.
    pub fn execute(
        &mut self,
        sql: &str,
        params: impl IntoIterator<Item = Value>,
    ) -> Result<Executed, Error> {
        self.drive(Raw::new(sql, params.into_iter().collect()))
    }
}

impl Deref for Session {
    type Target = Work;

    fn deref(&self) -> &Work {
        &self.work
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Work {
        &mut self.work
    }
}
