//! The order of rows against brute force: all graphs of up to five rows that refer to each other.

use std::sync::Arc;

use entail_engine::batch::{Expect, Operation, Param};
use entail_engine::change::{CauseNode, ChangeSet, Phase, Reason, RowChange};
use entail_engine::handle::{ObjectId, Slot};
use entail_engine::mapping::{
    ColumnDefinition, EntityDefinition, EntityId, ForeignKeyDefinition, Mapping, MappingDefinition,
    TableDefinition, TableId,
};
use entail_engine::plan::{Plan, StepAction};
use entail_engine::value::{ColumnType, Value};

use super::database::NaiveDatabase;

/// Rows that have a foreign key for each row that they may refer to.
struct Rows {
    count: usize,
    /// For each row the rows that it refers to, as a set of bits.
    refers: Vec<u8>,
}

impl Rows {
    /// The graph with this number: a bit for each pair of different rows.
    fn numbered(count: usize, number: u32) -> Self {
        let mut refers = vec![0; count];
        let pairs = (0..count).flat_map(|from| (0..count).map(move |to| (from, to)));
        for (bit, (from, to)) in pairs.filter(|(from, to)| from != to).enumerate() {
            if number & (1 << bit) != 0 {
                refers[from] |= 1 << to;
            }
        }
        Self { count, refers }
    }

    /// Whether there is an order in which each row comes after those that it refers to: all sets of
    /// rows are tried that can be there.
    fn can_be_ordered(&self) -> bool {
        let all = (1u32 << self.count) - 1;
        let mut reached = vec![false; all as usize + 1];
        reached[0] = true;
        for there in 0..=all {
            for row in (0..self.count).filter(|_| reached[there as usize]).collect::<Vec<_>>() {
                if u32::from(self.refers[row]) & !there == 0 {
                    reached[(there | 1 << row) as usize] = true;
                }
            }
        }
        reached[all as usize]
    }

    fn refers(&self, from: usize, to: usize) -> bool {
        self.refers[from] & (1 << to) != 0
    }

    fn row(&self, number: usize, operation: Operation) -> RowChange {
        RowChange {
            object: object(number),
            table: TableId(0),
            operation,
            phase: Phase::Main,
            values: Vec::new(),
            key: Vec::new(),
            generated: None,
            old: Vec::new(),
            expect: Expect::Any,
            order: number as u32,
            cause: 0,
        }
    }

    /// All rows are new.
    fn inserts(&self) -> ChangeSet {
        let reference = |from, to| match self.refers(from, to) {
            true => Param::Slot(to as u32),
            false => Param::Value(Value::Int(0)),
        };
        let rows = (0..self.count).map(|from| RowChange {
            values: (0..self.count).map(|to| (to + 1, reference(from, to))).collect(),
            generated: Some((from as u32, Arc::new([0]))),
            ..self.row(from, Operation::Insert)
        });
        ChangeSet {
            rows: rows.collect(),
            slots: self.count,
            causes: causes(),
            ..ChangeSet::default()
        }
    }

    /// All rows go.
    fn deletes(&self) -> ChangeSet {
        let rows = (0..self.count).map(|number| RowChange {
            key: vec![(0, Param::Value(key(number)))],
            old: std::iter::once((0, key(number)))
                .chain((0..self.count).map(|to| (to + 1, self.held(number, to))))
                .collect(),
            ..self.row(number, Operation::Delete)
        });
        ChangeSet { rows: rows.collect(), causes: causes(), ..ChangeSet::default() }
    }

    /// What a row has in a foreign key once it is there. Row 0 of the database refers to itself, so that a key that
    /// cannot be NULL can refer to nobody else.
    fn held(&self, from: usize, to: usize) -> Value {
        if self.refers(from, to) { key(to) } else { Value::Int(0) }
    }

    /// A database with a row that everybody may refer to.
    fn empty_database(&self, mapping: &Arc<Mapping>) -> NaiveDatabase {
        let mut database = NaiveDatabase::new(mapping);
        database.put(TableId(0), vec![Value::Int(0); self.count + 1]);
        database
    }

    fn full_database(&self, mapping: &Arc<Mapping>) -> NaiveDatabase {
        let mut database = self.empty_database(mapping);
        for from in 0..self.count {
            let references = (0..self.count).map(|to| self.held(from, to));
            database.put(TableId(0), std::iter::once(key(from)).chain(references).collect());
        }
        database
    }
}

fn object(number: usize) -> ObjectId {
    ObjectId { entity: EntityId(0), slot: Slot(number as u32) }
}

fn key(number: usize) -> Value {
    Value::Int(number as i64 + 1)
}

fn causes() -> Vec<CauseNode> {
    vec![CauseNode { object: object(0), key: None, reason: Reason::Added, parent: None }]
}

fn mapping(count: usize, nullable: bool) -> Arc<Mapping> {
    let number = |name: String| ColumnDefinition::new(name, ColumnType::BigInt);
    let names: Vec<String> = (0..count).map(|to| format!("to_{to}")).collect();
    let references = names.iter().map(|name| ColumnDefinition { nullable, ..number(name.clone()) });
    let keys =
        names.iter().map(|name| ForeignKeyDefinition::new(vec![name.clone()], "rows", Vec::new()));
    let table = TableDefinition {
        name: "rows".to_owned(),
        columns: std::iter::once(number("id".to_owned()).generated()).chain(references).collect(),
        primary_key: vec!["id".to_owned()],
        foreign_keys: keys.collect(),
        ..TableDefinition::default()
    };
    let entity = EntityDefinition {
        name: "Row".to_owned(),
        table,
        version: None,
        relationships: Vec::new(),
    };
    let definition = MappingDefinition { entities: vec![entity], ..MappingDefinition::default() };
    Arc::new(Mapping::new(definition).expect("the mapping is right"))
}

/// Checks all graphs of so many rows.
fn check(count: usize) {
    let (strict, loose) = (mapping(count, false), mapping(count, true));
    for number in 0..1u32 << (count * (count - 1)) {
        let rows = Rows::numbered(count, number);
        let can_be_ordered = rows.can_be_ordered();
        for (changes, full) in [(rows.inserts(), false), (rows.deletes(), true)] {
            let what = || format!("graph {number} of {count} rows: {changes:?}");
            let plan = Plan::new(&strict, changes.clone());
            assert_eq!(plan.is_ok(), can_be_ordered, "{}", what());
            if let Ok((plan, _)) = plan {
                run(&rows, &strict, &plan, full);
            }
            let (plan, _) = Plan::new(&loose, changes.clone()).expect("it can be cut");
            let is_cut = plan.steps.iter().any(|step| step.action == StepAction::Update);
            assert_eq!(is_cut, !can_be_ordered, "{}", what());
            run(&rows, &loose, &plan, full);
        }
    }
}

fn run(rows: &Rows, mapping: &Arc<Mapping>, plan: &Plan, full: bool) {
    let empty = rows.empty_database(mapping);
    let there = rows.full_database(mapping);
    let (mut database, expected) = if full { (there, empty) } else { (empty, there) };
    database.run(plan).unwrap_or_else(|why| panic!("{why}:\n{plan}"));
    // The database counts in the order of the rows, so only how many there are can be compared with
    // certainty; which refers to which is what its foreign keys have checked.
    assert_eq!(database.rows(TableId(0)).len(), expected.rows(TableId(0)).len(), "{plan}");
    let references = |database: &NaiveDatabase| {
        let rows = database.rows(TableId(0)).iter().flatten();
        rows.filter(|value| **value != Value::Int(0)).count()
    };
    assert_eq!(references(&database), references(&expected), "{plan}");
}

/// Five rows have a million graphs, for which a build without optimization would take minutes.
const MOST_ROWS: usize = if cfg!(debug_assertions) { 4 } else { 5 };

#[test]
fn all_small_graphs_are_ordered_or_cut() {
    (1..=MOST_ROWS).for_each(check);
}
