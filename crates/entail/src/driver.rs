//! Drivers: the enums that choose one by the URL's scheme.

pub(crate) mod asynchronous;
pub(crate) mod blocking;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod served;

use entail_engine::error::DriverError;

/// A kind of database, by the scheme of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    #[cfg(feature = "sqlite")]
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
    #[cfg(feature = "mysql")]
    MySql,
}

/// The drivers and the URLs that they take.
const DRIVERS: [(&str, &[&str], &str); 3] = [
    ("sqlite", &["sqlite"], "`sqlite:PATH` or `sqlite::memory:`"),
    ("postgres", &["postgres", "postgresql"], "`postgres://USER:PASSWORD@HOST/DATABASE`"),
    ("mysql", &["mysql", "mariadb"], "`mysql://USER:PASSWORD@HOST/DATABASE`"),
];

impl Scheme {
    fn of(url: &str) -> Result<Self, DriverError> {
        match url.split(':').next().unwrap_or_default() {
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(Self::Sqlite),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Ok(Self::Postgres),
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => Ok(Self::MySql),
            scheme => Err(no_driver(scheme)),
        }
    }
}

/// A URL that no driver is there for.
fn no_driver(scheme: &str) -> DriverError {
    let known = DRIVERS.iter().find(|(_, schemes, _)| schemes.contains(&scheme));
    let reason = match known {
        Some((feature, ..)) => format!("switch on the feature `{feature}` of entail"),
        None => {
            let forms: Vec<_> = DRIVERS.iter().map(|(_, _, form)| *form).collect();
            format!("there is no driver for `{scheme}`; write {}", forms.join(", or "))
        }
    };
    DriverError::Url { url: format!("{scheme}:..."), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scheme_is_told_what_there_is() {
        let error = Scheme::of("oracle://host/db").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("no driver for `oracle`"), "{error}");
        assert!(error.contains("`sqlite:PATH`") && error.contains("`mysql://"), "{error}");
    }
}
