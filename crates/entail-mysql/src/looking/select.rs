//! Selects: the questions that a look puts to the server.

use std::sync::Arc;

use entail_engine::value as engine;
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Error, Row, Value};

use crate::decode::{self, Stored};
use crate::failure::Fault;
use crate::link::Link;
use crate::setup::Brand;

/// What a question found.
pub(super) struct Found {
    pub columns: Arc<[Column]>,
    pub rows: Vec<Row>,
}

impl Found {
    /// A number in a row.
    pub(super) fn number(row: &Row, index: usize) -> Option<u64> {
        Self::text(row, index)?.parse().ok()
    }

    /// A value in a row, in the kind that its column has.
    pub(super) fn value(row: &Row, column: &Column, index: usize) -> Option<engine::Value> {
        Some(match decode::stored(row.as_ref(index)?, column)? {
            Stored::Value(value) => value.to_value(),
            Stored::Told(text) => engine::Value::from(text),
        })
    }

    /// A text in a row.
    pub(super) fn text(row: &Row, index: usize) -> Option<String> {
        match row.as_ref(index)? {
            Value::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
            _ => None,
        }
    }
}

/// How a read sees what is there now, and not the snapshot of its transaction: by a lock, for
/// which it does not wait.
#[derive(Clone, Copy)]
pub(super) struct Lock(Brand);

impl Lock {
    pub(super) fn of(link: &Link) -> Self {
        Self(link.server.brand)
    }

    pub(super) fn words(self) -> &'static str {
        match self.0 {
            Brand::MariaDb => " LOCK IN SHARE MODE NOWAIT",
            Brand::MySql => " FOR SHARE NOWAIT",
        }
    }
}

/// Runs the first of some questions that the server answers.
pub(super) async fn select(link: &mut Link, texts: &[String]) -> Option<Found> {
    for sql in texts {
        tracing::trace!(sql, "look");
        match ask(link, sql).await {
            Ok(found) => {
                link.note();
                return Some(found);
            }
            Err(error) => {
                tracing::debug!(%error, "could not look");
                link.after(Fault::from(error)).await;
                if link.is_broken() {
                    return None;
                }
            }
        }
    }
    None
}

async fn ask(link: &mut Link, sql: &str) -> Result<Found, Error> {
    let mut answer = link.conn.query_iter(sql).await?;
    let columns = answer.columns().unwrap_or_default();
    let rows = answer.collect::<Row>().await?;
    answer.drop_result().await?;
    Ok(Found { columns, rows })
}
