//! The mapper station: between typed structs (or records) and rows of values.

#[doc(hidden)]
pub mod check;
mod column;
mod field;
mod record;
mod relation;
mod store;

pub use column::{Column, Term};
pub use field::{
    Addition, Auto, BelongsTo, BelongsToTarget, HasMany, HasOne, Item, ManyField, ManyToMany, One,
    Unset, auto, many, unset,
};
pub use record::{DynamicMany, DynamicOne, Record};
pub use relation::{BelongsToOf, HasManyOf, HasOneOf, ManyToManyOf, Relation, ToMany, ToOne};
pub(crate) use store::{Given, Store, TypedStore};

use crate::arena::{Leaving, Links};
use crate::batch::Row;
use crate::key::EntityKey;
use crate::mapping::{EntityDefinition, EntityId, Mapping, TableDefinition};
use crate::value::{Value, ValueError, ValueRef};

/// An object that a session can hold: a struct with `#[derive(Entity)]`, or a [`Record`].
///
/// Columns are numbered by their place in the entity's table.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    label = "not an entity",
    note = "add `#[derive(Entity)]` to `{Self}`"
)]
pub trait Object: Sized + Send + 'static {
    /// The name of the entity, for messages; `Record` for all records.
    const NAME: &'static str;

    /// The entity in the given mapping whose object this is.
    fn entity_in(&self, mapping: &Mapping) -> Option<EntityId> {
        mapping.entity_of::<Self>()
    }

    /// The value of a column, or none if the object leaves it to the database or to a default.
    fn column(&self, index: usize) -> Option<ValueRef<'_>>;

    /// Calls `each` with all columns in their order, as [`column`](Self::column) gives them.
    fn columns<'a>(&'a self, each: impl FnMut(usize, Option<ValueRef<'a>>));

    /// Writes a column; none makes it unset again, where it can be.
    ///
    /// # Errors
    ///
    /// A [`ValueError`] if the value does not fit the field.
    fn set_column(&mut self, index: usize, value: Option<Value>) -> Result<(), ValueError>;

    /// Makes an object from the columns of a row.
    ///
    /// # Errors
    ///
    /// The first value that does not fit its field.
    fn decode(row: &mut RowReader<'_>) -> Result<Self, ValueError>;

    /// A copy of the columns; the relationship fields of the copy are unset.
    fn copy(&self) -> Self;

    /// Hands the initial values of the relationship fields over to the session and leaves the
    /// fields unset.
    fn give_links(&mut self, links: &mut Links<'_>);

    /// Takes what the relationship fields are to hold when the object leaves a session.
    fn receive_links(&mut self, from: &mut Leaving<'_>);

    /// Whether a relationship field holds initial values that nobody took.
    fn has_links(&self) -> bool;
}

/// A struct that is mapped to a table; `#[derive(Entity)]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    label = "not an entity",
    note = "add `#[derive(Entity)]` to `{Self}`"
)]
pub trait Entity: Object {
    /// The type of its key: a column's type, or a tuple of them.
    type Key: EntityKey;

    /// Its mapping as it was written down.
    fn definition() -> EntityDefinition;

    /// The association tables that its many-to-many relationships declare.
    fn association_tables() -> Vec<TableDefinition> {
        Vec::new()
    }
}

/// Reads the values of a row one after the other.
#[derive(Debug)]
pub struct RowReader<'a> {
    row: Row<'a>,
    next: usize,
}

impl<'a> RowReader<'a> {
    /// Starts at the first value.
    pub fn new(row: Row<'a>) -> Self {
        Self { row, next: 0 }
    }

    /// How many values the row has.
    pub fn width(&self) -> usize {
        self.row.width()
    }

    /// The number of the column that was read last, for messages.
    pub fn column(&self) -> usize {
        self.next.saturating_sub(1)
    }

    /// The next value of the row; NULL when there is none left.
    #[inline]
    pub fn take(&mut self) -> ValueRef<'a> {
        let value = self.row.value(self.next);
        self.next += 1;
        value
    }

    /// The next value of the row; none if it is not set, which no value of a database is.
    #[inline]
    pub fn take_set(&mut self) -> Option<ValueRef<'a>> {
        let value = self.row.set_value(self.next);
        self.next += 1;
        value
    }

    /// Takes the next value as a field's type.
    ///
    /// # Errors
    ///
    /// A [`ValueError`] if it does not fit.
    #[inline]
    pub fn read<T: crate::value::ColumnValue>(&mut self) -> Result<T, ValueError> {
        T::from_ref(self.take())
    }
}
