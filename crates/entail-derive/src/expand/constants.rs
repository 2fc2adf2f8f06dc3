//! Constants: the names of columns and relationships, such as `User::USERNAME`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::Visibility;

use crate::input::{Direction, Entity, Field, Role};
use crate::layout::{Layout, Source};

/// A constant of the entity.
#[derive(Debug)]
pub(crate) struct Constant {
    pub(crate) ident: Ident,
    /// What it has its name from, for messages.
    pub(crate) origin: String,
    /// The column that has no field, if it names one.
    pub(crate) implied: Option<String>,
    vis: Visibility,
    doc: String,
    ty: TokenStream,
    value: TokenStream,
}

/// The constants of an entity, but for the name of its table.
pub(crate) fn of(entity: &Entity, layout: &Layout) -> Vec<Constant> {
    let mut constants = columns(entity, layout);
    for (index, (_, field, _)) in entity.relationships().enumerate() {
        constants.push(relationship(entity, index, field));
    }
    constants
}

/// Writes the constants.
pub(super) fn expand(entity: &Entity, layout: &Layout) -> TokenStream {
    let Entity { ident: owner, vis, table, .. } = entity;
    let table = table.full_name();
    let mut names = vec!["TABLE".to_owned()];
    let mut constants = of(entity, layout);
    // Twins are a mistake of their own.
    constants.retain(|constant| {
        let name = constant.ident.to_string();
        let is_new = !names.contains(&name);
        names.push(name);
        is_new
    });
    let constants = constants.into_iter().map(|constant| {
        let Constant { ident, vis, doc, ty, value, .. } = constant;
        quote! {
            #[doc = #doc]
            #vis const #ident: #ty = #value;
        }
    });
    quote! {
        #[allow(dead_code)]
        impl #owner {
            /// The name of the table, behind that of its schema if it has one.
            #vis const TABLE: &'static str = #table;

            #(#constants)*
        }
    }
}

fn columns(entity: &Entity, layout: &Layout) -> Vec<Constant> {
    let owner = &entity.ident;
    let mut constants = Vec::new();
    for (index, place) in layout.columns.iter().enumerate() {
        let field = &entity.fields[place.field()];
        let name = &place.name.text;
        let (ident, origin, value) = match (place.source, &field.role) {
            (Source::Field(_), Role::Column(column)) => {
                let value = &column.value;
                (screaming(&field.name, field.ident.span()), field_origin(field), quote!(#value))
            }
            (Source::Implied { .. }, Role::Relationship(relationship)) => {
                let Direction::BelongsTo(belongs_to) = &relationship.direction else { continue };
                if belongs_to.columns.len() > 1 || !is_identifier(name) {
                    continue;
                }
                let target = &relationship.target;
                let key = quote!(<#target as ::entail::__private::entity::Entity>::Key);
                let value =
                    if belongs_to.nullable { quote!(::core::option::Option<#key>) } else { key };
                let origin = format!("the column `{name}` of the field `{}`", field.name);
                (screaming(name, place.name.span), origin, value)
            }
            _ => continue,
        };
        let number = index as u32;
        let implied = matches!(place.source, Source::Implied { .. });
        constants.push(Constant {
            ident,
            origin,
            implied: implied.then(|| name.clone()),
            vis: field.vis.clone(),
            doc: format!("The column `{name}`."),
            ty: quote!(::entail::__private::entity::Column<#owner, #value>),
            value: quote!(::entail::__private::entity::Column::new(#number, #name)),
        });
    }
    constants
}

fn relationship(entity: &Entity, index: usize, field: &Field) -> Constant {
    let owner = &entity.ident;
    let Role::Relationship(relationship) = &field.role else {
        unreachable!("only relationships are asked for");
    };
    let kind = match relationship.direction {
        Direction::BelongsTo(_) => "BelongsToOf",
        Direction::HasMany(_) => "HasManyOf",
        Direction::HasOne(_) => "HasOneOf",
        Direction::ManyToMany(_) => "ManyToManyOf",
    };
    let kind = format_ident!("{kind}");
    let target = &relationship.target;
    let name = &field.name;
    let number = index as u32;
    Constant {
        ident: screaming(name, field.ident.span()),
        origin: field_origin(field),
        implied: None,
        vis: field.vis.clone(),
        doc: format!("The relationship `{name}`."),
        ty: quote!(::entail::__private::entity::#kind<#owner, #target>),
        value: quote!(::entail::__private::entity::#kind::new(#number, #name)),
    }
}

fn field_origin(field: &Field) -> String {
    format!("the field `{}`", field.name)
}

/// `user_id` and `userId` as `USER_ID`.
fn screaming(name: &str, span: Span) -> Ident {
    let mut screaming = String::with_capacity(name.len() + 2);
    let mut after_small = false;
    for c in name.chars() {
        if c.is_uppercase() && after_small {
            screaming.push('_');
        }
        after_small = c.is_lowercase() || c.is_ascii_digit();
        screaming.extend(c.to_uppercase());
    }
    Ident::new(&screaming, span)
}

/// Whether a constant can have the name; a column's need not be one.
fn is_identifier(name: &str) -> bool {
    syn::parse_str::<Ident>(&name.to_uppercase()).is_ok()
}
