//! SQLAlchemy's session for Rust: a unit of work with an identity map, where relationships carry
//! cascades and one flush works out every INSERT, UPDATE and DELETE.
//!
//! ```
//! use entail::blocking::Database;
//! use entail::prelude::*;
//!
//! #[derive(Entity)]
//! #[entity(table = "users")]
//! pub struct User {
//!     #[key] pub id: Auto<i64>,
//!     #[column(unique, length = 50)] pub username: String,
//!     #[has_many(Address::USER, cascade = "all, delete-orphan")] pub addresses: HasMany<Address>,
//! }
//!
//! #[derive(Entity)]
//! #[entity(table = "addresses")]
//! pub struct Address {
//!     #[key] pub id: Auto<i64>,
//!     #[column(length = 200)] pub street: String,
//!     #[belongs_to(column = "user_id", back_populates = User::ADDRESSES)] pub user: BelongsTo<User>,
//! }
//!
//! # fn main() -> Result<(), entail::Error> {
//! let db = Database::connect("sqlite::memory:", mapping![User, Address]?)?;
//! db.create_all()?;
//! let mut session = db.session();
//! let ed = session.add(User {
//!     id: auto(),
//!     username: "ed".into(),
//!     addresses: many![Address::new("1 Main St")],
//! });
//! session.commit()?;
//!
//! session[ed].username = "edward".into();
//! let second = session.push(ed, User::ADDRESSES, Address::new("2 High St"));
//! session.flush()?;
//! session.remove(ed, User::ADDRESSES, second); // an orphan now
//! println!("{}", session.plan()?); // what a flush would do, and why
//! session.commit()?;
//! assert_eq!(session.many(ed, User::ADDRESSES)?.len(), 1);
//! # Ok(())
//! # }
//! ```

#![deny(clippy::unwrap_used)]

pub mod blocking;
mod database;
#[cfg(feature = "serde")]
mod document;
mod driver;
#[cfg(feature = "faults")]
pub mod faults;
mod path;
mod query;
mod retry;
mod session;
#[cfg(feature = "serde")]
mod view;
mod work;

#[doc(hidden)]
pub mod __private {
    pub use entail_engine::*;
}

pub use database::Database;
pub use entail_derive::Entity;
pub use entail_engine::arena::{Change, State};
pub use entail_engine::batch::{Row, Rows};
pub use entail_engine::entity::{
    Auto, BelongsTo, Column, Entity, HasMany, HasOne, Item, ManyToMany, One, Relation, ToMany,
    ToOne, auto, unset,
};
pub use entail_engine::error::{
    DriverError, Error, FlushError, ForeignKeyViolation, Integrity, LoadError, StateError,
    ViolationKind,
};
pub use entail_engine::flow::Executed;
pub use entail_engine::handle::{Handle, RawHandle};
pub use entail_engine::key::Key;
pub use entail_engine::mapping::{Mapping, MappingErrors};
pub use entail_engine::plan::{Plan, PlannedRow, Step, StepAction};
pub use entail_engine::unit::Statistics;
#[cfg(feature = "uuid")]
pub use entail_engine::value::Uuid;
pub use entail_engine::value::{Value, ValueRef};
pub use path::{And, PathTo, Paths, Then};
pub use query::Query;
pub use session::Session;
#[cfg(feature = "serde")]
pub use view::View;
pub use work::{SessionOptions, Work};

/// Entities, columns and relationships that are mapped at run time, with
/// [`Record`](entail_engine::entity::Record) as their object.
pub mod dynamic {
    pub use entail_engine::entity::{DynamicMany, DynamicOne, Record};
    pub use entail_engine::mapping::{
        Action, Cascade, Cascades, ColumnDefinition, Deferrable, Direction, EntityDefinition,
        ForeignKeyDefinition, KindDefinition, MappingDefinition, OrderBy, PassiveDeletes,
        RelationshipDefinition, TableDefinition, Via,
    };
    pub use entail_engine::query::{Comparison, Condition, Filter, Order};
    pub use entail_engine::value::ColumnType;
}

/// What programs import.
pub mod prelude {
    pub use crate::{
        Database, Entity, Error, Handle, Mapping, PathTo, Paths, Session, State, Value,
    };
    pub use crate::{many, mapping};
    pub use entail_engine::entity::{Auto, BelongsTo, HasMany, HasOne, ManyToMany, auto, unset};
    pub use entail_engine::mapping::Cascade;
}

/// The initial members of a relationship: new objects, or handles of the session's.
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
/// # fn main() -> Result<(), entail::Error> {
/// # let mapping = mapping![User, Address]?;
/// # let db = entail::blocking::Database::connect("sqlite::memory:", mapping)?;
/// # let mut session = db.session();
/// let held = session.hold(Address::new("2 Main St"));
/// let addresses = many![Address::new("1 Main St"), held];
/// let ed = session.add(User { id: auto(), username: "ed".into(), addresses });
/// assert_eq!(session.many(ed, User::ADDRESSES)?.len(), 2);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! many {
    ($($item:expr),* $(,)?) => {
        $crate::__private::entity::many(vec![$($crate::__private::entity::Item::from($item)),*])
    };
}

/// The mapping of some entities, as a `Result`: all mistakes come back at once.
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
/// let mapping = mapping![User, Address]?;
/// assert_eq!(mapping.entities().len(), 2);
/// # Ok::<(), entail::MappingErrors>(())
/// ```
#[macro_export]
macro_rules! mapping {
    ($($entity:ty),* $(,)?) => {
        $crate::Mapping::builder()$(.entity::<$entity>())*.build()
    };
}
