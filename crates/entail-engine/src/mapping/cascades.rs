//! Cascades: which operations travel along a relationship, in SQLAlchemy's words.

use std::fmt;

/// One of the six cascades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cascade {
    /// `add` brings the related objects into the session.
    SaveUpdate = 1,
    /// `merge` merges the related objects too.
    Merge = 2,
    /// `refresh` and `expire` expire the related objects.
    RefreshExpire = 4,
    /// `expunge` takes the related objects out of the session.
    Expunge = 8,
    /// `delete` deletes the related objects.
    Delete = 16,
    /// An object that loses its parent is deleted.
    DeleteOrphan = 32,
}

impl Cascade {
    /// All six, in the order in which they print.
    pub const ALL: [Cascade; 6] = [
        Cascade::SaveUpdate,
        Cascade::Merge,
        Cascade::RefreshExpire,
        Cascade::Expunge,
        Cascade::Delete,
        Cascade::DeleteOrphan,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Cascade::SaveUpdate => "save-update",
            Cascade::Merge => "merge",
            Cascade::RefreshExpire => "refresh-expire",
            Cascade::Expunge => "expunge",
            Cascade::Delete => "delete",
            Cascade::DeleteOrphan => "delete-orphan",
        }
    }
}

/// A set of [`Cascade`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Cascades(u8);

impl Cascades {
    /// No cascade at all.
    pub const NONE: Cascades = Cascades(0);
    /// What a relationship has that says nothing: save-update and merge.
    pub const DEFAULT: Cascades = Cascades(Cascade::SaveUpdate as u8 | Cascade::Merge as u8);
    /// What `all` means: everything but delete-orphan.
    pub const ALL: Cascades = Cascades(
        Cascade::SaveUpdate as u8
            | Cascade::Merge as u8
            | Cascade::RefreshExpire as u8
            | Cascade::Expunge as u8
            | Cascade::Delete as u8,
    );
    /// What a view-only relationship may have.
    pub(crate) const VIEW_ONLY: Cascades =
        Cascades(Cascade::Merge as u8 | Cascade::RefreshExpire as u8 | Cascade::Expunge as u8);

    /// The set of the given cascades.
    pub fn of(cascades: &[Cascade]) -> Self {
        Cascades(cascades.iter().fold(0, |set, &one| set | one as u8))
    }

    /// Reads words that are separated by commas, such as `"all, delete-orphan"`. `none` and an
    /// empty text give the empty set, whatever else is named.
    ///
    /// # Errors
    ///
    /// Every word that is none of a cascade's.
    pub fn parse(words: &str) -> Result<Self, Vec<String>> {
        let mut set = 0;
        let mut none = false;
        let mut unknown = Vec::new();
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "all" => set |= Self::ALL.0,
                "none" => none = true,
                word => match Cascade::ALL.iter().find(|one| one.word() == word) {
                    Some(&one) => set |= one as u8,
                    None => unknown.push(word.to_owned()),
                },
            }
        }
        if !unknown.is_empty() {
            return Err(unknown);
        }
        Ok(if none { Self::NONE } else { Cascades(set) })
    }

    /// Whether the set has `cascade`.
    #[inline]
    pub fn has(self, cascade: Cascade) -> bool {
        self.0 & cascade as u8 != 0
    }

    /// What both sets have.
    pub(crate) fn and(self, other: Cascades) -> Cascades {
        Cascades(self.0 & other.0)
    }
}

impl fmt::Display for Cascades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for cascade in Cascade::ALL {
            if self.has(cascade) {
                if !first {
                    f.write_str(", ")?;
                }
                first = false;
                f.write_str(cascade.word())?;
            }
        }
        if first {
            f.write_str("none")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Cascades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cascades({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_has_delete_but_not_delete_orphan() {
        let all = Cascades::parse("all").map(|all| all.to_string());
        assert_eq!(all.as_deref(), Ok("save-update, merge, refresh-expire, expunge, delete"));
    }

    #[test]
    fn none_wins_over_other_words() {
        assert_eq!(Cascades::parse("all, none"), Ok(Cascades::NONE));
        assert_eq!(Cascades::parse(" "), Ok(Cascades::NONE));
    }

    #[test]
    fn every_bad_word_is_named() {
        assert_eq!(
            Cascades::parse("save, merge, orphan"),
            Err(vec!["save".to_owned(), "orphan".to_owned()])
        );
    }
}
