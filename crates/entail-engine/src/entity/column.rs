//! Names of columns, typed by owner and value: `User::USERNAME`.

use std::fmt;
use std::marker::PhantomData;

use crate::mapping::Direction;
use crate::query::{Comparison, Filter, Order};
use crate::value::{ColumnValue, Value};

/// A column by its name; `V` is the type of its values.
pub struct Column<E, V> {
    index: u32,
    name: &'static str,
    types: PhantomData<fn() -> (E, V)>,
}

impl<E, V> Column<E, V> {
    /// The column in the given place of its entity's table. The derive calls it.
    pub const fn new(index: u32, name: &'static str) -> Self {
        Self { index, name, types: PhantomData }
    }

    /// Its name in the database.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its place in the table.
    pub const fn index(&self) -> usize {
        self.index as usize
    }
}

impl<E, V> Clone for Column<E, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E, V> Copy for Column<E, V> {}

impl<E, V> fmt::Debug for Column<E, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What a column of type `V` can be compared with: `V` itself, its `&str` or `&[u8]`, and for
/// an `Option<V>` what `V` can.
pub trait Term<V> {
    /// The value.
    fn into_value(self) -> Value;
}

impl<V: ColumnValue> Term<V> for V {
    fn into_value(self) -> Value {
        self.to_ref().to_value()
    }
}

impl Term<String> for &str {
    fn into_value(self) -> Value {
        self.into()
    }
}

impl Term<Vec<u8>> for &[u8] {
    fn into_value(self) -> Value {
        Value::Bytes(self.into())
    }
}

impl Term<Option<String>> for &str {
    fn into_value(self) -> Value {
        self.into()
    }
}

macro_rules! optional_terms {
    ($($type:ty),*) => {$(
        impl Term<Option<$type>> for $type {
            fn into_value(self) -> Value {
                self.to_ref().to_value()
            }
        }
    )*};
}

optional_terms!(i16, i32, i64, f32, f64, bool, String, Vec<u8>);
#[cfg(feature = "chrono")]
optional_terms!(
    chrono::NaiveDate,
    chrono::NaiveTime,
    chrono::NaiveDateTime,
    chrono::DateTime<chrono::Utc>
);

impl<E, V> Column<E, V> {
    fn compare(self, comparison: Comparison, value: impl Term<V>) -> Filter<E> {
        Filter::compare(self.index(), comparison, value.into_value())
    }

    /// The column equals the value. Two NULLs are equal here.
    pub fn eq(self, value: impl Term<V>) -> Filter<E> {
        self.compare(Comparison::Equal, value)
    }

    /// The column differs from the value.
    pub fn ne(self, value: impl Term<V>) -> Filter<E> {
        self.compare(Comparison::NotEqual, value)
    }

    /// The column is less than the value.
    pub fn lt(self, value: impl Term<V>) -> Filter<E> {
        self.compare(Comparison::Less, value)
    }

    /// The column is the value or less.
    pub fn le(self, value: impl Term<V>) -> Filter<E> {
        self.compare(Comparison::LessOrEqual, value)
    }

    /// The column is greater than the value.
    pub fn gt(self, value: impl Term<V>) -> Filter<E> {
        self.compare(Comparison::Greater, value)
    }

    /// The column is the value or greater.
    pub fn ge(self, value: impl Term<V>) -> Filter<E> {
        self.compare(Comparison::GreaterOrEqual, value)
    }

    /// The column is like the pattern, in which `%` stands for any characters and `_` for one.
    pub fn like(self, pattern: &str) -> Filter<E> {
        Filter::compare(self.index(), Comparison::Like, pattern.into())
    }

    /// The column is one of the values.
    pub fn one_of<T: Term<V>>(self, values: impl IntoIterator<Item = T>) -> Filter<E> {
        Filter::one_of(self.index(), values.into_iter().map(Term::into_value).collect())
    }

    /// The column is NULL.
    pub fn is_null(self) -> Filter<E> {
        Filter::compare(self.index(), Comparison::Equal, Value::Null)
    }

    /// The column is not NULL.
    pub fn is_not_null(self) -> Filter<E> {
        Filter::compare(self.index(), Comparison::NotEqual, Value::Null)
    }

    /// From the least to the greatest.
    pub fn asc(self) -> Order<E> {
        Order::new(self.index(), Direction::Ascending)
    }

    /// From the greatest to the least.
    pub fn desc(self) -> Order<E> {
        Order::new(self.index(), Direction::Descending)
    }
}
