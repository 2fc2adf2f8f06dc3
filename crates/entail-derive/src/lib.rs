//! The derive macro of entail: `#[derive(Entity)]` maps a struct to a table.
//!
//! The way of a struct: `input` reads its attributes, `layout` finds out which columns its table
//! has and where their values lie, `check` looks for mistakes, `expand` writes the code. What
//! needs to know other structs is left to the compiler: the written code holds calls that do not
//! compile where two structs do not fit each other.

#![deny(clippy::unwrap_used)]

mod check;
mod errors;
mod expand;
mod input;
mod layout;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use errors::Errors;
use input::Entity;
use layout::Layout;

/// Maps a struct with named fields to a table.
///
/// # The struct
///
/// `#[entity(table = "users")]` names the table. There may also be
///
/// - `schema = "app"`: the schema in which it lies (to MySQL and MariaDB, the database); without
///   it, that of the mapping or of the connection,
/// - `unique(a, b)` and `index(a, b)`: constraints and indexes over several columns, named by
///   field or by column; a `belongs_to` field stands for its columns,
/// - `unique_nulls_not_distinct(a, b)`: a unique constraint to which two NULLs are the same value
///   (PostgreSQL 15),
/// - `check = "sql"`: a CHECK constraint,
/// - `no_new`: the struct gets no function `new`, because it has its own.
///
/// All but `table`, `schema` and `no_new` may be repeated.
///
/// # Columns
///
/// A field without an attribute of a relationship is a column: `i16`, `i32`, `i64`, `f32`, `f64`,
/// `bool`, `String`, `Vec<u8>`, the types of chrono, `uuid::Uuid`, an `Option` of one (it can be NULL), or an
/// `Auto` of one (the database makes the value).
///
/// - `#[key]` marks the key; several of them make a composite key of up to four columns. An
///   `Auto` key is counted up by the database. An `Auto` key that a `belongs_to` goes by is that
///   of the parent. A key that the program makes itself can have a default, such as
///   `#[key] #[column(default = Uuid::now_v7())] id: Uuid`: then the object has it from the start.
/// - `#[version]`, or `#[column(version)]`, marks an integer that counts the updates of a row.
/// - `#[column(...)]` takes
///
/// | option | meaning |
/// |---|---|
/// | `unique`, `index` | a constraint, an index |
/// | `length = 50` | the greatest number of characters of a `String` |
/// | `default = EXPR` | what `new` puts in, instead of asking for it |
/// | `server_default = "sql"` | what the database puts in where it is given nothing |
/// | `rename = "col"` | the name of the column, where it is not that of the field |
/// | `check = "sql"` | a CHECK constraint |
/// | `references = Author::ID` | a foreign key without a relationship |
/// | `on_delete = "..."`, `on_update = "..."` | `no action`, `restrict`, `cascade`, `set null` or `set default` |
/// | `deferrable = "..."` | `deferred` or `immediate` |
///
/// # Relationships
///
/// | attribute | field | constant |
/// |---|---|---|
/// | `#[belongs_to(...)]` | `BelongsTo<User>`, or `BelongsTo<Option<User>>` if it can be NULL | `BelongsToOf` |
/// | `#[has_many(Address::USER, ...)]` | `HasMany<Address>` | `HasManyOf` |
/// | `#[has_one(Profile::USER, ...)]` | `HasOne<Profile>` | `HasOneOf` |
/// | `#[many_to_many(...)]` | `ManyToMany<Author>` | `ManyToManyOf` |
///
/// All four take `cascade = "all, delete-orphan"`, `passive_deletes` (or `= "all"`),
/// `passive_updates = false` and `viewonly`. Then there are
///
/// - for `belongs_to`: `column = "user_id"` or `columns("a", "b")`, the foreign key, which is a
///   field of that name or else implied with the type of the key, and is `<field>_id` where it is
///   not named; `references = User::USERNAME`, where it does not refer to the key;
///   `back_populates = User::ADDRESSES`, the other side; `on_delete`, `on_update`, `deferrable`,
///   `unique`, `index`, `single_parent`, `post_update`,
/// - for `has_many` and `has_one`: the other side, or `column = "..."` or `columns(...)` of the
///   other table where there is none; `order_by = "street desc, id"`, `post_update`,
/// - for `many_to_many`: `table = "book_author"`, the association table, which it declares, with
///   `schema` if it lies in one, or `entity = BookAuthor`, which declares it; `local = "..."` and `remote = "..."` (or a list in
///   parentheses), its columns that point here and there; `back_populates = Author::BOOKS`,
///   `order_by`, `single_parent`, and for the foreign keys of a declared table `on_delete`,
///   `on_update`, `deferrable`. Both sides say the same.
///
/// # What it writes
///
/// The traits `Entity` and `Object`, a constant for every column and relationship (`User::ID`,
/// `User::ADDRESSES`, and `Address::USER_ID` for an implied column), as visible as its field;
/// `User::TABLE`; and `User::new`, which takes the columns that are neither `Auto` nor `Option`,
/// have no `default` and are not the version.
#[proc_macro_derive(
    Entity,
    attributes(entity, key, column, version, belongs_to, has_many, has_one, many_to_many)
)]
pub fn derive_entity(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive(&input).into()
}

fn derive(input: &DeriveInput) -> proc_macro2::TokenStream {
    let mut errors = Errors::default();
    let entity = Entity::read(input, &mut errors);
    let layout = entity.as_ref().map(|entity| {
        let layout = Layout::of(entity, &mut errors);
        check::check(entity, &layout, &mut errors);
        layout
    });
    let read = entity.as_ref().zip(layout.as_ref());
    match (errors.into_tokens(), read) {
        (None, Some((entity, layout))) => expand::expand(entity, layout),
        (mistakes, _) => {
            let skeleton = if input.generics.params.is_empty() {
                expand::skeleton(&input.ident, read)
            } else {
                proc_macro2::TokenStream::new()
            };
            quote::quote!(#mistakes #skeleton)
        }
    }
}
