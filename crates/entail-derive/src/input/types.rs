//! Types: what the macro reads off the type of a field.

use syn::{GenericArgument, Ident, PathArguments, Type};

/// The name of a type and its only type argument: `Option` and `T` of `Option<T>`.
pub(crate) fn outer(ty: &Type) -> Option<(&Ident, Option<&Type>)> {
    match ty {
        Type::Group(group) => outer(&group.elem),
        Type::Paren(paren) => outer(&paren.elem),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let argument = match &last.arguments {
                PathArguments::AngleBracketed(arguments) if arguments.args.len() == 1 => {
                    match arguments.args.first() {
                        Some(GenericArgument::Type(ty)) => Some(ty),
                        _ => None,
                    }
                }
                _ => None,
            };
            Some((&last.ident, argument))
        }
        _ => None,
    }
}

/// The `T` of `Wrapper<T>`.
pub(crate) fn within<'t>(wrapper: &str, ty: &'t Type) -> Option<&'t Type> {
    let (name, argument) = outer(ty)?;
    argument.filter(|_| name == wrapper)
}

/// Whether the type has one of the names.
pub(crate) fn is_named(ty: &Type, names: &[&str]) -> bool {
    outer(ty).is_some_and(|(name, _)| names.iter().any(|known| name == known))
}

/// Why no column has this type, where that can be told from its name.
pub(crate) fn unsupported(ty: &Type) -> Option<&'static str> {
    if let Type::Reference(_) = ty {
        return Some("an entity owns its values; use `String` or `Vec<u8>`");
    }
    let (name, argument) = outer(ty)?;
    match name.to_string().as_str() {
        "i8" | "u8" | "u16" | "u32" | "u64" | "usize" | "isize" | "u128" | "i128" => {
            Some("no column holds this integer on all databases; use `i16`, `i32` or `i64`")
        }
        "char" => Some("no column holds a single character; use `String`"),
        "Vec" if !argument.is_some_and(|of| is_named(of, &["u8"])) => {
            Some("no column holds a list; use an entity with a `has_many` to it, or `Vec<u8>`")
        }
        _ => None,
    }
}
