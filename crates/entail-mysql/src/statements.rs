//! Prepared statements of a connection. They are kept by the text as it was written: the client has a
//! cache of its own, but looks through each text for names of parameters before it asks that.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Statement};

/// The statements of a connection: the least recently used make room for others.
pub(crate) struct Statements {
    /// None to keep nothing.
    kept: Option<LruCache<Arc<str>, Statement>>,
}

impl Statements {
    /// Room for so many statements.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { kept: NonZeroUsize::new(capacity).map(LruCache::new) }
    }

    /// How many statements are kept at most.
    pub(crate) fn capacity(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.cap().get())
    }

    /// Forgets everything: the server has done so.
    pub(crate) fn clear(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.clear();
        }
    }

    /// The statement of a text, prepared if it is not.
    pub(crate) async fn get(
        &mut self,
        conn: &mut Conn,
        sql: &Arc<str>,
    ) -> Result<Statement, Error> {
        if let Some(known) = self.kept.as_mut().and_then(|kept| kept.get(sql)) {
            return Ok(known.clone());
        }
        // It is large and seldom, and every call would carry it.
        Box::pin(self.prepare(conn, sql)).await
    }

    async fn prepare(&mut self, conn: &mut Conn, sql: &Arc<str>) -> Result<Statement, Error> {
        let statement = conn.prep(&**sql).await?;
        let put = |kept: &mut LruCache<_, _>| kept.push(Arc::clone(sql), statement.clone());
        if let Some((_, former)) = self.kept.as_mut().and_then(put) {
            conn.close(former).await?;
        }
        Ok(statement)
    }
}
