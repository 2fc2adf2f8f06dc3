//! The guard of transactions on a cluster: none of their statements may run outside of them.
//!
//! A node of a Galera cluster ends a transaction whose rows another node has committed first. It may
//! do so between two statements of a packet, and then runs the next one as if nothing were: in a
//! transaction of its own, which commits at once. So autocommit is switched off for the length of a
//! transaction, and a savepoint is set at its beginning: where that is gone, so is the transaction,
//! and the COMMIT is not reached.
//!
//! ```text
//! SET autocommit = 0; START TRANSACTION; SAVEPOINT entail_0;
//!     ... ; RELEASE SAVEPOINT entail_0; COMMIT; SET autocommit = 1
//! ```

use entail_engine::error::DriverError;

use crate::failure::Fault;
use crate::link::Link;

/// Before a transaction.
pub(crate) const OFF: &str = "SET autocommit = 0";
/// Within a transaction, first.
pub(crate) const SET: &str = "SAVEPOINT entail_0";
/// Within a transaction, last.
pub(crate) const CHECK: &str = "RELEASE SAVEPOINT entail_0";
/// After a transaction. It would commit an open one.
pub(crate) const ON: &str = "SET autocommit = 1";

/// What the server says if there is no such savepoint.
const NO_SAVEPOINT: u16 = 1305;

/// Whether a failure says that the guard is gone.
pub(crate) fn is_gone(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Server(error) if error.code == NO_SAVEPOINT && error.message.contains("entail_0")
    )
}

/// Whether the transaction that a batch began is gone without a word, so that the failure of a
/// statement is that of a statement outside of it.
pub(crate) async fn was_lost(link: &mut Link) -> bool {
    match link.run("ROLLBACK TO SAVEPOINT entail_0").await {
        Ok(()) => false,
        Err(fault) => is_gone(&fault),
    }
}

/// What that is called.
pub(crate) fn lost() -> DriverError {
    let reason = "another node of the cluster committed one of its rows first".to_owned();
    DriverError::Deadlock { reason }
}
