//! Schemas as text.

use expect_test::{Expect, expect};

use crate::mapping::{
    Action, ColumnDefinition, Deferrable, ForeignKeyDefinition, Mapping, MappingDefinition,
    TableDefinition,
};
use crate::sql::Dialect;
use crate::value::ColumnType;

use super::*;

const TEXT: ColumnType = ColumnType::Text { length: None };

fn column(name: &str, ty: ColumnType) -> ColumnDefinition {
    ColumnDefinition::new(name, ty)
}

/// A table whose first column is its generated key.
fn table(name: &str, others: Vec<ColumnDefinition>) -> TableDefinition {
    let mut columns = vec![column("id", ColumnType::BigInt).generated()];
    columns.extend(others);
    TableDefinition {
        name: name.to_owned(),
        columns,
        primary_key: list(&["id"]),
        ..TableDefinition::default()
    }
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn refers(columns: &[&str], parent: &str) -> ForeignKeyDefinition {
    ForeignKeyDefinition::new(list(columns), parent, Vec::new())
}

/// `refers`, and nullable columns for it.
fn child(name: &str, keys: &[(&str, &str)]) -> TableDefinition {
    let columns =
        keys.iter().map(|(column, _)| self::column(column, ColumnType::BigInt).nullable());
    TableDefinition {
        foreign_keys: keys.iter().map(|(column, parent)| refers(&[column], parent)).collect(),
        ..table(name, columns.collect())
    }
}

fn mapping(tables: Vec<TableDefinition>) -> Mapping {
    Mapping::new(MappingDefinition { tables, entities: Vec::new() }).expect("the mapping is right")
}

fn check(tables: Vec<TableDefinition>, expected: Expect) {
    expected.assert_eq(&script(&create_all(&mapping(tables), Dialect::Sqlite)));
}

fn check_drop(tables: Vec<TableDefinition>, expected: Expect) {
    expected.assert_eq(&script(&drop_all(&mapping(tables), Dialect::Sqlite)));
}

/// Checks the indexes alone.
fn check_indexes(tables: Vec<TableDefinition>, expected: Expect) {
    let mut statements = create_all(&mapping(tables), Dialect::Sqlite);
    statements.retain(|statement| statement.starts_with("CREATE INDEX"));
    expected.assert_eq(&script(&statements));
}

#[test]
fn every_type_has_its_word() {
    let types = [
        ("small", ColumnType::SmallInt),
        ("middle", ColumnType::Integer),
        ("big", ColumnType::BigInt),
        ("real", ColumnType::Real),
        ("double", ColumnType::Double),
        ("flag", ColumnType::Boolean),
        ("text", TEXT),
        ("short", ColumnType::Text { length: Some(50) }),
        ("bytes", ColumnType::Bytes),
        ("date", ColumnType::Date),
        ("time", ColumnType::Time),
        ("date_time", ColumnType::DateTime),
        ("timestamp", ColumnType::Timestamp),
    ];
    let mut columns: Vec<_> = types.iter().map(|&(name, ty)| column(name, ty)).collect();
    columns.push(column("maybe", ColumnType::Integer).nullable());
    check(
        vec![table("types", columns)],
        expect![[r#"
        CREATE TABLE IF NOT EXISTS "types" (
          "id" integer NOT NULL PRIMARY KEY,
          "small" smallint NOT NULL,
          "middle" integer NOT NULL,
          "big" bigint NOT NULL,
          "real" real NOT NULL,
          "double" double NOT NULL,
          "flag" boolean NOT NULL,
          "text" text NOT NULL,
          "short" varchar(50) NOT NULL,
          "bytes" blob NOT NULL,
          "date" date_text NOT NULL,
          "time" time_text NOT NULL,
          "date_time" datetime_text NOT NULL,
          "timestamp" timestamp_text NOT NULL,
          "maybe" integer,
          CONSTRAINT "ck_types_short_length" CHECK (length("short") <= 50)
        );
    "#]],
    );
}

#[test]
fn defaults_checks_uniques_and_indexes() {
    let name = ColumnDefinition {
        unique: true,
        check: Some("name <> ''".into()),
        ..column("name", ColumnType::Text { length: Some(20) })
    };
    let stock = ColumnDefinition {
        server_default: Some("0".into()),
        index: true,
        check: Some("stock >= 0".into()),
        ..column("stock", ColumnType::Integer)
    };
    let made = ColumnDefinition {
        server_default: Some("CURRENT_TIMESTAMP".into()),
        ..column("made", ColumnType::Timestamp)
    };
    let items = TableDefinition {
        uniques: vec![list(&["made", "stock"]), list(&["name"])],
        indexes: vec![list(&["stock", "name"]), list(&["stock"])],
        checks: vec!["stock < 10 OR name = 'many'".into(), "made > '2000'".into()],
        ..table("items", vec![name, stock, made])
    };
    check(
        vec![items],
        expect![[r#"
        CREATE TABLE IF NOT EXISTS "items" (
          "id" integer NOT NULL PRIMARY KEY,
          "name" varchar(20) NOT NULL,
          "stock" integer NOT NULL DEFAULT (0),
          "made" timestamp_text NOT NULL DEFAULT (CURRENT_TIMESTAMP),
          CONSTRAINT "uq_items_name" UNIQUE ("name"),
          CONSTRAINT "uq_items_made_stock" UNIQUE ("made", "stock"),
          CONSTRAINT "ck_items_name" CHECK (name <> ''),
          CONSTRAINT "ck_items_name_length" CHECK (length("name") <= 20),
          CONSTRAINT "ck_items_stock" CHECK (stock >= 0),
          CONSTRAINT "ck_items_1" CHECK (stock < 10 OR name = 'many'),
          CONSTRAINT "ck_items_2" CHECK (made > '2000')
        );
        CREATE INDEX IF NOT EXISTS "ix_items_stock_name" ON "items" ("stock", "name");
        CREATE INDEX IF NOT EXISTS "ix_items_stock" ON "items" ("stock");
    "#]],
    );
}

#[test]
fn foreign_keys_have_actions_and_say_when_they_are_checked() {
    let order = TableDefinition {
        name: "orders".into(),
        columns: vec![column("shop", ColumnType::Integer), column("number", ColumnType::Integer)],
        primary_key: list(&["shop", "number"]),
        ..TableDefinition::default()
    };
    let code = ColumnDefinition { unique: true, ..column("code", TEXT) };
    let products = table("products", vec![code]);
    let lines = TableDefinition {
        foreign_keys: vec![
            ForeignKeyDefinition {
                on_delete: Action::Cascade,
                on_update: Action::Cascade,
                deferrable: Deferrable::InitiallyDeferred,
                ..refers(&["shop", "number"], "orders")
            },
            ForeignKeyDefinition {
                on_delete: Action::SetNull,
                on_update: Action::Restrict,
                deferrable: Deferrable::InitiallyImmediate,
                references: list(&["code"]),
                ..refers(&["product"], "products")
            },
            ForeignKeyDefinition {
                on_delete: Action::SetDefault,
                ..refers(&["instead_of"], "lines")
            },
        ],
        ..table(
            "lines",
            vec![
                column("shop", ColumnType::Integer),
                column("number", ColumnType::Integer),
                column("product", TEXT).nullable(),
                column("instead_of", ColumnType::BigInt).nullable(),
            ],
        )
    };
    check(
        vec![lines, order, products],
        expect![[r#"
        CREATE TABLE IF NOT EXISTS "orders" (
          "shop" integer NOT NULL,
          "number" integer NOT NULL,
          PRIMARY KEY ("shop", "number")
        );
        CREATE TABLE IF NOT EXISTS "products" (
          "id" integer NOT NULL PRIMARY KEY,
          "code" text NOT NULL,
          CONSTRAINT "uq_products_code" UNIQUE ("code")
        );
        CREATE TABLE IF NOT EXISTS "lines" (
          "id" integer NOT NULL PRIMARY KEY,
          "shop" integer NOT NULL,
          "number" integer NOT NULL,
          "product" text,
          "instead_of" bigint,
          CONSTRAINT "fk_lines_shop_number" FOREIGN KEY ("shop", "number") REFERENCES "orders" ("shop", "number") ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,
          CONSTRAINT "fk_lines_product" FOREIGN KEY ("product") REFERENCES "products" ("code") ON DELETE SET NULL ON UPDATE RESTRICT DEFERRABLE INITIALLY IMMEDIATE,
          CONSTRAINT "fk_lines_instead_of" FOREIGN KEY ("instead_of") REFERENCES "lines" ("id") ON DELETE SET DEFAULT
        );
        CREATE INDEX IF NOT EXISTS "ix_lines_shop_number" ON "lines" ("shop", "number");
        CREATE INDEX IF NOT EXISTS "ix_lines_product" ON "lines" ("product");
        CREATE INDEX IF NOT EXISTS "ix_lines_instead_of" ON "lines" ("instead_of");
    "#]],
    );
}

/// A single `integer` key would be SQLite's rowid, which numbers itself.
#[test]
fn only_a_generated_key_is_the_rowid() {
    let key = |name: &str, key: ColumnDefinition| TableDefinition {
        name: name.to_owned(),
        primary_key: vec![key.name.clone()],
        columns: vec![key],
        ..TableDefinition::default()
    };
    let id = |ty| column("id", ty);
    let made =
        ColumnDefinition { server_default: Some("abs(random())".into()), ..id(ColumnType::BigInt) };
    let tables = vec![
        key("generated_small", id(ColumnType::SmallInt).generated()),
        key("generated_big", id(ColumnType::BigInt).generated()),
        key("natural_small", id(ColumnType::SmallInt)),
        key("natural_middle", id(ColumnType::Integer)),
        key("natural_big", id(ColumnType::BigInt)),
        key("natural_made", made),
        key("natural_text", id(TEXT)),
    ];
    check(
        tables,
        expect![[r#"
        CREATE TABLE IF NOT EXISTS "generated_small" (
          "id" integer NOT NULL PRIMARY KEY
        );
        CREATE TABLE IF NOT EXISTS "generated_big" (
          "id" integer NOT NULL PRIMARY KEY
        );
        CREATE TABLE IF NOT EXISTS "natural_small" (
          "id" smallint NOT NULL PRIMARY KEY
        );
        CREATE TABLE IF NOT EXISTS "natural_middle" (
          "id" int NOT NULL PRIMARY KEY
        );
        CREATE TABLE IF NOT EXISTS "natural_big" (
          "id" bigint NOT NULL PRIMARY KEY
        );
        CREATE TABLE IF NOT EXISTS "natural_made" (
          "id" bigint NOT NULL DEFAULT (abs(random())) PRIMARY KEY
        );
        CREATE TABLE IF NOT EXISTS "natural_text" (
          "id" text NOT NULL PRIMARY KEY
        );
    "#]],
    );
}

#[test]
fn an_association_table_gets_an_index_for_its_second_key_only() {
    let links = TableDefinition {
        primary_key: list(&["left", "right"]),
        columns: vec![column("left", ColumnType::BigInt), column("right", ColumnType::BigInt)],
        name: "links".into(),
        foreign_keys: vec![refers(&["left"], "nodes"), refers(&["right"], "nodes")],
        ..TableDefinition::default()
    };
    check_indexes(
        vec![table("nodes", vec![]), links],
        expect![[r#"
            CREATE INDEX IF NOT EXISTS "ix_links_right" ON "links" ("right");
        "#]],
    );
}

#[test]
fn a_foreign_key_that_something_leads_with_gets_no_index() {
    let mut by_unique = child("by_unique", &[("owner", "nodes")]);
    by_unique.columns[1].unique = true;
    let mut by_wider = child("by_wider", &[("owner", "nodes")]);
    by_wider.uniques = vec![list(&["owner", "id"])];
    let mut by_key = child("by_key", &[("owner", "nodes")]);
    by_key.primary_key = list(&["owner"]);
    let mut by_index = child("by_index", &[("owner", "nodes")]);
    by_index.columns[1].index = true;
    let mut not_led = child("not_led", &[("owner", "nodes")]);
    not_led.uniques = vec![list(&["id", "owner"])];
    check_indexes(
        vec![table("nodes", vec![]), by_unique, by_wider, by_key, by_index, not_led],
        expect![[r#"
            CREATE INDEX IF NOT EXISTS "ix_by_index_owner" ON "by_index" ("owner");
            CREATE INDEX IF NOT EXISTS "ix_not_led_owner" ON "not_led" ("owner");
        "#]],
    );
}

#[test]
fn a_longer_index_serves_the_shorter_foreign_key() {
    let parts = TableDefinition {
        uniques: vec![list(&["id", "kind"])],
        ..table("parts", vec![column("kind", ColumnType::Integer)])
    };
    let mut uses = child("uses", &[("part", "parts"), ("kind", "parts")]);
    let whole = ForeignKeyDefinition {
        references: list(&["id", "kind"]),
        ..refers(&["part", "kind"], "parts")
    };
    uses.foreign_keys = vec![refers(&["part"], "parts"), whole.clone(), refers(&["part"], "parts")];
    // The same columns in another order serve it as well.
    let mut swapped = uses.clone();
    swapped.name = "swapped".into();
    swapped.indexes = vec![list(&["kind", "part"])];
    check_indexes(
        vec![parts, uses, swapped],
        expect![[r#"
            CREATE INDEX IF NOT EXISTS "ix_uses_part_kind" ON "uses" ("part", "kind");
            CREATE INDEX IF NOT EXISTS "ix_swapped_kind_part" ON "swapped" ("kind", "part");
            CREATE INDEX IF NOT EXISTS "ix_swapped_part" ON "swapped" ("part");
        "#]],
    );
}

#[test]
fn odd_names_are_quoted() {
    let group = TableDefinition {
        name: "or\"der".into(),
        columns: vec![
            column("select", ColumnType::Integer),
            column("a \"b\"", ColumnType::Text { length: Some(3) }),
            column("größe; --", ColumnType::Integer),
        ],
        primary_key: list(&["select", "a \"b\""]),
        uniques: vec![list(&["größe; --", "a \"b\""])],
        indexes: vec![list(&["a \"b\""])],
        foreign_keys: vec![refers(&["größe; --", "a \"b\""], "or\"der")],
        checks: vec!["\"select\" > 0".into()],
        ..TableDefinition::default()
    };
    check(
        vec![group.clone()],
        expect![[r#"
        CREATE TABLE IF NOT EXISTS "or""der" (
          "select" integer NOT NULL,
          "a ""b""" varchar(3) NOT NULL,
          "größe; --" integer NOT NULL,
          PRIMARY KEY ("select", "a ""b"""),
          CONSTRAINT "uq_or""der_größe; --_a ""b""" UNIQUE ("größe; --", "a ""b"""),
          CONSTRAINT "fk_or""der_größe; --_a ""b""" FOREIGN KEY ("größe; --", "a ""b""") REFERENCES "or""der" ("select", "a ""b"""),
          CONSTRAINT "ck_or""der_a ""b""_length" CHECK (length("a ""b""") <= 3),
          CONSTRAINT "ck_or""der_1" CHECK ("select" > 0)
        );
        CREATE INDEX IF NOT EXISTS "ix_or""der_a ""b""" ON "or""der" ("a ""b""");
    "#]],
    );
    check_drop(
        vec![group],
        expect![[r#"
        PRAGMA defer_foreign_keys = ON;
        DROP TABLE IF EXISTS "or""der";
    "#]],
    );
}

#[test]
fn names_that_would_be_equal_or_too_long_end_in_a_hash() {
    let index = |name: &str| ColumnDefinition { index: true, ..column(name, TEXT) };
    let long = "a_rather_long_name_for_one_column_of_one_table_in_one_schema";
    let tables = vec![
        table("a", vec![index("b_c")]),
        table("a_b", vec![index("c")]),
        table("IX_c_d", vec![]),
        table("c", vec![index("d")]),
        table("wide", vec![index(long)]),
    ];
    check_indexes(
        tables,
        expect![[r#"
            CREATE INDEX IF NOT EXISTS "ix_a_b_c" ON "a" ("b_c");
            CREATE INDEX IF NOT EXISTS "ix_a_b_c_a7ee0a1b" ON "a_b" ("c");
            CREATE INDEX IF NOT EXISTS "ix_c_d_550ff909" ON "c" ("d");
            CREATE INDEX IF NOT EXISTS "ix_wide_a_rather_long_name_for_one_column_of_one_table_25962f1f" ON "wide" ("a_rather_long_name_for_one_column_of_one_table_in_one_schema");
        "#]],
    );
}

#[test]
fn tables_are_dropped_children_first() {
    let tables = || {
        vec![
            child("leaf", &[("up", "middle")]),
            child("middle", &[("up", "root")]),
            child("root", &[("up", "root")]),
        ]
    };
    check_drop(
        tables(),
        expect![[r#"
        PRAGMA defer_foreign_keys = ON;
        DROP TABLE IF EXISTS "leaf";
        DROP TABLE IF EXISTS "middle";
        DROP TABLE IF EXISTS "root";
    "#]],
    );
}

/// With `foreign_keys` on, SQLite answers `no such table: file` when it is to drop `folder`, which
/// cascades to itself, after `file`.
#[test]
fn a_ring_is_dropped_by_way_of_a_table_without_foreign_keys() {
    let mut folder = child("folder", &[("parent", "folder"), ("cover", "file")]);
    folder.foreign_keys[0].on_delete = Action::Cascade;
    let mut file = child("file", &[("folder", "folder")]);
    file.columns[1].nullable = false;
    file.foreign_keys[0].on_delete = Action::Cascade;
    let note = child("note", &[("file", "file")]);
    let tables = vec![folder, file, note];
    check(
        tables.clone(),
        expect![[r#"
        CREATE TABLE IF NOT EXISTS "folder" (
          "id" integer NOT NULL PRIMARY KEY,
          "parent" bigint,
          "cover" bigint,
          CONSTRAINT "fk_folder_parent" FOREIGN KEY ("parent") REFERENCES "folder" ("id") ON DELETE CASCADE,
          CONSTRAINT "fk_folder_cover" FOREIGN KEY ("cover") REFERENCES "file" ("id")
        );
        CREATE TABLE IF NOT EXISTS "file" (
          "id" integer NOT NULL PRIMARY KEY,
          "folder" bigint NOT NULL,
          CONSTRAINT "fk_file_folder" FOREIGN KEY ("folder") REFERENCES "folder" ("id") ON DELETE CASCADE
        );
        CREATE TABLE IF NOT EXISTS "note" (
          "id" integer NOT NULL PRIMARY KEY,
          "file" bigint,
          CONSTRAINT "fk_note_file" FOREIGN KEY ("file") REFERENCES "file" ("id")
        );
        CREATE INDEX IF NOT EXISTS "ix_folder_parent" ON "folder" ("parent");
        CREATE INDEX IF NOT EXISTS "ix_folder_cover" ON "folder" ("cover");
        CREATE INDEX IF NOT EXISTS "ix_file_folder" ON "file" ("folder");
        CREATE INDEX IF NOT EXISTS "ix_note_file" ON "note" ("file");
    "#]],
    );
    check_drop(
        tables,
        expect![[r#"
        PRAGMA defer_foreign_keys = ON;
        DROP TABLE IF EXISTS "note";
        DROP TABLE IF EXISTS "file";
        CREATE TABLE IF NOT EXISTS "file" (
          "id" integer NOT NULL PRIMARY KEY,
          "folder" bigint NOT NULL
        );
        DROP TABLE IF EXISTS "folder";
        DROP TABLE IF EXISTS "file";
    "#]],
    );
}

// --- Servers -------------------------------------------------------------------------------------

/// Checks what two servers are sent to create tables, and to drop them.
fn check_servers(tables: Vec<TableDefinition>, postgres: [Expect; 2], mariadb: [Expect; 2]) {
    let mapping = mapping(tables);
    for (dialect, [create, drop]) in [(Dialect::Postgres, postgres), (Dialect::MariaDb, mariadb)] {
        create.assert_eq(&script(&create_all(&mapping, dialect)));
        drop.assert_eq(&script(&drop_all(&mapping, dialect)));
    }
}

#[test]
fn every_type_has_its_word_on_servers() {
    let types = [
        ("small", ColumnType::SmallInt),
        ("middle", ColumnType::Integer),
        ("big", ColumnType::BigInt),
        ("real", ColumnType::Real),
        ("double", ColumnType::Double),
        ("flag", ColumnType::Boolean),
        ("text", TEXT),
        ("short", ColumnType::Text { length: Some(50) }),
        ("bytes", ColumnType::Bytes),
        ("date", ColumnType::Date),
        ("time", ColumnType::Time),
        ("date_time", ColumnType::DateTime),
        ("timestamp", ColumnType::Timestamp),
        ("uuid", ColumnType::Uuid),
    ];
    let columns = types.iter().map(|&(name, ty)| column(name, ty)).collect();
    let mut named = table("named", vec![column("word", TEXT), column("hash", ColumnType::Bytes)]);
    named.uniques.push(list(&["word"]));
    named.indexes.push(list(&["hash"]));
    check_servers(
        vec![table("types", columns), named],
        [
            expect![[r#"
            CREATE TABLE IF NOT EXISTS "types" (
              "id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
              "small" smallint NOT NULL,
              "middle" integer NOT NULL,
              "big" bigint NOT NULL,
              "real" real NOT NULL,
              "double" double precision NOT NULL,
              "flag" boolean NOT NULL,
              "text" text NOT NULL,
              "short" varchar(50) NOT NULL,
              "bytes" bytea NOT NULL,
              "date" date NOT NULL,
              "time" time NOT NULL,
              "date_time" timestamp NOT NULL,
              "timestamp" timestamptz NOT NULL,
              "uuid" uuid NOT NULL
            );
            CREATE TABLE IF NOT EXISTS "named" (
              "id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
              "word" text NOT NULL,
              "hash" bytea NOT NULL,
              CONSTRAINT "uq_named_word" UNIQUE ("word")
            );
            CREATE INDEX IF NOT EXISTS "ix_named_hash" ON "named" ("hash");
        "#]],
            expect![[r#"
            DROP TABLE IF EXISTS "named";
            DROP TABLE IF EXISTS "types";
        "#]],
        ],
        [
            expect![[r#"
            CREATE TABLE IF NOT EXISTS `types` (
              `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT,
              `small` smallint NOT NULL,
              `middle` int NOT NULL,
              `big` bigint NOT NULL,
              `real` float NOT NULL,
              `double` double NOT NULL,
              `flag` boolean NOT NULL,
              `text` longtext NOT NULL,
              `short` varchar(50) NOT NULL,
              `bytes` longblob NOT NULL,
              `date` date NOT NULL,
              `time` time(6) NOT NULL,
              `date_time` datetime(6) NOT NULL,
              `timestamp` datetime(6) NOT NULL,
              `uuid` binary(16) NOT NULL
            ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
            CREATE TABLE IF NOT EXISTS `named` (
              `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT,
              `word` varchar(255) NOT NULL,
              `hash` varbinary(255) NOT NULL,
              UNIQUE KEY `uq_named_word` (`word`),
              KEY `ix_named_hash` (`hash`)
            ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
        "#]],
            expect![[r#"
            DROP TABLE IF EXISTS `named`;
            DROP TABLE IF EXISTS `types`;
        "#]],
        ],
    );
}

#[test]
fn a_ring_is_closed_after_its_tables_are_there() {
    let mut folder = child("folder", &[("parent", "folder"), ("cover", "file")]);
    folder.foreign_keys[0].on_delete = Action::Cascade;
    check_servers(
        vec![folder, child("file", &[("folder", "folder")])],
        [
            expect![[r#"
            CREATE TABLE IF NOT EXISTS "folder" (
              "id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
              "parent" bigint,
              "cover" bigint,
              CONSTRAINT "fk_folder_parent" FOREIGN KEY ("parent") REFERENCES "folder" ("id") ON DELETE CASCADE
            );
            CREATE TABLE IF NOT EXISTS "file" (
              "id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
              "folder" bigint,
              CONSTRAINT "fk_file_folder" FOREIGN KEY ("folder") REFERENCES "folder" ("id")
            );
            DO $entail$ BEGIN
              IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'fk_folder_cover' AND conrelid = '"folder"'::regclass) THEN
                ALTER TABLE "folder" ADD CONSTRAINT "fk_folder_cover" FOREIGN KEY ("cover") REFERENCES "file" ("id");
              END IF;
            END $entail$;
            CREATE INDEX IF NOT EXISTS "ix_folder_parent" ON "folder" ("parent");
            CREATE INDEX IF NOT EXISTS "ix_folder_cover" ON "folder" ("cover");
            CREATE INDEX IF NOT EXISTS "ix_file_folder" ON "file" ("folder");
        "#]],
            expect![[r#"
            ALTER TABLE IF EXISTS "folder" DROP CONSTRAINT IF EXISTS "fk_folder_cover";
            DROP TABLE IF EXISTS "file";
            DROP TABLE IF EXISTS "folder";
        "#]],
        ],
        [
            expect![[r#"
            SET FOREIGN_KEY_CHECKS = 0;
            CREATE TABLE IF NOT EXISTS `folder` (
              `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT,
              `parent` bigint,
              `cover` bigint,
              CONSTRAINT `fk_folder_parent` FOREIGN KEY (`parent`) REFERENCES `folder` (`id`) ON DELETE CASCADE,
              CONSTRAINT `fk_folder_cover` FOREIGN KEY (`cover`) REFERENCES `file` (`id`),
              KEY `ix_folder_parent` (`parent`),
              KEY `ix_folder_cover` (`cover`)
            ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
            CREATE TABLE IF NOT EXISTS `file` (
              `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT,
              `folder` bigint,
              CONSTRAINT `fk_file_folder` FOREIGN KEY (`folder`) REFERENCES `folder` (`id`),
              KEY `ix_file_folder` (`folder`)
            ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
            SET FOREIGN_KEY_CHECKS = 1;
        "#]],
            expect![[r#"
            SET FOREIGN_KEY_CHECKS = 0;
            DROP TABLE IF EXISTS `file`;
            DROP TABLE IF EXISTS `folder`;
            SET FOREIGN_KEY_CHECKS = 1;
        "#]],
        ],
    );
}

#[test]
fn what_mysql_lacks_is_named() {
    let mut book = child("book", &[("author", "author"), ("shelf", "author")]);
    book.foreign_keys[0].deferrable = Deferrable::InitiallyDeferred;
    book.foreign_keys[1].on_delete = Action::SetDefault;
    let mapping = mapping(vec![table("author", Vec::new()), book]);
    assert!(unsupported(&mapping, Dialect::Postgres).is_empty());
    let text = unsupported(&mapping, Dialect::MariaDb).join("\n");
    expect![[r#"
        the foreign key `book` (author) is deferrable: leave `deferrable` out
        the foreign key `book` (shelf) has the action SET DEFAULT: choose another one"#]]
    .assert_eq(&text);
}

#[test]
fn a_key_that_mysql_cannot_give_back_is_named() {
    let mut tag = table("tag", Vec::new());
    tag.columns[0].generated = false;
    tag.columns[0].server_default = Some("uuid()".into());
    let mapping = mapping(vec![tag]);
    assert!(unsupported(&mapping, Dialect::MariaDb).is_empty());
    let text = unsupported(&mapping, Dialect::MySql).join("\n");
    expect!["the key column `id` of `tag` has a default, of which only RETURNING could say what it came to: leave `server_default` out, and make the key in the program"].assert_eq(&text);
}

/// A parent in one schema, and a child in another one that refers to it.
fn in_schemas() -> Mapping {
    let author = TableDefinition { schema: Some("people".into()), ..table("author", Vec::new()) };
    let mut book = child("book", &[("author", "people.author")]);
    book.schema = Some("shop".into());
    book.columns.push(column("title", ColumnType::Text { length: Some(9) }).nullable());
    book.uniques_nulls_not_distinct = vec![list(&["title"])];
    mapping(vec![author, book])
}

#[test]
fn schemas_are_made_and_named() {
    let mapping = in_schemas();
    expect![[r#"
        DO $entail$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'people') THEN
            CREATE SCHEMA "people";
          END IF;
        END $entail$;
        DO $entail$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'shop') THEN
            CREATE SCHEMA "shop";
          END IF;
        END $entail$;
        CREATE TABLE IF NOT EXISTS "people"."author" (
          "id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY
        );
        CREATE TABLE IF NOT EXISTS "shop"."book" (
          "id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
          "author" bigint,
          "title" varchar(9),
          CONSTRAINT "uq_book_title" UNIQUE NULLS NOT DISTINCT ("title"),
          CONSTRAINT "fk_book_author" FOREIGN KEY ("author") REFERENCES "people"."author" ("id")
        );
        CREATE INDEX IF NOT EXISTS "ix_book_author" ON "shop"."book" ("author");
    "#]]
    .assert_eq(&script(&create_all(&mapping, Dialect::Postgres)));
    expect![[r#"
        DROP TABLE IF EXISTS "shop"."book";
        DROP TABLE IF EXISTS "people"."author";
    "#]]
    .assert_eq(&script(&drop_all(&mapping, Dialect::Postgres)));
    expect![[r#"
        CREATE DATABASE IF NOT EXISTS `people`;
        CREATE DATABASE IF NOT EXISTS `shop`;
        CREATE TABLE IF NOT EXISTS `people`.`author` (
          `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
        CREATE TABLE IF NOT EXISTS `shop`.`book` (
          `id` bigint NOT NULL PRIMARY KEY AUTO_INCREMENT,
          `author` bigint,
          `title` varchar(9),
          UNIQUE KEY `uq_book_title` (`title`),
          CONSTRAINT `fk_book_author` FOREIGN KEY (`author`) REFERENCES `people`.`author` (`id`),
          KEY `ix_book_author` (`author`)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
    "#]]
    .assert_eq(&script(&create_all(&mapping, Dialect::MariaDb)));
}

#[test]
fn what_sqlite_lacks_is_named() {
    let text = unsupported(&in_schemas(), Dialect::Sqlite).join("\n");
    expect![[r#"
        the table `people.author` lies in a schema: leave `schema` out
        the table `shop.book` lies in a schema: leave `schema` out
        the unique constraint of `shop.book` (title) takes NULLs for equal: write `unique` instead, or make the columns NOT NULL"#]].assert_eq(&text);
    let text = unsupported(&in_schemas(), Dialect::MariaDb).join("\n");
    expect!["the unique constraint of `shop.book` (title) takes NULLs for equal: write `unique` instead, or make the columns NOT NULL"].assert_eq(&text);
}
