//! Plans as statements: what each dialect is sent for one flush.

use entail_engine::batch::{Bind, CallKind, Expect as Expected, Fetch, Request};
use entail_engine::change::{Collected, Unloaded, collect};
use entail_engine::plan::Plan;
use entail_engine::sql::{Dialect, Texts, render};
use expect_test::{Expect, expect};

use super::{int, text};
use crate::world::World;

/// Checks the statements of a flush.
fn check(world: &World, dialect: Dialect, expected: Expect) {
    expected.assert_eq(&statements(world, dialect));
}

/// The statements of a flush, one a line: how often they run, or over how many rows of arrays.
fn statements(world: &World, dialect: Dialect) -> String {
    let Ok(Collected::Changes(changes)) = collect(&world.unit.arena, Unloaded::default()) else {
        panic!("nothing is to be loaded")
    };
    let mapping = world.unit.mapping();
    let (plan, _) = Plan::new(mapping, changes).expect("it can be planned");
    let (batch, _) = render(&mut Texts::new(dialect), mapping, &plan);
    let lines = batch.requests.iter().map(|request| match request {
        Request::Call(call) => {
            let times = match &call.bind {
                Bind::Each => format!("{}x", call.executions()),
                Bind::Columns(types) => format!("{} rows", call.params.len() / types.len()),
            };
            let expected = match &call.kind {
                CallKind::Execute { expect: Expected::Exactly(rows) } => format!(" = {rows}"),
                _ => String::new(),
            };
            let read_back = match &call.kind {
                CallKind::Insert { fetch: Fetch::ByKey { select, keys }, .. } => {
                    format!("; {select} with {keys:?}")
                }
                _ => String::new(),
            };
            format!("{times}{expected}: {}{read_back}", call.sql)
        }
        other => format!("{other:?}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

const SHOP: &str = "
    user: id* name^ note?
    order: id* user_id->user note?
    user.orders = many order.user_id / all
";

fn new_users() -> World {
    let mut world = World::new(SHOP);
    for name in ["ann", "bob"] {
        world.add("user", name, &[("name", text(name))]);
        world.add("order", &format!("of {name}"), &[("note", text("first"))]);
        world.link(name, "orders", &format!("of {name}"));
    }
    world
}

#[test]
fn inserts() {
    let world = new_users();
    check(
        &world,
        Dialect::Sqlite,
        expect![[r#"
            1x: INSERT INTO "user" ("name", "note") VALUES (?, ?), (?, ?)
            1x: INSERT INTO "order" ("user_id", "note") VALUES (?, ?), (?, ?)"#]],
    );
    check(
        &world,
        Dialect::Postgres,
        expect![[r#"
        2 rows: INSERT INTO "user" ("name", "note") SELECT * FROM unnest($1::text[], $2::text[]) RETURNING "id"
        2 rows: INSERT INTO "order" ("user_id", "note") SELECT * FROM unnest($1::bigint[], $2::text[]) RETURNING "id""#]],
    );
    check(
        &world,
        Dialect::MariaDb,
        expect![[r#"
        1x: INSERT INTO `user` (`name`, `note`) VALUES (?, ?), (?, ?) RETURNING `id`
        1x: INSERT INTO `order` (`user_id`, `note`) VALUES (?, ?), (?, ?) RETURNING `id`"#]],
    );
    check(
        &world,
        Dialect::MySql,
        expect![[r#"
        1x: INSERT INTO `user` (`name`, `note`) VALUES (?, ?), (?, ?)
        1x: INSERT INTO `order` (`user_id`, `note`) VALUES (?, ?), (?, ?)"#]],
    );
}

#[test]
fn one_new_row() {
    let mut world = World::new(SHOP);
    world.add("user", "ann", &[("name", text("ann"))]);
    check(
        &world,
        Dialect::Postgres,
        expect![[r#"1x: INSERT INTO "user" ("name", "note") VALUES ($1, $2) RETURNING "id""#]],
    );
    check(
        &world,
        Dialect::MariaDb,
        expect!["1x: INSERT INTO `user` (`name`, `note`) VALUES (?, ?) RETURNING `id`"],
    );
}

#[test]
fn updates_of_plain_columns_go_together_and_those_of_unique_ones_in_their_order() {
    let mut world = World::new(SHOP);
    for id in 1..=4 {
        let name = format!("u{id}");
        world.row("user", &name, &[int(id), text(&name), text("old")]);
        world.set(&name, "note", "new");
    }
    check(
        &world,
        Dialect::Sqlite,
        expect![[r#"4x = 1: UPDATE "user" SET "note" = ? WHERE "user"."id" = ?"#]],
    );
    check(
        &world,
        Dialect::Postgres,
        expect![[r#"
            4 rows: SELECT count(*) FROM (SELECT FROM "user" WHERE ("id") = ANY($1::bigint[]) ORDER BY "id" FOR NO KEY UPDATE) AS locked
            4 rows = 4: UPDATE "user" SET "note" = d.c0 FROM unnest($1::text[], $2::bigint[]) AS d(c0, k0) WHERE "user"."id" = d.k0"#]],
    );
    check(
        &world,
        Dialect::MariaDb,
        expect![
            "1x = 4: UPDATE (WITH given (c0, k0) AS (VALUES (?, ?), (?, ?), (?, ?), (?, ?)) SELECT * FROM given) AS d STRAIGHT_JOIN `user` ON `user`.`id` = d.k0 SET `user`.`note` = d.c0"
        ],
    );
    check(
        &world,
        Dialect::MySql,
        expect![
            "1x = 4: UPDATE (SELECT ? AS c0, ? AS k0 UNION ALL SELECT ?, ? UNION ALL SELECT ?, ? UNION ALL SELECT ?, ?) AS d STRAIGHT_JOIN `user` ON `user`.`id` = d.k0 SET `user`.`note` = d.c0"
        ],
    );
    for id in 1..=4 {
        let name = format!("u{id}");
        world.set(&name, "note", "old");
        world.set(&name, "name", format!("{name} again"));
    }
    check(
        &world,
        Dialect::Postgres,
        expect![[r#"4x = 1: UPDATE "user" SET "name" = $1 WHERE "user"."id" = $2"#]],
    );
    check(
        &world,
        Dialect::MariaDb,
        expect!["4x = 1: UPDATE `user` SET `name` = ? WHERE `user`.`id` = ?"],
    );
}

#[test]
fn what_mysql_makes_besides_numbers_is_read_by_the_key() {
    let mut world = World::new("user: id* name note~? \n stay: b! a! note~? \n plain: id* name");
    for name in ["ann", "bob"] {
        world.add("user", name, &[("name", text(name))]);
        world.add("stay", &format!("of {name}"), &[("b", text("1")), ("a", text(name))]);
        world.add("plain", &format!("plain {name}"), &[("name", text(name))]);
    }
    world.add("user", "kim", &[("name", text("kim")), ("note", text("given"))]);
    check(
        &world,
        Dialect::MySql,
        expect![[r#"
        1x: INSERT INTO `user` (`name`) VALUES (?); SELECT `id`, `note` FROM `user` WHERE `id` = LAST_INSERT_ID() with []
        1x: INSERT INTO `user` (`name`) VALUES (?); SELECT `id`, `note` FROM `user` WHERE `id` = LAST_INSERT_ID() with []
        1x: INSERT INTO `user` (`name`, `note`) VALUES (?, ?)
        1x: INSERT INTO `stay` (`b`, `a`) VALUES (?, ?); SELECT `note` FROM `stay` WHERE `b` = ? AND `a` = ? with [0, 1]
        1x: INSERT INTO `stay` (`b`, `a`) VALUES (?, ?); SELECT `note` FROM `stay` WHERE `b` = ? AND `a` = ? with [0, 1]
        1x: INSERT INTO `plain` (`name`) VALUES (?), (?)"#]],
    );
}

#[test]
fn deletes_by_key_and_by_the_keys_of_parents() {
    let mut world = World::new(SHOP);
    for id in 1..=2 {
        let name = format!("u{id}");
        world.row("user", &name, &[int(id), text(&name), text("old")]);
        world.delete(&name);
    }
    check(
        &world,
        Dialect::Sqlite,
        expect![[r#"
        1x: DELETE FROM "order" WHERE "order"."user_id" IN (?, ?)
        1x: DELETE FROM "user" WHERE "user"."id" IN (?, ?)"#]],
    );
    check(
        &world,
        Dialect::Postgres,
        expect![[r#"
            2 rows: DELETE FROM "order" WHERE "order"."user_id" = ANY($1::bigint[])
            2 rows: SELECT count(*) FROM (SELECT FROM "user" WHERE ("id") = ANY($1::bigint[]) ORDER BY "id" FOR UPDATE) AS locked
            2 rows: DELETE FROM "user" WHERE "user"."id" = ANY($1::bigint[])"#]],
    );
    check(
        &world,
        Dialect::MariaDb,
        expect![[r#"
        1x: DELETE FROM `order` WHERE `order`.`user_id` IN (?, ?)
        1x: DELETE FROM `user` WHERE `user`.`id` IN (?, ?)"#]],
    );
}

#[test]
fn rows_that_point_at_each_other_are_deleted_one_by_one_where_the_database_does_not_wait() {
    let mut world = World::new("node: id* parent_id?->node");
    world.row("node", "top", &[int(1), entail_engine::value::Value::Null]);
    world.row("node", "below", &[int(2), int(1)]);
    world.delete("top");
    world.delete("below");
    check(
        &world,
        Dialect::Postgres,
        expect![[r#"
            2 rows: SELECT count(*) FROM (SELECT FROM "node" WHERE ("id") = ANY($1::bigint[]) ORDER BY "id" FOR UPDATE) AS locked
            2 rows: DELETE FROM "node" WHERE "node"."id" = ANY($1::bigint[])"#]],
    );
    check(&world, Dialect::MariaDb, expect!["2x: DELETE FROM `node` WHERE `node`.`id` = ?"]);
}

#[test]
fn a_long_list_of_composite_keys_is_joined_on_mariadb() {
    let mut world = World::new("user: id*\n stay: a->user! b->user! note?");
    for id in 1..=32 {
        let name = format!("s{id}");
        world.row("stay", &name, &[int(id), int(1), text("old")]);
        world.delete(&name);
    }
    let sent = statements(&world, Dialect::MariaDb);
    let start = "1x: DELETE `stay` FROM `stay` JOIN (WITH given (k0, k1) AS (VALUES (?, ?), (?, ?)";
    let end = ") SELECT * FROM given) AS d ON `stay`.`a` = d.k0 AND `stay`.`b` = d.k1";
    assert!(sent.starts_with(start) && sent.ends_with(end), "{sent}");
    let sent = statements(&world, Dialect::MySql);
    assert!(sent.starts_with("1x: DELETE FROM `stay` WHERE (`stay`.`a`, `stay`.`b`) IN ((?, ?)"));
}

#[test]
fn composite_keys() {
    let mut world = World::new("place: a! b! note?");
    for name in ["x", "y"] {
        world.row("place", name, &[text(name), text("1"), text("old")]);
    }
    world.set("x", "note", "new");
    world.set("y", "note", "new");
    check(
        &world,
        Dialect::Postgres,
        expect![[r#"
            2 rows: SELECT count(*) FROM (SELECT FROM "place" WHERE ("a", "b") IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY "a", "b" FOR NO KEY UPDATE) AS locked
            2 rows = 2: UPDATE "place" SET "note" = d.c0 FROM unnest($1::text[], $2::text[], $3::text[]) AS d(c0, k0, k1) WHERE "place"."a" = d.k0 AND "place"."b" = d.k1"#]],
    );
    world.set("x", "note", "old");
    world.set("y", "note", "old");
    world.delete("x");
    world.delete("y");
    check(
        &world,
        Dialect::Sqlite,
        expect![[
            r#"1x: DELETE FROM "place" WHERE ("place"."a", "place"."b") IN (SELECT * FROM (VALUES (?, ?), (?, ?)))"#
        ]],
    );
    check(
        &world,
        Dialect::Postgres,
        expect![[r#"
            2 rows: SELECT count(*) FROM (SELECT FROM "place" WHERE ("a", "b") IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY "a", "b" FOR UPDATE) AS locked
            2 rows: DELETE FROM "place" USING unnest($1::text[], $2::text[]) AS d(k0, k1) WHERE "place"."a" = d.k0 AND "place"."b" = d.k1"#]],
    );
    check(
        &world,
        Dialect::MariaDb,
        expect!["1x: DELETE FROM `place` WHERE (`place`.`a`, `place`.`b`) IN ((?, ?), (?, ?))"],
    );
}
