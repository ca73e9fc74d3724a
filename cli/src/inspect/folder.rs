//! A directory, as the package that it may become, or as a place with packages in it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::entry::{Budget, Content, Entry};
use super::finding::Finding;

/// What is in a directory.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    pub(crate) entries: Vec<Entry>,
    /// Zips: packages of their own.
    pub(crate) zips: Vec<PathBuf>,
    pub(crate) findings: Vec<Finding>,
}

const DEPTH_LIMIT: usize = 32;
const ENTRIES_LIMIT: usize = 65_535;

impl Folder {
    /// Reads a directory and those below it; links are not followed.
    pub(crate) fn read(path: &Path) -> io::Result<Folder> {
        let mut folder = Folder::default();
        let mut budget = Budget::new();
        // The path itself must be readable; what cannot be read below it is told.
        fs::read_dir(path)?;
        folder.walk(path, path, DEPTH_LIMIT, &mut budget);
        Ok(folder)
    }

    fn walk(&mut self, root: &Path, path: &Path, depth: usize, budget: &mut Budget) {
        let name = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        let not_looked_at = |why: String| Finding::warning("not-looked-at", why).of(name(path));
        if depth == 0 {
            self.findings.push(not_looked_at(format!("more than {DEPTH_LIMIT} folders deep")));
            return;
        }
        let mut children: Vec<PathBuf> = match fs::read_dir(path) {
            Ok(found) => found.flatten().map(|entry| entry.path()).take(ENTRIES_LIMIT + 1).collect(),
            Err(error) => {
                self.findings.push(not_looked_at(format!("it cannot be read: {error}")));
                return;
            }
        };
        children.sort();
        for child in children {
            if self.entries.len() + self.zips.len() >= ENTRIES_LIMIT {
                let text = format!("more than {ENTRIES_LIMIT} files");
                if !self.findings.iter().any(|finding| finding.message == text) {
                    self.findings.push(Finding::warning("not-looked-at", text));
                }
                return;
            }
            let Ok(found) = fs::symlink_metadata(&child) else { continue };
            let kind = found.file_type();
            let content = if kind.is_dir() {
                Ok(Content::Folder)
            } else if kind.is_symlink() {
                fs::read_link(&child).map(|target| Content::Link(target.to_string_lossy().into_owned()))
            } else if kind.is_file() {
                File::open(&child).and_then(|file| Content::read(file, found.len(), budget))
            } else {
                // A pipe or a device has nothing for a package, and may never end.
                continue;
            };
            // Other things are zips too: jars, wheels, documents.
            let is_named = child.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
            if is_named && matches!(content, Ok(Content::Other { .. })) {
                self.zips.push(child);
                continue;
            }
            self.entries.push(Entry {
                name: name(&child),
                mode: Some(found.permissions().mode() & 0o7777),
                size: if kind.is_file() { found.len() } else { 0 },
                content: content
                    .unwrap_or_else(|error| Content::Unseen(format!("it cannot be read: {error}"))),
            });
            if kind.is_dir() {
                self.walk(root, &child, depth - 1, budget);
            }
        }
    }
}
