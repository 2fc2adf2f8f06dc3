//! Documents: what a format such as JSON says about an object, read by the mapping.
//!
//! ```text
//!   {"note": null, "items": [{"id": 7, "name": "nut"}, {"name": "bolt"}]}
//!      |              |         '-- an item that is there     '-- a new one
//!      column         relationship: all that it is to lead to
//! ```

mod scalar;

use std::cell::RefCell;
use std::fmt;

use entail_engine::arena::Document;
use entail_engine::error::DocumentError;
use entail_engine::mapping::{EntityId, Mapping, Relationship};
use entail_engine::value::Value;
use serde_core::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use scalar::{Scalar, ScalarVisitor, fit};

/// Reads a document of an entity.
pub(crate) fn read<'de, D: Deserializer<'de>>(
    mapping: &Mapping,
    entity: EntityId,
    deserializer: D,
) -> Result<Document, DocumentError> {
    let reading = Reading { mapping, mistake: RefCell::new(None) };
    let seed = DocumentSeed { reading: &reading, entity, at: String::new() };
    seed.deserialize(deserializer).map_err(|error| {
        let unreadable = || DocumentError::Unreadable { reason: error.to_string() };
        reading.mistake.take().unwrap_or_else(unreadable)
    })
}

/// What all parts of a document have in common.
struct Reading<'m> {
    mapping: &'m Mapping,
    /// The mistake that ended the reading: a format's own error is only a text.
    mistake: RefCell<Option<DocumentError>>,
}

impl Reading<'_> {
    fn fail<E: Error>(&self, mistake: DocumentError) -> E {
        let error = E::custom(&mistake);
        self.mistake.replace(Some(mistake));
        error
    }
}

/// The place of a field within that of its object.
fn within(at: &str, field: &str) -> String {
    if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") }
}

/// An object, or the key of one.
struct DocumentSeed<'a> {
    reading: &'a Reading<'a>,
    entity: EntityId,
    at: String,
}

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_> {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl DocumentSeed<'_> {
    /// A document that gives nothing but a key.
    fn of_key<E: Error>(self, parts: Vec<Scalar>) -> Result<Document, E> {
        let entity = self.reading.mapping.entity(self.entity);
        if parts.len() != entity.key.len() {
            let reason = format!("a key of {} values, found {}", entity.key.len(), parts.len());
            let reason = format!("expected an object or {reason}");
            return Err(self.reading.fail(DocumentError::WrongValue { at: self.at, reason }));
        }
        let mut columns = Vec::with_capacity(parts.len());
        for (&column, part) in entity.key.iter().zip(parts) {
            columns.push((column, self.value(column, part, &self.at)?));
        }
        Ok(Document { at: self.at, columns, relationships: Vec::new() })
    }

    fn value<E: Error>(&self, column: usize, scalar: Scalar, at: &str) -> Result<Value, E> {
        let column = &self.reading.mapping.table_of(self.entity).columns[column];
        fit(scalar, column.ty, column.nullable).map_err(|reason| {
            self.reading.fail(DocumentError::WrongValue { at: at.to_owned(), reason })
        })
    }

    /// The relationship of this name, if a document may name it.
    fn relationship(&self, name: &str) -> Option<&Relationship> {
        let mapping = self.reading.mapping;
        let all = mapping.entity(self.entity).relationships.iter();
        let mut all = all.map(|&id| mapping.relationship(id));
        all.find(|one| &*one.name == name && !one.viewonly)
    }

    fn unknown<E: Error>(&self, field: String) -> E {
        let mapping = self.reading.mapping;
        let entity = mapping.entity(self.entity);
        let columns = mapping.table_of(self.entity).columns.iter().map(|one| one.name.to_string());
        let relationships = entity.relationships.iter().map(|&id| mapping.relationship(id));
        let relationships = relationships.filter(|one| !one.viewonly);
        let known = columns.chain(relationships.map(|one| one.name.to_string()));
        self.reading.fail(DocumentError::UnknownField {
            at: if self.at.is_empty() { "the top".to_owned() } else { self.at.clone() },
            entity: entity.name.to_string(),
            field,
            known: known.map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", "),
        })
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_> {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.reading.mapping.entity(self.entity).name;
        write!(f, "an object of `{name}`, or the key of one")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut document = Document::default();
        let key = &self.reading.mapping.entity(self.entity).key;
        while let Some(name) = map.next_key::<String>()? {
            let at = within(&self.at, &name);
            if let Some(relationship) = self.relationship(&name) {
                let seed = TargetsSeed { reading: self.reading, relationship, at };
                document.relationships.push((relationship.id, map.next_value_seed(seed)?));
                continue;
            }
            let table = self.reading.mapping.table_of(self.entity);
            let Some(column) = table.columns.iter().position(|one| *one.name == *name) else {
                map.next_value::<IgnoredAny>()?;
                return Err(self.unknown(name));
            };
            let scalar = map.next_value_seed(ScalarVisitor)?;
            // A key that is null is none: the object is new.
            if !(matches!(scalar, Scalar::Null) && key.contains(&column)) {
                document.columns.push((column, self.value(column, scalar, &at)?));
            }
        }
        document.at = self.at;
        Ok(document)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Document, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = list.next_element_seed(ScalarVisitor)? {
            parts.push(part);
        }
        self.of_key(parts)
    }

    scalar::visit_scalars!(|seed, scalar| seed.of_key(vec![scalar]));
}

/// What a relationship is to lead to: a list, or one object or null.
struct TargetsSeed<'a> {
    reading: &'a Reading<'a>,
    relationship: &'a Relationship,
    at: String,
}

impl<'de> DeserializeSeed<'de> for TargetsSeed<'_> {
    type Value = Vec<Document>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.relationship.kind.is_many() {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_option(self)
        }
    }
}

impl TargetsSeed<'_> {
    fn document(&self, at: String) -> DocumentSeed<'_> {
        DocumentSeed { reading: self.reading, entity: self.relationship.target, at }
    }
}

impl<'de> Visitor<'de> for TargetsSeed<'_> {
    type Value = Vec<Document>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.relationship.kind.is_many() { "a list" } else { "an object or null" };
        write!(f, "{what} for `{}`", self.relationship.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut documents = Vec::new();
        loop {
            let seed = self.document(format!("{}[{}]", self.at, documents.len()));
            match list.next_element_seed(seed)? {
                Some(document) => documents.push(document),
                None => return Ok(documents),
            }
        }
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        if self.relationship.kind.is_many() {
            return Err(E::invalid_type(serde_core::de::Unexpected::Unit, &self));
        }
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Ok(vec![self.document(self.at.clone()).deserialize(deserializer)?])
    }
}
