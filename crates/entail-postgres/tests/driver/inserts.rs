//! Inserts: generated values go into slots, in the order of the rows, and on into other rows.

use entail_engine::batch::{Batch, Fetch, Param, Request};
use entail_engine::error::DriverError;
use entail_engine::value::{ColumnType, Value};

use crate::database::check;
use crate::requests::{
    batch, fail, insert_arrays, insert_returning, int, one, query, raw, run, text,
};

const ID: [(&str, ColumnType); 1] = [("id", ColumnType::BigInt)];
const NAME: (&str, ColumnType) = ("name", ColumnType::Text { length: None });
const T: &str = "CREATE TABLE t (id bigserial PRIMARY KEY, name text)";

fn names(count: usize) -> Vec<Param> {
    (0..count).map(|number| Param::from(text(&format!("n{number:05}")))).collect()
}

#[test]
fn one_row_and_many_rows_get_their_keys() {
    check(T, async |place| {
        for options in ["", "statement_cache=0"] {
            let mut db = place.connection(options).await;
            run(&mut db, vec![raw("TRUNCATE t RESTART IDENTITY", &[])]).await;
            let outcome = run(
                &mut db,
                vec![
                    Request::Begin,
                    insert_returning("t", &["name"], names(1), 0, &ID),
                    insert_arrays("t", &[NAME], names(3000), 1, &ID),
                    Request::Commit,
                ],
            )
            .await;
            assert_eq!(outcome.written, [0, 1, 3000, 0]);
            assert_eq!(outcome.slots, (1..=3001).map(int).collect::<Vec<_>>());
            let sql = "SELECT count(*) FROM t WHERE id > 1 AND name <> 'n' || lpad((id - 2)::text, 5, '0')";
            assert_eq!(one(&mut db, sql).await, int(0));
        }
    });
}

#[test]
fn an_execution_each_and_several_generated_columns() {
    let schema = "CREATE TABLE t (id serial, name text, twice text GENERATED ALWAYS AS (name || name) STORED, n int2 DEFAULT 7)";
    check(schema, async |place| {
        let mut db = place.connection("").await;
        let generated =
            [("id", ColumnType::Integer), ("twice", NAME.1), ("n", ColumnType::SmallInt)];
        let made = |id: i64, name: &str| [int(id), text(&format!("{name}{name}")), int(7)];
        let outcome = run(
            &mut db,
            vec![Request::Begin, insert_returning("t", &["name"], names(2), 0, &generated)],
        )
        .await;
        assert_eq!(outcome.slots, [made(1, "n00000"), made(2, "n00001")].concat());
        let outcome =
            run(&mut db, vec![insert_arrays("t", &[NAME], names(2), 0, &generated)]).await;
        assert_eq!(outcome.slots, [made(3, "n00000"), made(4, "n00001")].concat());
    });
}

#[test]
fn keys_that_come_back_in_another_order_are_put_in_order() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        // What RETURNING gives need not come in the order of the rows.
        let Request::Call(mut call) = insert_arrays("t", &[NAME], names(3), 0, &ID) else {
            unreachable!("it is a call");
        };
        call.sql =
            "WITH made AS (INSERT INTO t (name) SELECT * FROM unnest($1::text[]) RETURNING id) \
                    SELECT id FROM made ORDER BY id = 2 DESC, id DESC"
                .into();
        let outcome = run(&mut db, vec![Request::Call(call)]).await;
        assert_eq!(outcome.slots, [1, 2, 3].map(int));
    });
}

#[test]
fn a_sequence_may_count_down() {
    let schema =
        "CREATE TABLE t (id int8 GENERATED ALWAYS AS IDENTITY (INCREMENT BY -1), name text)";
    check(schema, async |place| {
        let mut db = place.connection("").await;
        let outcome = run(&mut db, vec![insert_arrays("t", &[NAME], names(3), 0, &ID)]).await;
        assert_eq!(outcome.slots, [-1, -2, -3].map(int));
    });
}

#[test]
fn slots_lead_from_parents_to_children_in_one_batch() {
    let schema = "CREATE TABLE a (id bigserial PRIMARY KEY, name text);
                  CREATE TABLE b (id bigserial PRIMARY KEY, a int8 REFERENCES a);
                  CREATE TABLE c (b int8 REFERENCES b, a int8 REFERENCES a)";
    check(schema, async |place| {
        for options in ["", "statement_cache=0", "statement_cache=1"] {
            let mut db = place.connection(options).await;
            run(&mut db, vec![raw("TRUNCATE a, b, c RESTART IDENTITY", &[])]).await;
            let big = ColumnType::BigInt;
            let requests = vec![
                Request::Begin,
                insert_arrays("a", &[NAME], names(2), 0, &ID),
                insert_arrays("b", &[("a", big)], vec![Param::Slot(1), Param::Slot(0)], 2, &ID),
                insert_arrays(
                    "c",
                    &[("b", big), ("a", big)],
                    vec![Param::Slot(3), Param::Slot(0), Param::Slot(2), Param::from(Value::Null)],
                    0,
                    &[],
                ),
                Request::Commit,
            ];
            let outcome = run(&mut db, requests).await;
            assert_eq!(outcome.written, [0, 2, 2, 2, 0]);
            assert_eq!(outcome.slots, [1, 2, 1, 2].map(int));
            let sql = "SELECT string_agg(b || '-' || coalesce(a, 0), ' ' ORDER BY b) FROM c";
            assert_eq!(one(&mut db, sql).await, text("1-0 2-1"));
        }
    });
}

#[test]
fn a_row_that_a_trigger_keeps_out_is_missed_before_the_commit() {
    let schema = "CREATE TABLE t (id bigserial PRIMARY KEY, name text);
                  CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS $$
                  BEGIN IF NEW.name = 'n00001' THEN RETURN NULL; END IF; RETURN NEW; END $$;
                  CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION keep_out()";
    check(schema, async |place| {
        for options in ["", "statement_cache=0"] {
            let mut db = place.connection(options).await;
            for generated in [&ID[..], &[]] {
                let rows = insert_arrays("t", &[NAME], names(3), 0, generated);
                let failure = fail(&mut db, vec![Request::Begin, rows, Request::Commit]).await;
                assert_eq!((failure.request, failure.in_transaction), (Some(1), false));
                let expected =
                    DriverError::RowCount { table: "t".to_owned(), expected: 3, written: 2 };
                assert_eq!(failure.error, expected);
                assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(0));
            }
        }
    });
}

#[test]
fn calls_that_do_not_fit_are_refused() {
    check(T, async |place| {
        let mut db = place.connection("").await;
        let row = || insert_returning("t", &["name"], names(1), 0, &ID);
        let few = Batch { requests: vec![row()], slots: 0 };
        let failure = db.run(few).await.expect_err("there is no slot");
        assert!(failure.to_string().contains("slot 0: the batch has 0 slots"), "{failure}");

        let unfilled = insert_returning("t", &["name"], vec![Param::Slot(0)], 0, &ID);
        let failure = fail(&mut db, vec![unfilled]).await;
        assert!(failure.to_string().contains("no earlier statement"), "{failure}");

        let Request::Call(mut call) = row() else { unreachable!("it is a call") };
        if let entail_engine::batch::CallKind::Insert { fetch, .. } = &mut call.kind {
            *fetch = Fetch::FirstNumber;
        }
        let failure = fail(&mut db, vec![Request::Call(call)]).await;
        assert!(failure.to_string().contains("for another database"), "{failure}");

        let failure = fail(&mut db, vec![query("SELECT $1::text", &[])]).await;
        assert!(
            failure.to_string().contains("takes 1 parameter(s), and 0 were given"),
            "{failure}"
        );
        assert_eq!(batch(vec![]).slots, 0);
        assert_eq!(one(&mut db, "SELECT count(*) FROM t").await, int(0));
    });
}
