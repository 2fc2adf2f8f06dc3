//! Rules on what must not leak: the SQL builder out of its modules, the world into the engine.

use super::Finding;
use super::mentions::mentions;
use super::source::{Part, Source};

/// The modules of the engine that may name the SQL builder.
const SQL_MODULES: &[&str] = &["sql", "ddl"];

/// What the engine may not use, and what it does instead.
const WORLD: &[(&[&str], &str)] = &[
    (&["std", "fs"], "reading and writing is for the crates around it"),
    (&["std", "net"], "connections are for the drivers"),
    (&["std", "thread"], "threads are for the drivers"),
    (&["std", "time", "Instant"], "take the time as a value from the caller"),
    (&["std", "time", "SystemTime"], "take the time as a value from the caller"),
];

/// Only the modules that render SQL know what renders it.
pub fn sql_builder(source: &Source<'_>) -> Vec<Finding> {
    let renders = |path: &str| SQL_MODULES.iter().any(|module| path.starts_with(module));
    // A peer of the bench may use what it likes: nothing of it is linked with entail.
    let is_peer = source.path.starts_with("bench/peers/");
    if is_peer || source.path_in_engine().is_some_and(renders) {
        return Vec::new();
    }
    let text = "`sea_query` stays in `sql` and `ddl` of the engine: take their own types";
    source
        .lines_with(Part::All, &["sea_query"])
        .into_iter()
        .map(|line| source.finding(line, text))
        .collect()
}

/// The engine does no I/O, has no clock and is not async.
pub fn outside_world(source: &Source<'_>) -> Vec<Finding> {
    if source.path_in_engine().is_none() {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = mentions(source)
        .iter()
        .filter_map(|mention| {
            let (path, cure) = WORLD.iter().find(|(path, _)| reaches(&mention.path, path))?;
            let text = format!("no `{}` in the engine: {cure}", path.join("::"));
            Some(source.finding(mention.line, text))
        })
        .collect();
    let asynchronous = "the engine is not async: hand a batch out and be fed its rows";
    for pattern in [&["async"][..], &[".", "await"][..]] {
        let lines = source.lines_with(Part::All, pattern);
        findings.extend(lines.into_iter().map(|line| source.finding(line, asynchronous)));
    }
    findings
}

/// Whether the path names `forbidden`, something in it, or the module that opens the way to it.
fn reaches(path: &[&str], forbidden: &[&str]) -> bool {
    let named = path.strip_suffix(&["*"]).unwrap_or(path);
    path.starts_with(forbidden)
        || (named.len() > 1 && named.len() < forbidden.len() && forbidden.starts_with(named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(path: &str, text: &str, expected: Expect) {
        let source = Source::new(path, text);
        let rules = [sql_builder, outside_world];
        let findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(&source)).collect();
        expected.assert_eq(&super::super::text(&findings));
    }

    #[test]
    fn the_sql_builder_stays_in_its_modules() {
        let text = "use sea_query::Query;";
        check("crates/entail-engine/src/sql.rs", text, expect![""]);
        check("crates/entail-engine/src/sql/insert.rs", text, expect![""]);
        check("crates/entail-engine/src/ddl.rs", text, expect![""]);
        check("crates/entail/src/lib.rs", "// sea_query is not named here", expect![""]);
        check("bench/peers/seaorm/src/works.rs", text, expect![""]);
        check(
            "crates/entail-engine/src/plan.rs",
            text,
            expect![[r#"
                crates/entail-engine/src/plan.rs:1: `sea_query` stays in `sql` and `ddl` of the engine: take their own types
            "#]],
        );
        check(
            "crates/entail/src/sql.rs",
            text,
            expect![[r#"
                crates/entail/src/sql.rs:1: `sea_query` stays in `sql` and `ddl` of the engine: take their own types
            "#]],
        );
    }

    #[test]
    fn the_engine_is_pure() {
        let text = "use std::{fmt, fs::File, time::{Duration, Instant}};\nuse std::time;\n\
                    fn f() { std::thread::spawn(g); }\nasync fn g() { h.await }\n\
                    fn i() { std::time::Duration::ZERO; }";
        check("crates/entail/src/lib.rs", text, expect![""]);
        check(
            "crates/entail-engine/src/flow.rs",
            text,
            expect![[r#"
                crates/entail-engine/src/flow.rs:1: no `std::fs` in the engine: reading and writing is for the crates around it
                crates/entail-engine/src/flow.rs:1: no `std::time::Instant` in the engine: take the time as a value from the caller
                crates/entail-engine/src/flow.rs:2: no `std::time::Instant` in the engine: take the time as a value from the caller
                crates/entail-engine/src/flow.rs:3: no `std::thread` in the engine: threads are for the drivers
                crates/entail-engine/src/flow.rs:4: the engine is not async: hand a batch out and be fed its rows
                crates/entail-engine/src/flow.rs:4: the engine is not async: hand a batch out and be fed its rows
            "#]],
        );
    }
}
