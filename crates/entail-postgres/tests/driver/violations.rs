//! Violations of constraints that are no foreign keys.

use entail_engine::batch::Request;
use entail_engine::error::{Violation, ViolationKind};
use entail_engine::value::Value;

use crate::database::check;
use crate::requests::{insert, int, run, text, violation};

const SCHEMA: &str = "
    CREATE TABLE t (id int8 CONSTRAINT t_key PRIMARY KEY, name text NOT NULL, mail text, n int4,
        CONSTRAINT two UNIQUE (name, n), CONSTRAINT small CHECK (n < 10 AND id > 0));
    CREATE UNIQUE INDEX by_mail ON t (lower(mail)) INCLUDE (n);
    CREATE TABLE spans (span int4range, EXCLUDE USING gist (span WITH &&));
    CREATE DOMAIN odd AS int4 CONSTRAINT is_odd CHECK (VALUE % 2 = 1);
    CREATE TABLE d (n odd)";
const COLUMNS: [&str; 4] = ["id", "name", "mail", "n"];

fn row(id: i64, name: Value, mail: &str, n: i64) -> Request {
    insert("t", &COLUMNS, &[int(id), name, text(mail), int(n)])
}

fn told(violation: &Violation) -> (ViolationKind, Option<&str>, Vec<&str>, Option<&str>) {
    (
        violation.kind.clone(),
        violation.table.as_deref(),
        violation.columns.iter().map(String::as_str).collect(),
        violation.constraint.as_deref(),
    )
}

#[test]
fn every_kind_of_constraint_is_told() {
    check(SCHEMA, async |place| {
        let mut db = place.connection("").await;
        run(&mut db, vec![row(1, text("a"), "A@b", 1)]).await;
        // Alone, in a transaction of the batch, and in an older one.
        for round in 0..3 {
            let cases = [
                (row(1, text("b"), "x", 2), ViolationKind::Unique, vec!["id"], "t_key"),
                (row(2, text("a"), "x", 1), ViolationKind::Unique, vec!["name", "n"], "two"),
                (row(2, text("b"), "x", 10), ViolationKind::Check, vec!["id", "n"], "small"),
            ];
            for (request, kind, mut columns, constraint) in cases {
                let requests = match round {
                    1 => vec![Request::Begin, request, Request::Commit],
                    _ => vec![request],
                };
                if round == 2 {
                    run(&mut db, vec![Request::Begin]).await;
                }
                let mut found = violation(&mut db, requests).await;
                if kind == ViolationKind::Check {
                    found.columns.sort();
                    columns.sort();
                }
                assert_eq!(told(&found), (kind, Some("t"), columns, Some(constraint)));
                run(&mut db, vec![Request::Rollback]).await;
            }
        }
        let found = violation(&mut db, vec![row(2, Value::Null, "x", 1)]).await;
        assert_eq!(told(&found), (ViolationKind::NotNull, Some("t"), vec!["name"], None));
        let found = violation(&mut db, vec![row(2, text("b"), "a@B", 1)]).await;
        assert_eq!(
            told(&found),
            (ViolationKind::Unique, Some("t"), vec!["lower(mail)"], Some("by_mail"))
        );
        assert!(found.message.contains("already exists"), "{}", found.message);
    });
}

#[test]
fn exclusions_are_unique_and_domains_are_checks() {
    check(SCHEMA, async |place| {
        let mut db = place.connection("").await;
        let rows = [text("[1,5)"), text("[4,9)")];
        let found = violation(&mut db, vec![insert("spans", &["span"], &rows)]).await;
        assert_eq!(
            told(&found),
            (ViolationKind::Unique, Some("spans"), vec!["span"], Some("spans_span_excl"))
        );
        let found = violation(&mut db, vec![insert("d", &["n"], &[int(2)])]).await;
        assert_eq!(told(&found), (ViolationKind::Check, None, vec![], Some("is_odd")));
    });
}
