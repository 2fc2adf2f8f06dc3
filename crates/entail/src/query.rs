//! Queries: filter, order, limit, and relationships to load along.

use std::marker::PhantomData;

use entail_engine::entity::Object;
use entail_engine::error::{Error, LoadError, StateError};
use entail_engine::flow::{Count, Find};
use entail_engine::handle::Handle;
use entail_engine::mapping::EntityId;
use entail_engine::query::{Condition, Filter, Order, Selection};

use crate::blocking;
use crate::path::PathTo;
use crate::session::Session;
use crate::work::Work;

/// A query for objects of type `T`, on a session of type `S`.
///
/// ```
/// # use entail::prelude::*;
/// # #[derive(Entity)]
/// # #[entity(table = "users")]
/// # struct User {
/// #     #[key] id: Auto<i64>,
/// #     username: String,
/// #     #[has_many(Address::USER, cascade = "all, delete-orphan")] addresses: HasMany<Address>,
/// # }
/// # #[derive(Entity)]
/// # #[entity(table = "addresses")]
/// # struct Address {
/// #     #[key] id: Auto<i64>,
/// #     street: String,
/// #     #[belongs_to(column = "user_id", back_populates = User::ADDRESSES)] user: BelongsTo<User>,
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), entail::Error> {
/// # let db = Database::connect("sqlite::memory:", mapping![User, Address]?).await?;
/// # db.create_all().await?;
/// # let mut session = db.session();
/// # let addresses = many![Address::new("1 Main St")];
/// # session.add(User { id: auto(), username: "ann".into(), addresses });
/// # session.commit().await?;
/// let users = session
///     .query::<User>()
///     .filter(User::USERNAME.like("a%").and(User::ID.lt(10)))
///     .order_by(User::USERNAME.asc())
///     .with(User::ADDRESSES)
///     .all()
///     .await?;
/// assert_eq!(users.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a query does nothing until `all`, `first`, `one` or `count` is called"]
pub struct Query<'s, S, T> {
    session: &'s mut S,
    entity: Result<EntityId, StateError>,
    selection: Result<Selection, StateError>,
    object: PhantomData<fn() -> T>,
}

impl<'s, S: std::ops::DerefMut<Target = Work>, T: Object> Query<'s, S, T> {
    pub(crate) fn new(session: &'s mut S) -> Self {
        let entity = session.entity::<T>();
        Self { session, entity, selection: Ok(Selection::default()), object: PhantomData }
    }

    /// A query for the records of an entity that is mapped at run time.
    pub(crate) fn of_entity(session: &'s mut S, entity: EntityId) -> Self {
        Self {
            session,
            entity: Ok(entity),
            selection: Ok(Selection::default()),
            object: PhantomData,
        }
    }

    /// Only objects that meet the condition; several conditions must all be met.
    pub fn filter(mut self, filter: Filter<T>) -> Self {
        if let Ok(selection) = &mut self.selection {
            let condition = filter.into_condition();
            selection.condition = Some(match selection.condition.take() {
                Some(known) => Condition::All(vec![known, condition]),
                None => condition,
            });
        }
        self
    }

    /// Orders the objects; further orders count among equals.
    pub fn order_by(mut self, order: Order<T>) -> Self {
        if let Ok(selection) = &mut self.selection {
            selection.order.push((order.column, order.direction));
        }
        self
    }

    /// At most so many objects.
    pub fn limit(mut self, limit: u64) -> Self {
        if let Ok(selection) = &mut self.selection {
            selection.limit = Some(limit);
        }
        self
    }

    /// Without the first so many objects.
    pub fn offset(mut self, offset: u64) -> Self {
        if let Ok(selection) = &mut self.selection {
            selection.offset = Some(offset);
        }
        self
    }

    /// Loads relationships along: one SELECT a relationship.
    pub fn with<P: PathTo<Root = T>>(mut self, path: P) -> Self {
        if let (Ok(selection), Ok(entity)) = (&mut self.selection, &self.entity) {
            match self.session.path(*entity, path) {
                Ok(path) => selection.paths.push(path),
                Err(error) => self.selection = Err(error),
            }
        }
        self
    }

    fn parts(self) -> Result<(&'s mut S, EntityId, Selection), Error> {
        Ok((self.session, self.entity?, self.selection?))
    }
}

fn only<T>(mut found: Vec<Handle<T>>, entity: &str) -> Result<Handle<T>, Error> {
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(LoadError::NotFound { entity: entity.to_owned() }.into()),
        (Some(_), false) => Err(LoadError::SeveralFound { entity: entity.to_owned() }.into()),
    }
}

impl<T: Object> Query<'_, Session, T> {
    /// All objects.
    ///
    /// # Errors
    ///
    /// Those of the flush that goes before, E0401 for a row that does not fit, and failures of
    /// the database.
    pub async fn all(self) -> Result<Vec<Handle<T>>, Error> {
        let (session, entity, selection) = self.parts()?;
        let found = session.drive(Find::new(entity, selection)).await?;
        Ok(session.handles_of(found))
    }

    /// The first object, if there is one.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub async fn first(self) -> Result<Option<Handle<T>>, Error> {
        Ok(self.limit(1).all().await?.into_iter().next())
    }

    /// The only object.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all), and E0402 if there is none, E0403 if there are several.
    pub async fn one(self) -> Result<Handle<T>, Error> {
        only(self.limit(2).all().await?, T::NAME)
    }

    /// How many objects there are.
    ///
    /// # Errors
    ///
    /// Those of the flush that goes before, and failures of the database.
    pub async fn count(self) -> Result<u64, Error> {
        let (session, entity, selection) = self.parts()?;
        session.drive(Count::new(entity, selection)).await
    }
}

impl<T: Object> Query<'_, blocking::Session, T> {
    /// All objects.
    ///
    /// # Errors
    ///
    /// Those of the flush that goes before, E0401 for a row that does not fit, and failures of
    /// the database.
    pub fn all(self) -> Result<Vec<Handle<T>>, Error> {
        let (session, entity, selection) = self.parts()?;
        let found = session.drive(Find::new(entity, selection))?;
        Ok(session.handles_of(found))
    }

    /// The first object, if there is one.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn first(self) -> Result<Option<Handle<T>>, Error> {
        Ok(self.limit(1).all()?.into_iter().next())
    }

    /// The only object.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all), and E0402 if there is none, E0403 if there are several.
    pub fn one(self) -> Result<Handle<T>, Error> {
        only(self.limit(2).all()?, T::NAME)
    }

    /// How many objects there are.
    ///
    /// # Errors
    ///
    /// Those of the flush that goes before, and failures of the database.
    pub fn count(self) -> Result<u64, Error> {
        let (session, entity, selection) = self.parts()?;
        session.drive(Count::new(entity, selection))
    }
}
