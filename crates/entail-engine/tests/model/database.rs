//! A naive database in memory: rows in lists, and every constraint looked at after every row.

use std::sync::Arc;

use entail_engine::batch::{Expect, ParamRef};
use entail_engine::mapping::{Action, Deferrable, ForeignKey, Mapping, Table, TableId};
use entail_engine::plan::{Plan, Step, StepAction};
use entail_engine::value::Value;

type Row = Vec<Value>;

/// Rows by table.
#[derive(Clone, Debug)]
pub struct NaiveDatabase {
    mapping: Arc<Mapping>,
    tables: Vec<Vec<Row>>,
    /// The next number of each table that the database counts up.
    next: Vec<i64>,
}

/// When constraints are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    EachRow,
    Never,
}

impl NaiveDatabase {
    pub fn new(mapping: &Arc<Mapping>) -> Self {
        let count = mapping.tables().len();
        Self { mapping: Arc::clone(mapping), tables: vec![Vec::new(); count], next: vec![1; count] }
    }

    pub fn rows(&self, table: TableId) -> &[Row] {
        &self.tables[table.0 as usize]
    }

    /// Puts a row in as it is.
    #[allow(dead_code)] // The fuzzer has no rows of its own.
    pub fn put(&mut self, table: TableId, row: Row) {
        self.tables[table.0 as usize].push(row);
    }

    /// Carries a plan out and gives its slots, or changes nothing and says what refuses it.
    pub fn run(&mut self, plan: &Plan) -> Result<Vec<Value>, String> {
        let mut trial = self.clone();
        let slots = trial.carry_out(plan, Check::EachRow)?;
        trial.check_all()?;
        *self = trial;
        Ok(slots)
    }

    /// Whether the rows that a plan leads to break a constraint, in whatever order it goes.
    pub fn refuses_the_end_of(&self, plan: &Plan) -> bool {
        let mut trial = self.clone();
        trial.carry_out(plan, Check::Never).is_err() || trial.check_all().is_err()
    }

    fn carry_out(&mut self, plan: &Plan, check: Check) -> Result<Vec<Value>, String> {
        let mut slots = vec![Value::Null; plan.slots];
        for step in &plan.steps {
            for number in 0..step.rows.len() {
                self.write(step, number, &mut slots)?;
                if check == Check::EachRow {
                    self.check_waiting_for_none()?;
                }
            }
        }
        Ok(slots)
    }

    fn write(&mut self, step: &Step, number: usize, slots: &mut [Value]) -> Result<(), String> {
        let width = step.columns.len() + step.keys.len();
        let params = step.params.as_slice().part(number * width, width);
        let params: Vec<Value> = params
            .iter()
            .map(|param| match param {
                ParamRef::Value(value) => value.to_value(),
                ParamRef::Slot(slot) => slots[slot as usize].clone(),
            })
            .collect();
        let (values, keys) = params.split_at(step.columns.len());
        match step.action {
            StepAction::Insert | StepAction::Link => self.insert(step, number, values, slots),
            StepAction::Update | StepAction::Relink => {
                let met = self.find(step, keys);
                for &row in &met {
                    self.update(step.table, row, &step.columns, values)?;
                }
                expect(step, met.len())
            }
            StepAction::Delete | StepAction::Unlink => {
                let met = self.find(step, keys);
                let rows: Vec<Row> =
                    met.iter().map(|&row| self.rows(step.table)[row].clone()).collect();
                for row in &rows {
                    self.delete(step.table, row)?;
                }
                expect(step, rows.len())
            }
            StepAction::DeleteReached | StepAction::DetachReached => {
                panic!("the model has all objects in memory, so nothing is reached by keys")
            }
        }
    }

    fn insert(
        &mut self,
        step: &Step,
        number: usize,
        values: &[Value],
        slots: &mut [Value],
    ) -> Result<(), String> {
        let mapping = Arc::clone(&self.mapping);
        let table = mapping.table(step.table);
        let mut row = vec![Value::Null; table.columns.len()];
        for (&column, value) in step.columns.iter().zip(values) {
            row[column] = value.clone();
        }
        for (place, &column) in step.generated.iter().enumerate() {
            let next = &mut self.next[table.id.0 as usize];
            row[column] = Value::Int(*next);
            *next += 1;
            slots[step.rows[number].slot as usize + place] = row[column].clone();
        }
        self.tables[table.id.0 as usize].push(row);
        Ok(())
    }

    fn find(&self, step: &Step, keys: &[Value]) -> Vec<usize> {
        let fits = |row: &Row| step.keys.iter().zip(keys).all(|(&column, key)| row[column] == *key);
        let rows = self.rows(step.table).iter().enumerate();
        rows.filter(|(_, row)| fits(row)).map(|(number, _)| number).collect()
    }

    /// Changes a row, and carries a changed key to the rows that refer to it.
    fn update(
        &mut self,
        table: TableId,
        number: usize,
        columns: &[usize],
        values: &[Value],
    ) -> Result<(), String> {
        let old = self.rows(table)[number].clone();
        for (&column, value) in columns.iter().zip(values) {
            self.tables[table.0 as usize][number][column] = value.clone();
        }
        let new = self.rows(table)[number].clone();
        for (child, key) in self.referring_to(table) {
            let (was, is) = (part(&old, &key.references), part(&new, &key.references));
            if key.on_update == Action::Cascade && was != is {
                for row in &mut self.tables[child.0 as usize] {
                    if part(row, &key.columns) == was {
                        set(row, &key.columns, &is);
                    }
                }
            }
        }
        Ok(())
    }

    /// Deletes a row, and does with those that refer to it what their foreign keys say.
    fn delete(&mut self, table: TableId, row: &Row) -> Result<(), String> {
        let rows = &mut self.tables[table.0 as usize];
        let Some(place) = rows.iter().position(|one| one == row) else { return Ok(()) };
        rows.remove(place);
        for (child, key) in self.referring_to(table) {
            let gone = part(row, &key.references);
            let of_it = |one: &&Row| part(one, &key.columns) == gone;
            let children: Vec<Row> = self.rows(child).iter().filter(of_it).cloned().collect();
            for one in children {
                match key.on_delete {
                    Action::Cascade => self.delete(child, &one)?,
                    Action::SetNull => {
                        let nothing = vec![Value::Null; key.columns.len()];
                        for row in &mut self.tables[child.0 as usize] {
                            if *row == one {
                                set(row, &key.columns, &nothing);
                            }
                        }
                    }
                    Action::NoAction | Action::Restrict | Action::SetDefault => {}
                }
            }
        }
        Ok(())
    }

    /// The foreign keys that refer to a table, with the tables that have them.
    fn referring_to(&self, table: TableId) -> Vec<(TableId, ForeignKey)> {
        let mut all = Vec::new();
        for child in self.mapping.tables() {
            for key in child.foreign_keys.iter().filter(|key| key.parent == table) {
                all.push((child.id, copy(key)));
            }
        }
        all
    }

    // --- Constraints -----------------------------------------------------------------------------

    fn check_waiting_for_none(&self) -> Result<(), String> {
        self.check(|key| key.deferrable != Deferrable::InitiallyDeferred)
    }

    fn check_all(&self) -> Result<(), String> {
        self.check(|_| true)
    }

    fn check(&self, is_due: impl Fn(&ForeignKey) -> bool) -> Result<(), String> {
        for table in self.mapping.tables() {
            for row in self.rows(table.id) {
                self.check_nulls(table, row)?;
                for key in table.foreign_keys.iter().filter(|key| is_due(key)) {
                    self.check_reference(table, key, row)?;
                }
            }
            for columns in table.uniques.iter().chain([&table.primary_key]) {
                self.check_unique(table, columns)?;
            }
        }
        Ok(())
    }

    fn check_nulls(&self, table: &Table, row: &Row) -> Result<(), String> {
        let mut columns = table.columns.iter().zip(row);
        match columns.find(|(column, value)| !column.nullable && value.is_null()) {
            Some((column, _)) => Err(format!("{}.{} is NULL", table.name, column.name)),
            None => Ok(()),
        }
    }

    fn check_reference(&self, table: &Table, key: &ForeignKey, row: &Row) -> Result<(), String> {
        let values = part(row, &key.columns);
        let mut parents = self.rows(key.parent).iter();
        if values.iter().any(Value::is_null)
            || parents.any(|parent| part(parent, &key.references) == values)
        {
            return Ok(());
        }
        Err(format!("{} refers to {values:?}, which is not there", table.name))
    }

    fn check_unique(&self, table: &Table, columns: &[usize]) -> Result<(), String> {
        let rows = self.rows(table.id);
        for (number, row) in rows.iter().enumerate() {
            let values = part(row, columns);
            let distinct = values.iter().any(Value::is_null);
            if !distinct && rows[..number].iter().any(|other| part(other, columns) == values) {
                return Err(format!("{} has {values:?} twice", table.name));
            }
        }
        Ok(())
    }
}

fn expect(step: &Step, met: usize) -> Result<(), String> {
    match step.expect {
        Expect::Exactly(count) if count != met as u64 => {
            Err(format!("{:?} met {met} rows instead of {count}", step.action))
        }
        _ => Ok(()),
    }
}

fn part(row: &Row, columns: &[usize]) -> Vec<Value> {
    columns.iter().map(|&column| row[column].clone()).collect()
}

fn set(row: &mut Row, columns: &[usize], values: &[Value]) {
    for (&column, value) in columns.iter().zip(values) {
        row[column] = value.clone();
    }
}

fn copy(key: &ForeignKey) -> ForeignKey {
    ForeignKey {
        columns: key.columns.clone(),
        parent: key.parent,
        references: key.references.clone(),
        on_delete: key.on_delete,
        on_update: key.on_update,
        deferrable: key.deferrable,
    }
}
