//! Words: cascades, actions and orders, as attributes spell them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::LitStr;

use crate::errors::Errors;

/// One of the six cascades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cascade {
    SaveUpdate,
    Merge,
    RefreshExpire,
    Expunge,
    Delete,
    DeleteOrphan,
}

impl Cascade {
    const ALL: [(&'static str, Cascade); 6] = [
        ("save-update", Cascade::SaveUpdate),
        ("merge", Cascade::Merge),
        ("refresh-expire", Cascade::RefreshExpire),
        ("expunge", Cascade::Expunge),
        ("delete", Cascade::Delete),
        ("delete-orphan", Cascade::DeleteOrphan),
    ];

    fn variant(self) -> Ident {
        Ident::new(&format!("{self:?}"), Span::call_site())
    }
}

/// The cascades of one relationship.
#[derive(Debug)]
pub(crate) struct Cascades {
    set: Vec<Cascade>,
    /// The text they were read from.
    pub(crate) text: LitStr,
}

impl Cascades {
    /// Reads words that are separated by commas; every unknown one is a mistake.
    pub(crate) fn read(text: LitStr, errors: &mut Errors) -> Self {
        let mut set = Vec::new();
        let mut none = false;
        let mut unknown = Vec::new();
        for word in text.value().split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match (word, Cascade::ALL.iter().find(|(known, _)| *known == word)) {
                ("all", _) => set.extend(Cascade::ALL.map(|(_, one)| one).into_iter().take(5)),
                ("none", _) => none = true,
                (_, Some((_, one))) => set.push(*one),
                (word, None) => unknown.push(format!("`{word}`")),
            }
        }
        if !unknown.is_empty() {
            let words = Cascade::ALL.map(|(word, _)| word).join(", ");
            let unknown = unknown.join(" and ");
            let text_of_all = "all (all but delete-orphan) and none";
            let message =
                format!("no cascade is called {unknown}; the words are {words}, {text_of_all}");
            errors.on(&text, message);
        }
        if none {
            set.clear();
        }
        set.sort_by_key(|&one| one as u8);
        set.dedup();
        Self { set, text }
    }

    /// Whether the set has the cascade.
    pub(crate) fn has(&self, cascade: Cascade) -> bool {
        self.set.contains(&cascade)
    }

    /// The set for the definition.
    pub(crate) fn tokens(&self) -> TokenStream {
        let variants = self.set.iter().map(|one| one.variant());
        quote! {
            ::entail::__private::mapping::Cascades::of(
                &[#(::entail::__private::mapping::Cascade::#variants),*],
            )
        }
    }
}

/// What the database does with referring rows.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    variant: &'static str,
    /// Where it is written.
    pub(crate) text: LitStr,
}

const ACTIONS: [(&str, &str); 5] = [
    ("no action", "NoAction"),
    ("restrict", "Restrict"),
    ("cascade", "Cascade"),
    ("set null", "SetNull"),
    ("set default", "SetDefault"),
];

impl Action {
    fn read(text: LitStr, errors: &mut Errors) -> Option<Self> {
        let word = text.value().to_lowercase().replace('_', " ");
        let found = ACTIONS.iter().find(|(known, _)| *known == word);
        if found.is_none() {
            let words = ACTIONS.map(|(word, _)| word).join(", ");
            errors.on(&text, format!("no action is called `{word}`; the words are {words}"));
        }
        found.map(|&(_, variant)| Self { variant, text })
    }

    /// Whether it sets the columns to NULL.
    pub(crate) fn is_set_null(&self) -> bool {
        self.variant == "SetNull"
    }
}

/// What a foreign key says about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions {
    pub(crate) on_delete: Option<Action>,
    pub(crate) on_update: Option<Action>,
    deferrable: Option<&'static str>,
}

impl Actions {
    /// Reads the three options.
    pub(crate) fn read(options: &super::options::Options, errors: &mut Errors) -> Self {
        let on_delete = options.text("on_delete", errors);
        let on_update = options.text("on_update", errors);
        let deferrable = options.text("deferrable", errors);
        Self {
            on_delete: on_delete.and_then(|text| Action::read(text, errors)),
            on_update: on_update.and_then(|text| Action::read(text, errors)),
            deferrable: deferrable.and_then(|text| read_deferrable(&text, errors)),
        }
    }

    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        self.on_delete.is_none() && self.on_update.is_none() && self.deferrable.is_none()
    }

    /// Whether both say the same.
    pub(crate) fn agrees_with(&self, other: &Actions) -> bool {
        let said = |actions: &Actions| {
            let variant = |action: &Option<Action>| action.as_ref().map(|one| one.variant);
            (variant(&actions.on_delete), variant(&actions.on_update), actions.deferrable)
        };
        said(self) == said(other)
    }

    /// The fields of a `ForeignKeyDefinition`, for those that are given.
    pub(crate) fn tokens(&self) -> TokenStream {
        let action = |field: &str, action: &Option<Action>| {
            action.as_ref().map(|action| {
                let field = Ident::new(field, Span::call_site());
                let variant = Ident::new(action.variant, Span::call_site());
                quote!(#field: ::entail::__private::mapping::Action::#variant,)
            })
        };
        let on_delete = action("on_delete", &self.on_delete);
        let on_update = action("on_update", &self.on_update);
        let deferrable = self.deferrable.map(|variant| {
            let variant = Ident::new(variant, Span::call_site());
            quote!(deferrable: ::entail::__private::mapping::Deferrable::#variant,)
        });
        quote!(#on_delete #on_update #deferrable)
    }
}

fn read_deferrable(text: &LitStr, errors: &mut Errors) -> Option<&'static str> {
    match text.value().as_str() {
        "immediate" => Some("InitiallyImmediate"),
        "deferred" => Some("InitiallyDeferred"),
        _ => {
            errors.on(
                text,
                "write `deferrable = \"deferred\"` (checked at COMMIT) \
                 or `deferrable = \"immediate\"` (until a transaction asks for later)",
            );
            None
        }
    }
}

/// The order of the members of a relationship.
#[derive(Debug)]
pub(crate) struct OrderBy {
    /// The columns of the target, and whether they descend.
    columns: Vec<(String, &'static str)>,
}

impl OrderBy {
    /// Reads columns that are separated by commas, each with `asc` or `desc` behind it or not.
    pub(crate) fn read(text: &LitStr, errors: &mut Errors) -> Self {
        let mut columns = Vec::new();
        for part in text.value().split(',') {
            let mut words = part.split_whitespace();
            let (column, direction) = (words.next(), words.next().map(str::to_lowercase));
            match (column, direction.as_deref(), words.next()) {
                (Some(column), None | Some("asc"), None) => {
                    columns.push((column.to_owned(), "Ascending"));
                }
                (Some(column), Some("desc"), None) => {
                    columns.push((column.to_owned(), "Descending"));
                }
                _ => errors.on(text, "write columns of the target, such as \"street desc, id\""),
            }
        }
        Self { columns }
    }

    /// The list for the definition.
    pub(crate) fn tokens(&self) -> TokenStream {
        let orders = self.columns.iter().map(|(column, direction)| {
            let direction = Ident::new(direction, Span::call_site());
            quote! {
                ::entail::__private::mapping::OrderBy {
                    column: ::std::string::String::from(#column),
                    direction: ::entail::__private::mapping::Direction::#direction,
                }
            }
        });
        quote!(::std::vec![#(#orders),*])
    }
}
