//! A library whose books stay when it goes: their key is set to NULL.

use entail::prelude::*;

use crate::tour::{self, Tour};

#[derive(Entity)]
#[entity(table = "libraries")]
pub struct Library {
    #[key]
    pub id: Auto<i64>,
    pub name: String,
    // No `cascade`: that means "save-update, merge", and a delete takes nothing along.
    #[has_many(Book::LIBRARY)]
    pub books: HasMany<Book>,
}

#[derive(Entity)]
#[entity(table = "books")]
pub struct Book {
    #[key]
    pub id: Auto<i64>,
    pub title: String,
    // An `Option`: the key can be NULL.
    #[belongs_to(column = "library_id", back_populates = Library::BOOKS)]
    pub library: BelongsTo<Option<Library>>,
}

pub async fn chapter() -> Result<(), Error> {
    tour::title("3. A library goes, its books stay");
    let db = Database::connect("sqlite::memory:", mapping![Library, Book]?).await?;
    db.create_all().await?;
    let tour = Tour::new(&db, &["libraries", "books"]);
    let mut session = db.session();
    let library = session.add(Library {
        id: auto(),
        name: "City Library".into(),
        books: many![Book::new("Dune"), Book::new("Emma")],
    });
    session.commit().await?;
    let books = session.many(library, Library::BOOKS)?;

    tour.step(
        "Delete the library",
        "Library.books has no delete cascade, and books can do without a library \
         (`BelongsTo<Option<Library>>`): before the library goes, the flush sets their key to \
         NULL. This is the session's own doing; the foreign key says nothing about it.",
    )
    .await?;
    code! { session.delete(library)?; }
    tour.commit(&mut session).await?;
    assert_eq!(tour.rows("select title, library_id from books").await?, ["Dune NULL", "Emma NULL"]);
    for book in books {
        let Book { library, .. } = &session[book];
        assert_eq!(library.to_key(), None);
    }
    Ok(())
}
