//! Input: a struct and its attributes, read into what they declare.

mod field;
mod options;
mod relationship;
mod types;
mod words;

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Fields, LitStr, Visibility};

use crate::errors::Errors;

pub(crate) use field::{Column, Field, Role, Shape};
pub(crate) use relationship::{
    BelongsTo, Direction, Link, LinkTable, PassiveDeletes, Relationship, Via,
};
pub(crate) use types::{is_named, unsupported};
pub(crate) use words::{Actions, Cascade};

use options::{Grammar, Options};

const ENTITY: Grammar = Grammar {
    name: "entity",
    unnamed: None,
    options: &[
        "table",
        "schema",
        "unique",
        "unique_nulls_not_distinct",
        "index",
        "check",
        "no_new",
    ],
    repeatable: &["unique", "unique_nulls_not_distinct", "index", "check"],
    elsewhere: &[],
};

/// A name in the database, and where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl Name {
    /// A field's name.
    pub(crate) fn of_field(ident: &Ident) -> Self {
        Self { text: ident.unraw().to_string(), span: ident.span() }
    }

    /// A text in an attribute.
    pub(crate) fn of_text(text: &LitStr) -> Self {
        Self { text: text.value(), span: text.span() }
    }
}

/// A table, and the schema in which it lies.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) schema: Option<String>,
}

impl Table {
    /// The name by which the mapping knows it: `users`, or `app.users`.
    pub(crate) fn full_name(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// A struct that is to be mapped.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) table: Table,
    pub(crate) uniques: Vec<Vec<Name>>,
    pub(crate) uniques_nulls_not_distinct: Vec<Vec<Name>>,
    pub(crate) indexes: Vec<Vec<Name>>,
    pub(crate) checks: Vec<LitStr>,
    /// Whether it gets a function `new`.
    pub(crate) has_new: bool,
    pub(crate) fields: Vec<Field>,
}

impl Entity {
    /// Reads a struct; none if it cannot be mapped at all.
    pub(crate) fn read(input: &DeriveInput, errors: &mut Errors) -> Option<Self> {
        let fields = named_fields(input, errors)?;
        let options = match only(&input.attrs, "entity", errors) {
            Some(attribute) => Options::read(attribute, &ENTITY, errors),
            None => Options::none(&ENTITY),
        };
        let table = options.text("table", errors);
        if table.is_none() && !options.has("table") {
            errors.on(&input.ident, "name the table of this entity: `#[entity(table = \"...\")]`");
        }
        let entity = Self {
            ident: input.ident.clone(),
            vis: input.vis.clone(),
            table: Table {
                name: table.map(|text| text.value()).unwrap_or_default(),
                schema: options.text("schema", errors).map(|text| text.value()),
            },
            uniques: options.repeated_names("unique", errors),
            uniques_nulls_not_distinct: options.repeated_names("unique_nulls_not_distinct", errors),
            indexes: options.repeated_names("index", errors),
            checks: options.repeated_text("check", errors),
            has_new: !options.flag("no_new", errors),
            fields: fields.iter().filter_map(|field| Field::read(field, errors)).collect(),
        };
        let has_key =
            fields.iter().any(|field| field.attrs.iter().any(|one| one.path().is_ident("key")));
        if !has_key {
            errors.on(
                &input.ident,
                "an entity needs a key; mark its key field, or each of several, with `#[key]`",
            );
        }
        Some(entity)
    }

    /// Its name, for messages and for the mapping.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// The fields that are columns, with their places among all fields.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (usize, &Field, &Column)> {
        self.fields.iter().enumerate().filter_map(|(index, field)| match &field.role {
            Role::Column(column) => Some((index, field, &**column)),
            Role::Relationship(_) => None,
        })
    }

    /// The fields that are relationships, with their places among all fields.
    pub(crate) fn relationships(&self) -> impl Iterator<Item = (usize, &Field, &Relationship)> {
        self.fields.iter().enumerate().filter_map(|(index, field)| match &field.role {
            Role::Column(_) => None,
            Role::Relationship(relationship) => Some((index, field, &**relationship)),
        })
    }

    /// The relationships whose foreign key lies in this table.
    pub(crate) fn belongs_to(
        &self,
    ) -> impl Iterator<Item = (usize, &Field, &Relationship, &BelongsTo)> {
        self.relationships().filter_map(|(index, field, relationship)| {
            match &relationship.direction {
                Direction::BelongsTo(belongs_to) => Some((index, field, relationship, belongs_to)),
                _ => None,
            }
        })
    }

    /// The key's fields, in their order.
    pub(crate) fn key(&self) -> impl Iterator<Item = (&Field, &Column)> {
        self.columns()
            .filter(|(_, _, column)| column.key.is_some())
            .map(|(_, field, column)| (field, column))
    }
}

fn named_fields<'i>(input: &'i DeriveInput, errors: &mut Errors) -> Option<Vec<&'i syn::Field>> {
    let cure = "derive it on a struct with named fields";
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => fields,
            Fields::Unnamed(_) | Fields::Unit => {
                errors.on(&input.ident, format!("the columns of an entity need names; {cure}"));
                return None;
            }
        },
        Data::Enum(_) | Data::Union(_) => {
            errors.on(&input.ident, format!("only a struct can be an entity; {cure}"));
            return None;
        }
    };
    if !input.generics.params.is_empty() {
        errors.on(
            &input.generics,
            "an entity is one type with one table; \
             remove the parameters, or write one struct for each",
        );
        return None;
    }
    Some(fields.named.iter().collect())
}

/// The attribute with this name; a second one is a mistake.
fn only<'a>(attributes: &'a [Attribute], name: &str, errors: &mut Errors) -> Option<&'a Attribute> {
    let mut found = attributes.iter().filter(|one| one.path().is_ident(name));
    let first = found.next();
    for second in found {
        errors.on(second, format!("`#[{name}]` is given twice; write all of its options into one"));
    }
    first
}
