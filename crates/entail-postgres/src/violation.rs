//! Violations: which constraint refused a statement, from the fields of PostgreSQL's error, its
//! detail, and a look at the catalog.

use entail_engine::batch::{Operation, Target};
use entail_engine::error::{DriverError, ForeignKeyViolation, Violation, ViolationKind};
use entail_engine::value::Value;
use tokio_postgres::Error;
use tokio_postgres::error::DbError;

use crate::detail;
use crate::failure;
use crate::looking::{self, ForeignKey, Looking, Name};
use crate::text;

/// Whether a constraint refused the statement.
pub(crate) fn is_one(error: &Error) -> bool {
    error.as_db_error().is_some_and(|refusal| kind(refusal).is_some())
}

/// A refusal by a constraint, with what can be found out about it.
#[cold]
pub(crate) async fn described(
    error: &Error,
    target: Option<&Target>,
    looking: Looking<'_>,
) -> DriverError {
    let Some((refusal, kind)) =
        error.as_db_error().and_then(|refusal| Some((refusal, kind(refusal)?)))
    else {
        return failure::sorted(error, "", target);
    };
    let mut violation = Violation {
        kind,
        table: refusal.table().map(str::to_owned),
        columns: refusal.column().map(str::to_owned).into_iter().collect(),
        constraint: refusal.constraint().map(str::to_owned),
        message: message(refusal),
    };
    let name = match (refusal.schema(), refusal.table(), refusal.constraint()) {
        (Some(schema), Some(table), Some(constraint)) => Some(Name { schema, table, constraint }),
        _ => None,
    };
    match (&violation.kind, name) {
        (ViolationKind::NotNull, _) | (_, None) => {}
        (ViolationKind::ForeignKey(_), Some(name)) => {
            let found = looking
                .with(async |client| {
                    let key = looking::foreign_key(client, name).await?;
                    let Some(key) = key else { return Ok(None) };
                    let mut end = end(refusal, &key, target);
                    if let Some(End::Parent(referred)) = &mut end
                        && !referred.written.is_empty()
                    {
                        let rows = looking::referring_rows(client, &key, &referred.written).await;
                        // It cannot be fewer: something refused the statement.
                        referred.rows = rows.unwrap_or(1).max(1);
                    }
                    Ok(Some((key, end)))
                })
                .await
                .flatten();
            if let Some((key, end)) = found {
                violation.columns.clone_from(&key.columns);
                violation.kind = ViolationKind::ForeignKey(told(key, end));
            }
        }
        (_, Some(name)) => {
            let columns = looking.with(async |client| looking::columns(client, name).await).await;
            violation.columns = columns.unwrap_or_default();
        }
    }
    if violation.columns.is_empty() && violation.kind == ViolationKind::Unique {
        violation.columns = refusal.detail().map(detail::columns).unwrap_or_default();
    }
    DriverError::Integrity(Box::new(violation))
}

/// The kind of constraint by its code. An exclusion constraint is a kind of unique one.
fn kind(refusal: &DbError) -> Option<ViolationKind> {
    Some(match refusal.code().code() {
        "23503" | "23001" => ViolationKind::ForeignKey(ForeignKeyViolation::Unknown),
        "23505" | "23P01" => ViolationKind::Unique,
        "23502" => ViolationKind::NotNull,
        "23514" => ViolationKind::Check,
        _ => return None,
    })
}

fn message(refusal: &DbError) -> String {
    match refusal.detail() {
        Some(detail) => format!("{}: {detail}", refusal.message()),
        None => refusal.message().to_owned(),
    }
}

/// Which end of a foreign key was violated.
enum End {
    /// The parent of a row is missing.
    Child { written: Vec<String> },
    /// The row is still referred to.
    Parent(Referred),
}

/// A key that rows refer to, as the server wrote it.
struct Referred {
    written: Vec<String>,
    rows: u64,
}

/// Finds out the end: the detail names the columns of the child if the parent is missing, and
/// those of the parent if the row is still referred to. Where they have the same names, the
/// message or the statement tells.
fn end(refusal: &DbError, key: &ForeignKey, target: Option<&Target>) -> Option<End> {
    let detail = refusal.detail().unwrap_or("");
    let child = detail::values(detail, &key.columns);
    let parent = detail::values(detail, &key.parent_columns);
    let is_child = match (&child, &parent) {
        (Some(_), None) => true,
        (None, Some(_)) => false,
        _ => is_of_child(refusal, key, target)?,
    };
    Some(if is_child {
        End::Child { written: child.unwrap_or_default() }
    } else {
        End::Parent(Referred { written: parent.unwrap_or_default(), rows: 1 })
    })
}

fn is_of_child(refusal: &DbError, key: &ForeignKey, target: Option<&Target>) -> Option<bool> {
    if refusal.code().code() == "23001" {
        return Some(false);
    }
    if refusal.message().starts_with("insert or update") {
        return Some(true);
    }
    if refusal.message().starts_with("update or delete") {
        return Some(false);
    }
    let target = target?;
    match target.operation {
        Operation::Insert => Some(true),
        Operation::Delete => Some(false),
        Operation::Update if key.child.name != key.parent.name => {
            Some(*target.table == *key.child.name)
        }
        Operation::Update => None,
    }
}

fn told(key: ForeignKey, end: Option<End>) -> ForeignKeyViolation {
    let typed = |written: &[String], types: &[tokio_postgres::types::Type]| -> Vec<Value> {
        written.iter().zip(types).map(|(value, ty)| text::read(value, ty)).collect()
    };
    match end {
        Some(End::Child { written }) => ForeignKeyViolation::MissingParent {
            key: typed(&written, &key.types),
            parent: key.parent.name,
            parent_columns: key.parent_columns,
        },
        Some(End::Parent(referred)) => ForeignKeyViolation::StillReferenced {
            key: typed(&referred.written, &key.parent_types),
            child: key.child.name,
            child_columns: key.columns,
            rows: referred.rows,
        },
        None => ForeignKeyViolation::Unknown,
    }
}
