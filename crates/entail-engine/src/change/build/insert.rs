//! Inserts: the row of a new object.

use crate::batch::{Operation, Param};
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::mapping::EntityMap;
use crate::value::{ColumnType, Value, ValueRef};

use super::super::bulk::{BulkRow, NewRow, Of, put};
use super::super::{ChangeSet, Phase};
use super::{Builder, Scratch};

impl Builder<'_> {
    pub(super) fn insert(
        &self,
        id: ObjectId,
        cause: u32,
        scratch: &mut Scratch,
        changes: &mut ChangeSet,
    ) -> Result<(), FlushError> {
        let entity = self.entity(id);
        let table = self.table(id);
        let Scratch { values, key } = scratch;
        values.clear();
        key.clear();
        let slots = self.slots.get(&id).copied();
        let some = if slots.is_some_and(|one| one.all) { None } else { Some(self.generated(id)) };
        let generated = some.as_ref().unwrap_or(&entity.generated);
        for (index, column) in table.columns.iter().enumerate() {
            if generated.contains(&index) {
                continue;
            }
            let follow = if table.is_foreign[index] { self.follow(id, index) } else { None };
            let param = match follow {
                Some(follow) if follow.separately => self.own_value(id, index),
                Some(follow) => {
                    let param = self.resolve(follow.source);
                    changes.write_back.push((id, index, param.clone()));
                    param
                }
                None => self.own_value(id, index),
            };
            let param = match (param, &column.default) {
                (Param::Value(Value::Null), Some(default)) => {
                    changes.write_back.push((id, index, Param::Value(default.clone())));
                    Param::Value(default.clone())
                }
                (Param::Value(Value::Null), None) if entity.version == Some(index) => {
                    changes.write_back.push((id, index, Param::Value(Value::Int(1))));
                    Param::Value(Value::Int(1))
                }
                (param, _) => param,
            };
            values.push((index, param));
        }
        self.check_key(id, entity, values)?;
        let row = BulkRow {
            object: Some(id),
            slot: slots.map_or(0, |one| one.first),
            order: self.fates.arena.cell(id).order,
            cause,
        };
        put(
            &mut changes.bulks,
            NewRow {
                table: table.id,
                operation: Operation::Insert,
                of: Of::Objects,
                values,
                key,
                generated,
                row,
            },
        );
        self.post_update(id, Phase::After, None, changes);
        Ok(())
    }

    fn own_value(&self, id: ObjectId, column: usize) -> Param {
        let value = self.fates.arena.column(id, column);
        Param::Value(value.map_or(Value::Null, ValueRef::to_value))
    }

    /// A single key column without a value would be made up by some databases, and nobody would
    /// know it.
    fn check_key(
        &self,
        id: ObjectId,
        entity: &EntityMap,
        values: &[(usize, Param)],
    ) -> Result<(), FlushError> {
        let &[column] = entity.key.as_slice() else { return Ok(()) };
        let integer = !matches!(
            self.table(id).columns[column].ty,
            ColumnType::Text { .. } | ColumnType::Bytes
        );
        let missing = values.iter().any(|(c, v)| *c == column && *v == Param::Value(Value::Null));
        let follows = self.follow(id, column).is_some();
        if integer && missing && !follows {
            return Err(FlushError::NoKey {
                object: self.fates.arena.label(id),
                column: self.table(id).columns[column].name.to_string(),
            });
        }
        Ok(())
    }
}
