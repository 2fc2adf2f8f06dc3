//! The definition: the mapping of a struct as data.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::input::{Column, Entity, Role, Shape, Table};
use crate::layout::{ForeignKey, Layout, Place, Reference};

use super::object::field_value;
use super::{association, column_type, relationship, texts, with};

/// Writes `impl Entity`.
pub(super) fn expand(entity: &Entity, layout: &Layout) -> TokenStream {
    let ident = &entity.ident;
    let key = key_type(entity);
    let table = table(entity, layout);
    let version = entity.columns().find(|(_, _, column)| column.version.is_some());
    let version = match version {
        Some((_, _, column)) => {
            let name = &column.name.text;
            quote!(::core::option::Option::Some(::std::string::String::from(#name)))
        }
        None => quote!(::core::option::Option::None),
    };
    let relationships =
        entity.relationships().map(|(_, field, one)| relationship::expand(entity, field, one));
    let associations = association::expand(entity);
    quote! {
        #[automatically_derived]
        impl ::entail::__private::entity::Entity for #ident {
            type Key = #key;

            fn definition() -> ::entail::__private::mapping::EntityDefinition {
                ::entail::__private::mapping::EntityDefinition {
                    name: ::std::string::String::from(
                        <Self as ::entail::__private::entity::Object>::NAME,
                    ),
                    table: #table,
                    version: #version,
                    relationships: ::std::vec![#(#relationships),*],
                }
            }

            #associations
        }
    }
}

/// The type of the key: that of its column, or a tuple.
pub(super) fn key_type(entity: &Entity) -> TokenStream {
    let types: Vec<_> = entity.key().map(|(_, column)| &column.value).collect();
    match types[..] {
        [one] => quote!(#one),
        _ => quote!((#(#types),*)),
    }
}

/// The schema of a table, as its definition has it.
pub(super) fn schema(table: &Table) -> TokenStream {
    match &table.schema {
        Some(schema) => {
            quote!(::core::option::Option::Some(::std::string::String::from(#schema)))
        }
        None => quote!(::core::option::Option::None),
    }
}

fn table(entity: &Entity, layout: &Layout) -> TokenStream {
    let columns = layout.columns.iter().map(|place| column(entity, layout, place));
    let key = texts(entity.key().map(|(_, column)| column.name.text.as_str()));
    let keys = layout.foreign_keys.iter().map(|key| foreign_key(entity, layout, key));
    let names = |columns: &[usize]| {
        texts(columns.iter().map(|&column| layout.columns[column].name.text.as_str()))
    };
    let uniques = layout.uniques.iter().map(|columns| names(columns));
    let nulls_not_distinct = layout.uniques_nulls_not_distinct.iter().map(|columns| names(columns));
    let (name, schema) = (&entity.table.name, schema(&entity.table));
    let indexes = layout.indexes.iter().map(|columns| names(columns));
    let checks: Vec<_> = entity.checks.iter().map(|check| check.value()).collect();
    let checks = texts(checks.iter().map(String::as_str));
    quote! {
        ::entail::__private::mapping::TableDefinition {
            name: ::std::string::String::from(#name),
            schema: #schema,
            columns: ::std::vec![#(#columns),*],
            primary_key: #key,
            foreign_keys: ::std::vec![#(#keys),*],
            uniques: ::std::vec![#(#uniques),*],
            uniques_nulls_not_distinct: ::std::vec![#(#nulls_not_distinct),*],
            indexes: ::std::vec![#(#indexes),*],
            checks: #checks,
        }
    }
}

fn column(entity: &Entity, layout: &Layout, place: &Place) -> TokenStream {
    let mut fields = TokenStream::new();
    let name = &place.name.text;
    let ty = match &entity.fields[place.field()].role {
        Role::Column(column) => {
            fields.extend(column_fields(layout, place, column));
            column_type(column)
        }
        Role::Relationship(relationship) => {
            if place.nullable {
                fields.extend(quote!(nullable: true,));
            }
            let target = &relationship.target;
            let part = place.part();
            quote!(<#target as ::entail::__private::entity::check::Mapped>::KEY_TYPES[#part])
        }
    };
    for (flag, field) in [(place.unique, quote!(unique)), (place.index, quote!(index))] {
        if flag {
            fields.extend(quote!(#field: true,));
        }
    }
    with(
        quote!(::entail::__private::mapping::ColumnDefinition),
        &fields,
        quote!(::entail::__private::mapping::ColumnDefinition::new(#name, #ty)),
    )
}

/// What a field says about its column.
fn column_fields(layout: &Layout, place: &Place, column: &Column) -> TokenStream {
    let value = field_value(column);
    let mut fields = TokenStream::new();
    // A column that a relationship goes by has its value from the parent, not from the database.
    let shared = layout.position(&place.name.text).is_some_and(|index| layout.is_shared(index));
    match column.shape {
        Shape::Auto if column.version.is_some() => {}
        Shape::Auto if !shared || column.server_default.is_some() => {
            fields.extend(quote!(generated: true,));
        }
        Shape::Auto => {}
        Shape::Plain | Shape::Optional => fields.extend(quote! {
            nullable: #value::NULLABLE,
        }),
    }
    let texts = [("server_default", &column.server_default), ("check", &column.check)];
    for (name, text) in texts {
        if let Some(text) = text {
            let name = format_ident!("{name}");
            fields.extend(quote! {
                #name: ::core::option::Option::Some(::std::string::String::from(#text)),
            });
        }
    }
    fields
}

fn foreign_key(entity: &Entity, layout: &Layout, key: &ForeignKey) -> TokenStream {
    let names = texts(key.columns.iter().map(|&column| layout.columns[column].name.text.as_str()));
    let actions = key.actions.tokens();
    let build = |table: TokenStream, references: TokenStream| {
        with(
            quote!(::entail::__private::mapping::ForeignKeyDefinition),
            &actions,
            quote! {
                ::entail::__private::mapping::ForeignKeyDefinition::new(#names, #table, #references)
            },
        )
    };
    let bare = |column: usize| match &entity.fields[layout.columns[column].field()].role {
        Role::Column(column) => &column.bare,
        Role::Relationship(relationship) => &relationship.target,
    };
    match &key.to {
        Reference::Column(constant) => {
            let bare = bare(key.columns[0]);
            let built =
                build(quote!(table), quote!(::std::vec![::std::string::String::from(column)]));
            quote! {{
                let (table, column) =
                    ::entail::__private::entity::check::reference::<#bare, _, _>(#constant);
                #built
            }}
        }
        Reference::Key(target) => build(
            quote!(<#target as ::entail::__private::entity::check::Mapped>::TABLE),
            quote!(::std::vec::Vec::new()),
        ),
        Reference::Columns(target, constants) => {
            let columns = key.columns.iter().zip(constants).map(|(&column, constant)| {
                let bare = bare(column);
                let any = quote_spanned!(constant.span()=> _);
                quote! {
                    ::std::string::String::from(
                        ::entail::__private::entity::check::reference_to::<#target, #bare, #any, _>(
                            #constant,
                        ),
                    )
                }
            });
            build(
                quote!(<#target as ::entail::__private::entity::check::Mapped>::TABLE),
                quote!(::std::vec![#(#columns),*]),
            )
        }
    }
}
