//! The apply station: after a flush the arena takes over what happened: keys, versions, states.
//! It is the only writer, and it runs only after success.

use std::sync::Arc;

use crate::arena::{Arena, Flags, UndoReach};
use crate::batch::Outcome;
use crate::change::WriteBack;
use crate::handle::ObjectId;
use crate::key::Key;
use crate::plan::{Plan, StepAction};
use crate::value::{Value, ValueRef};

/// What becomes of the objects once the plan is carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct After {
    /// Values that the objects take.
    pub write_back: WriteBack,
    /// Objects that take part and have a row afterwards.
    pub kept: Vec<ObjectId>,
    /// Objects that have no row afterwards.
    pub deleted: Vec<ObjectId>,
    /// Pending objects that are dropped.
    pub dropped: Vec<ObjectId>,
}

/// Takes over what a plan did.
pub(crate) fn apply(
    arena: &mut Arena,
    plan: &Plan,
    after: After,
    outcome: &Outcome,
    reach: UndoReach,
) {
    arena.reach_of_undo(reach);
    // While they are all still in the identity map, doomed objects note whom they lead to.
    for &id in &after.deleted {
        arena.keep_known_targets(id);
    }
    arena.note_rows_before(&after.kept);
    for step in plan.steps.iter().filter(|step| step.action == StepAction::Insert) {
        for row in &step.rows {
            let Some(object) = row.object else { continue };
            for (place, &column) in step.generated.iter().enumerate() {
                if let Some(value) = outcome.slots.get(row.slot as usize + place) {
                    arena.take_over(object, column, value);
                }
            }
        }
    }
    after.write_back.give(&outcome.slots, |object, column, value| {
        arena.take_over(object, column, value);
    });
    for id in after.dropped {
        arena.drop_pending(id);
    }
    arena.finish_deleted(&after.deleted);
    let displaced = arena.finish_kept(&after.kept);
    arena.finish_displaced(plan, displaced);
    arena.finish_flush();
    arena.reach_of_undo(UndoReach::Open);
}

impl Arena {
    /// Notes for a rollback what the rows had before.
    fn note_rows_before(&mut self, kept: &[ObjectId]) {
        let mapping = Arc::clone(self.mapping());
        for &id in kept {
            if self.cell(id).key.is_some() {
                self.note_flushed(&mapping, id);
            }
        }
    }

    /// Writes a value that the database or the flush gave. Such values fit their fields. To a
    /// detached object it is a change, which is written once that is in the session again.
    fn take_over(&mut self, id: ObjectId, column: usize, value: &Value) {
        let is_outside = self.cell(id).key.is_some() && !self.flags(id).has(Flags::MAPPED);
        let result = if is_outside {
            self.set_column(id, column, Some(value.clone())).map_err(|error| error.to_string())
        } else {
            self.keep_old_value(id, column);
            self.write_given(id, column, value).map_err(|error| error.to_string())
        };
        if let Err(error) = result {
            tracing::error!(%error, "a flushed value does not fit the object");
        }
    }

    /// Lets go of an object if it is pending, and says whether it was. It leaves the list of new ones
    /// when the flush is finished.
    fn drop_pending(&mut self, id: ObjectId) -> bool {
        let is_pending = self.flags(id).has(Flags::NEW);
        if is_pending {
            self.cell_mut(id).flags.remove(Flags::NEW.and(Flags::ATTACHED));
        }
        is_pending
    }

    fn finish_deleted(&mut self, deleted: &[ObjectId]) {
        for &id in deleted {
            // A cascade may have come to it before it was inserted.
            if self.drop_pending(id) {
                continue;
            }
            self.leave_identity(id);
            let cell = self.cell_mut(id);
            // Nothing can be read afresh any more: what is known counts.
            cell.flags.remove(Flags::MARKED.and(Flags::EXPIRED).and(Flags::STALE));
            cell.flags.insert(Flags::DELETED);
            self.note_deleted(id);
        }
        self.forget_marks();
    }

    /// Answers the objects that have lost their places in the identity map, each behind the one
    /// that took it.
    fn finish_kept(&mut self, kept: &[ObjectId]) -> Vec<(ObjectId, ObjectId)> {
        let mapping = Arc::clone(self.mapping());
        self.make_room_for_keys(kept);
        let mut displaced = Vec::new();
        for &id in kept {
            let entity = mapping.entity(id.entity);
            if !entity.relationships.is_empty() {
                self.commit_links(&entity.relationships, id.slot);
            }
            let cell = self.cell_mut(id);
            let fresh = cell.key.is_none();
            cell.flags.remove(Flags::TOUCHED.and(Flags::ORPHANED_OUTSIDE).and(Flags::NEW));
            let former = match entity.key.as_slice() {
                &[column] if fresh => match self.column(id, column) {
                    Some(ValueRef::Int(number)) => self.take_first_number(id, number),
                    Some(value) => self.take_first_key(id, Key::one(value.to_value())),
                    None => None,
                },
                columns if self.has_its_key(id, columns) => None,
                columns => match self.values(id, columns).map(Key::of) {
                    Some(key) if fresh => self.take_first_key(id, key),
                    Some(key) => self.take_key(id, key),
                    None => None,
                },
            };
            displaced.extend(former.map(|former| (id, former)));
            if fresh {
                self.forget_lost_row(id);
                self.note_inserted(id);
            }
        }
        displaced
    }

    /// Of those whose place another took, some have found their own by now. The others have no row any
    /// more, or the database would have refused the other one. What was to be read afresh cannot
    /// be; what is known of the others stays. A number that the database gives to another row says
    /// nothing about the object that had it before.
    fn finish_displaced(&mut self, plan: &Plan, mut displaced: Vec<(ObjectId, ObjectId)>) {
        displaced.retain(|&(_, id)| !self.flags(id).has(Flags::MAPPED) && self.cell(id).is_stale());
        if displaced.is_empty() {
            return;
        }
        let mapping = Arc::clone(self.mapping());
        let is_made = |taker: ObjectId| {
            plan.steps.iter().any(|step| {
                let key = &mapping.entity(taker.entity).key;
                step.generated.iter().any(|column| key.contains(column))
                    && step.rows.iter().any(|row| row.object == Some(taker))
            })
        };
        displaced.retain(|&(taker, _)| !is_made(taker));
        let rowless: Vec<_> = displaced.into_iter().map(|(_, id)| id).collect();
        self.finish_deleted(&rowless);
    }
}
