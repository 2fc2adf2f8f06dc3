//! SQLAlchemy's session for Rust: a unit of work with an identity map, where relationships carry
//! cascades and one flush works out every INSERT, UPDATE and DELETE.

#[doc(hidden)]
pub mod __private {
    pub use entail_engine::*;
}

pub use entail_derive::Entity;
pub use entail_engine::entity::Entity;
