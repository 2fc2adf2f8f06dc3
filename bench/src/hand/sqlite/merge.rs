//! W8 by hand: two SELECTs with the keys as parameters, and one reused UPDATE.

use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior, params_from_iter};

use crate::Failure;
use crate::contender::Run;
use crate::hand::merge::{Comparison, baskets};

pub fn orders(db: &mut Connection) -> Result<Run, Failure> {
    let orders = baskets();

    let start = Instant::now();
    let mut comparison = Comparison::new(&orders);
    let keys = comparison.keys();
    let list = vec!["?"; keys.len()].join(", ");
    {
        let snapshot = db.unchecked_transaction()?;
        let mut select =
            db.prepare_cached(&format!("SELECT id, number FROM orders WHERE id IN ({list})"))?;
        let mut rows = select.query(params_from_iter(&keys))?;
        while let Some(row) = rows.next()? {
            comparison.order(row.get(0)?, row.get(1)?)?;
        }
        let mut select = db.prepare_cached(&format!(
            "SELECT id, name, quantity, price, order_id FROM items WHERE order_id IN ({list})"
        ))?;
        let mut rows = select.query(params_from_iter(&keys))?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(1)?.as_str()?;
            comparison.item(row.get(0)?, name, row.get(2)?, row.get(3)?, row.get(4)?)?;
        }
        drop(rows);
        snapshot.commit()?;
    }
    let (keys, quantities) = comparison.changed;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut update =
            transaction.prepare_cached("UPDATE items SET quantity = ? WHERE id = ?")?;
        for (key, quantity) in keys.iter().zip(&quantities) {
            update.execute((quantity, key))?;
        }
    }
    transaction.commit()?;
    Ok(start.elapsed().into())
}
