//! The plan station: puts changes into an order that the foreign keys and unique values allow,
//! cuts rings at nullable keys, and groups rows of one shape. A plan is plain data that prints.

mod ahead;
mod cut;
mod group;
mod order;
mod print;
mod ring;
mod row;

use std::sync::Arc;

pub(crate) use ahead::{Draw, Drawn};

use crate::apply::After;
use crate::batch::{Expect, Operation, Param, ParamList};
use crate::change::{Bulk, CauseNode, ChangeSet, Hop, LinkChange, RowChange, SetChange};
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::mapping::{Mapping, TableId};
use crate::value::Value;

/// What a flush will do, in its order, and why.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// The reasons that the steps refer to.
    pub causes: Vec<CauseNode>,
    /// How many slots the steps use.
    pub slots: usize,
    mapping: Option<Arc<Mapping>>,
    /// The ring that is there unless keys are drawn ahead: a row refers to one that comes after it,
    /// and whose key the database makes.
    ring_unless_drawn: Option<FlushError>,
}

/// Rows of one shape that are written one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub action: StepAction,
    /// To which table.
    pub table: TableId,
    /// The columns that are written.
    pub columns: Vec<usize>,
    /// The columns that find the row.
    pub keys: Vec<usize>,
    /// The columns whose values the database makes.
    pub generated: Vec<usize>,
    /// The parameters, row by row: the columns, then the keys.
    pub params: Arc<ParamList>,
    /// The rows.
    pub rows: Vec<PlannedRow>,
    /// How many rows each of them must meet.
    pub expect: Expect,
    /// For rows that are reached by their parents' keys: the way there.
    pub hops: Vec<Hop>,
}

/// What a [`Step`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepAction {
    /// INSERT of rows of entities.
    Insert,
    /// UPDATE of rows of entities.
    Update,
    /// DELETE of rows of entities.
    Delete,
    /// INSERT of association rows.
    Link,
    /// DELETE of association rows.
    Unlink,
    /// UPDATE of association rows after a change of key.
    Relink,
    /// DELETE of rows by their parents' keys.
    DeleteReached,
    /// UPDATE to NULL of rows by their parents' keys.
    DetachReached,
}

/// One row of a [`Step`]; of a step by parents' keys it stands for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedRow {
    /// The object, if the row is one.
    pub object: Option<ObjectId>,
    /// The first slot that takes generated values.
    pub slot: u32,
    /// The reason, by its place in [`Plan::causes`].
    pub cause: u32,
}

impl Plan {
    /// Plans the changes; also says what becomes of the objects afterwards.
    ///
    /// # Errors
    ///
    /// E0302 if rows depend on each other in a ring that cannot be cut.
    pub fn new(
        mapping: &Arc<Mapping>,
        mut changes: ChangeSet,
    ) -> Result<(Self, After), FlushError> {
        let slots = changes.slots;
        let mut after = After {
            write_back: std::mem::take(&mut changes.write_back),
            kept: std::mem::take(&mut changes.kept),
            deleted: std::mem::take(&mut changes.deleted),
            dropped: std::mem::take(&mut changes.dropped),
        };
        let (steps, causes, ring_unless_drawn) = match order::take_alone(mapping, &mut changes) {
            Some(bulk) => (vec![group::whole(bulk)], changes.causes, None),
            None => {
                let order::Ordered { mut items, causes, ring_unless_drawn } =
                    order::order(mapping, changes)?;
                number_slots(&mut items, &mut after, slots);
                (group::group(items), causes, ring_unless_drawn)
            }
        };
        let mapping = Some(Arc::clone(mapping));
        Ok((Plan { steps, causes, slots, mapping, ring_unless_drawn }, after))
    }

    /// Whether a row refers to one whose key is made after it, unless that is drawn ahead.
    pub(crate) fn needs_drawn_keys(&self) -> bool {
        self.ring_unless_drawn.is_some()
    }

    /// Makes sure that the plan can be carried out without keys that are drawn ahead.
    ///
    /// # Errors
    ///
    /// E0302 if a row refers to one whose key is made after it.
    pub(crate) fn check_without_drawn_keys(&self) -> Result<(), FlushError> {
        self.ring_unless_drawn.clone().map_or(Ok(()), Err)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many rows of a table are written one by one in one way, such as
    /// `plan.rows_of("tracks", StepAction::Delete)`.
    pub fn rows_of(&self, table: &str, action: StepAction) -> usize {
        let Some(mapping) = &self.mapping else { return 0 };
        let steps = self
            .steps
            .iter()
            .filter(|step| step.action == action && &*mapping.table(step.table).full_name == table);
        steps.map(|step| step.rows.len()).sum()
    }

    /// How many rows of entities and association tables are written one by one.
    pub fn rows(&self) -> usize {
        self.steps.iter().map(|step| step.rows.len()).sum()
    }
}

/// Numbers the slots in the order of the rows that fill them, so that neighbours have
/// neighbouring slots.
fn number_slots(ordered: &mut [Item], after: &mut After, slots: usize) {
    if slots == 0 {
        return;
    }
    let mut numbers = vec![0; slots];
    let mut next = 0;
    let mut number = |first: &mut u32, count: u32| {
        for place in 0..count {
            numbers[(*first + place) as usize] = next + place;
        }
        *first = next;
        next += count;
    };
    for one in ordered.iter_mut() {
        match one {
            Item::Bulk(bulk) if bulk.operation == Operation::Insert => {
                let count = bulk.generated.len() as u32;
                bulk.rows.iter_mut().for_each(|row| number(&mut row.slot, count));
            }
            Item::Row(row) if row.operation == Operation::Insert => {
                if let Some((first, columns)) = &mut row.generated {
                    number(first, columns.len() as u32);
                }
            }
            _ => {}
        }
    }
    if numbers.iter().enumerate().all(|(before, &now)| before == now as usize) {
        return;
    }
    let renumber = |param: &mut Param| {
        if let Param::Slot(slot) = param {
            *slot = numbers[*slot as usize];
        }
    };
    for one in ordered.iter_mut() {
        let (values, key) = match one {
            Item::Bulk(bulk) => {
                bulk.params.renumber_slots(&numbers);
                continue;
            }
            Item::Row(row) => (&mut row.values, &mut row.key),
            Item::Link(link) => (&mut link.values, &mut link.key),
            Item::Set(_) => continue,
        };
        values.iter_mut().chain(key).for_each(|(_, param)| renumber(param));
    }
    after.write_back.renumber_slots(&numbers);
}

/// Two plans are equal if they do the same in the same order for the same reasons.
impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        self.steps == other.steps && self.causes == other.causes && self.slots == other.slots
    }
}

/// A change on its way to its place.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    Bulk(Bulk),
    Row(RowChange),
    Link(LinkChange),
    Set(SetChange),
}

/// The value of a column among those that a row writes.
fn written(values: &[(usize, Param)], column: usize) -> Option<&Param> {
    values.iter().find(|(one, _)| *one == column).map(|(_, param)| param)
}

/// The value of a column among those that a row gives up.
fn given_up(old: &[(usize, Value)], column: usize) -> Option<&Value> {
    old.iter().find(|(one, _)| *one == column).map(|(_, value)| value)
}
