//! An association entity has its schema itself.

use entail::Entity;
use entail::__private::entity::{Auto, BelongsTo, ManyToMany};

#[derive(Entity)]
#[entity(table = "authors", schema)]
struct Author {
    #[key]
    id: Auto<i64>,
    #[many_to_many(entity = Writing, schema = "shop", local = "author_id", remote = "book_id")]
    books: ManyToMany<Book>,
}

#[derive(Entity)]
#[entity(table = "books")]
struct Book {
    #[key]
    id: Auto<i64>,
}

#[derive(Entity)]
#[entity(table = "writings")]
struct Writing {
    #[key]
    author_id: i64,
    #[key]
    book_id: i64,
    #[belongs_to(column = "author_id")]
    author: BelongsTo<Author>,
    #[belongs_to(column = "book_id")]
    book: BelongsTo<Book>,
}

fn main() {}
