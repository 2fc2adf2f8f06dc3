//! Files: what git knows of this tree, and the folders that follow from it.

use std::collections::BTreeSet;
use std::process::Command;

/// The files of the repository with their folders, as paths from its root.
#[derive(Clone, Debug, Default)]
pub struct Files {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Files {
    /// The files that git tracks or would track, as far as they are still there.
    pub fn known_to_git() -> Result<Self, String> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(crate::root())
            .output()
            .map_err(|error| format!("`git ls-files` did not start: {error}"))?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(format!("`git ls-files` ended with {}: {reason}", output.status));
        }
        let list = String::from_utf8_lossy(&output.stdout);
        Ok(list.split('\0').filter(|path| crate::root().join(path).is_file()).collect())
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// The files, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// Whether there is such a file.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// Whether a file or a folder fits; a `*` in `path` stands for any part of one name.
    pub fn fits(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let all = || self.files.iter().chain(&self.folders);
        if path.contains('*') {
            all().any(|candidate| path_fits(path, candidate))
        } else {
            all().any(|candidate| candidate == path)
        }
    }
}

impl<'a> FromIterator<&'a str> for Files {
    fn from_iter<I: IntoIterator<Item = &'a str>>(paths: I) -> Self {
        let mut tree = Self::default();
        for path in paths {
            tree.files.insert(path.to_owned());
            let mut rest = path;
            while let Some((folder, _)) = rest.rsplit_once('/') {
                tree.folders.insert(folder.to_owned());
                rest = folder;
            }
        }
        tree
    }
}

fn path_fits(pattern: &str, path: &str) -> bool {
    let count = |text: &str| text.split('/').count();
    count(pattern) == count(path)
        && pattern.split('/').zip(path.split('/')).all(|(pattern, name)| name_fits(pattern, name))
}

fn name_fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            name.char_indices()
                .map(|(at, _)| at)
                .chain([name.len()])
                .any(|at| name_fits(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_their_folders_are_found() {
        let files: Files = ["a/b/c.rs", "d.md"].into_iter().collect();
        for path in ["a/b/c.rs", "a/b", "a/b/", "a", "d.md", "*/b", "a/*/c.*", "a/b/*.rs", "*.md"] {
            assert!(files.fits(path), "{path}");
        }
        for path in ["c.rs", "a/c.rs", "d", "*/c.rs", "*.toml", "a/b/c.rs*x"] {
            assert!(!files.fits(path), "{path}");
        }
        assert!(files.has("d.md") && !files.has("a"));
    }
}
