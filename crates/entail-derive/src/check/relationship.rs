//! Checks on the options of relationships.

use crate::errors::Errors;
use crate::input::{
    BelongsTo, Cascade, Direction, Entity, Field, Link, PassiveDeletes, Relationship,
};
use crate::layout::Layout;

/// Checks the relationships of an entity.
pub(super) fn check(entity: &Entity, layout: &Layout, errors: &mut Errors) {
    for (_, _, relationship) in entity.relationships() {
        check_cascade(relationship, errors);
    }
    for (index, field, relationship, belongs_to) in entity.belongs_to() {
        check_belongs_to(field, relationship, belongs_to, errors);
        if let Some(tie) = layout.ties.iter().find(|tie| tie.field == index && tie.shared) {
            check_shared(field, belongs_to, &tie.columns, layout, errors);
        }
    }
    for (_, _, relationship) in entity.relationships() {
        if let Direction::ManyToMany(link) = &relationship.direction {
            check_link(entity, link, errors);
        }
    }
}

fn check_cascade(relationship: &Relationship, errors: &mut Errors) {
    let Some(cascade) = &relationship.cascade else { return };
    let deletes = cascade.has(Cascade::Delete);
    let orphans = cascade.has(Cascade::DeleteOrphan);
    let owns = matches!(relationship.direction, Direction::HasMany(_) | Direction::HasOne(_));
    if orphans && !deletes {
        errors.on(
            &cascade.text,
            "`delete-orphan` needs `delete`, or a deleted parent would leave its children; \
             write \"all, delete-orphan\"",
        );
    }
    if orphans && !owns && !relationship.single_parent {
        errors.on(
            &cascade.text,
            "the target can have several parents here, so that none makes it an orphan; \
             add `single_parent`, or move `delete-orphan` to the `has_many` or `has_one`",
        );
    }
    if let (PassiveDeletes::All(span), true) = (relationship.passive_deletes, deletes || orphans) {
        errors.at(
            span,
            "with \"all\" the database alone takes care of the children; \
             remove `delete` and `delete-orphan` from the cascade, or write `passive_deletes`",
        );
    }
}

fn check_belongs_to(
    field: &Field,
    relationship: &Relationship,
    belongs_to: &BelongsTo,
    errors: &mut Errors,
) {
    if let (Some(span), false) = (relationship.post_update, belongs_to.nullable) {
        errors.at(
            span,
            "the row is inserted before its parent is known, so the foreign key must be able \
             to be NULL: use `BelongsTo<Option<...>>`, or remove `post_update`",
        );
    }
    for (index, name) in belongs_to.columns.iter().enumerate() {
        if belongs_to.columns[..index].iter().any(|other| other.text == name.text) {
            let text = format!("`{}` goes by the column `{}` twice", field.name, name.text);
            errors.at(name.span, text);
        }
    }
}

/// A `belongs_to` over declared fields can be NULL if they can.
fn check_shared(
    field: &Field,
    belongs_to: &BelongsTo,
    columns: &[usize],
    layout: &Layout,
    errors: &mut Errors,
) {
    let nullable = columns.iter().find(|&&column| layout.columns[column].nullable);
    match (nullable, belongs_to.nullable) {
        (Some(&column), false) => {
            let name = &layout.columns[column].name.text;
            let text = format!(
                "its column `{name}` can be NULL; write `BelongsTo<Option<...>>` here, \
                 or remove the `Option` there"
            );
            errors.on(&field.ty, text);
        }
        (None, true) => errors.on(
            &field.ty,
            "its columns cannot be NULL; remove the `Option` here, or put one around their types",
        ),
        _ => {}
    }
}

fn check_link(entity: &Entity, link: &Link, errors: &mut Errors) {
    let keys = entity.key().count();
    if keys != link.local.len() && keys > 0 {
        let text = format!(
            "`local` names {} column(s), but the key of `{}` has {keys}; name as many",
            link.local.len(),
            entity.name()
        );
        errors.at(link.local[0].span, text);
    }
    let all: Vec<_> = link.local.iter().chain(&link.remote).collect();
    for (index, name) in all.iter().enumerate() {
        if all[..index].iter().any(|other| other.text == name.text) {
            let text = format!(
                "the association table has the column `{}` once; \
                 `local` and `remote` need columns of their own",
                name.text
            );
            errors.at(name.span, text);
        }
    }
    let actions = [&link.actions.on_delete, &link.actions.on_update];
    for action in actions.into_iter().flatten().filter(|action| action.is_set_null()) {
        errors.on(
            &action.text,
            "the columns of an association table are its key and cannot be NULL; \
             choose \"cascade\" or another action",
        );
    }
}
