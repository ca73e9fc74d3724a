//! A package of npm, pinned by its hash, and how to take files out of it.

use std::fs;
use std::path::Path;
use std::process::{self, Command, Stdio};

use crate::Unavailable;
use crate::cache::{Cache, at};
use crate::unavailable::indented;

/// A package that others published.
pub(crate) struct Package {
    /// Its name and version, as `npm pack` takes them.
    pub(crate) name: &'static str,
    /// The SHA-512 of its archive, or the SHA-256 of each file that is taken out of it, in hex.
    pub(crate) hash: &'static str,
}

impl Package {
    /// Has `user` see a folder with the package's `members`, without the folders that they lie in. It is gone
    /// afterwards.
    pub(crate) fn with(
        &self,
        cache: &Cache,
        members: &[&str],
        user: impl FnOnce(&Path) -> Result<(), Unavailable>,
    ) -> Result<(), Unavailable> {
        let folder = cache.root().join(format!("npm.{}", process::id()));
        let used = self.fetch(&folder, members).and_then(|()| user(&folder));
        let _ = fs::remove_dir_all(&folder);
        used
    }

    fn fetch(&self, folder: &Path, members: &[&str]) -> Result<(), Unavailable> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        run(folder, "npm", &["pack", "--silent", self.name])
            .and_then(|()| run(folder, "python3", &[&["-c", EXTRACT, self.hash], members].concat()))
            .map_err(|reason| Unavailable::Npm { package: self.name, reason })
    }
}

/// Runs a program in `folder`; or else says what went wrong.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    let done = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("{program} failed ({}):\n{}", done.status, indented(&said)))
}

/// In Python, as for the emulator: takes members out of the package and checks it, or them.
const EXTRACT: &str = "
import glob, hashlib, os, sys, tarfile
expected, *members = sys.argv[1:]
package = glob.glob('*.tgz')[0]
with open(package, 'rb') as file:
    whole = hashlib.sha512(file.read()).hexdigest()
with tarfile.open(package) as archive:
    for name in members:
        data = archive.extractfile('package/' + name).read()
        found = hashlib.sha256(data).hexdigest()
        if expected not in (whole, found):
            sys.exit(f'{package}: sha512 is {whole}, and sha256 of {name} {found}, expected {expected}')
        with open(os.path.basename(name), 'wb') as file:
            file.write(data)
";
