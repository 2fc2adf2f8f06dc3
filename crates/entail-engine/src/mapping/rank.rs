//! The rank of tables: the order in which rows are inserted, parents before children.

use super::{Deferrable, Table};

/// Ranks tables so that each comes after those it refers to.
///
/// Where tables refer to each other in a ring, the ring is opened at the table that is the
/// easiest to insert first: one whose foreign keys into the ring can be NULL or wait for COMMIT,
/// else the one that was declared first.
pub(super) fn ranks(tables: &[Table]) -> Vec<u32> {
    let mut ranks = vec![0; tables.len()];
    let mut placed = vec![false; tables.len()];
    for rank in 0..tables.len() {
        let waits_for = |table: &Table, hard_only: Hardness| {
            table.foreign_keys.iter().any(|key| {
                let parent = key.parent.0 as usize;
                let soft = key.deferrable == Deferrable::InitiallyDeferred
                    || key.columns.iter().all(|&column| {
                        table.columns[column].nullable && !table.primary_key.contains(&column)
                    });
                parent != table.id.0 as usize
                    && !placed[parent]
                    && (hard_only == Hardness::Any || !soft)
            })
        };
        let open = || tables.iter().filter(|table| !placed[table.id.0 as usize]);
        let next = open()
            .find(|table| !waits_for(table, Hardness::Any))
            .or_else(|| open().find(|table| !waits_for(table, Hardness::Hard)))
            .or_else(|| open().next())
            .map(|table| table.id.0 as usize)
            .expect("each round places one table, so one is left");
        placed[next] = true;
        ranks[next] = rank as u32;
    }
    ranks
}

/// Which foreign keys count.
#[derive(Clone, Copy, PartialEq)]
enum Hardness {
    /// All of them.
    Any,
    /// Those that can neither be NULL nor wait.
    Hard,
}
