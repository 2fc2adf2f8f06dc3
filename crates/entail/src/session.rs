//! The async session: the verbs that need the database, over a connection of the pool.

use std::ops::{Deref, DerefMut};

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
use entail_engine::mapping::{Cascade, EntityId};
use entail_engine::plan::Plan;
use entail_engine::unit::Unit;
use entail_engine::value::Value;
use tracing::Instrument;

use crate::driver::asynchronous::{Connection, Pool};
use crate::path::PathTo;
use crate::query::Query;
use crate::work::Work;

/// A unit of work with an identity map.
///
/// It owns every object; handles name them. What is done in memory are the verbs of [`Work`],
/// which a session derefs to; what needs the database is async. The connection comes from the
/// pool when it is needed, and goes back when no transaction is open.
///
/// Dropping a future before it has ended leaves no trace of it in the database: the transaction is rolled
/// back. If work had been flushed in it before, the next verb says so (E0213), and
/// [`rollback`](Self::rollback) puts the objects back too.
#[derive(Debug)]
pub struct Session {
    work: Work,
    pool: Pool,
    connection: Option<Connection>,
}

impl Session {
    pub(crate) fn new(unit: Unit, pool: Pool) -> Self {
        Self { work: Work::new(unit), pool, connection: None }
    }

    /// Runs a flow: the one loop around the engine.
    pub(crate) async fn drive<F: Flow>(&mut self, mut flow: F) -> Result<F::Output, Error> {
        if self.connection.as_mut().is_some_and(Connection::was_interrupted) {
            self.work.unit.connection_lost("a call was dropped before it had ended");
            self.connection = None;
        }
        let span = self.work.span(F::NAME);
        let mut answer = None;
        let result = loop {
            match span.in_scope(|| flow.next(&mut self.work.unit, answer.take())) {
                Ok(Step::Done(output)) => break Ok(output),
                Err(error) => break Err(error),
                Ok(Step::Run(batch)) => {
                    self.work.unit.count(&batch);
                    answer = Some(match span.is_disabled() {
                        true => self.run(batch, &mut flow).await,
                        // Only who listens pays for the way around.
                        false => {
                            Box::pin(self.run(batch, &mut flow).instrument(span.clone())).await
                        }
                    });
                }
            }
        };
        if !self.work.unit.in_transaction() {
            self.connection = None;
        }
        result
    }

    /// Runs a batch; the flow takes rows while it runs.
    async fn run<F: Flow>(&mut self, batch: Batch, flow: &mut F) -> Result<Outcome, BatchFailure> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                let taken = self.pool.take().await.map_err(|error| BatchFailure {
                    request: None,
                    execution: 0,
                    error,
                    in_transaction: false,
                })?;
                self.connection.insert(taken)
            }
        };
        let mut intake = Intake::new(flow, &mut self.work.unit);
        let outcome =
            connection.run_into(batch, &mut |query, rows| intake.take(query, rows)).await?;
        Ok(intake.complete(outcome))
    }

    /// Writes all changes to the database, in the open transaction.
    ///
    /// # Errors
    ///
    /// E0301 to E0309 if it cannot be planned or rows were changed by others, E0502 if a constraint
    /// refuses, and failures of the database. The session is as before then.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.drive(Flush::new()).await
    }

    /// Flushes and commits the transaction, savepoints included, in one trip.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn commit(&mut self) -> Result<(), Error> {
        self.drive(Flush::and_commit()).await
    }

    /// Flushes and sets a savepoint.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn savepoint(&mut self) -> Result<(), Error> {
        self.drive(Flush::and_savepoint()).await
    }

    /// Rolls the transaction back, savepoints included. New objects become transient, deleted
    /// ones persistent again; values are as before the transaction, and stale.
    ///
    /// # Errors
    ///
    /// If the database could not be reached; the session is rolled back even so.
    pub async fn rollback(&mut self) -> Result<(), Error> {
        self.drive(RollBack::new()).await
    }

    /// Rolls back to the innermost savepoint, which is gone afterwards. What changed since is as
    /// before it, and stale.
    ///
    /// # Errors
    ///
    /// E0212 if none is open, and failures of the database.
    pub async fn rollback_to_savepoint(&mut self) -> Result<(), Error> {
        self.drive(RollBackTo::new()).await
    }

    /// What a flush would do now, and why. It may load what deletes reach.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush), but for what only the database can refuse.
    pub async fn plan(&mut self) -> Result<Plan, Error> {
        self.drive(Preview::new()).await
    }

    /// Flushes and releases the innermost savepoint: what was done since belongs to the enclosing
    /// one, or to the transaction.
    ///
    /// # Errors
    ///
    /// E0212 if none is open; else as [`flush`](Self::flush).
    pub async fn release_savepoint(&mut self) -> Result<(), Error> {
        if self.savepoints() == 0 {
            return Err(StateError::NoSavepoint.into());
        }
        self.drive(Flush::and_release()).await
    }

    /// The object with this key: from the identity map, or else from the database; none if there
    /// is no such row.
    ///
    /// # Errors
    ///
    /// Those of the flush that goes before, and failures of the database.
    pub async fn get_by_key<T: Entity>(
        &mut self,
        key: impl Into<T::Key>,
    ) -> Result<Option<Handle<T>>, Error> {
        let entity = self.entity::<T>()?;
        let found = self.drive(Get::new(entity, key.into().into_key())).await?;
        Ok(found.map(|id| self.work.unit.arena.handle(id)))
    }

    /// The record with this key, of an entity that is mapped at run time.
    ///
    /// # Errors
    ///
    /// As [`get_by_key`](Self::get_by_key), and E0217 for a key of another width.
    pub async fn get_record(
        &mut self,
        entity: EntityId,
        key: Key,
    ) -> Result<Option<Handle<Record>>, Error> {
        let found = self.drive(Get::new(entity, key)).await?;
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
    pub async fn load<P: PathTo>(&mut self, object: Handle<P::Root>, path: P) -> Result<(), Error> {
        self.load_all(&[object], path).await
    }

    /// Loads the relationships of a path for several objects, one SELECT a relationship.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub async fn load_all<P: PathTo>(
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
        self.drive(Load::new(ids, path)).await
    }

    /// Drops the unflushed changes of an object and reads its row again. With autoflush, changes of
    /// others are written before.
    ///
    /// # Errors
    ///
    /// E0205 for an object that is not persistent, E0404 if its row is gone, those of the flush
    /// that goes before, and failures of the database.
    pub async fn refresh<T>(&mut self, object: Handle<T>) -> Result<(), Error> {
        let id = self.id(object)?;
        self.drive(Refresh::new(id)).await
    }

    /// Merges a graph of new or detached values: the state of each is copied onto the session's
    /// own object with its key, which is loaded if it must be, or onto a new one. Unset fields
    /// and relationships are left alone.
    ///
    /// # Errors
    ///
    /// E0307 if a version differs, those of the flush that goes before, and failures of the
    /// database.
    pub async fn merge<T: Object>(&mut self, value: T) -> Result<Handle<T>, Error> {
        let merged = self.merge_all([value]).await?;
        Ok(merged[0])
    }

    /// Merges the graphs of several values, as [`merge`](Self::merge) does with one, with one SELECT
    /// an entity or relationship and level for all of them.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge). If a version differs, nothing is merged.
    pub async fn merge_all<T: Object>(
        &mut self,
        values: impl IntoIterator<Item = T>,
    ) -> Result<Vec<Handle<T>>, Error> {
        let graph = MergeGraph::of_values(&self.work.unit.arena, values)?;
        let merged = self.drive(Merge::new(graph)).await?;
        Ok(merged.into_iter().map(|id| self.work.unit.arena.handle(id)).collect())
    }

    /// Merges the graph of an object that is held or detached; it stays as it is.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge).
    pub async fn merge_held<T>(&mut self, object: Handle<T>) -> Result<Handle<T>, Error> {
        let graph = MergeGraph::of_held(&self.work.unit.arena, &[object.raw()])?;
        let merged = self.drive(Merge::new(graph)).await?;
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
    /// [`blocking::Session::patch`](crate::blocking::Session::patch) has an example.
    ///
    /// # Errors
    ///
    /// E0601 to E0607 for a mistake in the document, E0307 if it names another version than the
    /// row's, E0205 for an object that is not in the database, those of the flush that goes before, and
    /// failures of the database.
    #[cfg(feature = "serde")]
    pub async fn patch<'de, T, D: serde_core::Deserializer<'de>>(
        &mut self,
        object: Handle<T>,
        document: D,
    ) -> Result<(), Error> {
        let id = self.id(object)?;
        let document = crate::document::read(self.mapping(), id.entity, document)?;
        let graph = MergeGraph::of_document(&self.work.unit.arena, id, document)?;
        self.drive(Merge::new(graph)).await.map(drop)
    }

    /// The objects that a cascade would reach from an object. For a delete it loads what is not
    /// loaded.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub async fn reach<T>(
        &mut self,
        object: Handle<T>,
        cascade: Cascade,
    ) -> Result<Vec<RawHandle>, Error> {
        let id = self.id(object)?;
        let reached = self.drive(Reach::new(id, cascade)).await?;
        Ok(self.raw_handles(reached))
    }

    /// Runs raw SQL in the session's transaction, past the session: objects in memory do not know
    /// what it changes.
    ///
    /// # Errors
    ///
    /// Those of the flush that goes before, E0502 if a constraint refuses, and failures of the
    /// database.
    pub async fn execute(
        &mut self,
        sql: &str,
        params: impl IntoIterator<Item = Value>,
    ) -> Result<Executed, Error> {
        self.drive(Raw::new(sql, params.into_iter().collect())).await
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
