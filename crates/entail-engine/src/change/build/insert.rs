//! Inserts: the row of a new object.

use crate::batch::{Param, ParamList, ParamRef, ParamSlice};
use crate::error::FlushError;
use crate::handle::ObjectId;
use crate::mapping::EntityMap;
use crate::value::{ColumnType, Value, ValueRef};

use super::super::bulk::{BulkRow, inserted};
use super::super::{ChangeSet, Phase, WriteBack};
use super::Builder;

const NULL: ParamRef<'static> = ParamRef::Value(ValueRef::Null);

impl Builder<'_> {
    pub(super) fn insert(
        &self,
        id: ObjectId,
        order: u32,
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
        let mut nulls = self.fates.arena.push_params(id, &bulk.columns, &mut bulk.params);
        let mut any_separate = false;
        for follow in self.follows.get(&id).iter().flat_map(|follows| follows.iter()) {
            any_separate |= follow.separately;
            let place = bulk.columns.iter().position(|&column| column == follow.column());
            let is_null = |param| usize::from(param == NULL);
            if let Some(place) = place
                && follow.separately
                && table.columns[follow.column()].nullable
            {
                // What the object has there may be of a former parent.
                nulls += 1 - bulk.params.as_slice().get(before + place).map_or(1, is_null);
                bulk.params.set(before + place, NULL);
            } else if let Some(place) = place.filter(|_| !follow.separately) {
                let param = self.resolve(follow.source);
                nulls -= bulk.params.as_slice().get(before + place).map_or(0, is_null);
                nulls += is_null(param.as_ref());
                bulk.params.set(before + place, param.as_ref());
                changes.write_back.push(id, follow.column(), param);
            }
        }
        if nulls > 0 {
            let (columns, params) = (&bulk.columns, &mut bulk.params);
            self.fill_in(id, entity, columns, params, before, &mut changes.write_back);
            self.check_key(id, entity, columns, params.as_slice().part(before, columns.len()))?;
        }
        bulk.push(BulkRow {
            object: Some(id),
            slot: slots.map_or(0, |one| one.first),
            order,
            cause,
        });
        if any_separate {
            self.post_update(id, Phase::After, None, changes);
        }
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
        write_back: &mut WriteBack,
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
            params.set(start + place, ParamRef::Value(value.as_ref()));
            write_back.push(id, index, Param::Value(value));
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
        if integer && missing {
            return Err(FlushError::NoKey {
                object: self.fates.arena.label(id),
                column: self.table(id).columns[column].name.to_string(),
            });
        }
        Ok(())
    }
}
