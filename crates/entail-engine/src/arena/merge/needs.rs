//! What must be loaded before a graph can be merged.
//!
//! ```text
//!   order 7 (asked by its key) -- order.items (asked by the order's key) --> its items come along
//!                              '-- items that did not come: asked by their own keys, in the next pass
//! ```

use rustc_hash::FxHashSet;

use crate::arena::Arena;
use crate::by_object::ByObject;
use crate::cascade::Missing;
use crate::handle::ObjectId;
use crate::key::Key;
use crate::mapping::{Cascade, EntityId, Kind, Relationship, RelationshipId};

/// What must be loaded before a graph can be merged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergeNeeds {
    /// Rows by their keys.
    pub rows: Vec<(EntityId, Key)>,
    /// Relationships of rows that are asked for as well, by the owners' keys.
    pub along: Vec<(RelationshipId, Key)>,
    /// Relationships of the session's objects.
    pub relationships: Vec<Missing>,
}

impl MergeNeeds {
    /// Whether nothing is needed.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.along.is_empty() && self.relationships.is_empty()
    }
}

/// What is known of the row of a source.
#[derive(Clone, Copy, PartialEq)]
enum Standing {
    /// There is none.
    New,
    /// The session has it.
    Present(ObjectId),
    /// It is asked for, by its key or along with another.
    Asked,
}

impl Arena {
    /// Names what must be loaded before the sources can be merged. `absent` are keys that were
    /// looked for and have no row. In the first pass rows may be left to come along with others;
    /// what is missing after that is asked for all at once.
    pub(crate) fn merge_needs(
        &self,
        sources: &[ObjectId],
        absent: &FxHashSet<(EntityId, Key)>,
        is_first: bool,
    ) -> MergeNeeds {
        let mut needs = MergeNeeds::default();
        let mut seen = ByObject::new(self, sources.len());
        let mut found = Vec::new();
        let mut stack: Vec<_> = sources.iter().rev().map(|&source| (source, false)).collect();
        while let Some((source, comes_along)) = stack.pop() {
            if seen.contains_key(&source) {
                continue;
            }
            seen.insert(source, ());
            let key = self.merge_key(source);
            let standing = self.standing(source, key.as_ref(), comes_along, absent, &mut needs);
            for &id in &self.mapping.entity(source.entity).relationships {
                let relationship = self.mapping.relationship(id);
                if !relationship.cascade.has(Cascade::Merge) || !self.is_loaded(id, source.slot) {
                    continue;
                }
                let loads = match &key {
                    Some(key) => self.needs_along(relationship, source, key, standing, &mut needs),
                    None => false,
                };
                // What comes with its owner's list need not be asked for by its own key.
                let comes_along = is_first && loads && relationship.kind != Kind::ManyToOne;
                self.push_members(id, source.slot, &mut found);
                stack.extend(found.drain(..).map(|member| (member, comes_along)));
            }
        }
        needs
    }

    fn standing(
        &self,
        source: ObjectId,
        key: Option<&Key>,
        comes_along: bool,
        absent: &FxHashSet<(EntityId, Key)>,
        needs: &mut MergeNeeds,
    ) -> Standing {
        let Some(key) = key else { return Standing::New };
        match self.find_key(source.entity, key) {
            Some(found) => {
                if self.cell(found).is_stale() {
                    needs.rows.push((source.entity, key.clone()));
                }
                Standing::Present(found)
            }
            None if comes_along => Standing::Asked,
            None => {
                let asked = (source.entity, key.clone());
                if absent.contains(&asked) {
                    return Standing::New;
                }
                needs.rows.push(asked);
                Standing::Asked
            }
        }
    }

    /// Names a relationship of a source's row if it must be loaded, and says whether it must.
    fn needs_along(
        &self,
        relationship: &Relationship,
        source: ObjectId,
        key: &Key,
        standing: Standing,
        needs: &mut MergeNeeds,
    ) -> bool {
        if !(relationship.kind.is_many() || relationship.single_parent) {
            return false;
        }
        match standing {
            Standing::New => false,
            Standing::Present(target) => {
                let missing = target != source && !self.is_loaded(relationship.id, target.slot);
                if missing {
                    let (relationship, owner) = (relationship.id, target);
                    needs.relationships.push(Missing { relationship, owner });
                }
                missing
            }
            Standing::Asked => {
                let owner_key = &self.mapping.entity(source.entity).key;
                let by_key = relationship.kind != Kind::ManyToOne
                    && relationship.parent_columns.iter().all(|one| owner_key.contains(one));
                if by_key {
                    needs.along.push((relationship.id, key.clone()));
                }
                true
            }
        }
    }
}
