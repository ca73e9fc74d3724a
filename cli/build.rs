//! Puts the commit into `go1x --version`, where this is built in a clone.

use std::path::Path;
use std::process::Command;

/// What the program is made of, as pathspecs below the repository.
const SOURCES: [&str; 7] =
    ["Cargo.toml", "Cargo.lock", "src", "compat", "cli/Cargo.toml", "cli/build.rs", "cli/src"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if let Some(commit) = commit(Path::new("..")) {
        println!("cargo:rustc-env=GO1X_COMMIT={commit}");
    }
}

/// The commit, with `-dirty` if the sources are not what it has. None without git, and none for sources that were
/// unpacked into somebody else's repository: its commits are not ours.
pub(crate) fn commit(root: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    // Where HEAD points to, and the branches, loose and packed: one of these changes with each commit.
    let places = ["HEAD", "refs/heads", "packed-refs"].map(|name| git(&["rev-parse", "--git-path", name]));
    let sources = SOURCES.map(|name| Some(name.to_owned()));
    for path in places.into_iter().chain(sources).flatten().map(|path| root.join(path)) {
        // Cargo takes a path that is not there for changed, at every build.
        if path.exists() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    let commit = git(&["rev-parse", "HEAD"])?.get(..7)?.to_owned();
    let is_clean = git(&[&["diff", "--quiet", "HEAD", "--"][..], &SOURCES].concat()).is_some();
    Some(if is_clean { commit } else { commit + "-dirty" })
}
