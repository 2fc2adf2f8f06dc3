//! Authors and books, many to many: deleting one side removes links, not books.

use entail::prelude::*;

use crate::tour::{self, Tour};

#[derive(Entity)]
#[entity(table = "authors")]
pub struct Author {
    #[key]
    pub id: Auto<i64>,
    pub name: String,
    #[many_to_many(
        table = "book_author",
        local = "author_id",
        remote = "book_id",
        back_populates = Book::AUTHORS
    )]
    pub books: ManyToMany<Book>,
}

#[derive(Entity)]
#[entity(table = "books")]
pub struct Book {
    #[key]
    pub id: Auto<i64>,
    pub title: String,
    #[many_to_many(
        table = "book_author",
        local = "book_id",
        remote = "author_id",
        back_populates = Author::BOOKS
    )]
    pub authors: ManyToMany<Author>,
}

pub async fn chapter() -> Result<(), Error> {
    tour::title("5. Authors and books, many to many");
    let db = Database::connect("sqlite::memory:", mapping![Author, Book]?).await?;
    db.create_all().await?;
    let tour = Tour::new(&db, &["authors", "book_author", "books"]);
    let mut session = db.session();

    tour.step(
        "Link them",
        "The association table has no struct of its own: its rows are links. One side is enough, \
         the other knows at once.",
    )
    .await?;
    code! {
        let pratchett = session.add(Author::new("Pratchett"));
        let gaiman = session.add(Author::new("Gaiman"));
        let omens = session.push(pratchett, Author::BOOKS, Book::new("Good Omens"));
        session.push(omens, Book::AUTHORS, gaiman);
        session.push(pratchett, Author::BOOKS, Book::new("Mort"));
    }
    assert_eq!(session.many(gaiman, Author::BOOKS)?, [omens]);
    tour.commit(&mut session).await?;

    tour.step(
        "Delete an author",
        "Author.books needs no cascade for this: a link whose author goes, goes as well. The \
         books stay, for they are not owned; Good Omens keeps its other author.",
    )
    .await?;
    code! { session.delete(pratchett)?; }
    tour.commit(&mut session).await?;
    assert_eq!(tour.rows("select title from books").await?, ["Good Omens", "Mort"]);
    assert_eq!(tour.rows("select * from book_author").await?.len(), 1);
    Ok(())
}
