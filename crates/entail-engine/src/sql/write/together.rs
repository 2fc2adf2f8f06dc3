//! Rows that are changed or deleted together, in one statement.
//!
//! | database | UPDATE | DELETE |
//! |---|---|---|
//! | SQLite | one prepared statement that runs once a row: no other form is faster | a list of keys |
//! | PostgreSQL | `FROM unnest(...)` over arrays | `= ANY`, or `USING unnest(...)` |
//! | MariaDB, MySQL | a join with a list of rows | a list of keys |
//!
//! PostgreSQL locks the rows of a join in an order of its own. So that two sessions that write the
//! same rows never wait for each other, the rows are locked first, in the order of their keys.

use std::sync::Arc;

use sea_query::Query;

use crate::batch::{Bind, Call, CallKind, Expect, Operation, ParamList, Params};
use crate::mapping::{Action, Table};
use crate::plan::{Step, StepAction};
use crate::value::ColumnType;

use super::super::select::{bind_keys, one_of};
use super::super::words::{any, identifier, quoted, table_name, table_ref, unnest};
use super::super::{Dialect, text};
use super::{Place, Writer, target};

/// Added to the number of a step's action: the kind of statements for rows together.
const TOGETHER: u8 = 20;
/// The kind of statements that lock rows.
const LOCK: u8 = 40;

/// From so many rows on MariaDB finds the rows of a DELETE sooner by a join than by a list after IN.
const WORTH_A_JOINED_DELETE: usize = 32;

/// From so many rows on a join is shorter than as many statements.
const WORTH_A_JOIN: usize = 4;

impl Writer<'_> {
    /// Whether the rows of an UPDATE can go in one statement. Where a unique value is written,
    /// their order counts, and a database takes them in its own.
    pub(super) fn can_update_together(&self, step: &Step) -> bool {
        let table = self.mapping.table(step.table);
        let unique = |column: &usize| table.uniques.iter().flatten().any(|one| one == column);
        if step.columns.iter().any(unique) || !has_each_row_once(step) {
            return false;
        }
        match self.texts.dialect {
            Dialect::Sqlite => false,
            Dialect::Postgres => step.rows.len() > 1,
            Dialect::MariaDb | Dialect::MySql => {
                step.rows.len() >= WORTH_A_JOIN && can_join(table, step)
            }
        }
    }

    /// Whether rows can be deleted by one statement. Rows that restrict each other must go one by
    /// one, in their order: RESTRICT does not wait for the end of the statement, and on MySQL no
    /// foreign key does.
    pub(super) fn can_delete_together(&self, step: &Step) -> bool {
        let dialect = self.texts.dialect;
        let at_once = |action| match dialect {
            Dialect::Sqlite | Dialect::Postgres => action == Action::Restrict,
            Dialect::MariaDb | Dialect::MySql => {
                matches!(action, Action::Restrict | Action::NoAction)
            }
        };
        let keys = &self.mapping.table(step.table).foreign_keys;
        let restricted = keys.iter().any(|key| key.parent == step.table && at_once(key.on_delete));
        let counted = step.expect != Expect::Any || step.action == StepAction::Unlink;
        step.rows.len() > 1
            && !restricted
            && !(counted && (dialect == Dialect::Sqlite || !has_each_row_once(step)))
    }

    pub(super) fn update_together(&mut self, number: usize, step: &Step) {
        self.lock(number, step, "NO KEY UPDATE");
        self.together(number, step, Operation::Update, |dialect, table, rows| match dialect {
            Dialect::Postgres => update_from_arrays(table, &step.columns, &step.keys),
            _ => update_by_join(dialect, table, &step.columns, &step.keys, rows),
        });
    }

    pub(super) fn delete_together(&mut self, number: usize, step: &Step) {
        self.lock(number, step, "UPDATE");
        self.together(number, step, Operation::Delete, |dialect, table, rows| {
            if dialect == Dialect::Postgres && step.keys.len() > 1 {
                return delete_by_arrays(table, &step.keys);
            }
            if dialect == Dialect::MariaDb && rows >= WORTH_A_JOINED_DELETE && can_join(table, step)
            {
                return delete_by_join(table, &step.keys, rows);
            }
            let mut delete = Query::delete();
            delete.from_table(table_ref(table)).and_where(one_of(dialect, table, &step.keys, rows));
            text!(dialect, delete)
        });
    }

    /// Calls for as many rows at once as a statement can take.
    fn together(
        &mut self,
        number: usize,
        step: &Step,
        operation: Operation,
        build: impl Fn(Dialect, &Table, usize) -> Arc<str>,
    ) {
        let dialect = self.texts.dialect;
        let arity = step.columns.len() + step.keys.len();
        let most = match (dialect, operation) {
            (Dialect::MariaDb | Dialect::MySql, Operation::Update) => dialect.rows_per_insert(),
            _ => dialect.max_params() / arity.max(1),
        };
        let columns: Vec<usize> = step.columns.iter().chain(&step.keys).copied().collect();
        let target = target(self.mapping, step, operation, step.rows.len());
        let mut start = 0;
        while start < step.rows.len() {
            let rows = most.min(step.rows.len() - start);
            // With arrays even one row is told from several only by their lengths.
            let bind = bind_keys(dialect, self.mapping.table(step.table), &columns, rows.max(2));
            let kind = TOGETHER + step.action as u8;
            let sql = self.text(step, kind, bind.text_rows(rows), |dialect, table| {
                build(dialect, table, if bind == Bind::Each { rows } else { rows.max(2) })
            });
            let expect = match step.expect {
                Expect::Any => Expect::Any,
                Expect::Exactly(each) => Expect::Exactly(each * rows as u64),
            };
            let call = Call {
                sql,
                params: Params::part(&step.params, start * arity..(start + rows) * arity),
                arity: bind.arity(arity, rows),
                bind,
                kind: CallKind::Execute { expect },
                target: Some(Arc::clone(&target)),
            };
            self.push(Place { step: number, first: start, rows }, call);
            start += rows;
        }
    }

    /// Locks rows in the order of their keys, where the database would not.
    fn lock(&mut self, number: usize, step: &Step, strength: &str) {
        let table = self.mapping.table(step.table);
        let keys: Vec<usize> =
            step.keys.iter().copied().filter(|key| table.primary_key.contains(key)).collect();
        if self.texts.dialect != Dialect::Postgres || keys.is_empty() {
            return;
        }
        let arity = step.columns.len() + step.keys.len();
        let places: Vec<usize> = (0..step.keys.len())
            .filter(|&place| keys.contains(&step.keys[place]))
            .map(|place| step.columns.len() + place)
            .collect();
        let mut params = ParamList::new();
        for row in step.params.as_slice().chunks(arity) {
            params.extend(places.iter().filter_map(|&place| row.get(place)));
        }
        let kind = LOCK + u8::from(strength == "UPDATE");
        let sql = self.text(step, kind, 0, |_, table| lock_text(table, &keys, strength));
        let call = Call {
            sql,
            params: Params::new(params),
            arity: keys.len(),
            bind: bind_keys(Dialect::Postgres, table, &keys, 2),
            kind: CallKind::Execute { expect: Expect::Any },
            target: None,
        };
        self.push(Place { step: number, first: 0, rows: 0 }, call);
    }
}

/// Whether no row is written twice: the second time would not be counted. Rows of a step are mostly
/// sorted by key; where they are not, nobody looks for it.
fn has_each_row_once(step: &Step) -> bool {
    let arity = step.columns.len() + step.keys.len();
    let rows = step.params.as_slice().chunks(arity);
    rows.map(|row| row.part(step.columns.len(), arity))
        .is_sorted_by(|one, other| one.compare(*other).is_lt())
}

/// Whether the rows of a step can be found by a join with a list. A text from a list and one of a
/// table have collations that do not mix.
fn can_join(table: &Table, step: &Step) -> bool {
    let text = |&column: &usize| matches!(table.columns[column].ty, ColumnType::Text { .. });
    !step.keys.iter().any(text)
}

/// `UPDATE t SET a = d.c0 FROM unnest(...) AS d(c0, k0) WHERE t.id = d.k0`.
fn update_from_arrays(table: &Table, columns: &[usize], keys: &[usize]) -> Arc<str> {
    let name = |index: usize| quoted(&table.columns[index].name);
    let sets = columns.iter().enumerate().map(|(at, &index)| format!("{} = d.c{at}", name(index)));
    let own = table_name(Dialect::Postgres, table);
    format!(
        "UPDATE {own} SET {} FROM {} AS d({}) WHERE {}",
        sets.collect::<Vec<_>>().join(", "),
        unnest(table, columns.iter().chain(keys).copied()),
        list_names(columns.len(), keys.len()),
        found_by(&own, keys, name),
    )
    .into()
}

/// `DELETE FROM t USING unnest(...) AS d(k0, k1) WHERE t.a = d.k0 AND t.b = d.k1`.
fn delete_by_arrays(table: &Table, keys: &[usize]) -> Arc<str> {
    let own = table_name(Dialect::Postgres, table);
    format!(
        "DELETE FROM {own} USING {} AS d({}) WHERE {}",
        unnest(table, keys.iter().copied()),
        list_names(0, keys.len()),
        found_by(&own, keys, |index| quoted(&table.columns[index].name)),
    )
    .into()
}

/// `SELECT count(*) FROM (SELECT FROM t WHERE id = ANY(...) ORDER BY id FOR UPDATE) AS locked`. The
/// count stands for the rows, which nobody needs.
fn lock_text(table: &Table, keys: &[usize], strength: &str) -> Arc<str> {
    let names: Vec<_> = keys.iter().map(|&index| quoted(&table.columns[index].name)).collect();
    let names = names.join(", ");
    let found = match keys {
        &[key] => format!("= {}", any(table, key)),
        keys => format!("IN (SELECT * FROM {})", unnest(table, keys.iter().copied())),
    };
    let table = table_name(Dialect::Postgres, table);
    format!(
        "SELECT count(*) FROM (SELECT FROM {table} WHERE ({names}) {found} ORDER BY {names} \
         FOR {strength}) AS locked"
    )
    .into()
}

/// `UPDATE (list) AS d STRAIGHT_JOIN t ON t.id = d.k0 SET t.a = d.c0`.
fn update_by_join(
    dialect: Dialect,
    table: &Table,
    columns: &[usize],
    keys: &[usize],
    rows: usize,
) -> Arc<str> {
    let name = |index: usize| identifier(dialect, &table.columns[index].name);
    let own = table_name(dialect, table);
    let list = list(dialect, columns.len(), keys.len(), rows);
    let sets =
        columns.iter().enumerate().map(|(at, &index)| format!("{own}.{} = d.c{at}", name(index)));
    let sets = sets.collect::<Vec<_>>().join(", ");
    let found = found_by(&own, keys, name);
    format!("UPDATE ({list}) AS d STRAIGHT_JOIN {own} ON {found} SET {sets}").into()
}

/// `DELETE t FROM t JOIN (list) AS d ON t.a = d.k0 AND t.b = d.k1`.
///
/// MariaDB looks at a list of several columns after IN again and again for each index that begins
/// with one of them: the time grows with the square of the list.
fn delete_by_join(table: &Table, keys: &[usize], rows: usize) -> Arc<str> {
    let dialect = Dialect::MariaDb;
    let own = table_name(dialect, table);
    let list = list(dialect, 0, keys.len(), rows);
    let name = |index: usize| identifier(dialect, &table.columns[index].name);
    format!("DELETE {own} FROM {own} JOIN ({list}) AS d ON {}", found_by(&own, keys, name)).into()
}

/// A list of rows as a query: of values in MariaDB, of SELECTs in MySQL, which reads `VALUES` in
/// another way.
fn list(dialect: Dialect, columns: usize, keys: usize, rows: usize) -> String {
    let row = vec!["?"; columns + keys].join(", ");
    if dialect == Dialect::MariaDb {
        let rows = vec![format!("({row})"); rows].join(", ");
        let names = list_names(columns, keys);
        return format!("WITH given ({names}) AS (VALUES {rows}) SELECT * FROM given");
    }
    let names = (0..columns).map(|at| format!("? AS c{at}"));
    let names = names.chain((0..keys).map(|at| format!("? AS k{at}")));
    let mut list = format!("SELECT {}", names.collect::<Vec<_>>().join(", "));
    for _ in 1..rows {
        list.push_str(" UNION ALL SELECT ");
        list.push_str(&row);
    }
    list
}

fn list_names(columns: usize, keys: usize) -> String {
    let names = (0..columns).map(|at| format!("c{at}")).chain((0..keys).map(|at| format!("k{at}")));
    names.collect::<Vec<_>>().join(", ")
}

fn found_by(table: &str, keys: &[usize], name: impl Fn(usize) -> String) -> String {
    let pairs =
        keys.iter().enumerate().map(|(at, &index)| format!("{table}.{} = d.k{at}", name(index)));
    pairs.collect::<Vec<_>>().join(" AND ")
}
