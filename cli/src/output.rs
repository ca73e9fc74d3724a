//! Files in their places: whole or not at all.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Refuses to write over what is there.
pub(crate) fn refuse_to_overwrite(path: &Path) -> Result<(), Error> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let text = format!("{} is there already", path.display());
    Err(Error::input(text).with_help("--force writes over it"))
}

/// [`replace`], as a command does it whose output that is.
pub(crate) fn write(path: &Path, content: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Error> {
    replace(path, content).map_err(|error| unwritable(path, &error))
}

/// Writes a file beside its place, and moves it there.
pub(crate) fn replace(path: &Path, content: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    beside(path, |beside| {
        let mut file = File::create_new(beside)?;
        content(&mut file)?;
        file.sync_all()?;
        fs::rename(beside, path)
    })
}

/// The same for a folder. One that is there makes way if it is an image's layout.
pub(crate) fn write_folder(path: &Path, content: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Error> {
    let written = beside(path, |beside| {
        content(beside)?;
        if path.join("oci-layout").is_file() {
            fs::remove_dir_all(path)?;
        }
        fs::rename(beside, path)
    });
    written.map_err(|error| unwritable(path, &error))
}

/// Whether files can be put into a folder.
pub(crate) fn try_folder(folder: &Path) -> io::Result<()> {
    beside(&folder.join("it"), |beside| File::create_new(beside).map(drop))
}

fn beside(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    let beside = Unfinished(path.with_file_name(beside));
    write(&beside.0)
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::input(format_args!("{} cannot be written: {error}", path.display()))
        .with_help("name a file in a folder that is there, and may be written to")
}

/// A file or folder that is removed, unless it was moved.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0).or_else(|_| fs::remove_dir_all(&self.0));
    }
}
