//! Details: the keys that PostgreSQL names when it refuses a statement.
//!
//! A detail is a sentence such as `Key (user_id)=(999) is not present in table "users".` The words
//! depend on the server's language; the two lists in parentheses do not.

/// The values in a detail about a key of these columns; none if it is about other columns, or
/// if the values cannot be told apart.
pub(crate) fn values(detail: &str, columns: &[String]) -> Option<Vec<String>> {
    let opening = format!("({})=(", columns.join(", "));
    let start = detail.find(&opening)? + opening.len();
    let rest = &detail[start..];
    // Texts may hold parentheses, so the end is where the sentence goes on.
    let end = ENDINGS.iter().find_map(|ending| rest.rfind(ending)).or_else(|| rest.rfind(')'))?;
    let values: Vec<String> = match columns.len() {
        1 => vec![rest[..end].to_owned()],
        _ => rest[..end].split(", ").map(str::to_owned).collect(),
    };
    (values.len() == columns.len()).then_some(values)
}

/// The columns in a detail about a key.
pub(crate) fn columns(detail: &str) -> Vec<String> {
    let names = detail.find(")=(").and_then(|end| {
        let start = detail[..end].find('(')?;
        Some(&detail[start + 1..end])
    });
    names.map_or(Vec::new(), |names| names.split(", ").map(str::to_owned).collect())
}

const ENDINGS: [&str; 2] = [") is not present in table ", ") is still referenced from table "];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(detail: &str, columns: &[&str], expected: Option<&[&str]>) {
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let expected = expected
            .map(|values| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>());
        assert_eq!(values(detail, &columns), expected, "{detail}");
    }

    #[test]
    fn values_are_found_in_every_language() {
        check("Key (a)=(1) is not present in table \"b\".", &["a"], Some(&["1"]));
        check("Key (a)=(1) is still referenced from table \"b (c)\".", &["a"], Some(&["1"]));
        check("Schlüssel (a)=(1) ist nicht in Tabelle »b« vorhanden.", &["a"], Some(&["1"]));
        check("Key (a)=(x) (y), z) is not present in table \"b\".", &["a"], Some(&["x) (y), z"]));
        check("Key (a, b)=(1, x) is not present in table \"b\".", &["a", "b"], Some(&["1", "x"]));
    }

    #[test]
    fn what_cannot_be_told_apart_is_none() {
        check("Key (a)=(1) is not present in table \"b\".", &["b"], None);
        check("Key (a, b)=(1, x, y) is not present in table \"b\".", &["a", "b"], None);
        check("Key is not present in table \"b\".", &["a"], None);
        check("Key (a)=(1", &["a"], None);
    }

    #[test]
    fn columns_are_found() {
        assert_eq!(columns("Key (a, b)=(1, 2) already exists."), ["a", "b"]);
        assert_eq!(columns("Key exists."), Vec::<String>::new());
    }
}
