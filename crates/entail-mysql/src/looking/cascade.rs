//! Cascades: rows of another table that a refused DELETE would have taken along.

use entail_engine::batch::{Operation, Target};

use super::select::{Found, select};
use super::{in_database, same, write_qualified};
use crate::link::Link;
use crate::literal;

/// A foreign key over which a DELETE goes on to the referring rows.
#[derive(Debug)]
struct Step {
    name: [String; 2],
    child: String,
    parent: String,
    /// Columns of the child, and those of the parent that they refer to.
    columns: Vec<(String, String)>,
}

/// The condition that finds the rows of `table` which would go with those of the target that
/// `condition` finds, over as many tables as lie between.
pub(super) async fn condition(
    link: &mut Link,
    target: &Target,
    table: &str,
    condition: String,
) -> Option<String> {
    if target.operation != Operation::Delete {
        return None;
    }
    let steps = steps(link, target.schema.as_deref()).await?;
    let mut condition = condition;
    for step in way(&steps, &target.table, table)? {
        condition = behind(step, target.schema.as_deref(), &condition);
    }
    Some(condition)
}

/// All steps within a database, or that of the connection.
async fn steps(link: &mut Link, database: Option<&str>) -> Option<Vec<Step>> {
    let database = in_database(link, database)?;
    let sql = format!(
        "SELECT k.constraint_name, k.table_name, k.referenced_table_name, k.column_name, \
               k.referenced_column_name FROM information_schema.key_column_usage AS k \
               JOIN information_schema.referential_constraints AS r \
               ON r.constraint_schema = k.constraint_schema \
               AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name \
               WHERE k.constraint_schema = {database} AND r.delete_rule = 'CASCADE' \
               AND k.referenced_table_schema = {database} \
               ORDER BY k.table_name, k.constraint_name, k.ordinal_position"
    );
    let found = select(link, &[sql]).await?;
    let mut steps: Vec<Step> = Vec::new();
    for row in &found.rows {
        let text = |index| Found::text(row, index);
        let (constraint, child, parent) = (text(0)?, text(1)?, text(2)?);
        let columns = (text(3)?, text(4)?);
        let name = [child.clone(), constraint];
        match steps.last_mut().filter(|step| step.name == name) {
            Some(step) => step.columns.push(columns),
            None => steps.push(Step { name, child, parent, columns: vec![columns] }),
        }
    }
    Some(steps)
}

/// The shortest way from one table to another, step by step.
fn way<'a>(steps: &'a [Step], from: &str, to: &str) -> Option<Vec<&'a Step>> {
    let mut ways: Vec<Vec<&Step>> = vec![Vec::new()];
    let mut next = 0;
    while let Some(way) = ways.get(next).cloned() {
        let end = way.last().map_or(from, |step| &step.child);
        if same(end, to) {
            return Some(way);
        }
        for step in steps.iter().filter(|step| same(&step.parent, end)) {
            let known = ways.iter().flatten().any(|known| same(&known.child, &step.child));
            if !known {
                ways.push(way.iter().copied().chain([step]).collect());
            }
        }
        next += 1;
    }
    None
}

/// The condition that finds the rows behind a step.
fn behind(step: &Step, database: Option<&str>, condition: &str) -> String {
    let list = |table: &str, columns: &mut dyn Iterator<Item = &String>| {
        let mut text = String::new();
        for (index, column) in columns.enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            write_qualified(&mut text, database, table);
            text.push('.');
            literal::write_name(&mut text, column);
        }
        text
    };
    let mut parent = String::new();
    write_qualified(&mut parent, database, &step.parent);
    format!(
        " WHERE ({}) IN (SELECT {} FROM {parent}{condition})",
        list(&step.child, &mut step.columns.iter().map(|(child, _)| child)),
        list(&step.parent, &mut step.columns.iter().map(|(_, parent)| parent)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(parent: &str, child: &str) -> Step {
        let columns = vec![("a".to_owned(), "id".to_owned()), ("b".to_owned(), "no".to_owned())];
        let name = [child.to_owned(), "fk".to_owned()];
        Step { name, child: child.to_owned(), parent: parent.to_owned(), columns }
    }

    #[test]
    fn the_shortest_way_is_found_and_rings_end() {
        let steps =
            [step("a", "b"), step("b", "c"), step("c", "a"), step("a", "c"), step("c", "d")];
        let told = |from, to| {
            way(&steps, from, to).map(|way| way.iter().map(|step| &*step.child).collect::<String>())
        };
        assert_eq!(told("a", "d").as_deref(), Some("cd"));
        assert_eq!(told("b", "d").as_deref(), Some("cd"));
        assert_eq!((told("a", "a").as_deref(), told("d", "a")), (Some(""), None));
    }

    #[test]
    fn rows_behind_a_step_are_found_by_those_before_it() {
        assert_eq!(
            behind(&step("p", "c"), None, " WHERE `x` = 1"),
            " WHERE (`c`.`a`, `c`.`b`) IN (SELECT `p`.`id`, `p`.`no` FROM `p` WHERE `x` = 1)"
        );
        assert!(behind(&step("p", "c"), Some("d"), "").contains("FROM `d`.`p`"));
    }
}
