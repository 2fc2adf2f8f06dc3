//! Indexes of the sql station's schemas: which ones a table gets.

use std::cmp::Reverse;

use crate::mapping::Table;

/// The indexes of a table: those asked for, and one for each foreign key that no key, unique
/// constraint or other index serves.
///
/// Without it a database reads the whole table for each parent that is deleted.
pub(super) fn indexes(table: &Table) -> Vec<Vec<usize>> {
    let mut indexes: Vec<Vec<usize>> = Vec::new();
    for index in &table.indexes {
        if !index.is_empty() && !indexes.contains(index) {
            indexes.push(index.clone());
        }
    }
    // Longer ones first: an index on (a, b) serves a foreign key on (a) too.
    let mut keys: Vec<_> = table.foreign_keys.iter().map(|key| &key.columns).collect();
    keys.sort_by_key(|columns| Reverse(columns.len()));
    for columns in keys {
        if !table.uniques.iter().chain(&indexes).any(|index| leads(index, columns)) {
            indexes.push(columns.clone());
        }
    }
    indexes
}

/// Whether an index begins with these columns, in any order.
fn leads(index: &[usize], columns: &[usize]) -> bool {
    index
        .get(..columns.len())
        .is_some_and(|first| columns.iter().all(|column| first.contains(column)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_leads_with_its_first_columns_in_any_order() {
        assert!(leads(&[1, 2, 3], &[2, 1]));
        assert!(leads(&[1], &[1]));
        assert!(!leads(&[1, 2, 3], &[2]));
        assert!(!leads(&[1, 2, 3], &[1, 3]));
        assert!(!leads(&[1], &[1, 2]));
    }
}
