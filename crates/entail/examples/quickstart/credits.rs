//! An association object with a role, whose key is made of its two parents.

use entail::prelude::*;

use crate::tour::{self, Tour};

#[derive(Entity)]
#[entity(table = "books")]
pub struct Book {
    #[key]
    pub id: Auto<i64>,
    pub title: String,
    #[has_many(Credit::BOOK, cascade = "all, delete-orphan")]
    pub credits: HasMany<Credit>,
}

#[derive(Entity)]
#[entity(table = "authors")]
pub struct Author {
    #[key]
    pub id: Auto<i64>,
    pub name: String,
    #[has_many(Credit::AUTHOR, cascade = "all, delete-orphan")]
    pub credits: HasMany<Credit>,
}

#[derive(Entity)]
#[entity(table = "credits")]
pub struct Credit {
    #[key]
    pub book_id: Auto<i64>,
    #[key]
    pub author_id: Auto<i64>,
    pub role: String,
    #[belongs_to(column = "book_id", back_populates = Book::CREDITS)]
    pub book: BelongsTo<Book>,
    #[belongs_to(column = "author_id", back_populates = Author::CREDITS)]
    pub author: BelongsTo<Author>,
}

pub async fn chapter() -> Result<(), Error> {
    tour::title("6. An association object: a book's credits, each with a role");
    let db = Database::connect("sqlite::memory:", mapping![Book, Author, Credit]?).await?;
    db.create_all().await?;
    let tour = Tour::new(&db, &["books", "credits", "authors"]);
    let mut session = db.session();

    tour.step(
        "Give credit",
        "A link that has something to say is an object of its own. Its key is (book_id, \
         author_id): both parts come from its parents, which have no keys yet.",
    )
    .await?;
    code! {
        let omens = session.add(Book::new("Good Omens"));
        let gaiman = session.add(Author::new("Gaiman"));
        let kidby = session.add(Author::new("Kidby"));
        for (author, role) in [(gaiman, "author"), (kidby, "illustrator")] {
            session.add(Credit {
                book_id: auto(), author_id: auto(), role: role.into(),
                book: BelongsTo::of(omens), author: BelongsTo::of(author),
            });
        }
        session.add(Credit {
            book: BelongsTo::of(Book::new("Sourcery")),
            author: BelongsTo::of(kidby),
            ..Credit::new("cover")
        });
    }
    tour.commit(&mut session).await?;

    tour.step(
        "Delete an author",
        "The delete cascade runs from the object that has the relationship to its members, so \
         Author.credits takes Kidby's credits along. No book is touched.",
    )
    .await?;
    code! { session.delete(kidby)?; }
    tour.commit(&mut session).await?;
    assert_eq!(tour.rows("select * from credits").await?, ["1 1 author"]);

    tour.step(
        "Delete a book",
        "Book.credits says the same: a credit is gone with either of its parents. This time \
         another session does it, which loads the book along with its credits.",
    )
    .await?;
    let mut session = db.session();
    code! {
        let good_omens = Book::TITLE.eq("Good Omens");
        let omens = session.query::<Book>().filter(good_omens).with(Book::CREDITS).one().await?;
        session.delete(omens)?;
    }
    assert_eq!(session.many(omens, Book::CREDITS)?.len(), 1);
    tour.commit(&mut session).await?;
    assert!(tour.rows("select * from credits").await?.is_empty());
    assert_eq!(tour.rows("select name from authors").await?, ["Gaiman"]);
    Ok(())
}
