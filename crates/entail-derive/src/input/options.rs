//! Options: what stands between the parentheses of an attribute.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Expr, ExprLit, Ident, Lit, LitInt, LitStr, Meta, Token, parenthesized, token,
};

use crate::errors::Errors;

use super::Name;

/// What an attribute can say.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it takes without a name in front, such as `Address::USER`.
    pub(crate) unnamed: Option<&'static str>,
    /// Its options.
    pub(crate) options: &'static [&'static str],
    /// Those of them that may be repeated.
    pub(crate) repeatable: &'static [&'static str],
    /// Options that belong elsewhere, and where that is.
    pub(crate) elsewhere: &'static [(&'static str, &'static str)],
}

/// The options of one attribute as they were written.
#[derive(Debug)]
pub(crate) struct Options {
    grammar: &'static Grammar,
    span: Span,
    unnamed: Option<Expr>,
    given: Vec<Given>,
}

#[derive(Debug)]
struct Given {
    name: Ident,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Flag,
    Is(Expr),
    List(Vec<Expr>),
}

enum Argument {
    Unnamed(Expr),
    Named(Given),
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(Ident::peek_any) || input.peek2(Token![::]) {
            return Ok(Argument::Unnamed(input.parse()?));
        }
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Is(input.parse()?)
        } else if input.peek(token::Paren) {
            let content;
            parenthesized!(content in input);
            let list = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
            Value::List(list.into_iter().collect())
        } else {
            Value::Flag
        };
        Ok(Argument::Named(Given { name, value }))
    }
}

impl Options {
    /// No options at all, for a field without the attribute.
    pub(crate) fn none(grammar: &'static Grammar) -> Self {
        Self { grammar, span: Span::call_site(), unnamed: None, given: Vec::new() }
    }

    /// Reads an attribute. Options that it does not have and repeated ones are mistakes.
    pub(crate) fn read(
        attribute: &Attribute,
        grammar: &'static Grammar,
        errors: &mut Errors,
    ) -> Self {
        let mut options = Self::none(grammar);
        if let Some(name) = attribute.path().get_ident() {
            options.span = name.span();
        }
        let arguments = match &attribute.meta {
            Meta::Path(_) => return options,
            Meta::List(list) => {
                list.parse_args_with(Punctuated::<Argument, Token![,]>::parse_terminated)
            }
            Meta::NameValue(meta) => {
                let text = format!("write the options in parentheses: `#[{}(...)]`", grammar.name);
                Err(syn::Error::new_spanned(meta, text))
            }
        };
        match arguments {
            Ok(arguments) => {
                arguments.into_iter().for_each(|argument| options.take(argument, errors));
            }
            Err(error) => errors.push(error),
        }
        options
    }

    fn take(&mut self, argument: Argument, errors: &mut Errors) {
        match argument {
            Argument::Unnamed(expr) => match (self.grammar.unnamed, &self.unnamed) {
                (None, _) => errors.on(&expr, self.unknown("this")),
                (Some(what), Some(_)) => errors.on(&expr, format!("{what} is given twice")),
                (Some(_), None) => self.unnamed = Some(expr),
            },
            Argument::Named(given) => {
                let name = given.name.to_string();
                let elsewhere = self.grammar.elsewhere.iter().find(|(known, _)| *known == name);
                if let Some((_, place)) = elsewhere {
                    let text = format!("`{name}` belongs {place}; move it there");
                    errors.at(given.name.span(), text);
                } else if !self.grammar.options.contains(&name.as_str()) {
                    errors.at(given.name.span(), self.unknown(&format!("`{name}`")));
                } else if self.has(&name) && !self.grammar.repeatable.contains(&name.as_str()) {
                    errors.at(given.name.span(), format!("`{name}` is given twice; keep one"));
                } else {
                    self.given.push(given);
                }
            }
        }
    }

    fn unknown(&self, what: &str) -> String {
        let Grammar { name, options, .. } = self.grammar;
        format!("{what} is no option of `#[{name}]`; it takes {}", options.join(", "))
    }

    /// The place of the attribute.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// The place of an option, or that of the attribute without it.
    pub(crate) fn span_of(&self, name: &str) -> Span {
        self.find(name).map_or(self.span, |given| given.name.span())
    }

    /// Whether the option is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.name == name)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &Given> {
        self.given.iter().filter(move |given| given.name == name)
    }

    /// What stands there without a name.
    pub(crate) fn unnamed(&self) -> Option<&Expr> {
        self.unnamed.as_ref()
    }

    /// An option that is there or not, or is `true` or `false`; none if it is not there.
    pub(crate) fn truth(&self, name: &str, errors: &mut Errors) -> Option<bool> {
        let given = self.find(name)?;
        match &given.value {
            Value::Flag => return Some(true),
            Value::Is(Expr::Lit(ExprLit { lit: Lit::Bool(truth), .. })) => {
                return Some(truth.value);
            }
            Value::Is(_) | Value::List(_) => {}
        }
        errors.at(given.name.span(), format!("write `{name}`, or `{name} = false`"));
        None
    }

    /// Whether an option is there and not `false`.
    pub(crate) fn flag(&self, name: &str, errors: &mut Errors) -> bool {
        self.truth(name, errors) == Some(true)
    }

    /// The text of `name = "text"`.
    pub(crate) fn text(&self, name: &str, errors: &mut Errors) -> Option<LitStr> {
        text(self.find(name)?, errors)
    }

    /// The text of `name = "text"`, where the option may also be something else.
    pub(crate) fn text_if_given(&self, name: &str) -> Option<LitStr> {
        match &self.find(name)?.value {
            Value::Is(expr) => literal(expr),
            Value::Flag | Value::List(_) => None,
        }
    }

    /// The texts of every `name = "text"`.
    pub(crate) fn repeated_text(&self, name: &str, errors: &mut Errors) -> Vec<LitStr> {
        self.all(name).filter_map(|given| text(given, errors)).collect()
    }

    /// The texts of `name = "a"` or `name("a", "b")`.
    pub(crate) fn texts(&self, name: &str, errors: &mut Errors) -> Vec<LitStr> {
        let Some(given) = self.find(name) else { return Vec::new() };
        let texts: Option<Vec<LitStr>> = given.values().iter().map(|&expr| literal(expr)).collect();
        match texts {
            Some(texts) if !texts.is_empty() => texts,
            _ => {
                let text = format!("write `{name} = \"a\"`, or `{name}(\"a\", \"b\")`");
                errors.at(given.name.span(), text);
                Vec::new()
            }
        }
    }

    /// The number of `name = 50`.
    pub(crate) fn number(&self, name: &str, errors: &mut Errors) -> Option<LitInt> {
        let given = self.find(name)?;
        if let Value::Is(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) = &given.value
            && number.base10_parse::<u32>().is_ok()
        {
            return Some(number.clone());
        }
        errors.at(given.name.span(), format!("write `{name} = 50`, a number of up to 32 bits"));
        None
    }

    /// The expression of `name = EXPR`.
    pub(crate) fn value(&self, name: &str, errors: &mut Errors) -> Option<Expr> {
        let given = self.find(name)?;
        if let Value::Is(expr) = &given.value {
            return Some(expr.clone());
        }
        errors.at(given.name.span(), format!("write `{name} = ...`"));
        None
    }

    /// The expressions of `name = A` or `name(A, B)`.
    pub(crate) fn values(&self, name: &str, errors: &mut Errors) -> Vec<Expr> {
        let Some(given) = self.find(name) else { return Vec::new() };
        let values: Vec<Expr> = given.values().into_iter().cloned().collect();
        if values.is_empty() {
            errors.at(given.name.span(), format!("write `{name} = A`, or `{name}(A, B)`"));
        }
        values
    }

    /// The names of every `name(a, b)`; each of them an identifier or a text.
    pub(crate) fn repeated_names(&self, name: &str, errors: &mut Errors) -> Vec<Vec<Name>> {
        let mut lists = Vec::new();
        for given in self.all(name) {
            let names: Option<Vec<Name>> =
                given.values().iter().map(|&expr| name_of(expr)).collect();
            match names {
                Some(names) if !names.is_empty() => lists.push(names),
                _ => errors.at(given.name.span(), format!("name the fields: `{name}(a, b)`")),
            }
        }
        lists
    }
}

impl Given {
    fn values(&self) -> Vec<&Expr> {
        match &self.value {
            Value::Flag => Vec::new(),
            Value::Is(expr) => vec![expr],
            Value::List(list) => list.iter().collect(),
        }
    }
}

fn text(given: &Given, errors: &mut Errors) -> Option<LitStr> {
    if let Value::Is(expr) = &given.value
        && let Some(text) = literal(expr)
    {
        return Some(text);
    }
    errors.at(given.name.span(), format!("write `{} = \"...\"`", given.name));
    None
}

fn literal(expr: &Expr) -> Option<LitStr> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

fn name_of(expr: &Expr) -> Option<Name> {
    match expr {
        Expr::Path(path) => path.path.get_ident().map(Name::of_field),
        expr => literal(expr).map(|text| Name::of_text(&text)),
    }
}
