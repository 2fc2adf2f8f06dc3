//! Inserts: the row of a new object.

use crate::batch::{Param, ParamList, ParamRef, ParamSlice};
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::mapping::EntityMap;
use crate::value::{ColumnType, Value, ValueRef};

use super::super::bulk::{BulkRow, inserted};
use super::super::{ChangeSet, Phase};
use super::Builder;

const NULL: ParamRef<'static> = ParamRef::Value(ValueRef::Null);

impl Builder<'_> {
    pub(super) fn insert(
        &self,
        id: ObjectId,
        cause: u32,
        changes: &mut ChangeSet,
    ) -> Result<(), FlushError> {
        let entity = self.entity(id);
        let table = self.table(id);
        let slots = self.slots.get(&id).copied();
        let some = if slots.is_some_and(|one| one.all) { None } else { Some(self.generated(id)) };
        let generated = some.as_ref().unwrap_or(&entity.generated);
        let bulk = inserted(&mut changes.bulks, table, generated);
        let before = bulk.params.len();
        for &index in &bulk.columns {
            let follow = if table.is_foreign[index] { self.follow(id, index) } else { None };
            match follow.filter(|follow| !follow.separately) {
                Some(follow) => {
                    let param = self.resolve(follow.source);
                    bulk.params.push(param.as_ref());
                    changes.write_back.push((id, index, param));
                }
                None => {
                    let value = self.fates.arena.column(id, index).unwrap_or(ValueRef::Null);
                    bulk.params.push(ParamRef::Value(value));
                }
            }
        }
        self.fill_in(id, entity, &bulk.columns, &mut bulk.params, before, &mut changes.write_back);
        self.check_key(
            id,
            entity,
            &bulk.columns,
            bulk.params.as_slice().part(before, bulk.columns.len()),
        )?;
        bulk.push(BulkRow {
            object: Some(id),
            slot: slots.map_or(0, |one| one.first),
            order: self.fates.arena.cell(id).order,
            cause,
        });
        self.post_update(id, Phase::After, None, changes);
        Ok(())
    }

    /// Puts defaults, and the first version, in place of NULL, in the parameters from `start` on.
    fn fill_in(
        &self,
        id: ObjectId,
        entity: &EntityMap,
        columns: &[usize],
        params: &mut ParamList,
        start: usize,
        write_back: &mut Vec<(ObjectId, usize, Param)>,
    ) {
        for (place, &index) in columns.iter().enumerate() {
            if params.as_slice().get(start + place) != Some(NULL) {
                continue;
            }
            let value = match &self.table(id).columns[index].default {
                Some(default) => default.clone(),
                None if entity.version == Some(index) => Value::Int(1),
                None => continue,
            };
            params.set(start + place, value.as_ref());
            write_back.push((id, index, Param::Value(value)));
        }
    }

    /// A single key column without a value would be made up by some databases, and nobody would
    /// know it.
    fn check_key(
        &self,
        id: ObjectId,
        entity: &EntityMap,
        columns: &[usize],
        params: ParamSlice<'_>,
    ) -> Result<(), FlushError> {
        let &[column] = entity.key.as_slice() else { return Ok(()) };
        let integer = !matches!(
            self.table(id).columns[column].ty,
            ColumnType::Text { .. } | ColumnType::Bytes
        );
        let missing =
            columns.iter().zip(params.iter()).any(|(&one, param)| one == column && param == NULL);
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
