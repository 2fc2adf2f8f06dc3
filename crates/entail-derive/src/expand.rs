//! Expansion: the code that is written for a struct.

mod association;
pub(crate) mod constants;
mod constructor;
mod definition;
mod object;
mod relationship;
mod skeleton;

use proc_macro2::TokenStream;
use quote::quote;

use crate::input::{Column, Entity};
use crate::layout::Layout;

pub(crate) use skeleton::skeleton;

/// Everything that the derive writes for a right struct.
pub(crate) fn expand(entity: &Entity, layout: &Layout) -> TokenStream {
    let constants = constants::expand(entity, layout);
    let constructor = constructor::expand(entity);
    let mapped = mapped(entity);
    let object = object::expand(entity, layout);
    let definition = definition::expand(entity, layout);
    let assertions = relationship::assertions(entity, layout);
    quote!(#constants #constructor #mapped #object #definition #assertions)
}

/// What other entities need to know of this one.
fn mapped(entity: &Entity) -> TokenStream {
    let Entity { ident, table, .. } = entity;
    let table = table.full_name();
    let types = entity.key().map(|(_, column)| column_type(column));
    quote! {
        impl ::entail::__private::entity::check::Mapped for #ident {
            const TABLE: &'static str = #table;
            const KEY_TYPES: &'static [::entail::__private::value::ColumnType] = &[#(#types),*];
        }

        impl ::entail::__private::entity::BelongsToTarget for #ident {
            type Entity = Self;
            const NULLABLE: bool = false;
        }
    }
}

/// The type of a column.
fn column_type(column: &Column) -> TokenStream {
    let value = object::field_value(column);
    match &column.length {
        Some(length) => quote! {
            ::entail::__private::value::ColumnType::Text {
                length: ::core::option::Option::Some(#length),
            }
        },
        None => quote!(#value::TYPE),
    }
}

/// A list of texts that own themselves.
fn texts<'n>(names: impl IntoIterator<Item = &'n str>) -> TokenStream {
    let names = names.into_iter();
    quote!(::std::vec![#(::std::string::String::from(#names)),*])
}

/// A struct like `base`, but with some fields given.
fn with(name: TokenStream, fields: &TokenStream, base: TokenStream) -> TokenStream {
    if fields.is_empty() { base } else { quote!(#name { #fields ..#base }) }
}
