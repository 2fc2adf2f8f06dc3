//! Checks: what must hold between the attributes of one struct.

mod constants;
mod relationship;

use crate::errors::Errors;
use crate::input::{Column, Entity, Field, Role, Shape, is_named, unsupported};
use crate::layout::Layout;

/// Finds everything that is wrong.
pub(crate) fn check(entity: &Entity, layout: &Layout, errors: &mut Errors) {
    check_key(entity, errors);
    check_versions(entity, errors);
    for (index, place) in layout.columns.iter().enumerate() {
        let field = &entity.fields[place.field()];
        if let Role::Column(column) = &field.role {
            check_auto(entity, layout, index, field, column, errors);
        }
    }
    check_set_null(layout, errors);
    relationship::check(entity, layout, errors);
    constants::check(entity, layout, errors);
}

fn check_key(entity: &Entity, errors: &mut Errors) {
    if let Some((_, column)) = entity.key().nth(4) {
        let span = column.key.unwrap_or(column.name.span);
        errors
            .at(span, "a key has at most four columns; use an `Auto` key and a unique constraint");
    }
}

fn check_versions(entity: &Entity, errors: &mut Errors) {
    let mut versions = entity.columns().filter_map(|(_, _, column)| column.version);
    versions.next();
    for span in versions {
        errors.at(span, "an entity has one version; remove this mark or the other one");
    }
}

/// An `Auto` column must get its value from somewhere.
fn check_auto(
    entity: &Entity,
    layout: &Layout,
    index: usize,
    field: &Field,
    column: &Column,
    errors: &mut Errors,
) {
    // A version starts by itself.
    let is_made =
        column.server_default.is_some() || column.version.is_some() || layout.is_shared(index);
    if column.shape != Shape::Auto || is_made || unsupported(&column.bare).is_some() {
        return;
    }
    let keys = entity.key().count();
    if column.key.is_none() && keys > 0 {
        errors.on(
            &field.ty,
            "an `Auto` column that is no key needs to say how the database makes the value: \
             add `#[column(server_default = \"...\")]`, or remove the `Auto`",
        );
    } else if keys > 1 {
        errors.on(
            &field.ty,
            "the database cannot make one of several key columns; remove the `Auto`, \
             add a `server_default`, or let a `belongs_to` go by this column",
        );
    } else if keys == 1 && !is_named(&column.bare, &["i16", "i32", "i64"]) {
        errors.on(
            &field.ty,
            "the database counts its keys in integers; use `Auto<i64>`, remove the `Auto`, \
             or add a `server_default`",
        );
    }
}

/// A column that cannot be NULL is not set to NULL.
fn check_set_null(layout: &Layout, errors: &mut Errors) {
    for key in &layout.foreign_keys {
        let mut places = key.columns.iter().map(|&column| &layout.columns[column]);
        let Some(place) = places.find(|place| !place.nullable) else { continue };
        let actions = [&key.actions.on_delete, &key.actions.on_update];
        for action in actions.into_iter().flatten().filter(|action| action.is_set_null()) {
            let text = format!(
                "`{}` cannot be NULL; make it so with an `Option` in the type, \
                 or choose another action",
                place.name.text
            );
            errors.on(&action.text, text);
        }
    }
}
