//! Queries as plain data: filters, orders, limits and the relationships to load along.

use std::marker::PhantomData;

use crate::mapping::{Direction, RelationshipId};
use crate::value::Value;

/// How a column is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`; two NULLs are equal.
    Equal,
    /// `<>`; a NULL differs from every value, and from no NULL.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `LIKE`
    Like,
}

/// A condition on the columns of one table.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A column compared with a value.
    Compare(usize, Comparison, Value),
    /// A column that is one of the values.
    OneOf(usize, Vec<Value>),
    /// All of the conditions.
    All(Vec<Condition>),
    /// At least one of the conditions.
    Any(Vec<Condition>),
    /// Not the condition.
    Not(Box<Condition>),
}

/// A condition on the objects of type `E`.
#[derive(Debug)]
pub struct Filter<E> {
    condition: Condition,
    entity: PhantomData<fn() -> E>,
}

impl<E> Filter<E> {
    fn new(condition: Condition) -> Self {
        Self { condition, entity: PhantomData }
    }

    /// A column, by its place in the table, compared with a value.
    pub fn compare(column: usize, comparison: Comparison, value: Value) -> Self {
        Self::new(Condition::Compare(column, comparison, value))
    }

    /// A column, by its place in the table, that is one of the values.
    pub fn one_of(column: usize, values: Vec<Value>) -> Self {
        Self::new(Condition::OneOf(column, values))
    }

    /// Both conditions.
    pub fn and(self, other: Filter<E>) -> Self {
        Self::new(Condition::All(vec![self.condition, other.condition]))
    }

    /// At least one of the two conditions.
    pub fn or(self, other: Filter<E>) -> Self {
        Self::new(Condition::Any(vec![self.condition, other.condition]))
    }

    /// The condition as plain data.
    pub fn into_condition(self) -> Condition {
        self.condition
    }
}

impl<E> std::ops::Not for Filter<E> {
    type Output = Self;

    fn not(self) -> Self {
        Self::new(Condition::Not(Box::new(self.condition)))
    }
}

impl<E> Clone for Filter<E> {
    fn clone(&self) -> Self {
        Self::new(self.condition.clone())
    }
}

/// An order of the objects of type `E`.
#[derive(Debug)]
pub struct Order<E> {
    /// The column, by its place in the table.
    pub column: usize,
    /// Upwards or downwards.
    pub direction: Direction,
    entity: PhantomData<fn() -> E>,
}

impl<E> Order<E> {
    /// By a column, by its place in the table.
    pub fn new(column: usize, direction: Direction) -> Self {
        Self { column, direction, entity: PhantomData }
    }
}

/// What to select from one entity's table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// The condition; none for all rows.
    pub condition: Option<Condition>,
    /// The order.
    pub order: Vec<(usize, Direction)>,
    /// At most so many rows.
    pub limit: Option<u64>,
    /// Without the first so many rows.
    pub offset: Option<u64>,
    /// Relationships to load along, as paths from the entity.
    pub paths: Vec<Vec<RelationshipId>>,
}
