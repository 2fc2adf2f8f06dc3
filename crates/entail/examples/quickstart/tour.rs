//! The printing of the tour: titles, sentences, code, plans, and tables side by side.

#[path = "code.rs"]
mod code;

use std::fmt::Display;

use entail::{Database, Error, Plan, Row, Session, ValueRef};

/// The tour is made for terminals of this many columns.
const WIDTH: usize = 100;

/// Prints code and runs it.
macro_rules! code {
    ($($code:tt)*) => {
        $crate::tour::code(stringify!($($code)*));
        $($code)*
    };
}

/// Begins a chapter.
pub fn title(text: &str) {
    println!("\n\n{text}\n{}", "=".repeat(WIDTH));
}

/// A chapter's database and the tables that it shows.
///
/// It looks with sessions of its own, so that looking changes nothing in the chapter's session.
pub struct Tour<'a> {
    db: &'a Database,
    tables: &'static [&'static str],
}

impl<'a> Tour<'a> {
    /// A chapter that shows these tables.
    pub fn new(db: &'a Database, tables: &'static [&'static str]) -> Self {
        Self { db, tables }
    }

    /// Begins a step: what is about to happen and why, and the tables before it.
    pub async fn step(&self, heading: &str, text: &str) -> Result<(), Error> {
        println!("\n--- {heading} {}", "-".repeat(WIDTH - heading.chars().count() - 5));
        say(text);
        self.look("before").await
    }

    /// Prints the plan, commits, and prints the tables after that.
    pub async fn commit(&self, session: &mut Session) -> Result<Plan, Error> {
        let plan = show_plan(session).await?;
        session.commit().await?;
        // What was shown is what was done.
        assert_eq!(session.last_plan().map(|done| done.as_ref()), Some(&plan));
        self.look("after session.commit()").await?;
        Ok(plan)
    }

    /// Prints the tables side by side.
    pub async fn look(&self, when: &str) -> Result<(), Error> {
        println!("\n  {when}");
        let mut session = self.db.session();
        let mut blocks = Vec::new();
        for name in self.tables {
            blocks.push(block(&mut session, name).await?);
        }
        let height = blocks.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let cells = blocks.iter().map(|block| match block.get(line) {
                Some(text) => text.clone(),
                None => " ".repeat(block[0].chars().count()),
            });
            println!("    {}", cells.collect::<Vec<_>>().join("      ").trim_end());
        }
        Ok(())
    }

    /// The rows of a query, the values of each as words of one text: what the asserts compare.
    pub async fn rows(&self, sql: &str) -> Result<Vec<String>, Error> {
        let found = self.db.session().execute(sql, []).await?;
        let line = |row: Row<'_>| row.iter().map(shown).collect::<Vec<_>>().join(" ");
        Ok(found.rows.iter().map(line).collect())
    }
}

/// Prints what a flush would do now, and why.
pub async fn show_plan(session: &mut Session) -> Result<Plan, Error> {
    let plan = session.plan().await?;
    println!("\n  plan");
    for line in plan.to_string().lines() {
        match line.split_once(" -- ") {
            Some((row, why)) if line.chars().count() + 4 > WIDTH => {
                println!("    {row}");
                wrapped("           -- ", "              ", why);
            }
            _ => println!("    {line}"),
        }
    }
    Ok(plan)
}

/// Prints sentences, broken into lines.
pub fn say(text: &str) {
    println!();
    wrapped("", "", text);
}

/// Prints what an error holds: a name and its value.
pub fn detail(name: &str, value: impl Display) {
    wrapped(&format!("    {name:<11} "), &" ".repeat(16), &value.to_string());
}

/// Prints code.
pub fn code(text: &str) {
    println!("\n  code");
    for line in code::lines(text, WIDTH - 4) {
        println!("    {line}");
    }
}

/// A table as lines of one width: its name, its columns, its rows.
async fn block(session: &mut Session, name: &str) -> Result<Vec<String>, Error> {
    let found = session.execute(&format!("select * from {name} order by 1, 2"), []).await?.rows;
    let mut widths: Vec<usize> = found.names().iter().map(String::len).collect();
    for row in found.iter() {
        for (width, value) in widths.iter_mut().zip(row.iter()) {
            *width = (*width).max(shown(value).chars().count());
        }
    }
    let line = |cells: Vec<String>| cells.join("  ");
    let mut lines = vec![name.to_owned()];
    let heads = found.names().iter().zip(&widths);
    lines.push(line(heads.map(|(head, width)| format!("{head:width$}")).collect()));
    lines.push(line(widths.iter().map(|width| "-".repeat(*width)).collect()));
    for row in found.iter() {
        let cells = row.iter().zip(&widths).map(|(value, width)| match value {
            ValueRef::Int(_) | ValueRef::Float(_) => format!("{:>width$}", shown(value)),
            _ => format!("{:width$}", shown(value)),
        });
        lines.push(line(cells.collect()));
    }
    if found.is_empty() {
        lines.push("(no rows)".to_owned());
    }
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    Ok(lines.into_iter().map(|line| format!("{line:width$}")).collect())
}

/// A value as people write it.
fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(text) => text.to_owned(),
        other => other.to_string(),
    }
}

/// Prints words in lines that are not too long.
fn wrapped(first: &str, further: &str, text: &str) {
    let mut line = first.to_owned();
    let mut begun = false;
    for word in text.split_whitespace() {
        if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            println!("{line}");
            line = further.to_owned();
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    println!("{line}");
}
