//! Where executables are kept, and how several processes share that place.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{env, process};

use rustix::fs::FlockOperation;

use crate::{Progress, Unavailable};

/// The cache directory: `GO1X_CACHE`; else, for a program that lies in a cargo target folder, `go1x-peers` in
/// there; else `go1x` in `XDG_CACHE_HOME` or in `~/.cache`; else a folder of one's own among the temporary
/// files.
pub fn cache_dir() -> PathBuf {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("GO1X_CACHE") {
        return std::path::absolute(&folder).unwrap_or(folder);
    }
    if let Some(target) = env::current_exe().ok().as_deref().and_then(cargo_target) {
        return target.join("go1x-peers");
    }
    variable("XDG_CACHE_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(variable("HOME")?.join(".cache")))
        .map(|folder| folder.join("go1x"))
        .unwrap_or_else(|| env::temp_dir().join(format!("go1x-{}", rustix::process::getuid().as_raw())))
}

/// The cargo target folder that `program` lies in: cargo marks it with a file that says so.
fn cargo_target(program: &Path) -> Option<&Path> {
    program.ancestors().skip(1).find(|folder| {
        fs::read_to_string(folder.join("CACHEDIR.TAG")).is_ok_and(|tag| tag.contains("created by cargo"))
    })
}

/// One folder per key, one executable per folder, so that an executable has its plain name.
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens, and makes if need be, the folder `root`.
    ///
    /// What is in there will be run, so in a place where anybody can make folders, /tmp say, it must be our
    /// own.
    pub(crate) fn open(root: PathBuf) -> Result<Cache, Unavailable> {
        let checked = DirBuilder::new().recursive(true).mode(0o755).create(&root).and_then(|()| {
            let owner = fs::metadata(&root)?.uid();
            let shared = root.parent().map(fs::metadata).transpose()?.is_some_and(|p| p.mode() & 0o002 != 0);
            if shared && owner != rustix::process::geteuid().as_raw() {
                return Err(io::Error::other(format!("it belongs to user {owner}")));
            }
            Ok(())
        });
        match checked {
            Ok(()) => Ok(Cache { root }),
            Err(error) => Err(Unavailable::Cache { path: root, error }),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The executable `name`, made by `make` at the path it is given unless it is there already.
    ///
    /// One maker at a time works in a cache: compilers use all processors anyway, and the next finds its work
    /// done. The executable appears under its name when it is complete.
    pub(crate) fn executable(
        &self,
        key: u64,
        name: &str,
        progress: &mut dyn FnMut(Progress),
        make: impl FnOnce(&Path, &mut dyn FnMut(Progress)) -> Result<(), Unavailable>,
    ) -> Result<PathBuf, Unavailable> {
        let folder = self.root.join(format!("{key:016x}"));
        let executable = folder.join(name);
        if executable.is_file() {
            return Ok(executable);
        }
        let _lock = self.lock(progress)?;
        if executable.is_file() {
            return Ok(executable);
        }
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let unfinished = folder.join(format!(".{name}.{}", process::id()));
        let made = make(&unfinished, progress)
            .and_then(|()| fs::rename(&unfinished, &executable).map_err(at(&executable)));
        if made.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        made.map(|()| executable)
    }

    fn lock(&self, progress: &mut dyn FnMut(Progress)) -> Result<File, Unavailable> {
        let path = self.root.join("lock");
        let file = File::create(&path).map_err(at(&path))?;
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            progress(Progress::Waiting(path.clone()));
            // Some file systems know no locks. Then several builders do the same work, which only takes
            // longer.
            while rustix::fs::flock(&file, FlockOperation::LockExclusive) == Err(rustix::io::Errno::INTR) {}
        }
        Ok(file)
    }
}

/// Makes an error of the file system one that names `path`.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Unavailable + '_ {
    |error| Unavailable::Cache { path: path.to_owned(), error }
}

/// A key for `parts`, the same in every run and build: 64-bit FNV-1a, each part closed by its length.
///
/// It tells versions apart; it is no protection, and needs none: see [`Cache::open`].
pub(crate) fn key<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain((part.len() as u64).to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

/// The first file called `name` in the folders of `path`, a `PATH`.
pub(crate) fn on_path(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    env::split_paths(path?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| fs::metadata(file).is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    /// A folder that is gone after the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            Folder(env::temp_dir().join(format!("go1x-peers-test-{name}-{}", process::id())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn keys_are_those_of_fnv() {
        assert_eq!(key([]), 0xcbf2_9ce4_8422_2325);
        assert_ne!(key(["ab", "c"]), key(["a", "bc"]));
        assert_ne!(key(["a"]), key(["a", ""]));
    }

    #[test]
    fn of_many_makers_one_works() {
        let folder = Folder::new("makers");
        let made = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let cache = Cache::open(folder.0.clone()).unwrap();
                    let path = cache.executable(1, "it", &mut |_| (), |path, _| {
                        made.fetch_add(1, Ordering::SeqCst);
                        fs::write(path, "made").map_err(at(path))
                    });
                    assert_eq!(fs::read_to_string(path.unwrap()).unwrap(), "made");
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn a_failed_maker_leaves_nothing() {
        let folder = Folder::new("failed");
        let cache = Cache::open(folder.0.clone()).unwrap();
        let path = cache.executable(1, "it", &mut |_| (), |path, _| {
            fs::write(path, "half").map_err(at(path))?;
            Err(Unavailable::Rie { reason: "no".into() })
        });
        assert!(matches!(path, Err(Unavailable::Rie { .. })));
        assert_eq!(fs::read_dir(folder.0.join("0000000000000001")).unwrap().count(), 0);
    }

    #[test]
    fn a_cache_that_cannot_be_is_named() {
        let error = Cache::open("/dev/null/cache".into()).err().unwrap().to_string();
        assert!(error.contains("/dev/null/cache"), "{error}");
        assert!(error.contains("help: "), "{error}");
        assert!(error.contains("GO1X_CACHE"), "{error}");
    }

    #[test]
    fn in_a_shared_place_only_our_own_will_do() {
        let folder = Folder::new("shared");
        let foreign = folder.0.join("cache");
        fs::create_dir_all(&foreign).unwrap();
        fs::set_permissions(&folder.0, Permissions::from_mode(0o1777)).unwrap();
        assert!(Cache::open(foreign.clone()).is_ok());
        // Only root can give a folder away.
        if std::os::unix::fs::chown(&foreign, Some(12345), None).is_ok() {
            let error = Cache::open(foreign).err().unwrap().to_string();
            assert!(error.contains("it belongs to user 12345"), "{error}");
        }
    }

    #[test]
    fn tests_use_the_target_folder() {
        let program = env::current_exe().unwrap();
        assert!(program.starts_with(cargo_target(&program).unwrap()));
        assert_eq!(cargo_target(Path::new("/usr/bin/go1x")), None);
    }
}
