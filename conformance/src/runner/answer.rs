//! Answers: the steps that ask what the session and the database hold.

use std::sync::Arc;

use entail::State;
use entail_engine::mapping::{Mapping, Table};
use serde_json::{Map, Value as Json, json};

use super::{Answer, Runner};
use crate::failure::Failure;
use crate::value::to_json;

impl Runner {
    /// All rows of all tables, without a flush.
    pub(super) fn tables(&mut self) -> Result<Answer, Failure> {
        let autoflush = self.session.set_autoflush(false);
        let mapping = Arc::clone(&self.mapping);
        let tables = self.read_tables(&mapping);
        self.session.set_autoflush(autoflush);
        Ok(Answer::from_iter([("tables".to_owned(), Json::Object(tables?))]))
    }

    fn read_tables(&mut self, mapping: &Mapping) -> Result<Map<String, Json>, Failure> {
        let mut tables = Map::new();
        for table in mapping.tables() {
            tables.insert(table.name.to_string(), self.read_table(table)?);
        }
        Ok(tables)
    }

    fn read_table(&mut self, table: &Table) -> Result<Json, Failure> {
        let quote = self.quote;
        let columns: Vec<_> =
            table.columns.iter().map(|column| format!("{quote}{}{quote}", column.name)).collect();
        let sql = format!("SELECT {} FROM {quote}{}{quote}", columns.join(", "), table.name);
        let rows = self.session.execute(&sql, [])?.rows;
        let row = |row: entail::Row<'_>| {
            let pairs = table.columns.iter().zip(row.iter());
            let named =
                pairs.map(|(column, value)| (column.name.to_string(), to_json(value, column.ty)));
            Json::Object(named.collect())
        };
        Ok(Json::Array(rows.iter().map(row).collect()))
    }

    pub(super) fn states(&self) -> Answer {
        let states = self.names.all().map(|(name, object)| {
            let word = object.map(|handle| self.session.state(handle).word());
            (name.to_owned(), json!(word))
        });
        Answer::from_iter([("states".to_owned(), Json::Object(states.collect()))])
    }

    /// Every name of each persistent object with a net change, one that is to be deleted too.
    pub(super) fn dirty(&self) -> Answer {
        let changed = |handle| {
            self.session.state(handle) == State::Persistent && self.session.is_modified(handle)
        };
        let dirty = self.names.all().filter(|(_, object)| object.is_some_and(changed));
        let mut names: Vec<_> = dirty.map(|(name, _)| name).collect();
        names.sort_unstable();
        Answer::from_iter([("dirty".to_owned(), json!(names))])
    }

    pub(super) fn same(&self, a: &str, b: &str) -> Result<Answer, Failure> {
        let same = self.names.find(a) == self.names.find(b);
        Ok(Answer::from_iter([("same".to_owned(), json!(same))]))
    }
}
