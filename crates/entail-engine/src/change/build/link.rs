//! Links: the rows of association tables.

use crate::batch::{Operation, Param};
use crate::handle::ObjectId;
use crate::room;
use crate::value::{Value, ValueRef};

use super::super::bulk::{BulkRow, NewRow, Of, put};
use super::super::synchronise::Link;
use super::super::{CauseNode, ChangeSet, LinkChange, Reason};
use super::{Builder, Scratch};

impl Builder<'_> {
    pub(super) fn link(&self, link: Link, scratch: &mut Scratch, changes: &mut ChangeSet) {
        let relationship = self.fates.mapping.relationship(link.relationship);
        let Some(table) = &relationship.link else { return };
        let near = relationship.child_columns.iter().zip(&relationship.parent_columns);
        let far = table.remote.iter().zip(&table.remote_references);
        let ends = near
            .map(|(&column, &from)| (column, link.owner, from))
            .chain(far.map(|(&column, &from)| (column, link.member, from)));
        let Scratch { values, key, .. } = scratch;
        values.clear();
        key.clear();
        values.extend(ends.clone().map(|(column, id, from)| (column, self.value(id, from))));
        // From whichever side it comes, a row has one shape: one statement, and one order of locks.
        values.sort_unstable_by_key(|(column, _)| *column);
        if link.operation == Operation::Update {
            let old = |id: ObjectId, from| {
                let value = self.fates.arena.committed_column(id, from);
                Param::Value(value.map_or(Value::Null, ValueRef::to_value))
            };
            key.extend(ends.map(|(column, id, from)| (column, old(id, from))));
            key.sort_unstable_by_key(|(column, _)| *column);
        }
        let parent = self.fates.reason_of(link.owner);
        let cause = changes.causes.len() as u32;
        let member = &self.fates.arena.cell(link.member).key;
        room::push_with(&mut changes.causes, || CauseNode {
            object: link.member,
            key: member.clone(),
            reason: Reason::Linked(link.relationship),
            parent,
        });
        if link.operation == Operation::Update {
            changes.links.push(LinkChange {
                table: table.table,
                operation: link.operation,
                values: std::mem::take(values),
                key: std::mem::take(key),
                cause,
            });
            return;
        }
        // A row that goes is found by all of its columns.
        if link.operation == Operation::Delete {
            std::mem::swap(values, key);
        }
        let row = BulkRow { object: None, slot: 0, order: 0, cause };
        put(
            &mut changes.bulks,
            NewRow {
                table: table.table,
                operation: link.operation,
                of: Of::Links,
                values,
                key,
                generated: &[],
                row,
            },
        );
    }
}
