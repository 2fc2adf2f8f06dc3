//! The rule on imports in the engine: they point downstream only.
//!
//! ```text
//! value <- mapping, ddl, batch <- entity <- arena <- cascade <- change <- plan <- sql <- flow
//! ```
//!
//! An arrow points from who uses to what is used. A station may know those that its data has
//! passed, not those that come after it (the arena alone may ask `cascade`); and some may not
//! know all that came before, so that each sees its own input only.

use std::collections::BTreeMap;

use super::Finding;
use super::mentions::{Mention, Place, mentions};
use super::source::{Part, Source};

/// What a station may not use.
enum Wall {
    /// Anything of the engine.
    Everything,
    /// These modules.
    Modules(&'static [&'static str]),
}

/// The walls of the stations; a module that is not listed has none.
const WALLS: &[(&str, Wall)] = &[
    ("value", Wall::Everything),
    ("mapping", Wall::Modules(&["arena", "change", "plan", "sql", "flow"])),
    ("ddl", Wall::Modules(&["arena", "change", "plan", "flow"])),
    ("entity", Wall::Modules(&["change", "plan", "sql", "flow"])),
    ("arena", Wall::Modules(&["change", "plan", "sql", "flow"])),
    ("cascade", Wall::Modules(&["change", "plan", "sql", "flow"])),
    ("change", Wall::Modules(&["plan", "sql", "flow"])),
    ("plan", Wall::Modules(&["arena", "flow"])),
    ("sql", Wall::Modules(&["arena", "change", "cascade", "flow"])),
    ("batch", Wall::Modules(&["arena", "change", "plan", "sql", "flow"])),
];

/// The names that the root of the engine takes from its modules, each with its module.
#[derive(Clone, Debug, Default)]
pub struct Exports<'a> {
    modules: BTreeMap<&'a str, &'a str>,
}

impl<'a> Exports<'a> {
    /// Reads them from the `use` lines of `lib.rs`.
    pub fn of(library: &Source<'a>) -> Self {
        let uses = mentions(library).into_iter().filter(|mention| mention.place == Place::Use);
        let modules = uses.filter_map(|mention| {
            let local = mention.path.iter().copied().skip_while(|part| is_root(part));
            let path: Vec<&str> = local.collect();
            (path.len() > 1).then(|| (mention.name, path[0]))
        });
        Self { modules: modules.collect() }
    }

    /// The module that a name in the root stands for.
    fn module(&self, name: &'a str) -> &'a str {
        self.modules.get(name).copied().unwrap_or(name)
    }
}

/// Imports point downstream only; the tests of a station may bring what feeds it.
pub fn direction<'a>(source: &Source<'a>, exports: &Exports<'a>) -> Vec<Finding> {
    let Some(path) = source.path_in_engine() else { return Vec::new() };
    let home = module_path(path);
    let Some(&station) = home.first() else { return Vec::new() };
    let Some((_, wall)) = WALLS.iter().find(|(name, _)| *name == station) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for mention in mentions(source) {
        if !source.is_in(Part::Product, mention.index) {
            continue;
        }
        let Some(name) = name_in_root(&mention, &home) else { continue };
        let module = exports.module(name);
        let forbidden = match wall {
            Wall::Everything => module != station,
            Wall::Modules(modules) => modules.contains(&module),
        };
        if forbidden {
            let text = format!(
                "`{station}` may not use `{}`, which is of `{module}`: imports point downstream \
                 only, so hand it over as plain data of an earlier station",
                mention.written(),
            );
            findings.push(source.finding(mention.line, text));
        }
    }
    findings
}

/// The modules that lead to a file of the engine.
fn module_path(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    if parts == ["lib"] {
        parts.clear();
    }
    parts
}

/// The first name behind the root of the crate, if the path goes by the root.
fn name_in_root<'a>(mention: &Mention<'a>, home: &[&'a str]) -> Option<&'a str> {
    let path = &mention.path;
    if path[0] == "crate" {
        return path.get(1).copied();
    }
    let supers = path.iter().skip_while(|part| **part == "self");
    let ups = supers.take_while(|part| **part == "super").count();
    // Only a path that climbs to the root can leave the station.
    if ups == 0 || ups < home.len() {
        return None;
    }
    path.iter().copied().find(|part| !is_root(part) && *part != "super")
}

fn is_root(part: &str) -> bool {
    matches!(part, "crate" | "self")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const LIBRARY: &str =
        "pub mod arena; pub use arena::{Arena, Handle as Key}; use crate::flow::Flow;";

    fn check(path: &str, text: &str, expected: Expect) {
        let path = format!("crates/entail-engine/src/{path}");
        let library = Source::new("crates/entail-engine/src/lib.rs", LIBRARY);
        let findings = direction(&Source::new(&path, text), &Exports::of(&library));
        let text = super::super::text(&findings).replace("crates/entail-engine/src/", "");
        expected.assert_eq(&text);
    }

    #[test]
    fn what_lies_upstream_is_free() {
        check("plan.rs", "use crate::{change::Changes, mapping, value::Value};", expect![""]);
        check("arena.rs", "use crate::cascade;", expect![""]);
        check("entity.rs", "use crate::arena::Arena;", expect![""]);
        check("flow.rs", "use crate::{arena, plan, sql};", expect![""]);
        check("error.rs", "use crate::{arena, plan, sql};", expect![""]);
        check("lib.rs", "pub use crate::plan::Plan;", expect![""]);
    }

    #[test]
    fn a_wall_holds_in_trees_and_in_code() {
        check(
            "plan/sort.rs",
            "use crate::{\n    value::Value,\n    arena::{self, Link},\n};\nfn f(a: &crate::arena::Arena) {}",
            expect![[r#"
                plan/sort.rs:3: `plan` may not use `crate::arena`, which is of `arena`: imports point downstream only, so hand it over as plain data of an earlier station
                plan/sort.rs:3: `plan` may not use `crate::arena::Link`, which is of `arena`: imports point downstream only, so hand it over as plain data of an earlier station
                plan/sort.rs:5: `plan` may not use `crate::arena::Arena`, which is of `arena`: imports point downstream only, so hand it over as plain data of an earlier station
            "#]],
        );
    }

    #[test]
    fn a_wall_has_no_way_around_it() {
        check(
            "plan/sort.rs",
            "use super::super::arena;\nuse super::arena;\nuse crate::Key;",
            expect![[r#"
                plan/sort.rs:1: `plan` may not use `super::super::arena`, which is of `arena`: imports point downstream only, so hand it over as plain data of an earlier station
                plan/sort.rs:3: `plan` may not use `crate::Key`, which is of `arena`: imports point downstream only, so hand it over as plain data of an earlier station
            "#]],
        );
        check(
            "change.rs",
            "use super::plan::Step;\nuse crate::Flow;",
            expect![[r#"
                change.rs:1: `change` may not use `super::plan::Step`, which is of `plan`: imports point downstream only, so hand it over as plain data of an earlier station
                change.rs:2: `change` may not use `crate::Flow`, which is of `flow`: imports point downstream only, so hand it over as plain data of an earlier station
            "#]],
        );
    }

    #[test]
    fn value_uses_nothing() {
        check("value.rs", "use std::fmt;\nuse crate::value::Value;", expect![""]);
        check(
            "value/text.rs",
            "use crate::error::Error;",
            expect![[r#"
                value/text.rs:1: `value` may not use `crate::error::Error`, which is of `error`: imports point downstream only, so hand it over as plain data of an earlier station
            "#]],
        );
    }

    #[test]
    fn tests_may_bring_what_feeds_a_station() {
        check("plan.rs", "#[cfg(test)]\nmod tests { use crate::arena::Arena; }", expect![""]);
        check("plan/tests.rs", "use crate::arena::Arena;", expect![""]);
    }

    #[test]
    fn other_crates_have_no_stations() {
        let source = Source::new("crates/entail/src/plan.rs", "use crate::arena;");
        assert_eq!(direction(&source, &Exports::default()), []);
    }
}
