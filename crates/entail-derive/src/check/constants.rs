//! Checks on the constants that fields and columns give their names to.

use crate::errors::Errors;
use crate::expand::constants::{Constant, of};
use crate::input::Entity;
use crate::layout::Layout;

/// No two constants have one name.
pub(super) fn check(entity: &Entity, layout: &Layout, errors: &mut Errors) {
    let constants = of(entity, layout);
    for (index, constant) in constants.iter().enumerate() {
        let Constant { ident, origin, implied, .. } = constant;
        if ident == "TABLE" {
            let text = format!(
                "{origin} makes the constant `TABLE`, which is the name of the table; \
                 call the field otherwise, and keep the column with `#[column(rename = \"...\")]`"
            );
            errors.at(ident.span(), text);
        }
        // Two fields that imply one column are told so already.
        let is_twin = |one: &&Constant| {
            one.ident == *ident && (one.implied.is_none() || one.implied != *implied)
        };
        if let Some(twin) = constants[..index].iter().find(is_twin) {
            let text = format!(
                "{} and {origin} both make the constant `{ident}`; rename one of the two",
                twin.origin
            );
            errors.at(ident.span(), text);
        }
    }
}
