//! The skeleton: what a wrong struct gets, so that its mistakes are all that is reported.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::input::{Entity, Shape, unsupported};
use crate::layout::Layout;

use super::{constants, constructor, definition};

/// The same items as for a right struct, with nothing in them. Other entities that refer to this
/// one still compile.
pub(crate) fn skeleton(ident: &Ident, read: Option<(&Entity, &Layout)>) -> TokenStream {
    let named = read.map(|(entity, layout)| {
        let constants = constants::expand(entity, layout);
        let constructor = constructor::hollow(entity);
        quote!(#constants #constructor)
    });
    let key = read.filter(|(entity, _)| has_sound_key(entity));
    let key = key.map_or_else(|| quote!(i64), |(entity, _)| definition::key_type(entity));
    let object = object(ident);
    quote! {
        #named

        impl ::entail::__private::entity::check::Mapped for #ident {
            const TABLE: &'static str = "";
            const KEY_TYPES: &'static [::entail::__private::value::ColumnType] =
                <#key as ::entail::__private::key::EntityKey>::TYPES;
        }

        impl ::entail::__private::entity::BelongsToTarget for #ident {
            type Entity = Self;
            const NULLABLE: bool = false;
        }

        impl ::entail::__private::entity::Entity for #ident {
            type Key = #key;

            fn definition() -> ::entail::__private::mapping::EntityDefinition {
                ::core::unreachable!()
            }
        }

        #object
    }
}

/// Whether the key is none of the mistakes.
fn has_sound_key(entity: &Entity) -> bool {
    (1..=4).contains(&entity.key().count())
        && entity.key().all(|(_, column)| {
            column.shape != Shape::Optional && unsupported(&column.bare).is_none()
        })
}

fn object(ident: &Ident) -> TokenStream {
    quote! {
        impl ::entail::__private::entity::Object for #ident {
            const NAME: &'static str = "";

            fn column(
                &self,
                _: usize,
            ) -> ::core::option::Option<::entail::__private::value::ValueRef<'_>> {
                ::core::unreachable!()
            }

            fn columns<'a>(
                &'a self,
                _: impl FnMut(
                    usize,
                    ::core::option::Option<::entail::__private::value::ValueRef<'a>>,
                ),
            ) {
                ::core::unreachable!()
            }

            fn set_column(
                &mut self,
                _: usize,
                _: ::core::option::Option<::entail::__private::value::Value>,
            ) -> ::core::result::Result<(), ::entail::__private::value::ValueError> {
                ::core::unreachable!()
            }

            fn decode(
                _: &mut ::entail::__private::entity::RowReader<'_>,
            ) -> ::core::result::Result<Self, ::entail::__private::value::ValueError> {
                ::core::unreachable!()
            }

            fn copy(&self) -> Self {
                ::core::unreachable!()
            }

            fn give_links(&mut self, _: &mut ::entail::__private::arena::Links<'_>) {}

            fn receive_links(&mut self, _: &mut ::entail::__private::arena::Leaving<'_>) {}

            fn has_links(&self) -> bool {
                ::core::unreachable!()
            }
        }
    }
}
