//! The constructor: `User::new("ed")`, with what cannot be left out.

use proc_macro2::TokenStream;
use quote::quote;

use crate::input::{Column, Entity, Field, Role, Shape, is_named};

/// Writes `new`, unless the struct has its own.
pub(super) fn expand(entity: &Entity) -> TokenStream {
    let values = entity.fields.iter().map(|field| {
        let name = &field.ident;
        let value = match &field.role {
            Role::Column(column) => value(field, column),
            Role::Relationship(_) => quote!(::entail::__private::entity::unset()),
        };
        quote!(#name: #value)
    });
    constructor(entity, quote!(Self { #(#values),* }))
}

/// The same function with nothing in it.
pub(super) fn hollow(entity: &Entity) -> TokenStream {
    constructor(entity, quote!(::core::unreachable!()))
}

fn constructor(entity: &Entity, body: TokenStream) -> TokenStream {
    if !entity.has_new {
        return TokenStream::new();
    }
    let Entity { ident, vis, .. } = entity;
    let arguments = entity
        .columns()
        .filter(|(_, _, column)| is_required(column))
        .map(|(_, field, column)| argument(field, column));
    let doc = format!("Makes a new `{}` of the values that it cannot be without.", entity.name());
    quote! {
        #[allow(dead_code)]
        impl #ident {
            #[doc = #doc]
            #[allow(unused_variables, clippy::new_without_default, clippy::too_many_arguments)]
            #vis fn new(#(#arguments),*) -> Self {
                #body
            }
        }
    }
}

/// Whether the column has no value unless it is given one.
fn is_required(column: &Column) -> bool {
    column.shape == Shape::Plain && column.default.is_none() && column.version.is_none()
}

fn is_text(column: &Column) -> bool {
    column.shape == Shape::Plain && is_named(&column.value, &["String"])
}

fn argument(field: &Field, column: &Column) -> TokenStream {
    let (name, value) = (&field.ident, &column.value);
    if is_text(column) {
        quote!(#name: impl ::core::convert::Into<#value>)
    } else {
        quote!(#name: #value)
    }
}

fn value(field: &Field, column: &Column) -> TokenStream {
    let name = &field.ident;
    match (&column.default, column.shape) {
        (Some(default), _) if is_text(column) => {
            let value = &column.value;
            quote!(<#value as ::core::convert::From<_>>::from(#default))
        }
        (Some(default), _) => quote!(#default),
        (None, Shape::Auto) => quote!(::entail::__private::entity::auto()),
        (None, Shape::Optional) => quote!(::core::option::Option::None),
        (None, Shape::Plain) if column.version.is_some() => quote!(1),
        (None, Shape::Plain) if is_text(column) => quote!(::core::convert::Into::into(#name)),
        (None, Shape::Plain) => quote!(#name),
    }
}
