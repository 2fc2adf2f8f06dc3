//! W5 by hand: one DELETE a table by the keys of the users.

use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior, params_from_iter};

use crate::contender::Run;
use crate::{Failure, data};

/// The keys are read before the clock starts, as entail's users are.
pub fn users(db: &mut Connection) -> Result<Run, Failure> {
    let keys: Vec<i64> = db
        .prepare_cached("SELECT id FROM users ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .step_by(data::DELETED_EVERY)
        .collect::<Result<_, _>>()?;

    let start = Instant::now();
    let marks = vec!["?"; keys.len()].join(", ");
    let statements = [
        format!(
            "DELETE FROM items WHERE order_id IN \
             (SELECT id FROM orders WHERE user_id IN ({marks}))"
        ),
        format!("DELETE FROM orders WHERE user_id IN ({marks})"),
        format!("DELETE FROM users WHERE id IN ({marks})"),
    ];
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for statement in statements {
        transaction.prepare_cached(&statement)?.execute(params_from_iter(&keys))?;
    }
    transaction.commit()?;
    Ok(start.elapsed().into())
}
