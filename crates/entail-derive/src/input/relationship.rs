//! Relationships: what the four attributes say.

use proc_macro2::Span;
use syn::{Attribute, Expr, LitStr, Type};

use crate::errors::Errors;

use super::options::{Grammar, Options};
use super::types::{outer, within};
use super::words::{Actions, Cascades, OrderBy};
use super::{Name, Table};

const ON_BELONGS_TO: &str = "on the `belongs_to` of the other entity, which has the foreign key";

const BELONGS_TO: Grammar = Grammar {
    name: "belongs_to",
    unnamed: None,
    options: &[
        "column",
        "columns",
        "references",
        "back_populates",
        "cascade",
        "on_delete",
        "on_update",
        "deferrable",
        "unique",
        "index",
        "single_parent",
        "post_update",
        "viewonly",
        "passive_updates",
        "passive_deletes",
    ],
    repeatable: &[],
    elsewhere: &[],
};

const HAS_MANY: Grammar = Grammar {
    name: "has_many",
    unnamed: Some("the other side"),
    options: &[
        "column",
        "columns",
        "cascade",
        "passive_deletes",
        "passive_updates",
        "order_by",
        "viewonly",
        "post_update",
    ],
    repeatable: &[],
    elsewhere: &[
        ("on_delete", ON_BELONGS_TO),
        ("on_update", ON_BELONGS_TO),
        ("deferrable", ON_BELONGS_TO),
        ("unique", ON_BELONGS_TO),
        ("index", ON_BELONGS_TO),
        ("back_populates", "on the `belongs_to`, while here the other side has no name in front"),
    ],
};

const HAS_ONE: Grammar = Grammar { name: "has_one", ..HAS_MANY };

const MANY_TO_MANY: Grammar = Grammar {
    name: "many_to_many",
    unnamed: None,
    options: &[
        "table",
        "schema",
        "entity",
        "local",
        "remote",
        "back_populates",
        "cascade",
        "passive_deletes",
        "passive_updates",
        "order_by",
        "single_parent",
        "viewonly",
        "on_delete",
        "on_update",
        "deferrable",
    ],
    repeatable: &[],
    elsewhere: &[],
};

/// A relationship.
#[derive(Debug)]
pub(crate) struct Relationship {
    pub(crate) direction: Direction,
    /// The entity it leads to.
    pub(crate) target: Type,
    /// The constant of the relationship that leads back.
    pub(crate) inverse: Option<Expr>,
    pub(crate) cascade: Option<Cascades>,
    pub(crate) passive_deletes: PassiveDeletes,
    pub(crate) passive_updates: bool,
    pub(crate) single_parent: bool,
    pub(crate) post_update: Option<Span>,
    pub(crate) viewonly: bool,
    pub(crate) order_by: Option<OrderBy>,
}

/// Which way a relationship goes, and by what.
#[derive(Debug)]
pub(crate) enum Direction {
    BelongsTo(BelongsTo),
    HasMany(Via),
    HasOne(Via),
    ManyToMany(Link),
}

/// A relationship whose foreign key lies in this table.
#[derive(Debug)]
pub(crate) struct BelongsTo {
    pub(crate) nullable: bool,
    pub(crate) columns: Vec<Name>,
    /// Constants of the columns it refers to; none for the key.
    pub(crate) references: Vec<Expr>,
    pub(crate) actions: Actions,
    pub(crate) unique: bool,
    pub(crate) index: bool,
}

/// How the foreign key on the other side is named.
#[derive(Debug)]
pub(crate) enum Via {
    Inverse,
    Columns(Vec<LitStr>),
}

/// The association table of a many-to-many.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) table: LinkTable,
    pub(crate) local: Vec<Name>,
    pub(crate) remote: Vec<Name>,
    pub(crate) actions: Actions,
}

/// Who declares an association table.
#[derive(Debug)]
pub(crate) enum LinkTable {
    /// The relationship itself.
    Own(Table),
    /// An entity.
    Of(Expr),
}

/// Whether the database takes care of children.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PassiveDeletes {
    No,
    Yes,
    All(Span),
}

impl Relationship {
    /// Reads a relationship field; none if it cannot be told where it leads.
    pub(super) fn read(
        field: &Name,
        ty: &Type,
        attribute: &Attribute,
        errors: &mut Errors,
    ) -> Option<Self> {
        let Some((kind, Some(argument))) = outer(ty) else {
            errors.on(ty, "say which entity it leads to, such as `HasMany<Address>`");
            return None;
        };
        let read = |grammar, errors: &mut Errors| Options::read(attribute, grammar, errors);
        let mut target = argument;
        let (options, direction) = if kind == "BelongsTo" {
            let options = read(&BELONGS_TO, errors);
            let entity = within("Option", argument);
            target = entity.unwrap_or(argument);
            let belongs_to = BelongsTo::read(field, entity.is_some(), &options, errors);
            (options, Direction::BelongsTo(belongs_to))
        } else if kind == "HasMany" {
            let options = read(&HAS_MANY, errors);
            let via = Via::read(&options, errors)?;
            (options, Direction::HasMany(via))
        } else if kind == "HasOne" {
            let options = read(&HAS_ONE, errors);
            let via = Via::read(&options, errors)?;
            (options, Direction::HasOne(via))
        } else {
            let options = read(&MANY_TO_MANY, errors);
            let link = Link::read(&options, errors)?;
            (options, Direction::ManyToMany(link))
        };
        let inverse = options.value("back_populates", errors);
        Some(Self {
            direction,
            target: target.clone(),
            inverse: inverse.or_else(|| options.unnamed().cloned()),
            cascade: options.text("cascade", errors).map(|text| Cascades::read(text, errors)),
            passive_deletes: PassiveDeletes::read(&options, errors),
            passive_updates: options.truth("passive_updates", errors).unwrap_or(true),
            single_parent: options.flag("single_parent", errors),
            post_update: options
                .flag("post_update", errors)
                .then(|| options.span_of("post_update")),
            viewonly: options.flag("viewonly", errors),
            order_by: options.text("order_by", errors).map(|text| OrderBy::read(&text, errors)),
        })
    }
}

impl Relationship {
    /// Whether it leads to a list.
    pub(crate) fn is_many(&self) -> bool {
        matches!(self.direction, Direction::HasMany(_) | Direction::ManyToMany(_))
    }
}

impl BelongsTo {
    fn read(field: &Name, nullable: bool, options: &Options, errors: &mut Errors) -> Self {
        let mut columns: Vec<Name> = columns(options, errors).iter().map(Name::of_text).collect();
        if columns.is_empty() {
            columns.push(Name { text: format!("{}_id", field.text), span: field.span });
        }
        let references = options.values("references", errors);
        if !references.is_empty() && references.len() != columns.len() {
            let text = format!(
                "the foreign key has {} column(s) and refers to {}; name as many",
                columns.len(),
                references.len()
            );
            errors.at(options.span_of("references"), text);
        }
        Self {
            nullable,
            columns,
            references,
            actions: Actions::read(options, errors),
            unique: options.flag("unique", errors),
            index: options.flag("index", errors),
        }
    }
}

impl Via {
    fn read(options: &Options, errors: &mut Errors) -> Option<Self> {
        let columns = columns(options, errors);
        match (options.unnamed(), columns.is_empty()) {
            (Some(_), true) => Some(Via::Inverse),
            (None, false) => Some(Via::Columns(columns)),
            (Some(inverse), false) => {
                errors.on(inverse, "the other side knows its columns; remove `column`");
                None
            }
            (None, true) => {
                if !options.has("column") && !options.has("columns") {
                    errors.at(
                        options.span(),
                        "name the `belongs_to` that leads back, such as `Address::USER`; \
                         without one, the foreign key of the other table: `column = \"user_id\"`",
                    );
                }
                None
            }
        }
    }
}

impl Link {
    fn read(options: &Options, errors: &mut Errors) -> Option<Self> {
        let table = match (options.text("table", errors), options.value("entity", errors)) {
            (Some(table), None) => {
                let schema = options.text("schema", errors).map(|text| text.value());
                Some(LinkTable::Own(Table { name: table.value(), schema }))
            }
            (None, Some(entity)) => {
                if options.has("schema") {
                    let text = "an association entity has its schema; remove `schema`";
                    errors.at(options.span_of("schema"), text);
                }
                Some(LinkTable::Of(entity))
            }
            (Some(_), Some(entity)) => {
                errors.on(&entity, "an association entity has its table; remove `table`");
                None
            }
            (None, None) => {
                if !options.has("table") && !options.has("entity") {
                    errors.at(
                        options.span(),
                        "name the association table: `table = \"book_author\"`, \
                         or the entity that has it: `entity = BookAuthor`",
                    );
                }
                None
            }
        };
        let mut side = |name: &str, whom: &str| {
            let texts = options.texts(name, errors);
            if !options.has(name) {
                let text = format!(
                    "name the column of the association table that points at {whom}: \
                     `{name} = \"..._id\"`"
                );
                errors.at(options.span(), text);
            }
            texts.iter().map(Name::of_text).collect::<Vec<_>>()
        };
        let (local, remote) = (side("local", "this entity"), side("remote", "the other entity"));
        let actions = Actions::read(options, errors);
        if let (Some(LinkTable::Of(entity)), false) = (&table, actions.is_empty()) {
            errors.on(
                entity,
                "the association entity declares the foreign keys; \
                 move `on_delete`, `on_update` and `deferrable` there",
            );
        }
        let complete = !local.is_empty() && !remote.is_empty();
        table.filter(|_| complete).map(|table| Self { table, local, remote, actions })
    }
}

impl PassiveDeletes {
    fn read(options: &Options, errors: &mut Errors) -> Self {
        let name = "passive_deletes";
        if let Some(word) = options.text_if_given(name) {
            if word.value() == "all" {
                return PassiveDeletes::All(word.span());
            }
            errors.on(&word, "write `passive_deletes`, or `passive_deletes = \"all\"`");
            return PassiveDeletes::No;
        }
        if options.flag(name, errors) { PassiveDeletes::Yes } else { PassiveDeletes::No }
    }
}

/// The columns of `column = "a"` or `columns("a", "b")`.
fn columns(options: &Options, errors: &mut Errors) -> Vec<LitStr> {
    if options.has("column") && options.has("columns") {
        errors.at(options.span_of("columns"), "`column` is given already; keep one of them");
    }
    let name = if options.has("columns") { "columns" } else { "column" };
    options.texts(name, errors)
}
