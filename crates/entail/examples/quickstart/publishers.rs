//! What a refused delete says.

use entail::prelude::*;
use entail::{ForeignKeyViolation, ViolationKind};

use crate::tour::{self, Tour};

#[derive(Entity)]
#[entity(table = "publishers")]
pub struct Publisher {
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
    // One-sided, and no ON DELETE: nobody says what becomes of the books of a publisher.
    #[belongs_to(column = "publisher_id")]
    pub publisher: BelongsTo<Publisher>,
}

pub async fn chapter() -> Result<(), Error> {
    tour::title("7. A refused delete says what stands in its way");
    let db = Database::connect("sqlite::memory:", mapping![Publisher, Book]?).await?;
    db.create_all().await?;
    let tour = Tour::new(&db, &["publishers", "books"]);
    let mut session = db.session();
    let ace = session.add(Publisher::new("Ace"));
    let books = session.add_all(
        ["Dune", "Neuromancer"]
            .map(|title| Book { publisher: BelongsTo::of(ace), ..Book::new(title) }),
    );
    session.commit().await?;

    tour.step(
        "Delete a publisher that has books",
        "Only Book.publisher is mapped, without ON DELETE: neither the session nor the database \
         was told what becomes of the books. So the database refuses, and the error says which \
         table stands in the way, and with how many rows.",
    )
    .await?;
    code! { session.delete(ace)?; }
    tour::show_plan(&mut session).await?;
    code! { let refused = session.commit().await; }
    let error = refused.expect_err("two books refer to it");
    println!("\n  what `refused` holds");
    tour::detail("error", &error);
    let refusal = error.integrity().expect("a constraint refused it");
    let ViolationKind::ForeignKey(ForeignKeyViolation::StillReferenced {
        child,
        child_columns,
        key,
        rows,
    }) = &refusal.kind
    else {
        panic!("not still referenced, but {:?}", refusal.kind);
    };
    tour::detail("kind", "ForeignKey(StillReferenced)");
    tour::detail("child", format!("{child} ({})", child_columns.join(", ")));
    tour::detail("key", key.iter().map(Value::to_string).collect::<Vec<_>>().join(", "));
    tour::detail("rows", rows);
    tour::detail("entity", refusal.entity.as_deref().unwrap_or("?"));
    tour::detail("cause", refusal.cause.as_deref().unwrap_or("?"));
    assert_eq!((child.as_str(), *rows), ("books", 2));
    assert_eq!(child_columns, &["publisher_id"]);
    assert_eq!(session.state(ace), State::Persistent);

    tour.step(
        "Delete the books too",
        "The refused flush left no trace: the publisher is still marked to be deleted. Deleting \
         its books as well mends it, and the plan puts them first, whoever was marked first.",
    )
    .await?;
    code! {
        for book in books {
            session.delete(book)?;
        }
    }
    tour.commit(&mut session).await?;
    assert!(tour.rows("select * from publishers").await?.is_empty());
    Ok(())
}
