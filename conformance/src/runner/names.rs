//! Names: what a scenario calls its objects, in the order in which the names were given.

use entail::Handle;
use entail::dynamic::Record;

use crate::failure::Failure;

/// The names that were given.
#[derive(Debug, Default)]
pub struct Names {
    given: Vec<(String, Option<Handle<Record>>)>,
}

impl Names {
    /// Gives a name to an object, or to nothing.
    pub fn give(&mut self, name: &str, object: Option<Handle<Record>>) {
        match self.given.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = object,
            None => self.given.push((name.to_owned(), object)),
        }
    }

    /// The object with this name.
    pub fn object(&self, name: &str) -> Result<Handle<Record>, Failure> {
        self.find(name).ok_or_else(|| Failure::invalid(format!("`{name}` names no object")))
    }

    /// The object with this name, if it names one.
    pub fn find(&self, name: &str) -> Option<Handle<Record>> {
        self.given.iter().find(|(known, _)| known == name).and_then(|(_, object)| *object)
    }

    /// The name that was first given to an object; `?` if none was.
    pub fn of(&self, object: Handle<Record>) -> String {
        let found = self.given.iter().find(|(_, known)| *known == Some(object));
        found.map_or_else(|| "?".to_owned(), |(name, _)| name.clone())
    }

    /// All names with their objects.
    pub fn all(&self) -> impl Iterator<Item = (&str, Option<Handle<Record>>)> {
        self.given.iter().map(|(name, object)| (name.as_str(), *object))
    }

    /// All objects with a name; one with several comes several times.
    pub fn handles(&self) -> impl Iterator<Item = Handle<Record>> {
        self.given.iter().filter_map(|(_, object)| *object)
    }
}
