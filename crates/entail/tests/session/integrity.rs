//! Refused constraints say what, where, and why it was written.

use entail::prelude::*;
use entail::{ForeignKeyViolation, ViolationKind};

use super::database::Kind;
use super::shop::*;

#[test]
fn a_missing_parent_is_named_with_its_key() {
    let db = shop();
    let mut session = db.session();
    session.add(Order { id: auto(), note: None, user: BelongsTo::key(999), items: unset() });
    let error = session.commit().unwrap_err();
    let refused = error.integrity().unwrap();
    let ViolationKind::ForeignKey(ForeignKeyViolation::MissingParent { parent, key, .. }) =
        &refused.kind
    else {
        panic!("{error}")
    };
    assert_eq!((parent.as_str(), key.as_slice()), ("users", &[Value::Int(999)][..]));
    assert_eq!(refused.table.as_deref(), Some("orders"));
    assert_eq!(refused.columns, ["user_id"]);
    assert_eq!(refused.cause.as_deref(), Some("add Order(new 0)"));
}

#[test]
fn a_row_that_is_still_referenced_says_by_whom() {
    let db = shop();
    let mut session = db.session();
    ed(&mut session);
    let error = session.execute("delete from orders", []).unwrap_err();
    let refused = error.integrity().unwrap();
    match &refused.kind {
        ViolationKind::ForeignKey(ForeignKeyViolation::StillReferenced { child, rows, .. }) => {
            assert_eq!((child.as_str(), *rows), ("items", 2));
        }
        // MariaDB names no key, and of a raw statement nobody else knows it.
        ViolationKind::ForeignKey(ForeignKeyViolation::Unknown)
            if crate::DATABASE == Kind::MariaDb =>
        {
            assert_eq!(refused.table.as_deref(), Some("items"));
        }
        _ => panic!("{error}"),
    }
    assert_eq!(count(&mut session, "select count(*) from orders"), 1);
}

#[test]
fn unique_not_null_and_check_are_told_apart() {
    let db = shop();
    let mut session = db.session();
    session.add(user("ed"));
    session.commit().unwrap();
    session.add(user("ed"));
    let error = session.flush().unwrap_err();
    let refused = error.integrity().unwrap();
    assert_eq!(refused.kind, ViolationKind::Unique);
    assert_eq!(
        (refused.table.as_deref(), &refused.columns[..]),
        (Some("users"), &["name".to_owned()][..])
    );
    session.rollback().unwrap();
    session.add(Order { id: auto(), note: None, user: unset(), items: unset() });
    let error = session.flush().unwrap_err();
    assert_eq!(error.integrity().unwrap().kind, ViolationKind::NotNull, "{error}");
    session.rollback().unwrap();
    let mut nameless = order("of nothing", &[""]);
    nameless.user = BelongsTo::key(1);
    session.add(nameless);
    let error = session.flush().unwrap_err();
    assert_eq!(error.integrity().unwrap().kind, ViolationKind::Check, "{error}");
    session.rollback().unwrap();
    // SQLite has a check of its own for a text that is too long; others have a type for it.
    session.add(user(&"x".repeat(51)));
    session.flush().unwrap_err();
}

#[test]
fn a_row_that_others_changed_is_stale() {
    let db = shop();
    let mut session = db.session();
    let ed = ed(&mut session);
    let order = session.many(ed, User::ORDERS).unwrap()[0];
    let item = session.many(order, Order::ITEMS).unwrap()[0];
    assert_eq!(session[item].version, 1);
    session[item].name = "wing nut".into();
    session.commit().unwrap();
    assert_eq!(session[item].version, 2);
    session.execute("update items set version = 9", []).unwrap();
    session.commit().unwrap();
    session[item].name = "nut".into();
    let error = session.commit().unwrap_err();
    assert_eq!(error.code(), "E0305");
    assert!(error.to_string().contains("Item#1"), "{error}");
    // As the message says: what was changed is dropped, and the row's version is known.
    session.refresh(item).unwrap();
    assert_eq!((session[item].name.as_str(), session[item].version), ("wing nut", Auto::of(9)));
    session[item].name = "nut".into();
    session.commit().unwrap();
    assert_eq!(session[item].version, 10);
}

#[test]
fn of_several_rows_in_one_statement_the_refused_one_is_named() {
    let db = shop();
    let mut session = db.session();
    let ed = session.add(user("ed"));
    session.commit().unwrap();
    let order =
        |key: i64| Order { id: auto(), note: None, user: BelongsTo::key(key), items: unset() };
    let there = session[ed].id.value().unwrap();
    session.add_all([order(there), order(999), order(there)]);
    let error = session.commit().unwrap_err();
    assert_eq!(error.integrity().unwrap().cause.as_deref(), Some("add Order(new 1)"), "{error}");
    session.add_all([order(998), order(998)]);
    let error = session.commit().unwrap_err();
    // Either may be told first; both have another one with the same key or none.
    let cause = error.integrity().unwrap().cause.clone();
    assert!(cause.is_none() || cause.as_deref() == Some("add Order(new 1)"), "{error}");
}
