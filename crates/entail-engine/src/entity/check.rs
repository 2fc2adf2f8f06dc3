//! Checks: what the compiler holds the attributes of `#[derive(Entity)]` to, across structs.
//!
//! The code that the derive writes calls these functions. They do not compile where two structs
//! do not fit each other, and the attributes on the traits say what to do.

use crate::value::{ColumnType, ColumnValue, Value, ValueError, ValueRef};

use super::{BelongsToOf, Column, Entity, HasManyOf, HasOneOf, ManyToManyOf};

/// What other entities need to know of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    label = "not an entity",
    note = "add `#[derive(Entity)]` to `{Self}`"
)]
pub trait Mapped {
    /// The name of its table.
    const TABLE: &'static str;
    /// The types of its key's columns.
    const KEY_TYPES: &'static [ColumnType];
}

/// What a field that is a column can hold: a [`ColumnValue`] that can be cloned.
///
/// It says the same as that trait, for better messages: the derive asks for nothing else, so that
/// a wrong type is one mistake.
#[diagnostic::on_unimplemented(
    message = "no column can hold a `{Self}`",
    label = "no type of a column",
    note = "use i16, i32, i64, f32, f64, bool, String, Vec<u8>, a type of chrono or `uuid::Uuid` (with the feature of that name), or an `Option` of one",
    note = "a type of your own can be a column if it implements `ColumnValue` and `Clone`"
)]
pub trait FieldValue: Sized {
    /// The type of the column.
    const TYPE: ColumnType;
    /// Whether the column may be NULL.
    const NULLABLE: bool;

    /// Borrows the value for the database.
    fn to_ref(&self) -> ValueRef<'_>;

    /// Takes a value that came from the database.
    ///
    /// # Errors
    ///
    /// A [`ValueError`] where the value is of another kind or does not fit.
    fn from_value(value: Value) -> Result<Self, ValueError>;

    /// Takes a value out of a row.
    ///
    /// # Errors
    ///
    /// As for [`from_value`](Self::from_value).
    fn from_ref(value: ValueRef<'_>) -> Result<Self, ValueError>;

    /// The same value once more.
    fn copy(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: ColumnValue + Clone> FieldValue for T {
    const TYPE: ColumnType = <T as ColumnValue>::TYPE;
    const NULLABLE: bool = <T as ColumnValue>::NULLABLE;

    #[inline]
    fn to_ref(&self) -> ValueRef<'_> {
        ColumnValue::to_ref(self)
    }

    #[inline]
    fn from_value(value: Value) -> Result<Self, ValueError> {
        ColumnValue::from_value(value)
    }

    #[inline]
    fn from_ref(value: ValueRef<'_>) -> Result<Self, ValueError> {
        ColumnValue::from_ref(value)
    }

    #[inline]
    fn copy(&self) -> Self {
        self.clone()
    }
}

/// A foreign key of the type `Self` may refer to a column or a key of the type `V`.
#[diagnostic::on_unimplemented(
    message = "a foreign key of type `{Self}` cannot refer to a key of type `{V}`",
    label = "refers to a key of type `{V}`",
    note = "give the foreign key's field or fields the type of the key, `{V}` or an `Option` of it"
)]
pub trait RefersTo<V> {}

#[diagnostic::do_not_recommend]
impl<V> RefersTo<V> for V {}
#[diagnostic::do_not_recommend]
impl<V> RefersTo<Option<V>> for V {}

/// A constant of a column that belongs to the entity `E`.
#[diagnostic::on_unimplemented(
    message = "`references` names a column of `{Self}`, but the relationship leads to `{E}`",
    label = "a column of `{Self}`",
    note = "name a column of `{E}`, or leave `references` out to refer to the key of `{E}`"
)]
pub trait ColumnOf<E> {}

#[diagnostic::do_not_recommend]
impl<E> ColumnOf<E> for E {}

/// A `belongs_to` of `Child` that leads to `Parent`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not lead from `{Child}` back to `{Parent}`",
    label = "this must be a `belongs_to` of `{Child}` in a field of type `BelongsTo<{Parent}>`",
    note = "name the field of `{Child}` that leads back, or change its type"
)]
pub trait ChildSide<Child, Parent> {
    /// Its name.
    fn name(&self) -> &'static str;
}

#[diagnostic::do_not_recommend]
impl<C, P> ChildSide<C, P> for BelongsToOf<C, P> {
    fn name(&self) -> &'static str {
        BelongsToOf::name(self)
    }
}

/// A `has_many` or `has_one` of `Parent` that leads to `Child`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not lead from `{Parent}` back to `{Child}`",
    label = "this must be a `has_many` or `has_one` of `{Parent}` that leads to `{Child}`",
    note = "name the field of `{Parent}` that leads back, of type `HasMany<{Child}>` or `HasOne<{Child}>`"
)]
pub trait ParentSide<Parent, Child> {
    /// Its name.
    fn name(&self) -> &'static str;
}

#[diagnostic::do_not_recommend]
impl<P, C> ParentSide<P, C> for HasManyOf<P, C> {
    fn name(&self) -> &'static str {
        HasManyOf::name(self)
    }
}

#[diagnostic::do_not_recommend]
impl<P, C> ParentSide<P, C> for HasOneOf<P, C> {
    fn name(&self) -> &'static str {
        HasOneOf::name(self)
    }
}

/// A `many_to_many` of `Other` that leads to `Own`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not lead from `{Other}` back to `{Own}`",
    label = "this must be a `many_to_many` of `{Other}` that leads to `{Own}`",
    note = "name the field of `{Other}` that leads back, of type `ManyToMany<{Own}>`"
)]
pub trait OtherSide<Other, Own> {
    /// Its name.
    fn name(&self) -> &'static str;
}

#[diagnostic::do_not_recommend]
impl<A, B> OtherSide<A, B> for ManyToManyOf<A, B> {
    fn name(&self) -> &'static str {
        ManyToManyOf::name(self)
    }
}

/// The table and the column that a foreign key of type `F` refers to.
pub fn reference<F: RefersTo<V>, E: Mapped, V>(
    column: Column<E, V>,
) -> (&'static str, &'static str) {
    (E::TABLE, column.name())
}

/// The column of `T` that a foreign key of type `F` refers to.
pub fn reference_to<T, F: RefersTo<V>, E: ColumnOf<T>, V>(column: Column<E, V>) -> &'static str {
    column.name()
}

/// Compiles if a foreign key of type `F` may refer to the key of `T`.
pub fn key<F: RefersTo<T::Key>, T: Entity>() {}
