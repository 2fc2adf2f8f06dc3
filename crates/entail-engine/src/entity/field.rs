//! The types of fields in mapped structs: generated values and inert relationships.
//!
//! Relationship fields declare, and take the initial values of a new object. From `add` on the
//! truth is in the session's arena.

use std::fmt;

use crate::handle::Handle;
use crate::key::{EntityKey, Key};
use crate::value::{ColumnType, ColumnValue, Value, ValueError, ValueRef};

use super::{Entity, Object};

/// A value that the database gives when the row is inserted, unless it is set before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Auto<T>(Option<T>);

/// A value that the database gives.
pub fn auto<T>() -> Auto<T> {
    Auto(None)
}

impl<T> Auto<T> {
    /// A value that is given beforehand.
    pub fn of(value: T) -> Self {
        Auto(Some(value))
    }

    /// The value, if there is one already.
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// The value as the engine reads it.
    #[inline]
    pub fn to_ref(&self) -> Option<ValueRef<'_>>
    where
        T: ColumnValue,
    {
        self.0.as_ref().map(T::to_ref)
    }

    /// The value as the engine writes it; none makes it unset.
    ///
    /// # Errors
    ///
    /// A [`ValueError`] if it does not fit.
    #[inline]
    pub fn from_value(value: Option<Value>) -> Result<Self, ValueError>
    where
        T: ColumnValue,
    {
        value.map(T::from_value).transpose().map(Auto)
    }
}

impl<T: Copy> Auto<T> {
    /// A copy of the value, if there is one already.
    pub fn value(self) -> Option<T> {
        self.0
    }
}

impl<T> From<T> for Auto<T> {
    fn from(value: T) -> Self {
        Auto(Some(value))
    }
}

impl<T: PartialEq> PartialEq<T> for Auto<T> {
    fn eq(&self, other: &T) -> bool {
        self.0.as_ref() == Some(other)
    }
}

impl<T: fmt::Display> fmt::Display for Auto<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("(unset)"),
        }
    }
}

/// A field that can be left without an initial value.
pub trait Unset {
    /// The field without a value.
    fn unset() -> Self;
}

/// A relationship field without an initial value.
pub fn unset<F: Unset>() -> F {
    F::unset()
}

/// A member of a relationship: a new object, or one that the session has.
pub enum Item<T> {
    /// A new object.
    New(T),
    /// An object of the session.
    Of(Handle<T>),
}

impl<T> Item<T> {
    fn value(&self) -> Option<&T> {
        match self {
            Item::New(value) => Some(value),
            Item::Of(_) => None,
        }
    }

    fn value_mut(&mut self) -> Option<&mut T> {
        match self {
            Item::New(value) => Some(value),
            Item::Of(_) => None,
        }
    }
}

impl<T> fmt::Debug for Item<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Item::New(_) => "Item(new)",
            Item::Of(_) => "Item(handle)",
        })
    }
}

impl<T> From<T> for Item<T> {
    fn from(value: T) -> Self {
        Item::New(value)
    }
}

impl<T> From<Handle<T>> for Item<T> {
    fn from(handle: Handle<T>) -> Self {
        Item::Of(handle)
    }
}

/// What a relationship to one object is set to: an object, a handle, or nothing.
#[derive(Debug)]
pub struct One<T>(pub Option<Item<T>>);

impl<T> From<T> for One<T> {
    fn from(value: T) -> Self {
        One(Some(Item::New(value)))
    }
}

impl<T> From<Handle<T>> for One<T> {
    fn from(handle: Handle<T>) -> Self {
        One(Some(Item::Of(handle)))
    }
}

impl<T> From<Option<Handle<T>>> for One<T> {
    fn from(handle: Option<Handle<T>>) -> Self {
        One(handle.map(Item::Of))
    }
}

/// A field that takes a list of members; the facade's macro `many!` makes one.
pub trait ManyField {
    /// The type of the members.
    type Target;

    /// The field with these initial members.
    fn from_items(items: Vec<Item<Self::Target>>) -> Self;
}

/// A relationship field with these initial members; the macro `many!` calls it.
pub fn many<F: ManyField>(items: Vec<Item<F::Target>>) -> F {
    F::from_items(items)
}

macro_rules! many_field {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<T> {
            items: Option<Vec<Item<T>>>,
        }

        impl<T> $name<T> {
            /// Takes the initial members out, if there are any given.
            pub fn take(&mut self) -> Option<Vec<Item<T>>> {
                self.items.take()
            }

            /// Takes the members that the object leaves a session with.
            #[doc(hidden)]
            pub fn receive(&mut self, items: Vec<Item<T>>) {
                self.items = Some(items);
            }

            /// The members that are values: new objects, or those that left a session with this
            /// one.
            pub fn values(&self) -> impl Iterator<Item = &T> {
                self.items.iter().flatten().filter_map(Item::value)
            }

            /// The members that are values, to be changed.
            pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
                self.items.iter_mut().flatten().filter_map(Item::value_mut)
            }

            /// Whether initial members are given.
            pub fn is_given(&self) -> bool {
                self.items.is_some()
            }
        }

        impl<T> Unset for $name<T> {
            fn unset() -> Self {
                Self { items: None }
            }
        }

        impl<T> Default for $name<T> {
            fn default() -> Self {
                Self { items: None }
            }
        }

        impl<T> ManyField for $name<T> {
            type Target = T;

            fn from_items(items: Vec<Item<T>>) -> Self {
                Self { items: Some(items) }
            }
        }

        impl<T, I: Into<Item<T>>> FromIterator<I> for $name<T> {
            fn from_iter<A: IntoIterator<Item = I>>(items: A) -> Self {
                Self { items: Some(items.into_iter().map(Into::into).collect()) }
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match &self.items {
                    Some(items) => write!(f, "{}({} initial)", stringify!($name), items.len()),
                    None => f.write_str(stringify!($name)),
                }
            }
        }
    };
}

many_field! {
    /// Objects whose foreign key points here.
    HasMany
}

many_field! {
    /// Objects by way of an association table.
    ManyToMany
}

/// At most one object whose foreign key points here.
pub struct HasOne<T> {
    item: Option<Option<Box<Item<T>>>>,
}

impl<T> HasOne<T> {
    /// A new object or a handle.
    pub fn of(item: impl Into<Item<T>>) -> Self {
        Self { item: Some(Some(Box::new(item.into()))) }
    }

    /// Nobody.
    pub fn none() -> Self {
        Self { item: Some(None) }
    }

    /// Takes the initial value out, if one is given.
    pub fn take(&mut self) -> Option<Option<Item<T>>> {
        self.item.take().map(|item| item.map(|item| *item))
    }

    /// Takes the target that the object leaves a session with.
    #[doc(hidden)]
    pub fn receive(&mut self, item: Option<Item<T>>) {
        self.item = Some(item.map(Box::new));
    }

    /// The target, if it is a value: a new object, or one that left a session with this one.
    pub fn value(&self) -> Option<&T> {
        self.item.as_ref()?.as_ref()?.value()
    }

    /// The target, if it is a value, to be changed.
    pub fn value_mut(&mut self) -> Option<&mut T> {
        self.item.as_mut()?.as_mut()?.value_mut()
    }

    /// Whether an initial value is given.
    pub fn is_given(&self) -> bool {
        self.item.is_some()
    }
}

impl<T> Unset for HasOne<T> {
    fn unset() -> Self {
        Self { item: None }
    }
}

impl<T> Default for HasOne<T> {
    fn default() -> Self {
        Self { item: None }
    }
}

impl<T> fmt::Debug for HasOne<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.item {
            Some(Some(_)) => "HasOne(1 initial)",
            Some(None) => "HasOne(none)",
            None => "HasOne",
        })
    }
}

/// What a [`BelongsTo`] may lead to: an entity (the foreign key cannot be NULL), or an `Option`
/// of one (it can).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    label = "not an entity",
    note = "add `#[derive(Entity)]` to `{Self}`"
)]
pub trait BelongsToTarget {
    /// The entity.
    type Entity: Entity;
    /// Whether the foreign key can be NULL.
    const NULLABLE: bool;
}

impl<T: Entity> BelongsToTarget for Option<T> {
    type Entity = T;
    const NULLABLE: bool = true;
}

/// The object that this one's foreign key points at. It shows the key as it was last loaded or
/// flushed.
pub struct BelongsTo<T: BelongsToTarget> {
    to: To<T::Entity>,
}

/// What a [`BelongsTo`] leads to.
enum To<E: Entity> {
    Unset,
    /// The foreign key's only column is NULL.
    Null,
    Key(E::Key),
    /// Values that are no key: some are NULL, or of another type than the target's.
    Parts(Box<Key>),
    Given(Option<Box<Item<E>>>),
}

impl<T: BelongsToTarget> BelongsTo<T> {
    /// A raw key, whether or not such a row exists.
    pub fn key(key: impl Into<<T::Entity as Entity>::Key>) -> Self {
        Self { to: To::Key(key.into()) }
    }

    /// A new object or a handle.
    pub fn of(item: impl Into<Item<T::Entity>>) -> Self {
        Self { to: To::Given(Some(Box::new(item.into()))) }
    }

    /// Nobody.
    pub fn none() -> Self {
        Self { to: To::Given(None) }
    }

    /// The key as it was last loaded or flushed, or as it was given.
    pub fn to_key(&self) -> Option<Key> {
        match &self.to {
            To::Key(_) => Some(Key::of(self.values()?)),
            To::Parts(key) if !key.has_null() => Some(Key::clone(key)),
            To::Unset | To::Null | To::Parts(_) | To::Given(_) => None,
        }
    }

    /// Whether there is a key.
    pub fn has_key(&self) -> bool {
        match &self.to {
            To::Key(_) => true,
            To::Parts(key) => !key.has_null(),
            To::Unset | To::Null | To::Given(_) => false,
        }
    }

    /// The types of the foreign key's columns: those of the target's key.
    pub fn types() -> &'static [ColumnType] {
        <<T::Entity as Entity>::Key as EntityKey>::TYPES
    }

    /// The foreign key's column `part`, as the engine reads it.
    #[inline]
    pub fn column(&self, part: usize) -> Option<ValueRef<'_>> {
        match &self.to {
            To::Key(key) => key.part(part),
            To::Null => Some(ValueRef::Null),
            To::Parts(key) => key.values().get(part).map(Value::as_ref),
            To::Unset | To::Given(_) => None,
        }
    }

    /// The values of all columns; none if they are not set.
    fn values(&self) -> Option<Vec<Value>> {
        (0..Self::types().len()).map(|part| self.column(part).map(ValueRef::to_value)).collect()
    }

    /// Writes the foreign key's column `part`, as the engine does.
    pub fn set_column(&mut self, part: usize, value: Option<Value>) {
        let width = Self::types().len();
        if value.is_none() && (width == 1 || matches!(self.to, To::Unset)) {
            self.to = To::Unset;
            return;
        }
        let value = value.unwrap_or(Value::Null);
        if width == 1 {
            self.to = To::of(value.as_ref());
            return;
        }
        let mut values = self.values().unwrap_or_else(|| vec![Value::Null; width]);
        values[part] = value;
        self.to = To::of_several(Key::of(values));
    }

    /// Takes the foreign key's columns from a row.
    #[inline]
    pub fn read(row: &mut super::RowReader<'_>) -> Self {
        let width = Self::types().len();
        if width == 1 {
            return Self { to: To::of(row.take()) };
        }
        let values: Vec<Value> = (0..width).map(|_| row.take().to_value()).collect();
        Self { to: To::of_several(Key::of(values)) }
    }

    /// Takes the target that the object leaves a session with.
    #[doc(hidden)]
    pub fn receive(&mut self, item: Option<Item<T::Entity>>) {
        self.to = To::Given(item.map(Box::new));
    }

    /// The target, if it is a value: a new object, or one that left a session with this one.
    pub fn value(&self) -> Option<&T::Entity> {
        match &self.to {
            To::Given(item) => item.as_ref()?.value(),
            To::Unset | To::Null | To::Key(_) | To::Parts(_) => None,
        }
    }

    /// The target, if it is a value, to be changed.
    pub fn value_mut(&mut self) -> Option<&mut T::Entity> {
        match &mut self.to {
            To::Given(item) => item.as_mut()?.value_mut(),
            To::Unset | To::Null | To::Key(_) | To::Parts(_) => None,
        }
    }

    /// Takes the initial value out, if an object, a handle or nobody was given.
    pub fn take(&mut self) -> Option<Option<Item<T::Entity>>> {
        match std::mem::replace(&mut self.to, To::Unset) {
            To::Given(item) => Some(item.map(|item| *item)),
            other => {
                self.to = other;
                None
            }
        }
    }

    /// Whether an initial value is given.
    pub fn is_given(&self) -> bool {
        matches!(self.to, To::Given(_))
    }
}

impl<T: BelongsToTarget> Unset for BelongsTo<T> {
    fn unset() -> Self {
        Self { to: To::Unset }
    }
}

impl<T: BelongsToTarget> Default for BelongsTo<T> {
    fn default() -> Self {
        Self { to: To::Unset }
    }
}

impl<T: BelongsToTarget> fmt::Debug for BelongsTo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            To::Unset => f.write_str("BelongsTo"),
            To::Null => write!(f, "BelongsTo({})", Value::Null),
            To::Key(_) | To::Parts(_) => match self.values() {
                Some(values) => write!(f, "BelongsTo({})", Key::of(values)),
                None => f.write_str("BelongsTo"),
            },
            To::Given(Some(_)) => f.write_str("BelongsTo(1 initial)"),
            To::Given(None) => f.write_str("BelongsTo(none)"),
        }
    }
}

impl<E: Entity> To<E> {
    /// The only column of a foreign key.
    #[inline]
    fn of(value: ValueRef<'_>) -> Self {
        if value.is_null() {
            return To::Null;
        }
        match E::Key::from_one(value) {
            Ok(key) => To::Key(key),
            Err(_) => To::Parts(Box::new(Key::one(value.to_value()))),
        }
    }

    /// The columns of a foreign key that has several.
    fn of_several(key: Key) -> Self {
        match E::Key::from_key(&key) {
            Ok(typed) => To::Key(typed),
            Err(_) => To::Parts(Box::new(key)),
        }
    }
}

/// What can be added to a session: an object, or a handle of one.
pub trait Addition {
    /// The type of the object.
    type Object: Object;

    /// The object or the handle.
    fn into_item(self) -> Item<Self::Object>;
}

impl<T: Object> Addition for T {
    type Object = T;

    fn into_item(self) -> Item<T> {
        Item::New(self)
    }
}

impl<T: Object> Addition for Handle<T> {
    type Object = T;

    fn into_item(self) -> Item<T> {
        Item::Of(self)
    }
}
