//! Messages: what the server's English sentences say about a refused statement.
//!
//! The servers send no fields beside the text. Names in it are in quotes or backticks; a message
//! that has another form gives nothing, and is no failure.

/// A foreign key as a message describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForeignKey {
    /// The referring table.
    pub table: TableName,
    pub constraint: Option<String>,
    pub columns: Vec<String>,
    pub parent: TableName,
    pub parent_columns: Vec<String>,
}

/// A table, and its database where one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableName {
    pub database: Option<String>,
    pub table: String,
}

/// Reads ``... fails (`db`.`t`, CONSTRAINT `fk` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ...)``.
pub(crate) fn foreign_key(message: &str) -> Option<ForeignKey> {
    let (_, rest) = message.split_once("constraint fails (")?;
    let mut words = Words { rest };
    let table = words.table()?;
    words.skip(", ")?;
    let constraint = match words.skip("CONSTRAINT ") {
        Some(()) => Some(words.name()?).filter(|_| words.skip(" ").is_some()),
        None => None,
    };
    words.skip("FOREIGN KEY ")?;
    let columns = words.names()?;
    words.skip(" REFERENCES ")?;
    let mut parent = words.table()?;
    // The server leaves out the database where it is that of the referring table.
    parent.database = parent.database.or_else(|| table.database.clone());
    words.skip(" ")?;
    let parent_columns = words.names()?;
    Some(ForeignKey { table, constraint, columns, parent, parent_columns })
}

/// Reads `Duplicate entry '..' for key '..'`: the key, as the server names it. The entry may hold
/// anything, so the key is what comes last.
pub(crate) fn duplicate_key(message: &str) -> Option<&str> {
    let (_, key) = message.rsplit_once(" for key '")?;
    key.strip_suffix('\'')
}

/// Reads `Column 'a' cannot be null`, `Field 'a' doesn't have a default value`, or
/// `... for column 'a' at row 1`, where the column may stand in backticks behind its table.
pub(crate) fn column(message: &str) -> Option<&str> {
    if let Some(rest) = message.strip_prefix("Column '").or(message.strip_prefix("Field '")) {
        let ends = ["' cannot be null", "' doesn't have a default value"];
        return ends.iter().find_map(|end| rest.strip_suffix(end));
    }
    // A value that is quoted before it may hold the same words.
    let (_, place) = message.rsplit_once("for column ")?;
    let (place, _) = place.rsplit_once(" at row ")?;
    let place = place.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')).unwrap_or(place);
    match place.strip_suffix('`') {
        Some(place) => place.rsplit_once('`').map(|(_, column)| column),
        None => Some(place),
    }
}

/// Reads ``CONSTRAINT `ck` failed for `db`.`t` `` (MariaDB) or
/// `Check constraint 'ck' is violated.` (MySQL).
pub(crate) fn check(message: &str) -> Option<(String, Option<TableName>)> {
    if let Some(rest) = message.strip_prefix("Check constraint '") {
        return rest.rsplit_once("' is violated").map(|(name, _)| (name.to_owned(), None));
    }
    let mut words = Words { rest: message };
    words.skip("CONSTRAINT ")?;
    let name = words.name()?;
    words.skip(" failed for ")?;
    Some((name, words.table()))
}

/// A message that is read from left to right.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn skip(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    /// A name in backticks, where a doubled one stands for itself.
    fn name(&mut self) -> Option<String> {
        self.skip("`")?;
        let mut name = String::new();
        loop {
            let (part, rest) = self.rest.split_once('`')?;
            name.push_str(part);
            self.rest = rest;
            if self.skip("`").is_none() {
                return Some(name);
            }
            name.push('`');
        }
    }

    /// A name, or two with a point between them.
    fn table(&mut self) -> Option<TableName> {
        let first = self.name()?;
        if self.skip(".").is_none() {
            return Some(TableName { database: None, table: first });
        }
        Some(TableName { database: Some(first), table: self.name()? })
    }

    /// Names in parentheses.
    fn names(&mut self) -> Option<Vec<String>> {
        self.skip("(")?;
        let mut names = vec![self.name()?];
        while self.skip(", ").is_some() {
            names.push(self.name()?);
        }
        self.skip(")")?;
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_keys_are_read_with_both_ends() {
        let key = foreign_key(
            "Cannot add or update a child row: a foreign key constraint fails (`shop`.`orders`, \
             CONSTRAINT `fk``1` FOREIGN KEY (`x, y`, `z`) REFERENCES `users` (`a`, `b`) ON DELETE \
             CASCADE)",
        )
        .expect("it has the form");
        assert_eq!(key.table.database.as_deref(), Some("shop"));
        assert_eq!((&*key.table.table, &*key.parent.table), ("orders", "users"));
        assert_eq!(key.constraint.as_deref(), Some("fk`1"));
        assert_eq!(key.columns, ["x, y", "z"]);
        assert_eq!(key.parent.database.as_deref(), Some("shop"));
        assert_eq!(key.parent_columns.len(), 2);
        let other = "fails (`a`.`t`, CONSTRAINT `f` FOREIGN KEY (`p`) REFERENCES `b`.`p` (`id`))";
        let key = foreign_key(&format!("a foreign key constraint {other}")).expect("the form");
        assert_eq!(key.parent.database.as_deref(), Some("b"));
    }

    #[test]
    fn what_has_another_form_gives_nothing() {
        for message in
            ["", "a foreign key constraint fails", "constraint fails (`a", "CONSTRAINT `"]
        {
            assert_eq!(foreign_key(message), None);
            assert_eq!(check(message), None);
            assert_eq!(column(message), None);
            assert_eq!(duplicate_key(message), None);
        }
    }

    #[test]
    fn a_duplicate_may_hold_the_same_words() {
        let message = "Duplicate entry 'x' for key 'y'-z' for key 'uq_users_name'";
        assert_eq!(duplicate_key(message), Some("uq_users_name"));
    }

    #[test]
    fn columns_are_found_in_each_form() {
        let messages = [
            ("Column 'name' cannot be null", "name"),
            ("Field 'name' doesn't have a default value", "name"),
            ("Column 'it's' cannot be null", "it's"),
            ("Out of range value for column 'age' at row 3", "age"),
            ("Incorrect integer value: 'abc' for column `db`.`t`.`p` at row 1", "p"),
            ("Incorrect integer value: ' for column 'x' at row 1' for column 'p' at row 1", "p"),
        ];
        for (message, expected) in messages {
            assert_eq!(column(message), Some(expected), "{message}");
        }
    }

    #[test]
    fn checks_are_read_from_both_servers() {
        let (name, table) = check("CONSTRAINT `ck` failed for `db`.`t`").expect("the form");
        assert_eq!((name, table.map(|name| name.table)), ("ck".to_owned(), Some("t".to_owned())));
        let mysql = check("Check constraint 'ck' is violated.");
        assert_eq!(mysql, Some(("ck".to_owned(), None)));
    }
}
