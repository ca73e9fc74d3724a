//! The files of a package by their names, and where links among them lead.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Content, Entry};

/// The files of a package by their names.
pub(crate) struct Tree<'a> {
    by_name: BTreeMap<&'a str, &'a Entry>,
    /// Where each link leads by itself; made once, since links may lead to links.
    links: BTreeMap<&'a str, Result<Option<&'a Entry>, Lost>>,
    /// Their names without folders, as a loader looks for libraries.
    file_names: BTreeSet<&'a str>,
}

/// Where a link leads that does not lead to a file of the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    Outside(String),
    Missing(String),
    Circle,
}

/// As many links as Linux follows.
const LINKS_LIMIT: usize = 40;

impl<'a> Tree<'a> {
    pub(crate) fn new(entries: &'a [Entry]) -> Tree<'a> {
        let mut tree = Tree {
            by_name: entries.iter().map(|entry| (plain(&entry.name), entry)).collect(),
            links: BTreeMap::new(),
            file_names: entries.iter().map(Entry::file_name).collect(),
        };
        let link = |entry: &'a Entry| match &entry.content {
            Content::Link(target) => Some((plain(&entry.name), tree.step(plain(&entry.name), target))),
            _ => None,
        };
        tree.links = entries.iter().filter_map(link).collect();
        tree
    }

    /// The entry of that name, itself.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Entry> {
        self.by_name.get(plain(name)).copied()
    }

    pub(crate) fn has_file_called(&self, name: &str) -> bool {
        self.file_names.contains(name)
    }

    /// The one folder that all of it lies in, if there is one.
    pub(crate) fn only_folder(&self) -> Option<&'a str> {
        let top = |name: &&'a str| name.split('/').next().unwrap_or_default();
        let mut tops = self.by_name.keys().map(top);
        let first = tops.next()?;
        (tops.all(|other| other == first) && self.has_below(first)).then_some(first)
    }

    /// Whether there is anything in a folder of that name.
    fn has_below(&self, name: &str) -> bool {
        let start = format!("{name}/");
        self.by_name.range(&*start..).next().is_some_and(|(name, _)| name.starts_with(&start))
    }

    /// What an entry is in the end, where it is a link; none for a folder that only its files tell of.
    pub(crate) fn follow(&self, entry: &'a Entry) -> Result<Option<&'a Entry>, Lost> {
        let mut entry = entry;
        for _ in 0..LINKS_LIMIT {
            match self.links.get(plain(&entry.name)) {
                None => return Ok(Some(entry)),
                Some(Ok(Some(next))) => entry = next,
                Some(end) => return end.clone(),
            }
        }
        Err(Lost::Circle)
    }

    /// Where a link leads by itself.
    fn step(&self, from: &str, target: &str) -> Result<Option<&'a Entry>, Lost> {
        // A layer is at /opt; the rest of the system is not the package's.
        let path = Some(target).filter(|target| !target.starts_with('/'));
        let path = path.and_then(|target| joined(from, target));
        let path = path.ok_or_else(|| Lost::Outside(target.to_owned()))?;
        match self.by_name.get(&*path) {
            Some(next) => Ok(Some(next)),
            None if path.is_empty() || self.has_below(&path) => Ok(None),
            None => Err(Lost::Missing(target.to_owned())),
        }
    }
}

/// A name without the `./` in front that some packers write, and the `/` behind that folders have.
pub(crate) fn plain(name: &str) -> &str {
    name.trim_start_matches("./").trim_end_matches('/')
}

/// Where a relative link leads; none if that is out of the package.
pub(crate) fn joined(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
