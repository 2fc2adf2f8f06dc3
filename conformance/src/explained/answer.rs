//! Answers: what a step was answered, as the rules ask for it.

use serde_json::{Map, Value as Json};

/// An answer to a step.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a>(&'a Json);

impl<'a> Answer<'a> {
    /// The answer that a document holds.
    pub fn new(answer: &'a Json) -> Self {
        Self(answer)
    }

    /// Whether the step was carried out.
    pub fn is_ok(self) -> bool {
        self.0.get("ok").is_some()
    }

    /// The kind of its error; empty without one.
    pub fn error(self) -> &'a str {
        self.0.get("error").and_then(Json::as_str).unwrap_or_default()
    }

    /// What stands beside an error.
    pub fn detail(self) -> &'a str {
        self.0.get("detail").and_then(Json::as_str).unwrap_or_default()
    }

    /// Whether the database refused, by a constraint.
    pub fn is_integrity(self) -> bool {
        self.error().starts_with("integrity.")
    }

    /// Whether its error is one that a flush gives.
    pub fn is_of_a_flush(self) -> bool {
        self.is_integrity()
            || matches!(self.error(), "stale_data" | "flush" | "key_blanked" | "cycle")
    }

    /// Whether entail refused with this code.
    pub fn is_code(self, code: &str) -> bool {
        self.detail().starts_with(code)
    }

    /// Whether it says something beside the error. A recording may have come without what stands there,
    /// and then it may have said that.
    pub fn may_say(self, text: &str) -> bool {
        !self.error().is_empty() && (self.detail().is_empty() || self.detail().contains(text))
    }

    /// The table that is named behind the beginning of a statement that failed.
    pub fn table_behind(self, beginning: &str) -> Option<&'a str> {
        let (_, rest) = self.detail().split_once(beginning)?;
        let rest = rest.trim_start_matches([' ', '"', '\'']);
        let is_end = |one: char| one.is_whitespace() || "\"']".contains(one);
        Some(&rest[..rest.find(is_end).unwrap_or(rest.len())])
    }

    /// What `get` found.
    pub fn found(self) -> Option<bool> {
        self.0.get("found").and_then(Json::as_bool)
    }

    /// What `view` shows.
    pub fn view(self) -> Option<&'a Json> {
        self.0.get("view")
    }

    /// Whether `view` shows nobody.
    pub fn shows_nobody(self) -> bool {
        self.view().is_some_and(|view| view.is_null() || view.as_array().is_some_and(Vec::is_empty))
    }

    /// The names of what is modified.
    pub fn dirty(self) -> Option<&'a Vec<Json>> {
        self.0.get("dirty").and_then(Json::as_array)
    }

    /// The states, by name.
    pub fn states(self) -> Option<&'a Map<String, Json>> {
        self.0.get("states").and_then(Json::as_object)
    }

    /// The rows, by table.
    pub fn tables(self) -> Option<&'a Map<String, Json>> {
        self.0.get("tables").and_then(Json::as_object)
    }
}
