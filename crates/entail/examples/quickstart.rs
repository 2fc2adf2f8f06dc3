//! A tour of what every tutorial on cascades tells, as entail does it.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! Each chapter maps a few structs, opens a database in memory and changes it step by step. A step
//! shows the tables, the code, the plan that `session.plan()` gives for it (what a flush would
//! write, and why), and the tables afterwards. Asserts between them make the tour fail loudly if
//! a step does something else than it says.
//!
//! | chapter | what it shows |
//! |---|---|
//! | `users` | a user who owns addresses: `all, delete-orphan` |
//! | `orders` | an order whose items are saved with it |
//! | `libraries` | a library whose books stay when it goes |
//! | `authors` | a key that does not exist; ON DELETE and ON UPDATE under plain SQL |
//! | `writing` | authors and books, many to many |
//! | `credits` | an association object with a role |
//! | `publishers` | what a refused delete says |

#[path = "quickstart/tour.rs"]
#[macro_use]
mod tour;

#[path = "quickstart/authors.rs"]
mod authors;
#[path = "quickstart/credits.rs"]
mod credits;
#[path = "quickstart/libraries.rs"]
mod libraries;
#[path = "quickstart/orders.rs"]
mod orders;
#[path = "quickstart/publishers.rs"]
mod publishers;
#[path = "quickstart/users.rs"]
mod users;
#[path = "quickstart/writing.rs"]
mod writing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), entail::Error> {
    tour::say(
        "A tour of entail, SQLAlchemy's unit of work for Rust: edit objects in memory, and one \
         flush works out which rows must be written, in an order that the foreign keys allow. \
         A plan says after each `--` why a row is written.",
    );
    users::chapter().await?;
    orders::chapter().await?;
    libraries::chapter().await?;
    authors::chapter().await?;
    writing::chapter().await?;
    credits::chapter().await?;
    publishers::chapter().await?;
    tour::title("The end");
    tour::say("Every step did what it said. The code of this tour is in examples/quickstart/.");
    Ok(())
}
