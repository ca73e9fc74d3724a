//! The repository around this program, if it is there: what is measured is then built from it, so that it is what the
//! source says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A clone of the project, and the folder for what cargo builds.
#[derive(Debug)]
pub(crate) struct Repository {
    root: PathBuf,
    target: PathBuf,
}

impl Repository {
    /// The one that this program was built in, else the one that it is called in.
    pub(crate) fn find() -> Option<Repository> {
        let program = std::env::current_exe().ok();
        let here = std::env::current_dir().ok();
        let is_root = |folder: &&Path| folder.join(PEERS).is_dir() && folder.join("Cargo.lock").is_file();
        let root = [&program, &here].into_iter().flatten().find_map(|path| path.ancestors().find(is_root))?;
        let mut around = program.iter().flat_map(|program| program.ancestors());
        let target = around.find(|folder| folder.join("CACHEDIR.TAG").is_file());
        Some(Repository { root: root.to_owned(), target: target.map_or(root.join("target"), Path::to_owned) })
    }

    /// The `bootstrap` to ship: static, if the target for that is installed.
    pub(crate) fn bootstrap(&self, tell: &mut dyn FnMut(&str)) -> Result<PathBuf, String> {
        tell("building bootstrap");
        let package = ["--package", "go1x", "--bin", "bootstrap"];
        if OPTIMISED && self.has_target(MUSL) {
            self.cargo(&[&package[..], &["--target", MUSL]].concat(), &self.target)?;
            return Ok(self.target.join(MUSL).join("release/bootstrap"));
        }
        // Not where others build, with other features of what it needs.
        self.cargo(&package, &self.peers())?;
        Ok(self.peers().join(PROFILE).join("bootstrap"))
    }

    /// One of the programs in Rust that are compared.
    pub(crate) fn rust_peer(&self, name: &str, tell: &mut dyn FnMut(&str)) -> Result<PathBuf, String> {
        tell(&format!("building {name}"));
        self.cargo(&["--manifest-path", &format!("{PEERS}/Cargo.toml"), "--bin", name], &self.peers())?;
        Ok(self.peers().join(PROFILE).join(name))
    }

    fn peers(&self) -> PathBuf {
        self.target.join("peers")
    }

    /// The commit, and whether there is more than that: `ed513a4`, `ed513a4-dirty`.
    pub(crate) fn commit(&self) -> Option<String> {
        let mut git = Command::new("git");
        git.args(["describe", "--always", "--dirty", "--exclude=*"]).current_dir(&self.root);
        let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A path as it is told: from the repository on.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    fn cargo(&self, arguments: &[&str], target: &Path) -> Result<(), String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let release: &[&str] = if OPTIMISED { &["--release"] } else { &[] };
        let done = Command::new(&cargo)
            .args(["build", "--quiet", "--locked"])
            .args(release)
            .args(arguments)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", target)
            // They are packed, which takes time with what is for debuggers.
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_PROFILE_DEV_STRIP", "true")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{} cannot be run: {error}", cargo.display()))?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        let error = said.lines().find(|line| line.starts_with("error")).unwrap_or("cargo build failed");
        Err(error.to_owned())
    }

    fn has_target(&self, triple: &str) -> bool {
        let mut rustc = Command::new("rustc");
        rustc.args(["--print", "target-libdir", "--target", triple]).current_dir(&self.root);
        let library = rustc.stdin(Stdio::null()).output();
        library.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
    }
}

/// Whether contestants are built to be measured. A `go1x` that is not optimised has no figures worth the time: its
/// contestants are quick to build, to see that all works.
pub(crate) const OPTIMISED: bool = !cfg!(debug_assertions);
const PROFILE: &str = if OPTIMISED { "release" } else { "debug" };

/// The package of the programs in Rust that are compared.
const PEERS: &str = "benches/peers/rust";

const MUSL: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" };
