//! Association tables: those that the many-to-many relationships of a struct declare.

use proc_macro2::TokenStream;
use quote::quote;

use crate::input::{Direction, Entity, Link, LinkTable, Name, Relationship, Table};

use super::definition::schema;
use super::{texts, with};

/// Writes `association_tables`, if there are any.
pub(super) fn expand(entity: &Entity) -> TokenStream {
    let mut tables = Vec::new();
    for (_, _, relationship) in entity.relationships() {
        if let Direction::ManyToMany(link) = &relationship.direction
            && let LinkTable::Own(own) = &link.table
        {
            tables.push(table(entity, relationship, link, own));
        }
    }
    if tables.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn association_tables() -> ::std::vec::Vec<::entail::__private::mapping::TableDefinition> {
            ::std::vec![#(#tables),*]
        }
    }
}

/// One side of a foreign key of the association table.
struct Side<'a> {
    columns: &'a [Name],
    entity: TokenStream,
}

/// The table of one relationship. Everything in it is sorted by name, so that the relationship
/// of the other side declares the very same one.
fn table(entity: &Entity, one: &Relationship, link: &Link, own: &Table) -> TokenStream {
    let (owner, target) = (&entity.ident, &one.target);
    let mut sides = [
        Side { columns: &link.local, entity: quote!(#owner) },
        Side { columns: &link.remote, entity: quote!(#target) },
    ];
    sides.sort_by_key(|side| side.columns.first().map(|name| name.text.clone()));
    let keys = sides.iter().map(|side| foreign_key(side, link));
    let mut columns: Vec<(&str, TokenStream)> = Vec::new();
    for Side { columns: names, entity } in &sides {
        columns.extend(names.iter().enumerate().map(|(part, name)| {
            let ty = quote! {
                <#entity as ::entail::__private::entity::check::Mapped>::KEY_TYPES[#part]
            };
            (name.text.as_str(), ty)
        }));
    }
    columns.sort_by_key(|(name, _)| *name);
    let primary_key = texts(columns.iter().map(|(name, _)| *name));
    let (name, schema) = (&own.name, schema(own));
    let columns = columns
        .iter()
        .map(|(name, ty)| quote!(::entail::__private::mapping::ColumnDefinition::new(#name, #ty)));
    quote! {
        ::entail::__private::mapping::TableDefinition {
            name: ::std::string::String::from(#name),
            schema: #schema,
            columns: ::std::vec![#(#columns),*],
            primary_key: #primary_key,
            foreign_keys: ::std::vec![#(#keys),*],
            ..::core::default::Default::default()
        }
    }
}

fn foreign_key(side: &Side<'_>, link: &Link) -> TokenStream {
    let columns = texts(side.columns.iter().map(|name| name.text.as_str()));
    let entity = &side.entity;
    with(
        quote!(::entail::__private::mapping::ForeignKeyDefinition),
        &link.actions.tokens(),
        quote! {
            ::entail::__private::mapping::ForeignKeyDefinition::new(
                #columns,
                <#entity as ::entail::__private::entity::check::Mapped>::TABLE,
                ::std::vec::Vec::new(),
            )
        },
    )
}
