//! A key that does not exist, and what the foreign key does under plain SQL.

use entail::prelude::*;
use entail::{ForeignKeyViolation, ViolationKind};

use crate::tour::{self, Tour};

#[derive(Entity)]
#[entity(table = "authors")]
pub struct Author {
    #[key]
    pub id: Auto<i64>,
    pub name: String,
}

#[derive(Entity)]
#[entity(table = "books")]
pub struct Book {
    #[key]
    pub id: Auto<i64>,
    pub title: String,
    #[belongs_to(column = "author_id", on_delete = "cascade", on_update = "cascade")]
    pub author: BelongsTo<Author>,
}

pub async fn chapter() -> Result<(), Error> {
    tour::title("4. The database holds the promise as well");
    let db = Database::connect("sqlite::memory:", mapping![Author, Book]?).await?;
    db.create_all().await?;
    let tour = Tour::new(&db, &["authors", "books"]);
    let mut session = db.session();
    let herbert = session.add(Author::new("Herbert"));
    let austen = session.add(Author::new("Austen"));
    for (title, author) in [("Dune", herbert), ("Emma", austen), ("Persuasion", austen)] {
        session.add(Book { id: auto(), title: title.into(), author: BelongsTo::of(author) });
    }
    session.commit().await?;

    missing_parent(&tour, &mut session).await?;

    tour.step(
        "ON UPDATE CASCADE, under plain SQL",
        "`on_update = \"cascade\"` is part of the table, so it holds against everyone, not only \
         against this session. `execute` runs plain SQL in the session's transaction.",
    )
    .await?;
    code! { session.execute("UPDATE authors SET id = 20 WHERE name = 'Austen'", []).await?; }
    session.commit().await?;
    tour.look("after session.commit()").await?;
    assert_eq!(
        tour.rows("select title, author_id from books").await?,
        ["Dune 1", "Emma 20", "Persuasion 20"]
    );

    tour.step(
        "ON DELETE CASCADE, under plain SQL",
        "One statement deletes Austen; the database deletes her books. Objects in memory do not \
         hear of what plain SQL does, so the session forgets them before it goes on.",
    )
    .await?;
    code! {
        let deleted = session.execute("DELETE FROM authors WHERE id = ?", [Value::Int(20)]).await?;
        session.clear();
    }
    assert_eq!(deleted.written, 1);
    session.commit().await?;
    tour.look("after session.commit()").await?;
    assert_eq!(tour.rows("select title from books").await?, ["Dune"]);
    assert_eq!(session.query::<Book>().count().await?, 1);
    Ok(())
}

async fn missing_parent(tour: &Tour<'_>, session: &mut Session) -> Result<(), Error> {
    tour.step(
        "A book by author 999",
        "There is no author 999. The foreign key refuses the row, and SQLite says no more than \
         \"FOREIGN KEY constraint failed\". entail looks, and says which key is missing where.",
    )
    .await?;
    code! {
        let lost = session.add(Book {
            id: auto(), title: "Lost".into(), author: BelongsTo::key(999)
        });
    }
    tour::show_plan(session).await?;
    code! { let refused = session.commit().await; }
    let error = refused.expect_err("there is no author 999");
    println!("\n  what `refused` holds");
    tour::detail("error", &error);
    tour::detail("code", error.code());
    let refusal = error.integrity().expect("a constraint refused it");
    let ViolationKind::ForeignKey(ForeignKeyViolation::MissingParent {
        parent,
        parent_columns,
        key,
    }) = &refusal.kind
    else {
        panic!("not a missing parent, but {:?}", refusal.kind);
    };
    tour::detail("kind", "ForeignKey(MissingParent)");
    tour::detail("table", refusal.table.as_deref().unwrap_or("?"));
    tour::detail("columns", refusal.columns.join(", "));
    tour::detail("parent", format!("{parent} ({})", parent_columns.join(", ")));
    tour::detail("missing key", key.iter().map(Value::to_string).collect::<Vec<_>>().join(", "));
    assert_eq!((parent.as_str(), &key[..]), ("authors", &[Value::Int(999)][..]));
    assert_eq!(refusal.columns, ["author_id"]);
    tour::say(
        "The session is as before the commit, with the book still to be inserted. Let it go:",
    );
    code! { session.expunge(lost)?; }
    tour.look("after").await?;
    assert_eq!(session.query::<Book>().count().await?, 3);
    Ok(())
}
