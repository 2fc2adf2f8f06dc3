//! Shrinking: a scenario that differs becomes a smaller one that differs in the same way.

use serde_json::Value as Json;

/// How many candidates are tried.
const MOST_TRIALS: usize = 600;

/// Makes a scenario smaller as long as it differs.
pub fn shrink<E>(
    scenario: &Json,
    mut differs: impl FnMut(&Json) -> Result<bool, E>,
) -> Result<Json, E> {
    let mut shrinking = Shrinking { best: scenario.clone(), trials: 0 };
    loop {
        let before = shrinking.best.to_string().len();
        shrinking.steps(&mut differs)?;
        shrinking.schema(&mut differs)?;
        let after = shrinking.best.to_string().len();
        if after >= before || shrinking.trials >= MOST_TRIALS {
            return Ok(shrinking.best);
        }
    }
}

struct Shrinking {
    best: Json,
    trials: usize,
}

impl Shrinking {
    /// Takes a candidate if it still differs.
    fn take<E>(
        &mut self,
        candidate: Json,
        differs: &mut impl FnMut(&Json) -> Result<bool, E>,
    ) -> Result<bool, E> {
        if self.trials >= MOST_TRIALS {
            return Ok(false);
        }
        self.trials += 1;
        let smaller = differs(&candidate)?;
        if smaller {
            self.best = candidate;
        }
        Ok(smaller)
    }

    /// Drops steps: half of them, then a quarter, and so on.
    fn steps<E>(&mut self, differs: &mut impl FnMut(&Json) -> Result<bool, E>) -> Result<(), E> {
        let mut size = self.list("/steps").len() / 2;
        while size > 0 {
            let mut start = 0;
            while start < self.list("/steps").len() {
                let mut fewer = self.list("/steps");
                let end = (start + size).min(fewer.len());
                fewer.drain(start..end);
                let mut candidate = self.best.clone();
                candidate["steps"] = Json::Array(fewer);
                if !self.take(candidate, differs)? {
                    start += size;
                }
            }
            size /= 2;
        }
        Ok(())
    }

    /// Drops entities with their tables, relationships, options and actions.
    fn schema<E>(&mut self, differs: &mut impl FnMut(&Json) -> Result<bool, E>) -> Result<(), E> {
        for list in ["/entities", "/tables"] {
            self.drop_members(list, differs)?;
        }
        for place in 0..self.list("/entities").len() {
            self.drop_members(&format!("/entities/{place}/relationships"), differs)?;
            for one in 0..self.list(&format!("/entities/{place}/relationships")).len() {
                let at = format!("/entities/{place}/relationships/{one}");
                let options = ["cascade", "passive_deletes", "post_update", "single_parent"];
                self.drop_fields(&at, &options, differs)?;
                // Without `back_populates` one side would tell the other, and not the other way.
                self.drop_fields(&at, &["passive_updates"], differs)?;
            }
        }
        for place in 0..self.list("/tables").len() {
            self.drop_members(&format!("/tables/{place}/columns"), differs)?;
            for one in 0..self.list(&format!("/tables/{place}/foreign_keys")).len() {
                let at = format!("/tables/{place}/foreign_keys/{one}");
                self.drop_fields(&at, &["on_delete", "on_update"], differs)?;
            }
        }
        for option in ["autoflush", "expire_on_commit"] {
            if self.best["session"][option] == Json::Bool(true) {
                let mut candidate = self.best.clone();
                candidate["session"][option] = Json::Bool(false);
                self.take(candidate, differs)?;
            }
        }
        Ok(())
    }

    fn drop_members<E>(
        &mut self,
        list: &str,
        differs: &mut impl FnMut(&Json) -> Result<bool, E>,
    ) -> Result<(), E> {
        for place in (0..self.list(list).len()).rev() {
            // Without their labels rows differ by their numbers, which are nobody's business.
            if self.list(list)[place]["name"] == "label" {
                continue;
            }
            let mut candidate = self.best.clone();
            if let Some(Json::Array(members)) = candidate.pointer_mut(list) {
                members.remove(place);
            }
            self.take(candidate, differs)?;
        }
        Ok(())
    }

    fn drop_fields<E>(
        &mut self,
        object: &str,
        fields: &[&str],
        differs: &mut impl FnMut(&Json) -> Result<bool, E>,
    ) -> Result<(), E> {
        for &field in fields {
            let mut candidate = self.best.clone();
            let removed = candidate
                .pointer_mut(object)
                .and_then(Json::as_object_mut)
                .and_then(|object| object.remove(field));
            if removed.is_some() {
                self.take(candidate, differs)?;
            }
        }
        Ok(())
    }

    fn list(&self, pointer: &str) -> Vec<Json> {
        self.best.pointer(pointer).and_then(Json::as_array).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_matter_is_dropped() {
        let relationship = json!({"name": "r", "cascade": "all", "passive_deletes": true});
        let scenario = json!({
            "session": {"autoflush": true, "expire_on_commit": true},
            "tables": [{"name": "a", "columns": [1, 2], "foreign_keys": [{"on_delete": "cascade"}]}],
            "entities": [{"name": "A", "relationships": [relationship]}, {"name": "B"}],
            "steps": [1, 2, 3, 4, 5, 6, 7, 8, 9],
        });
        let differs = |one: &Json| {
            let steps = one["steps"]
                .as_array()
                .is_some_and(|steps| steps.contains(&json!(3)) && steps.contains(&json!(8)));
            let cascade = one["entities"][0]["relationships"][0]["cascade"] == json!("all");
            Ok::<_, ()>(steps && cascade && one["session"]["autoflush"] == json!(true))
        };
        let small = shrink(&scenario, differs);
        let expected = json!({
            "session": {"autoflush": true, "expire_on_commit": false},
            "tables": [],
            "entities": [{"name": "A", "relationships": [{"name": "r", "cascade": "all"}]}],
            "steps": [3, 8],
        });
        assert_eq!(small, Ok(expected));
    }
}
