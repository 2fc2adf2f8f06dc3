//! Layout: where the columns of the table lie in the fields of the struct.

use syn::{Expr, Type};

use crate::errors::Errors;
use crate::input::{Actions, BelongsTo, Column, Entity, Field, Name};

/// The columns of an entity's table, and what lies over them.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) columns: Vec<Place>,
    /// One for each `belongs_to`, in their order.
    pub(crate) ties: Vec<Tie>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// Unique constraints over several columns.
    pub(crate) uniques: Vec<Vec<usize>>,
    pub(crate) uniques_nulls_not_distinct: Vec<Vec<usize>>,
    /// Indexes over several columns.
    pub(crate) indexes: Vec<Vec<usize>>,
}

/// A column and where its values are.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) name: Name,
    pub(crate) source: Source,
    pub(crate) nullable: bool,
    pub(crate) unique: bool,
    pub(crate) index: bool,
}

/// Where the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// In a field of its own.
    Field(usize),
    /// In the key that a `belongs_to` field holds.
    Implied { field: usize, part: usize },
}

/// The columns that a `belongs_to` goes by.
#[derive(Debug)]
pub(crate) struct Tie {
    /// The place of the `belongs_to` among the fields.
    pub(crate) field: usize,
    pub(crate) columns: Vec<usize>,
    /// Whether fields of their own hold the columns.
    pub(crate) shared: bool,
}

/// A foreign key of the table.
#[derive(Debug)]
pub(crate) struct ForeignKey {
    pub(crate) columns: Vec<usize>,
    pub(crate) to: Reference,
    pub(crate) actions: Actions,
    /// The field that declares it.
    field: Name,
}

/// What a foreign key refers to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reference {
    /// A column of another entity, by its constant.
    Column(Box<Expr>),
    /// The key of an entity.
    Key(Box<Type>),
    /// Columns of an entity, by their constants.
    Columns(Box<Type>, Vec<Expr>),
}

impl Layout {
    /// Lays out the columns of an entity.
    pub(crate) fn of(entity: &Entity, errors: &mut Errors) -> Self {
        let mut layout = Self::default();
        let declared: Vec<&str> =
            entity.columns().map(|(_, _, column)| column.name.text.as_str()).collect();
        for (index, field, column) in entity.columns() {
            layout.columns.push(Place::of_field(index, column));
            if let Some(references) = &column.references {
                let to = Reference::Column(Box::new(references.clone()));
                let name = Name::of_field(&field.ident);
                layout.foreign_keys.push(ForeignKey {
                    columns: vec![layout.columns.len() - 1],
                    to,
                    actions: column.actions.clone(),
                    field: name,
                });
            }
        }
        for (index, _, _, belongs_to) in entity.belongs_to() {
            layout.imply(index, belongs_to, &declared, errors);
        }
        layout.sort();
        layout.refuse_twins(entity, errors);
        for (index, field, relationship, belongs_to) in entity.belongs_to() {
            layout.tie(index, field, &relationship.target, belongs_to, errors);
        }
        layout.uniques.extend(layout.lists(entity, &entity.uniques, errors));
        layout.uniques_nulls_not_distinct =
            layout.lists(entity, &entity.uniques_nulls_not_distinct, errors);
        layout.indexes.extend(layout.lists(entity, &entity.indexes, errors));
        layout
    }

    /// Adds the columns of a `belongs_to` that no field holds.
    fn imply(
        &mut self,
        index: usize,
        belongs_to: &BelongsTo,
        declared: &[&str],
        errors: &mut Errors,
    ) {
        let mut missing =
            belongs_to.columns.iter().filter(|name| !declared.contains(&name.text.as_str()));
        let Some(first) = missing.next() else { return };
        if 1 + missing.count() < belongs_to.columns.len() {
            let text = format!(
                "`{}` is no field, but another column of this foreign key is; \
                 declare it as a field too",
                first.text
            );
            return errors.at(first.span, text);
        }
        if !belongs_to.references.is_empty() {
            let text = format!(
                "only a foreign key to the other entity's key can do without a field; \
                 declare a field `{}` of the type that it refers to",
                first.text
            );
            return errors.at(first.span, text);
        }
        for (part, name) in belongs_to.columns.iter().enumerate() {
            let name = Name { text: name.text.clone(), span: name.span };
            let source = Source::Implied { field: index, part };
            let nullable = belongs_to.nullable;
            self.columns.push(Place { name, source, nullable, unique: false, index: false });
        }
    }

    /// Brings the columns into the order of the fields.
    fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        order.sort_by_key(|&index| match self.columns[index].source {
            Source::Field(field) => (field, 0),
            Source::Implied { field, part } => (field, part),
        });
        for key in &mut self.foreign_keys {
            for column in &mut key.columns {
                *column = order.iter().position(|old| old == column).expect("all have a place");
            }
        }
        self.columns.sort_by_key(|place| match place.source {
            Source::Field(field) => (field, 0),
            Source::Implied { field, part } => (field, part),
        });
    }

    fn refuse_twins(&self, entity: &Entity, errors: &mut Errors) {
        for (index, place) in self.columns.iter().enumerate() {
            let twin = self.columns[..index].iter().find(|one| one.name.text == place.name.text);
            let Some(twin) = twin.filter(|twin| twin.field() != place.field()) else { continue };
            let name = |place: &Place| entity.fields[place.field()].name.clone();
            let text = format!(
                "the fields `{}` and `{}` both have the column `{}`; rename one, \
                 or declare the column as a field that both use",
                name(twin),
                name(place),
                place.name.text
            );
            errors.at(place.name.span, text);
        }
    }

    /// Ties a `belongs_to` to its columns, and declares the foreign key.
    fn tie(
        &mut self,
        index: usize,
        field: &Field,
        target: &Type,
        belongs_to: &BelongsTo,
        errors: &mut Errors,
    ) {
        let columns: Vec<usize> =
            belongs_to.columns.iter().filter_map(|name| self.position(&name.text)).collect();
        let shared = columns.iter().all(|&column| self.columns[column].field() != index);
        if let [column] = columns[..] {
            self.columns[column].unique |= belongs_to.unique;
            self.columns[column].index |= belongs_to.index;
        } else {
            self.uniques.extend(belongs_to.unique.then(|| columns.clone()));
            self.indexes.extend(belongs_to.index.then(|| columns.clone()));
        }
        let target = Box::new(target.clone());
        let to = match belongs_to.references.as_slice() {
            [] => Reference::Key(target),
            references => Reference::Columns(target, references.to_vec()),
        };
        let key = ForeignKey {
            columns: columns.clone(),
            to,
            actions: belongs_to.actions.clone(),
            field: Name::of_field(&field.ident),
        };
        self.declare(key, errors);
        self.ties.push(Tie { field: index, columns, shared });
    }

    /// Adds a foreign key, unless another field has declared the same one.
    fn declare(&mut self, key: ForeignKey, errors: &mut Errors) {
        let twin = self.foreign_keys.iter_mut().find(|one| {
            one.columns == key.columns
                && (one.to == key.to || matches!(one.to, Reference::Column(_)))
        });
        let Some(twin) = twin else { return self.foreign_keys.push(key) };
        if let Reference::Column(_) = twin.to {
            let text = format!(
                "`{}` declares this foreign key as well; remove `references` from `{}`",
                key.field.text, twin.field.text
            );
            errors.at(key.field.span, text);
        } else if twin.actions.is_empty() {
            twin.actions = key.actions;
        } else if !key.actions.is_empty() && !key.actions.agrees_with(&twin.actions) {
            let text = format!(
                "`{}` and `{}` go by one foreign key, but with different actions; \
                 write them on one of the two",
                twin.field.text, key.field.text
            );
            errors.at(key.field.span, text);
        }
    }

    /// The lists of columns that the struct's own attribute names.
    fn lists(&self, entity: &Entity, lists: &[Vec<Name>], errors: &mut Errors) -> Vec<Vec<usize>> {
        let mut found = Vec::new();
        for names in lists {
            let mut columns = Vec::new();
            for name in names {
                match self.resolve(entity, &name.text) {
                    Some(more) => columns.extend(more),
                    None => errors.at(name.span, self.unknown(&name.text)),
                }
            }
            found.push(columns);
        }
        found
    }

    /// The columns that a name means: a column, or those of the field with that name.
    fn resolve(&self, entity: &Entity, name: &str) -> Option<Vec<usize>> {
        if let Some(column) = self.position(name) {
            return Some(vec![column]);
        }
        let field = entity.fields.iter().position(|field| field.name == name)?;
        if let Some(tie) = self.ties.iter().find(|tie| tie.field == field) {
            return Some(tie.columns.clone());
        }
        let source = Source::Field(field);
        self.columns.iter().position(|place| place.source == source).map(|column| vec![column])
    }

    fn unknown(&self, name: &str) -> String {
        let known: Vec<_> = self.columns.iter().map(|place| place.name.text.as_str()).collect();
        format!("`{name}` is no column of this entity; its columns are {}", known.join(", "))
    }

    /// The place of the column with this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|place| place.name.text == name)
    }

    /// The columns that a field of its own holds and a `belongs_to` goes by.
    pub(crate) fn is_shared(&self, column: usize) -> bool {
        self.ties.iter().any(|tie| tie.shared && tie.columns.contains(&column))
    }
}

impl Place {
    fn of_field(index: usize, column: &Column) -> Self {
        Self {
            name: column.name.clone(),
            source: Source::Field(index),
            nullable: column.shape == crate::input::Shape::Optional,
            unique: column.unique,
            index: column.index,
        }
    }

    /// The part of the key that a `belongs_to` field holds.
    pub(crate) fn part(&self) -> usize {
        match self.source {
            Source::Field(_) => 0,
            Source::Implied { part, .. } => part,
        }
    }

    /// The place of the field among all fields.
    pub(crate) fn field(&self) -> usize {
        match self.source {
            Source::Field(field) | Source::Implied { field, .. } => field,
        }
    }
}
