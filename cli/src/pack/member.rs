//! The files for a new zip, read from disk: their names in it, modes and links.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use executable::Kind;

use crate::error::Error;
use crate::inspect::package::UNPACKED_LIMIT;
use crate::inspect::text::visible;
use crate::inspect::tree::joined;

/// One file of a package.
pub(crate) struct Member {
    /// Relative to the package's root, with `/` between folders.
    pub(crate) name: String,
    pub(crate) content: Content,
}

/// What a member is.
pub(crate) enum Content {
    File {
        bytes: Vec<u8>,
        is_executable: bool,
    },
    /// Where a symbolic link leads, relative to its own folder.
    Link(String),
}

/// Deeper than any package; links are not followed, so that only a strange file system gets here.
const DEPTH_LIMIT: usize = 32;

/// Reads programs, which lie at the root by their own names, and folders, of which the root gets what is in them.
/// Sorted by name.
pub(crate) fn read(paths: &[impl AsRef<Path>]) -> Result<Vec<Member>, Error> {
    let mut reader = Reader { members: BTreeMap::new(), left: UNPACKED_LIMIT };
    for path in paths {
        let path = path.as_ref();
        let metadata = fs::metadata(path).map_err(at(path, "name programs and folders that are there"))?;
        if metadata.is_dir() {
            reader.folder(path, "", 0)?;
        } else {
            let name = path.file_name().unwrap_or_default();
            reader.file(path, name.to_str().ok_or_else(|| unreadable_name(path))?)?;
        }
    }
    let member = |(name, content)| Member { name, content };
    Ok(reader.members.into_iter().map(member).collect())
}

struct Reader {
    members: BTreeMap<String, Content>,
    /// Bytes that there is room for.
    left: u64,
}

impl Reader {
    /// What is in a folder; `root` is the one that was named, and `inside` the way from it.
    fn folder(&mut self, root: &Path, inside: &str, depth: usize) -> Result<(), Error> {
        let folder = root.join(inside);
        if depth > DEPTH_LIMIT {
            let text = format!("{} lies too many folders deep", folder.display());
            return Err(refused(&text, "leave out what is not needed to run"));
        }
        for entry in fs::read_dir(&folder).map_err(at(&folder, READABLE))? {
            let entry = entry.map_err(at(&folder, READABLE))?;
            let path = entry.path();
            let name = entry.file_name().into_string().map_err(|_| unreadable_name(&path))?;
            let name = if inside.is_empty() { name } else { format!("{inside}/{name}") };
            let kind = entry.file_type().map_err(at(&path, READABLE))?;
            if kind.is_dir() {
                self.folder(root, &name, depth + 1)?;
            } else if kind.is_symlink() {
                self.link(root, &name)?;
            } else {
                self.file(&path, &name)?;
            }
        }
        Ok(())
    }

    /// A link stays one if it leads to what is packed too; of others, what they lead to is packed.
    fn link(&mut self, root: &Path, name: &str) -> Result<(), Error> {
        let path = root.join(name);
        let target = fs::read_link(&path).map_err(at(&path, READABLE))?;
        let text = target.to_str().filter(|target| !target.starts_with('/'));
        let is_inside = |target: &&str| joined(name, target).is_some_and(|end| exists(&root.join(end)));
        match text.filter(is_inside) {
            Some(text) => self.add(name, Content::Link(text.to_owned())),
            None if path.is_file() => self.file(&path, name),
            None => {
                let text = format!("{} is a link to {}, which is no file", path.display(), target.display());
                Err(refused(&text, "mend it, or put what it stands for in its place"))
            }
        }
    }

    fn file(&mut self, path: &Path, name: &str) -> Result<(), Error> {
        let metadata = fs::metadata(path).map_err(at(path, READABLE))?;
        if !metadata.is_file() {
            return Err(refused(&format!("{} is not a file", path.display()), "name programs and folders"));
        }
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(self.left + 1).read_to_end(&mut bytes));
        let read = read.map_err(at(path, READABLE))? as u64;
        self.left = self.left.checked_sub(read).ok_or_else(|| {
            let text = format!(
                "the files have more than {UNPACKED_LIMIT} bytes, which is what Lambda takes, with layers"
            );
            refused(&text, "leave out what is not needed to run, or pack an image (--image)")
        })?;
        // Not by the mode alone: where a file system has none, a program is one all the same.
        let is_started = !matches!(Kind::of(&bytes), Kind::Other { .. });
        let is_executable = is_started || metadata.permissions().mode() & 0o111 != 0;
        self.add(name, Content::File { bytes, is_executable })
    }

    fn add(&mut self, name: &str, content: Content) -> Result<(), Error> {
        match self.members.insert(name.to_owned(), content) {
            None => Ok(()),
            Some(_) => Err(refused(
                &format!("two files would both be {name} in the package"),
                "rename one of them, or pack a folder that has both in folders of their own",
            )),
        }
    }
}

/// Whether there is something, itself.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn unreadable_name(path: &Path) -> Error {
    refused(&format!("the name of {} is not UTF-8", path.display()), "give it another")
}

fn refused(text: &str, help: &str) -> Error {
    Error::input(visible(text)).with_help(help)
}

fn at(path: &Path, help: &str) -> impl Fn(io::Error) -> Error {
    move |error| refused(&format!("{}: {error}", path.display()), help)
}

const READABLE: &str = "all of a folder is packed, and has to be readable";
