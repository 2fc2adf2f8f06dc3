//! Relationships as data, and what the compiler holds them to.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::input::{
    Direction, Entity, Field, Link, LinkTable, Name, PassiveDeletes, Relationship, Role, Via,
};
use crate::layout::{Layout, Reference, Tie};

use super::{texts, with};

/// The definition of one relationship.
pub(super) fn expand(entity: &Entity, field: &Field, one: &Relationship) -> TokenStream {
    let owner = &entity.ident;
    let (name, target) = (&field.name, &one.target);
    let kind = kind(one);
    let mut options = options(one);
    let side = match &one.direction {
        Direction::BelongsTo(_) => "ParentSide",
        Direction::HasMany(_) | Direction::HasOne(_) => "ChildSide",
        Direction::ManyToMany(_) => "OtherSide",
    };
    let side = format_ident!("{side}");
    let inverse = one.inverse.as_ref().map(|inverse| {
        quote_spanned! {inverse.span()=>
            let inverse =
                <_ as ::entail::__private::entity::check::#side<#target, #owner>>::name(&#inverse);
        }
    });
    let owns = matches!(one.direction, Direction::HasMany(_) | Direction::HasOne(_));
    if inverse.is_some() && !(owns && one.viewonly) {
        options.extend(quote! {
            back_populates: ::core::option::Option::Some(::std::string::String::from(inverse)),
        });
    }
    let definition = with(
        quote!(::entail::__private::mapping::RelationshipDefinition),
        &options,
        quote! {
            ::entail::__private::mapping::RelationshipDefinition::new(
                #name,
                <#target as ::entail::__private::entity::Object>::NAME,
                #kind,
            )
        },
    );
    match inverse {
        Some(inverse) => quote!({ #inverse #definition }),
        None => definition,
    }
}

fn kind(one: &Relationship) -> TokenStream {
    let kind = match &one.direction {
        Direction::BelongsTo(belongs_to) => {
            let columns = texts(belongs_to.columns.iter().map(|name| name.text.as_str()));
            quote!(ManyToOne { foreign_key: #columns })
        }
        Direction::HasMany(way) => {
            let way = via(way);
            quote!(OneToMany(#way))
        }
        Direction::HasOne(way) => {
            let way = via(way);
            quote!(OneToOne(#way))
        }
        Direction::ManyToMany(link) => {
            let table = link_table(link);
            let names = |names: &[Name]| texts(names.iter().map(|name| name.text.as_str()));
            let (local, remote) = (names(&link.local), names(&link.remote));
            quote!(ManyToMany {
                table: ::std::string::String::from(#table),
                local: #local,
                remote: #remote,
            })
        }
    };
    quote!(::entail::__private::mapping::KindDefinition::#kind)
}

fn via(via: &Via) -> TokenStream {
    match via {
        Via::Inverse => quote! {
            ::entail::__private::mapping::Via::Inverse(::std::string::String::from(inverse))
        },
        Via::Columns(columns) => {
            let columns: Vec<_> = columns.iter().map(|column| column.value()).collect();
            let columns = texts(columns.iter().map(String::as_str));
            quote!(::entail::__private::mapping::Via::Columns(#columns))
        }
    }
}

fn link_table(link: &Link) -> TokenStream {
    match &link.table {
        LinkTable::Own(table) => {
            let name = table.full_name();
            quote!(#name)
        }
        LinkTable::Of(entity) => {
            quote!(<#entity as ::entail::__private::entity::check::Mapped>::TABLE)
        }
    }
}

fn options(one: &Relationship) -> TokenStream {
    let mut fields = TokenStream::new();
    if let Some(cascade) = &one.cascade {
        let cascade = cascade.tokens();
        fields.extend(quote!(cascade: ::core::option::Option::Some(#cascade),));
    }
    let passive = match one.passive_deletes {
        PassiveDeletes::No => None,
        PassiveDeletes::Yes => Some(quote!(Yes)),
        PassiveDeletes::All(_) => Some(quote!(All)),
    };
    if let Some(passive) = passive {
        fields.extend(quote! {
            passive_deletes: ::entail::__private::mapping::PassiveDeletes::#passive,
        });
    }
    if !one.passive_updates {
        fields.extend(quote!(passive_updates: false,));
    }
    let flags = [
        (one.single_parent, quote!(single_parent)),
        (one.post_update.is_some(), quote!(post_update)),
        (one.viewonly, quote!(viewonly)),
    ];
    for (_, field) in flags.into_iter().filter(|(flag, _)| *flag) {
        fields.extend(quote!(#field: true,));
    }
    if let Some(order) = &one.order_by {
        let order = order.tokens();
        fields.extend(quote!(order_by: #order,));
    }
    fields
}

/// Items that do not compile where a foreign key does not fit the key it refers to.
pub(super) fn assertions(entity: &Entity, layout: &Layout) -> TokenStream {
    let mut assertions = TokenStream::new();
    for tie in &layout.ties {
        let field = &entity.fields[tie.field];
        let Role::Relationship(relationship) = &field.role else { continue };
        let refers_to_key = layout.foreign_keys.iter().any(|key| {
            key.columns == tie.columns
                && key.to == Reference::Key(Box::new(relationship.target.clone()))
        });
        if tie.shared && refers_to_key {
            assertions.extend(same_types(entity, layout, tie, relationship));
        } else if !tie.shared {
            let text = format!("`{}`", field.name);
            let width = tie.columns.len();
            let span = layout.columns[tie.columns[0]].name.span;
            assertions.extend(same_width(span, width, &text, "columns", relationship));
        }
    }
    for (_, field, relationship) in entity.relationships() {
        if let Direction::ManyToMany(link) = &relationship.direction {
            let text = format!("`remote` of `{}`", field.name);
            let span = link.remote[0].span;
            assertions.extend(same_width(span, link.remote.len(), &text, "remote", relationship));
        }
    }
    assertions
}

/// The fields of a foreign key have the types of the key.
fn same_types(
    entity: &Entity,
    layout: &Layout,
    tie: &Tie,
    relationship: &Relationship,
) -> TokenStream {
    let target = &relationship.target;
    let mut types = Vec::new();
    for &column in &tie.columns {
        if let Role::Column(column) = &entity.fields[layout.columns[column].field()].role {
            types.push(&column.bare);
        }
    }
    let types = if let [one] = types[..] { quote!(#one) } else { quote!((#(#types),*)) };
    quote! {
        const _: fn() = || ::entail::__private::entity::check::key::<#types, #target>();
    }
}

/// A foreign key has as many columns as the key.
fn same_width(
    span: Span,
    width: usize,
    what: &str,
    option: &str,
    one: &Relationship,
) -> TokenStream {
    let target = &one.target;
    let text = format!(
        "{what} names {width} column(s), but the key of `{}` has another number of them; \
         name one for each: `{option}(\"a\", \"b\")`",
        quote!(#target)
    );
    quote_spanned! {span=>
        const _: () = ::core::assert!(
            <#target as ::entail::__private::entity::check::Mapped>::KEY_TYPES.len() == #width,
            #text
        );
    }
}
