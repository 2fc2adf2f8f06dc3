//! The `Object` of a struct: between its fields and a row of values.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::input::{Column, Entity, Field, Relationship, Role, Shape};
use crate::layout::{Layout, Place, Source, Tie};

/// Writes `impl Object`.
pub(super) fn expand(entity: &Entity, layout: &Layout) -> TokenStream {
    let ident = &entity.ident;
    let name = entity.name();
    let places = || layout.columns.iter().enumerate();
    let reads = places().map(|(index, place)| {
        let value = read(place, entity);
        quote!(#index => #value)
    });
    let visits = places().map(|(index, place)| {
        let value = read(place, entity);
        quote!(each(#index, #value);)
    });
    let writes = places().map(|(index, place)| write(index, place, entity));
    let values = entity.fields.iter().enumerate().map(|(index, field)| {
        let (name, value) = (&field.ident, decode(index, field, layout));
        quote!(#name: #value)
    });
    let copies = entity.fields.iter().enumerate().map(|(index, field)| {
        let (name, value) = (&field.ident, copy(index, field, layout));
        quote!(#name: #value)
    });
    let links = links(entity, layout);
    quote! {
        #[automatically_derived]
        impl ::entail::__private::entity::Object for #ident {
            const NAME: &'static str = #name;

            #[inline]
            fn column(
                &self,
                index: usize,
            ) -> ::core::option::Option<::entail::__private::value::ValueRef<'_>> {
                match index {
                    #(#reads,)*
                    _ => ::core::option::Option::None,
                }
            }

            #[inline]
            fn columns<'a>(
                &'a self,
                mut each: impl FnMut(
                    usize,
                    ::core::option::Option<::entail::__private::value::ValueRef<'a>>,
                ),
            ) {
                #(#visits)*
            }

            #[inline]
            fn set_column(
                &mut self,
                index: usize,
                value: ::core::option::Option<::entail::__private::value::Value>,
            ) -> ::core::result::Result<(), ::entail::__private::value::ValueError> {
                match index {
                    #(#writes)*
                    _ => {}
                }
                ::core::result::Result::Ok(())
            }

            #[inline]
            fn decode(
                row: &mut ::entail::__private::entity::RowReader<'_>,
            ) -> ::core::result::Result<Self, ::entail::__private::value::ValueError> {
                ::core::result::Result::Ok(Self { #(#values),* })
            }

            fn copy(&self) -> Self {
                Self { #(#copies),* }
            }

            #links
        }
    }
}

/// The value of a column as the engine reads it.
fn read(place: &Place, entity: &Entity) -> TokenStream {
    let field = &entity.fields[place.field()];
    let name = &field.ident;
    match (place.source, &field.role) {
        (Source::Implied { part, .. }, _) => quote!(self.#name.column(#part)),
        (_, Role::Column(column)) if column.shape == Shape::Auto => {
            let value = field_value(column);
            quote!(self.#name.get().map(#value::to_ref))
        }
        (_, Role::Column(column)) => {
            let value = field_value(column);
            quote!(::core::option::Option::Some(#value::to_ref(&self.#name)))
        }
        (_, Role::Relationship(_)) => unreachable!("a relationship has no column of its own"),
    }
}

/// The arm of `set_column` for one column.
fn write(index: usize, place: &Place, entity: &Entity) -> TokenStream {
    let field = &entity.fields[place.field()];
    let name = &field.ident;
    match (place.source, &field.role) {
        (Source::Implied { part, .. }, _) => quote! {
            #index => self.#name.set_column(#part, value),
        },
        (_, Role::Column(column)) if column.shape == Shape::Auto => {
            let from_value = field_value(column);
            quote! {
                #index => {
                    self.#name = match value {
                        ::core::option::Option::Some(value) => {
                            ::entail::__private::entity::Auto::of(#from_value::from_value(value)?)
                        }
                        ::core::option::Option::None => ::entail::__private::entity::auto(),
                    };
                }
            }
        }
        (_, Role::Column(column)) => {
            let from_value = field_value(column);
            quote! {
                #index => {
                    if let ::core::option::Option::Some(value) = value {
                        self.#name = #from_value::from_value(value)?;
                    }
                }
            }
        }
        (_, Role::Relationship(_)) => unreachable!("a relationship has no column of its own"),
    }
}

/// The value of a field, from a row.
fn decode(index: usize, field: &Field, layout: &Layout) -> TokenStream {
    match &field.role {
        Role::Column(column) => {
            let value = field_value(column);
            match column.shape {
                Shape::Auto => quote! {
                    match row.take_set() {
                        ::core::option::Option::Some(value) => {
                            ::entail::__private::entity::Auto::of(#value::from_ref(value)?)
                        }
                        ::core::option::Option::None => ::entail::__private::entity::auto(),
                    }
                },
                Shape::Plain | Shape::Optional => quote!(#value::from_ref(row.take())?),
            }
        }
        Role::Relationship(_) => {
            let reads = layout.ties.iter().any(|tie| tie.field == index && !tie.shared);
            if reads {
                quote!(::entail::__private::entity::BelongsTo::read(row))
            } else {
                quote!(::entail::__private::entity::unset())
            }
        }
    }
}

/// The value of a field, from the field of another object.
fn copy(index: usize, field: &Field, layout: &Layout) -> TokenStream {
    let (name, ty) = (&field.ident, &field.ty);
    let tie = layout.ties.iter().find(|tie| tie.field == index && !tie.shared);
    match (&field.role, tie) {
        (Role::Column(column), _) => {
            let value = field_value(column);
            match column.shape {
                Shape::Auto => quote! {
                    match self.#name.get() {
                        ::core::option::Option::Some(value) => {
                            ::entail::__private::entity::Auto::of(#value::copy(value))
                        }
                        ::core::option::Option::None => ::entail::__private::entity::auto(),
                    }
                },
                Shape::Plain | Shape::Optional => quote!(#value::copy(&self.#name)),
            }
        }
        (Role::Relationship(_), None) => quote!(::entail::__private::entity::unset()),
        (Role::Relationship(_), Some(tie)) => {
            let width = tie.columns.len();
            quote! {{
                let mut copy: #ty = ::entail::__private::entity::unset();
                for part in 0..#width {
                    copy.set_column(
                        part,
                        self.#name.column(part).map(::entail::__private::value::ValueRef::to_value),
                    );
                }
                copy
            }}
        }
    }
}

/// `<T as FieldValue>`, in the place of the field's type, so that the compiler complains once.
pub(super) fn field_value(column: &Column) -> TokenStream {
    let value = &column.value;
    quote_spanned!(value.span()=> <#value as ::entail::__private::entity::check::FieldValue>)
}

fn links(entity: &Entity, layout: &Layout) -> TokenStream {
    let shared: Vec<(&Field, &Tie)> = layout
        .ties
        .iter()
        .filter(|tie| tie.shared)
        .map(|tie| (&entity.fields[tie.field], tie))
        .collect();
    let keys = shared.iter().map(|(field, tie)| give_key(field, tie));
    let gives = entity
        .relationships()
        .enumerate()
        .map(|(number, (_, field, one))| give(number, field, one));
    let receives = entity
        .relationships()
        .enumerate()
        .map(|(number, (_, field, one))| receive(number, field, one));
    let from = if entity.relationships().next().is_some() { quote!(from) } else { quote!(_) };
    let given = entity.relationships().map(|(_, field, _)| {
        let name = &field.ident;
        quote!(self.#name.is_given())
    });
    let keyed = shared.iter().map(|(field, _)| {
        let name = &field.ident;
        quote!(self.#name.has_key())
    });
    let has: Vec<TokenStream> = given.chain(keyed).collect();
    let has = if has.is_empty() { quote!(false) } else { quote!(#(#has)||*) };
    let links = if entity.relationships().next().is_some() { quote!(links) } else { quote!(_) };
    quote! {
        fn give_links(&mut self, #links: &mut ::entail::__private::arena::Links<'_>) {
            #(#keys)*
            #(#gives)*
        }

        fn receive_links(&mut self, #from: &mut ::entail::__private::arena::Leaving<'_>) {
            #(#receives)*
        }

        #[inline]
        fn has_links(&self) -> bool {
            #has
        }
    }
}

/// A raw key in a field whose columns are fields of their own goes to those.
fn give_key(field: &Field, tie: &Tie) -> TokenStream {
    let name = &field.ident;
    let parts = tie.columns.iter().enumerate().map(|(part, column)| {
        quote! {
            // The types fit: another item holds them to it.
            let _ = ::entail::__private::entity::Object::set_column(
                self,
                #column,
                key.values().get(#part).cloned(),
            );
        }
    });
    quote! {
        if let ::core::option::Option::Some(key) = self.#name.to_key() {
            self.#name = ::entail::__private::entity::unset();
            #(#parts)*
        }
    }
}

fn receive(number: usize, field: &Field, relationship: &Relationship) -> TokenStream {
    let name = &field.ident;
    let method = if relationship.is_many() { quote!(many) } else { quote!(one) };
    quote! {
        if let ::core::option::Option::Some(held) = from.#method(#number) {
            self.#name.receive(held);
        }
    }
}

fn give(number: usize, field: &Field, relationship: &Relationship) -> TokenStream {
    let name = &field.ident;
    let method = if relationship.is_many() { quote!(many) } else { quote!(one) };
    quote! {
        if let ::core::option::Option::Some(given) = self.#name.take() {
            links.#method(#number, given);
        }
    }
}
