//! Rows: what the refused statement would write, noted by triggers, against each foreign key.
//!
//! ```text
//! statement --BEFORE trigger--> entail_old, entail_new   the rows as they are and would be
//!               '-- RAISE(IGNORE): nothing is written
//! entail_old --ON DELETE CASCADE--> entail_cascade_1, .. what would go with them
//! ```

use entail_engine::batch::Operation;
use rusqlite::{Connection, Result};

use super::{Broken, Timing, key_of, missing, referenced, repeat};
use crate::schema::{self, Action, ForeignKey, Table, list, pairs, quoted};
use crate::violation::Refused;

const OLD: &str = "entail_old";
const NEW: &str = "entail_new";
/// How many steps of cascades are followed; what lies deeper is found in another way.
const MOST_STEPS: usize = 64;

/// Looks within the savepoint of the caller.
pub(super) fn look(
    db: &Connection,
    refused: &Refused<'_>,
    operation: Operation,
    table: &str,
    timing: Timing,
) -> Result<Option<Broken>> {
    let Some(table) = Table::read(db, table)? else { return Ok(None) };
    let keys = schema::foreign_keys(db)?;
    note(db, &table)?;
    repeat(db, refused)?;

    if operation != Operation::Delete && timing == Timing::AtEnd {
        for key in keys.iter().filter(|key| key.is_of(&table.name)) {
            if let Some(broken) = without_parent(db, key)? {
                return Ok(Some(broken));
            }
        }
    }
    match operation {
        Operation::Insert => Ok(None),
        Operation::Update => still_referenced(db, &[Step::first(table)], &keys, operation, timing),
        Operation::Delete => {
            let steps = cascade(db, table, &keys)?;
            still_referenced(db, &steps, &keys, operation, timing)
        }
    }
}

/// Sets the triggers that note each row that is to be written, and keep it from being so.
fn note(db: &Connection, table: &Table) -> Result<()> {
    let mut columns = table.columns.clone();
    for column in table.identity() {
        if !columns.iter().any(|known| known.eq_ignore_ascii_case(&column)) {
            columns.push(column);
        }
    }
    let (names, old, new) = (list("", &columns), list("OLD.", &columns), list("NEW.", &columns));
    let on = format!("ON main.{} BEGIN", quoted(&table.name));
    let note_old = format!("INSERT INTO {OLD} VALUES ({old});");
    let note_new = format!("INSERT INTO {NEW} VALUES ({new});");
    let end = "SELECT RAISE(IGNORE); END;";
    db.execute_batch(&format!(
        "CREATE TEMP TABLE {OLD} ({names});
         CREATE TEMP TABLE {NEW} ({names});
         CREATE TEMP TRIGGER entail_delete BEFORE DELETE {on} {note_old} {end}
         CREATE TEMP TRIGGER entail_insert BEFORE INSERT {on} {note_new} {end}
         CREATE TEMP TRIGGER entail_update BEFORE UPDATE {on} {note_old} {note_new} {end}"
    ))
}

/// A new row that refers to a parent that neither exists nor is written along with it.
fn without_parent(db: &Connection, key: &ForeignKey) -> Result<Option<Broken>> {
    let columns = list("n.", &key.columns);
    let set: Vec<String> =
        key.columns.iter().map(|name| format!("n.{} IS NOT NULL", quoted(name))).collect();
    let same = pairs(("p", &key.parent_columns), "=", ("n", &key.columns));
    let mut absent =
        format!("NOT EXISTS (SELECT 1 FROM main.{} AS p WHERE {same})", quoted(&key.parent));
    if key.points_at(&key.child) {
        absent += &format!(" AND NOT EXISTS (SELECT 1 FROM {NEW} AS p WHERE {same})");
    }
    let sql = format!(
        "SELECT {columns} FROM {NEW} AS n WHERE {} AND {absent} ORDER BY n.oid LIMIT 1",
        set.join(" AND ")
    );
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let values = rows.next()?.map(|row| key_of(row, key.columns.len())).transpose()?;
    Ok(values.map(|values| missing(key, values)))
}

/// Rows of one table that go in one step.
struct Step {
    table: Table,
    /// The temporary table that has them.
    rows: String,
}

impl Step {
    fn first(table: Table) -> Self {
        Self { table, rows: OLD.to_owned() }
    }
}

/// Follows ON DELETE CASCADE from the noted rows.
fn cascade(db: &Connection, table: Table, keys: &[ForeignKey]) -> Result<Vec<Step>> {
    let mut steps = vec![Step::first(table)];
    let mut next = 0;
    while next < steps.len() {
        let followed = |key: &&ForeignKey| {
            key.on_delete == Action::Cascade && key.points_at(&steps[next].table.name)
        };
        for key in keys.iter().filter(followed).collect::<Vec<_>>() {
            if steps.len() == MOST_STEPS {
                return Ok(steps);
            }
            let Some(child) = Table::read(db, &key.child)? else { continue };
            let step = Step { table: child, rows: format!("entail_cascade_{}", steps.len()) };
            if follow(db, key, &steps, next, &step)? > 0 {
                steps.push(step);
            }
        }
        next += 1;
    }
    Ok(steps)
}

/// Fills the table of a step with the rows that refer to those of the step `from`, but for
/// those that go already. Answers how many there are.
fn follow(
    db: &Connection,
    key: &ForeignKey,
    steps: &[Step],
    from: usize,
    step: &Step,
) -> Result<i64> {
    let rowid = if step.table.primary_key.is_empty() { "c.rowid AS rowid, " } else { "" };
    let referring = format!(
        "({}) IN (SELECT {} FROM {} AS s)",
        list("c.", &key.columns),
        list("s.", &key.parent_columns),
        steps[from].rows
    );
    db.execute_batch(&format!(
        "DROP TABLE IF EXISTS temp.{rows};
         CREATE TEMP TABLE {rows} AS SELECT {rowid}c.* FROM main.{child} AS c
         WHERE {referring}{staying}",
        rows = step.rows,
        child = quoted(&step.table.name),
        staying = staying(steps, &step.table),
    ))?;
    db.query_row(&format!("SELECT count(*) FROM {}", step.rows), [], |row| row.get(0))
}

/// The condition that a row `c` of `table` is in none of the steps.
fn staying(steps: &[Step], table: &Table) -> String {
    let identity = table.identity();
    steps
        .iter()
        .filter(|step| step.table.name == table.name)
        .map(|step| {
            let same = pairs(("g", &identity), "IS", ("c", &identity));
            format!(" AND NOT EXISTS (SELECT 1 FROM {} AS g WHERE {same})", step.rows)
        })
        .collect()
}

/// A row that goes, or whose key changes, while others that stay refer to it.
fn still_referenced(
    db: &Connection,
    steps: &[Step],
    keys: &[ForeignKey],
    operation: Operation,
    timing: Timing,
) -> Result<Option<Broken>> {
    let refusing = match timing {
        Timing::AtEnd => Action::Nothing,
        Timing::AtOnce => Action::Restrict,
    };
    // RESTRICT may see a row that would go a moment later; such a row is the second guess.
    let guesses: &[&[Step]] = match timing {
        Timing::AtEnd => &[steps],
        Timing::AtOnce => &[steps, &[]],
    };
    for going in guesses {
        for step in steps {
            for key in keys.iter().filter(|key| key.points_at(&step.table.name)) {
                let action = match operation {
                    Operation::Update => key.on_update,
                    _ => key.on_delete,
                };
                if action != refusing {
                    continue;
                }
                if let Some(broken) = referring_rows(db, key, step, going, operation)? {
                    return Ok(Some(broken));
                }
            }
        }
    }
    Ok(None)
}

/// The first key of a step to which rows refer that stay, with their number.
fn referring_rows(
    db: &Connection,
    key: &ForeignKey,
    step: &Step,
    going: &[Step],
    operation: Operation,
) -> Result<Option<Broken>> {
    let Some(child) = Table::read(db, &key.child)? else { return Ok(None) };
    let refers = pairs(("c", &key.columns), "=", ("s", &key.parent_columns));
    let mut count = format!(
        "(SELECT count(*) FROM main.{} AS c WHERE {refers}{})",
        quoted(&child.name),
        staying(going, &child)
    );
    let mut lost = String::new();
    if operation == Operation::Update {
        // The key must be gone from all rows, and the new forms of rows may refer to it too.
        let kept = pairs(("n", &key.parent_columns), "IS", ("s", &key.parent_columns));
        lost = format!(" AND NOT EXISTS (SELECT 1 FROM {NEW} AS n WHERE {kept})");
        if key.points_at(&child.name) && !going.is_empty() {
            count += &format!(" + (SELECT count(*) FROM {NEW} AS c WHERE {refers})");
        }
    }
    let sql = format!(
        "SELECT {}, {count} AS referring FROM {} AS s WHERE referring > 0{lost} \
         ORDER BY s.oid LIMIT 1",
        list("s.", &key.parent_columns),
        step.rows
    );
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let width = key.parent_columns.len();
    let referring: i64 = row.get(width)?;
    Ok(Some(referenced(key, key_of(row, width)?, referring.unsigned_abs())))
}
