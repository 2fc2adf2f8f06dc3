//! The same unit of work without an async runtime: `entail::blocking`.
//!
//! ```text
//! cargo run --example blocking
//! ```
//!
//! The verbs are those of the async session, and block. There is no runtime here, and none among
//! the dependencies of `entail` (`cargo tree -p entail -e normal`); only its examples and tests
//! use one.

#![allow(missing_docs)]

use entail::blocking::{Database, Session};
use entail::prelude::{
    Auto, BelongsTo, Entity, Error, Handle, HasMany, ManyToMany, State, auto, many, mapping, unset,
};
use entail::{ForeignKeyViolation, ViolationKind};

#[derive(Entity)]
#[entity(table = "lists")]
pub struct List {
    #[key]
    pub id: Auto<i64>,
    #[column(unique, length = 80)]
    pub name: String,
    #[has_many(Task::LIST, cascade = "all, delete-orphan", order_by = "position")]
    pub tasks: HasMany<Task>,
}

#[derive(Entity)]
#[entity(table = "tasks")]
pub struct Task {
    #[key]
    pub id: Auto<i64>,
    pub position: i32,
    pub title: String,
    #[column(default = false)]
    pub done: bool,
    #[belongs_to(column = "list_id", back_populates = List::TASKS)]
    pub list: BelongsTo<List>,
    #[many_to_many(
        table = "task_label",
        local = "task_id",
        remote = "label_id",
        back_populates = Label::TASKS
    )]
    pub labels: ManyToMany<Label>,
}

#[derive(Entity)]
#[entity(table = "labels")]
pub struct Label {
    #[key]
    pub name: String,
    #[many_to_many(
        table = "task_label",
        local = "label_id",
        remote = "task_id",
        back_populates = Task::LABELS
    )]
    pub tasks: ManyToMany<Task>,
}

fn main() -> Result<(), Error> {
    let db = Database::connect("sqlite::memory:", mapping![List, Task, Label]?)?;
    db.create_all()?;

    let mut session = db.session();
    let list = add(&mut session)?;
    change(&mut session, list)?;
    roll_back(&mut session, list)?;
    drop(session);

    let mut session = db.session();
    query(&mut session)?;
    drop(session);

    let mut session = db.session();
    refuse(&mut session)?;
    delete(&mut session)
}

/// Adds a graph: one `add`, one flush.
fn add(session: &mut Session) -> Result<Handle<List>, Error> {
    let list = session.add(List {
        id: auto(),
        name: "House".into(),
        tasks: many![Task::new(1, "Dig"), Task::new(2, "Build"), Task::new(3, "Paint")],
    });
    let heavy = session.add(Label::new("heavy"));
    for task in session.many(list, List::TASKS)?.into_iter().take(2) {
        session.push(task, Task::LABELS, heavy);
    }
    commit(session, "A list is saved with its tasks and their labels")?;
    assert_eq!(session.state(list), State::Persistent);
    assert_eq!(session[list].id, 1);
    Ok(list)
}

/// Changes fields by assignment, and relationships by `push` and `remove`.
fn change(session: &mut Session, list: Handle<List>) -> Result<(), Error> {
    let [dig, build, paint] = session.many(list, List::TASKS)?[..] else {
        panic!("three tasks were added");
    };
    session[dig].done = true;
    session[build].title = "Build it".into();
    session.remove(list, List::TASKS, paint);
    let garden = session.push(list, List::TASKS, Task::new(4, "Plant"));
    assert_eq!(session.changes(dig).len(), 1);
    assert_eq!(session.one(garden, Task::LIST)?, Some(list));
    commit(session, "One task is done, one has a new title, one is removed, one is new")?;
    assert_eq!(session.state(paint), State::Detached);
    Ok(())
}

/// Rolls back: objects are as before the transaction.
fn roll_back(session: &mut Session, list: Handle<List>) -> Result<(), Error> {
    session[list].name = "Castle".into();
    session.flush()?;
    assert_eq!(count(session, "SELECT id FROM lists WHERE name = 'Castle'")?, 1);
    session.rollback()?;
    assert_eq!(session[list].name, "House");
    assert_eq!(count(session, "SELECT id FROM lists WHERE name = 'Castle'")?, 0);
    session.commit()?;
    println!("\nA rollback took back the castle: the list is {:?}.", session[list].name);
    Ok(())
}

/// Queries with a filter, an order, and relationships that are loaded along.
fn query(session: &mut Session) -> Result<(), Error> {
    let open = session
        .query::<Task>()
        .filter(Task::DONE.eq(false).and(Task::TITLE.like("%l%")))
        .order_by(Task::POSITION.asc())
        .with(Task::LIST)
        .with(Task::LABELS)
        .all()?;
    println!("\nOpen tasks:\n");
    for &task in &open {
        let labels = session.many(task, Task::LABELS)?;
        let labels: Vec<&str> = labels.iter().map(|&one| session[one].name.as_str()).collect();
        println!("    {} [{}]", session[task].title, labels.join(", "));
    }
    assert_eq!(open.len(), 2);
    // One row is one object, however it was reached.
    let [first, second] = open[..] else { panic!("two tasks are open") };
    assert_eq!(session.one(first, Task::LIST)?, session.one(second, Task::LIST)?);
    assert_eq!(session.query::<Task>().filter(Task::DONE.eq(true)).count()?, 1);
    Ok(())
}

/// A refused row says which key is missing; a savepoint keeps what went before.
fn refuse(session: &mut Session) -> Result<(), Error> {
    let label = session.add(Label { name: "later".into(), tasks: unset() });
    session.savepoint()?;
    session.add(Task { list: BelongsTo::key(999), ..Task::new(9, "Nowhere") });
    let error = session.flush().expect_err("there is no list 999");
    println!("\nA task of list 999 is refused:\n");
    println!("    {}", error.to_string().replace(" (while", "\n      (while"));
    let kind = error.integrity().map(|refusal| &refusal.kind);
    assert!(matches!(
        kind,
        Some(ViolationKind::ForeignKey(ForeignKeyViolation::MissingParent { parent, .. }))
            if parent == "lists"
    ));
    session.rollback_to_savepoint()?;
    session.commit()?;
    assert_eq!(session.state(label), State::Persistent);
    Ok(())
}

/// Deletes by cascade; labels stay.
fn delete(session: &mut Session) -> Result<(), Error> {
    let list = session.query::<List>().one()?;
    session.delete(list)?;
    commit(session, "The list goes with its tasks and their links; labels stay")?;
    assert_eq!(session.query::<Task>().count()?, 0);
    assert_eq!(session.query::<Label>().count()?, 2);
    Ok(())
}

/// Prints what a flush would do and why, and commits.
fn commit(session: &mut Session, what: &str) -> Result<(), Error> {
    println!("\n{what}:\n");
    for line in session.plan()?.to_string().lines() {
        match line.split_once(" -- ") {
            Some((row, why)) if line.len() > 96 => println!("  {row}\n       -- {why}"),
            _ => println!("  {line}"),
        }
    }
    session.commit()
}

/// How many rows plain SQL finds, in the session's transaction.
fn count(session: &mut Session, sql: &str) -> Result<usize, Error> {
    Ok(session.execute(sql, [])?.rows.len())
}
