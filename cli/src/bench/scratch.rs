//! A folder of this run's own, gone after it. What a run has left behind that was killed goes with the next.

use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder, DirEntry, File};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::process::geteuid;

/// Gone with all that is in it when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    /// Locked as long as the run is alive, however it ends.
    _alive: File,
}

/// What begins so was locked from the beginning.
const NAME: &str = "go1x-run-";

impl Scratch {
    /// Nobody else knows its name before, or sees into it; programs can be started from it.
    pub(super) fn new() -> io::Result<Scratch> {
        Scratch::below(&std::path::absolute(std::env::temp_dir())?)
    }

    fn below(folder: &Path) -> io::Result<Scratch> {
        if statvfs(folder)?.f_flag.contains(StatVfsMountFlags::NOEXEC) {
            return Err(io::Error::other(format!("{} is mounted noexec", folder.display())));
        }
        fs::read_dir(folder).into_iter().flatten().flatten().for_each(|entry| remove_if_left(&entry));
        // Nobody takes it for one that was left, before it is locked.
        let number = RandomState::new().build_hasher().finish();
        let unlocked = folder.join(format!(".{NAME}{number:016x}"));
        DirBuilder::new().mode(0o700).create(&unlocked)?;
        let alive = File::open(&unlocked)?;
        // Without locks on this file system, nobody else gets one either.
        _ = alive.try_lock();
        let path = folder.join(format!("{NAME}{number:016x}"));
        fs::rename(&unlocked, &path)?;
        Ok(Scratch { path, _alive: alive })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.path);
    }
}

/// A folder of this user's, whose run is dead: it has no lock on it any more.
fn remove_if_left(entry: &DirEntry) {
    let is_ours = || entry.metadata().is_ok_and(|it| it.is_dir() && it.uid() == geteuid().as_raw());
    if entry.file_name().as_encoded_bytes().starts_with(NAME.as_bytes())
        && is_ours()
        && let Ok(folder) = File::open(entry.path())
        && folder.try_lock().is_ok()
    {
        _ = fs::remove_dir_all(entry.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_run_has_left_goes_and_what_others_have_stays() {
        let folder = Scratch::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        let [dead, file, link] = ["dead", "file", "link"].map(|name| at(&format!("{NAME}{name}")));
        fs::create_dir_all(dead.join("program")).unwrap();
        fs::write(&file, "a file").unwrap();
        fs::create_dir(at("other")).unwrap();
        std::os::unix::fs::symlink("other", &link).unwrap();
        let alive = Scratch::below(folder.path()).unwrap();
        let next = Scratch::below(folder.path()).unwrap();
        assert!(alive.path().is_dir() && next.path().is_dir());
        assert!(!dead.exists());
        assert!(file.is_file() && link.is_symlink() && at("other").is_dir());
    }
}
