//! The derive macro of entail: `#[derive(Entity)]` maps a struct to a table.
//!
//! The way of a struct: `input` reads its attributes, `layout` finds out which columns its table
//! has and where their values lie, `check` looks for mistakes, `expand` writes the code. What
//! needs to know other structs is left to the compiler: the written code holds calls that do not
//! compile where two structs do not fit each other.

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

/// Maps a struct to a table.
///
/// The guide is the documentation of the crate `entail`.
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
