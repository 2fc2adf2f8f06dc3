//! Fields: columns, and relationships by another module.

use proc_macro2::{Ident, Span};
use syn::{Attribute, Expr, LitInt, LitStr, Type, Visibility};

use crate::errors::Errors;

use super::options::{Grammar, Options};
use super::relationship::Relationship;
use super::types::{is_named, outer, unsupported, within};
use super::words::Actions;
use super::{Name, only};

const KEY: Grammar =
    Grammar { name: "key", unnamed: None, options: &[], repeatable: &[], elsewhere: &[] };

const VERSION: Grammar =
    Grammar { name: "version", unnamed: None, options: &[], repeatable: &[], elsewhere: &[] };

const COLUMN: Grammar = Grammar {
    name: "column",
    unnamed: None,
    options: &[
        "unique",
        "index",
        "length",
        "default",
        "server_default",
        "rename",
        "check",
        "references",
        "on_delete",
        "on_update",
        "deferrable",
        "version",
    ],
    repeatable: &[],
    elsewhere: &[("key", "into an attribute of its own, `#[key]`")],
};

/// The types of relationship fields and their attributes.
pub(super) const RELATIONSHIPS: [(&str, &str); 4] = [
    ("BelongsTo", "belongs_to"),
    ("HasMany", "has_many"),
    ("HasOne", "has_one"),
    ("ManyToMany", "many_to_many"),
];

/// A field of the struct.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    /// Its name without `r#`.
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) role: Role,
}

/// What a field declares.
#[derive(Debug)]
pub(crate) enum Role {
    Column(Box<Column>),
    Relationship(Box<Relationship>),
}

/// How a column's value lies in its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As itself.
    Plain,
    /// In an `Option`.
    Optional,
    /// In an `Auto`.
    Auto,
}

/// A column.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its name in the database.
    pub(crate) name: Name,
    pub(crate) shape: Shape,
    /// The type of its values: the field's without `Auto`.
    pub(crate) value: Type,
    /// The type of its values without `Auto` and `Option`.
    pub(crate) bare: Type,
    pub(crate) key: Option<Span>,
    pub(crate) version: Option<Span>,
    pub(crate) unique: bool,
    pub(crate) index: bool,
    pub(crate) length: Option<LitInt>,
    pub(crate) default: Option<Expr>,
    pub(crate) server_default: Option<LitStr>,
    pub(crate) check: Option<LitStr>,
    pub(crate) references: Option<Expr>,
    pub(crate) actions: Actions,
}

impl Field {
    /// Reads a field; none if it cannot be told what it is.
    pub(super) fn read(field: &syn::Field, errors: &mut Errors) -> Option<Self> {
        let ident = field.ident.clone()?;
        let name = Name::of_field(&ident);
        let role = match relationship_attribute(field, errors)? {
            Some(attribute) => {
                refuse_column_attributes(field, errors);
                Role::Relationship(Box::new(Relationship::read(
                    &name, &field.ty, attribute, errors,
                )?))
            }
            None => Role::Column(Box::new(Column::read(name.clone(), field, errors))),
        };
        Some(Self { ident, vis: field.vis.clone(), name: name.text, ty: field.ty.clone(), role })
    }
}

/// The attribute that makes the field a relationship, if it is one; none in the outer option if
/// attribute and type do not fit each other.
fn relationship_attribute<'f>(
    field: &'f syn::Field,
    errors: &mut Errors,
) -> Option<Option<&'f Attribute>> {
    let by_type =
        outer(&field.ty).and_then(|(name, _)| RELATIONSHIPS.iter().find(|(ty, _)| name == ty));
    let mut by_attribute = RELATIONSHIPS.iter().filter_map(|known| {
        let attribute = field.attrs.iter().find(|one| one.path().is_ident(known.1))?;
        Some((known, attribute))
    });
    let first = by_attribute.next();
    if let Some((known, second)) = by_attribute.next() {
        let text = format!("a field is one relationship; remove `#[{}]` or the other one", known.1);
        errors.on(second, text);
        return None;
    }
    match (first, by_type) {
        (None, None) => Some(None),
        (Some(((_, name), attribute)), Some((_, wanted))) if name == wanted => {
            only(&field.attrs, name, errors);
            Some(Some(attribute))
        }
        (None, Some((ty, name))) => {
            errors.on(&field.ty, format!("a `{ty}` says what it goes by: add `#[{name}(...)]`"));
            None
        }
        (Some(((ty, name), _)), _) => {
            let text =
                format!("the type of a `#[{name}]` field is `{ty}<...>`; change one of the two");
            errors.on(&field.ty, text);
            None
        }
    }
}

fn refuse_column_attributes(field: &syn::Field, errors: &mut Errors) {
    for attribute in &field.attrs {
        if attribute.path().is_ident("key") {
            errors.on(
                attribute,
                "a key is made of columns; \
                 declare the foreign key's column as a field with `#[key]`, and name it in `#[belongs_to(column = \"...\")]`",
            );
        }
        if attribute.path().is_ident("column") || attribute.path().is_ident("version") {
            errors.on(
                attribute,
                "this field is a relationship; write its options into that attribute",
            );
        }
    }
}

impl Column {
    fn read(name: Name, field: &syn::Field, errors: &mut Errors) -> Self {
        let mut options_of = |grammar: &'static Grammar| {
            only(&field.attrs, grammar.name, errors)
                .map(|attribute| Options::read(attribute, grammar, errors))
        };
        let (key, version) = (options_of(&KEY), options_of(&VERSION));
        let options = options_of(&COLUMN).unwrap_or_else(|| Options::none(&COLUMN));
        let (shape, value, bare) = shape_of(&field.ty, errors);
        let in_column = options.flag("version", errors).then(|| options.span_of("version"));
        if let (Some(_), Some(span)) = (&version, in_column) {
            errors.at(span, "the version column is marked twice; remove one of the marks");
        }
        let column = Self {
            name: options.text("rename", errors).map_or(name, |text| Name::of_text(&text)),
            shape,
            value,
            bare,
            key: key.map(|options| options.span()),
            version: version.map(|options| options.span()).or(in_column),
            unique: options.flag("unique", errors),
            index: options.flag("index", errors),
            length: options.number("length", errors),
            default: options.value("default", errors),
            server_default: options.text("server_default", errors),
            check: options.text("check", errors),
            references: options.value("references", errors),
            actions: Actions::read(&options, errors),
        };
        if column.references.is_none() && !column.actions.is_empty() && !options.has("references") {
            errors.at(
                options.span(),
                "only a foreign key has `on_delete`, `on_update` and `deferrable`; \
                 add `references = Parent::ID`, or write them on the `belongs_to`",
            );
        }
        column.check_type(errors);
        column
    }

    /// What can be told from the type alone.
    fn check_type(&self, errors: &mut Errors) {
        if let Some(reason) = unsupported(&self.bare) {
            errors.on(&self.bare, reason);
        }
        if let Some(length) = &self.length
            && !is_named(&self.bare, &["String"])
        {
            errors.on(length, "only a `String` has a `length`; remove it");
        }
        if let (Shape::Auto, Some(default)) = (self.shape, &self.default) {
            errors.on(
                default,
                "an `Auto` field leaves its value to the database; \
                 remove the `default`, or the `Auto`",
            );
        }
        if let (Shape::Optional, Some(span)) = (self.shape, self.key) {
            errors.at(span, "a key cannot be NULL; remove the `Option`");
        }
        if let Some(span) = self.version {
            let counts =
                self.shape != Shape::Optional && is_named(&self.bare, &["i16", "i32", "i64"]);
            if !counts {
                errors.at(span, "a version counts the updates of a row; make the field an `i64` or an `Auto<i64>`");
            }
            if self.key.is_some() {
                errors.at(span, "a key never changes, and a version always does; use two fields");
            }
        }
    }
}

fn shape_of(ty: &Type, errors: &mut Errors) -> (Shape, Type, Type) {
    if let Some(value) = within("Auto", ty) {
        if within("Option", value).is_some() {
            errors.on(ty, AUTO_OR_OPTION);
            return (Shape::Plain, value.clone(), value.clone());
        }
        return (Shape::Auto, value.clone(), value.clone());
    }
    if let Some(bare) = within("Option", ty) {
        if within("Auto", bare).is_some() {
            errors.on(ty, AUTO_OR_OPTION);
            return (Shape::Plain, bare.clone(), bare.clone());
        }
        return (Shape::Optional, ty.clone(), bare.clone());
    }
    (Shape::Plain, ty.clone(), ty.clone())
}

const AUTO_OR_OPTION: &str = "`Auto` is a value that the database makes, `Option` one that can be NULL; \
     choose one of them";
