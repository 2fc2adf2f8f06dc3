//! Keys: the values that name one row of an entity.

use std::fmt;

use crate::value::{ColumnType, ColumnValue, Value, ValueError, ValueRef};

/// The key of a row: one value, or several of a composite key, in the order of the key's columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Parts);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Parts {
    One(Value),
    Several(Box<[Value]>),
}

impl Key {
    /// A key of one value.
    #[inline]
    pub fn one(value: impl Into<Value>) -> Self {
        Key(Parts::One(value.into()))
    }

    /// A key of the given values, in the order of the key's columns.
    pub fn of(values: impl IntoIterator<Item = Value>) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (Some(one), None) => Key(Parts::One(one)),
            (first, second) => {
                Key(Parts::Several(first.into_iter().chain(second).chain(values).collect()))
            }
        }
    }

    /// The values.
    #[inline]
    pub fn values(&self) -> &[Value] {
        match &self.0 {
            Parts::One(value) => std::slice::from_ref(value),
            Parts::Several(values) => values,
        }
    }

    /// Whether a part is NULL, so that it names no row.
    #[inline]
    pub fn has_null(&self) -> bool {
        self.values().iter().any(Value::is_null)
    }
}

/// A key prints as `7` or `(1, 'a')`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Parts::One(value) => write!(f, "{value}"),
            Parts::Several(values) => {
                f.write_str("(")?;
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{value}")?;
                }
                f.write_str(")")
            }
        }
    }
}

/// A Rust type that is the key of an entity: a [`ColumnValue`], or a tuple of them for a
/// composite key.
#[diagnostic::on_unimplemented(
    message = "no key can be a `{Self}`",
    label = "no type of a key",
    note = "use i64, String or another type of a column, without an `Option`"
)]
pub trait EntityKey: Sized {
    /// The types of the columns, in their order.
    const TYPES: &'static [ColumnType];

    /// The key as entail holds it.
    fn into_key(self) -> Key;

    /// The key from what entail holds.
    ///
    /// # Errors
    ///
    /// A [`ValueError`] where a value is of another type, or there is another number of them.
    fn from_key(key: &Key) -> Result<Self, ValueError>;

    /// One of its values.
    fn part(&self, index: usize) -> Option<ValueRef<'_>>;

    /// The key from the only value of it. It does the same as [`from_key`](Self::from_key), which
    /// is enough to be implemented; this one may save a copy.
    ///
    /// # Errors
    ///
    /// As for [`from_key`](Self::from_key).
    #[inline]
    fn from_one(value: ValueRef<'_>) -> Result<Self, ValueError> {
        Self::from_key(&Key::one(value.to_value()))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ColumnValue> EntityKey for T {
    const TYPES: &'static [ColumnType] = &[T::TYPE];

    fn into_key(self) -> Key {
        Key::one(self.to_ref().to_value())
    }

    fn from_key(key: &Key) -> Result<Self, ValueError> {
        match key.values() {
            [value] => T::from_value(value.clone()),
            values => Err(wrong_arity("a key of one column", values)),
        }
    }

    #[inline]
    fn part(&self, index: usize) -> Option<ValueRef<'_>> {
        (index == 0).then(|| self.to_ref())
    }

    #[inline]
    fn from_one(value: ValueRef<'_>) -> Result<Self, ValueError> {
        T::from_ref(value)
    }
}

macro_rules! tuple_key {
    ($count:literal: $($name:ident $value:ident),+) => {
        #[diagnostic::do_not_recommend]
        impl<$($name: ColumnValue),+> EntityKey for ($($name,)+) {
            const TYPES: &'static [ColumnType] = &[$($name::TYPE),+];

            fn into_key(self) -> Key {
                let ($($value,)+) = self;
                Key::of([$($value.to_ref().to_value()),+])
            }

            fn from_key(key: &Key) -> Result<Self, ValueError> {
                match key.values() {
                    [$($value),+] => Ok(($($name::from_value($value.clone())?,)+)),
                    values => Err(wrong_arity(concat!("a key of ", $count, " columns"), values)),
                }
            }

            fn part(&self, index: usize) -> Option<ValueRef<'_>> {
                let ($($value,)+) = self;
                [$($value.to_ref()),+].get(index).copied()
            }
        }
    };
}

tuple_key!(2: A a, B b);
tuple_key!(3: A a, B b, C c);
tuple_key!(4: A a, B b, C c, D d);

fn wrong_arity(expected: &'static str, values: &[Value]) -> ValueError {
    ValueError { expected, found: format!("{} value(s)", values.len()) }
}
