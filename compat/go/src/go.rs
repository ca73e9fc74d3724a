//! The Go toolchain: finding it, and having it build a peer.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cache::{Cache, at, cache_dir, key, on_path};
use crate::{Library, Peer, Progress, Unavailable};

/// The path of `peer`'s executable: static, for Linux and this machine's processor. Built unless it is in the
/// cache.
pub fn build(peer: Peer) -> Result<PathBuf, Unavailable> {
    build_with(peer, &mut |_| ())
}

/// As [`build`]; tells what takes its time.
pub fn build_with(peer: Peer, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, Unavailable> {
    Go::find().build(peer, Cache::open(cache_dir())?, progress)
}

/// A Go toolchain.
pub(crate) struct Go {
    program: PathBuf,
}

impl Go {
    /// The one on `PATH`, else the one where Go's own installation puts it.
    pub(crate) fn find() -> Go {
        let path = env::var_os("PATH");
        let program = on_path("go", path.as_deref())
            .or_else(|| on_path("go", Some(OsStr::new("/usr/local/go/bin"))))
            .unwrap_or_else(|| "go".into());
        Go { program }
    }

    fn build(
        &self,
        peer: Peer,
        cache: Cache,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf, Unavailable> {
        let version = self.version(&cache)?;
        let module = peer.module();
        let library = peer.library().map(Library::version);
        let parts = || module.parts().chain(library);
        let source = cache.root().join(format!("{}-{:016x}", module.name, key(parts())));
        let key = key(parts().chain([&*version, ARCHITECTURE, peer.package(), peer.tags()]));
        cache.executable(key, peer.name(), progress, |output, progress| {
            progress(Progress::Building(peer));
            module.write(&source).map_err(at(&source))?;
            if let Some(library) = peer.library() {
                self.require(library, &source).map_err(|output| Unavailable::Build { peer, output })?;
            }
            if let Some(version) = peer.aws_lambda_go() {
                self.fetch(version, &source)?;
            }
            self.compile(peer, &source, output)
        })
    }

    fn version(&self, cache: &Cache) -> Result<String, Unavailable> {
        let no_go = |reason| Unavailable::NoGo { program: self.program.clone(), reason };
        self.run(cache.root(), ["version"]).map_err(no_go)
    }

    /// Puts a module on another version of the library than its go.mod names.
    fn require(&self, library: Library, source: &Path) -> Result<(), String> {
        let version = format!("-require={AWS_LAMBDA_GO}@{}", library.version());
        let go = format!("-go={}", library.go());
        self.run(source, ["mod", "edit", &version, &go]).map(drop)
    }

    /// A step of its own, so that a network that cannot be reached is told from a program that does not
    /// compile.
    fn fetch(&self, version: &str, source: &Path) -> Result<(), Unavailable> {
        match self.run(source, ["mod", "download", AWS_LAMBDA_GO]) {
            Ok(_) => Ok(()),
            Err(output) => Err(Unavailable::Module { module: format!("{AWS_LAMBDA_GO} {version}"), output }),
        }
    }

    fn compile(&self, peer: Peer, source: &Path, output: &Path) -> Result<(), Unavailable> {
        let arguments = [
            "build".as_ref(),
            "-trimpath".as_ref(),
            "-mod=readonly".as_ref(),
            // The sources lie in a cache: the repository around it, if any, is not theirs.
            "-buildvcs=false".as_ref(),
            "-tags".as_ref(),
            peer.tags().as_ref(),
            "-o".as_ref(),
            output.as_os_str(),
            peer.package().as_ref(),
        ];
        match self.run(source, arguments) {
            Ok(_) => Ok(()),
            Err(output) => Err(Unavailable::Build { peer, output }),
        }
    }

    /// Builds the main package of a module that comes without hashes of what it needs; Go's checksum database has
    /// them.
    pub(crate) fn build_main(&self, source: &Path, output: &Path) -> Result<(), String> {
        self.run(source, ["mod", "tidy"])?;
        let arguments = ["build".as_ref(), "-trimpath".as_ref(), "-o".as_ref(), output.as_os_str()];
        self.run(source, arguments).map(drop)
    }

    /// Runs `go`. What it printed, or else what went wrong.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String, String> {
        self.run_in(folder, arguments, &[])
    }

    /// As [`Go::run`], with variables that are not as usual.
    pub(crate) fn run_in<A: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
    ) -> Result<String, String> {
        let done = Command::new(&self.program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            // Proxies, caches and the like stay the user's; what shapes the executable does not.
            .env("CGO_ENABLED", "0")
            .env("GOOS", "linux")
            .env("GOARCH", ARCHITECTURE)
            .env("GO111MODULE", "on")
            .env("GOWORK", "off")
            .env("GOFLAGS", "")
            .env("GOTOOLCHAIN", "local")
            .envs(environment.iter().copied())
            .output()
            .map_err(|error| error.to_string())?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
        }
        let said = [done.stdout, done.stderr].concat();
        Err(format!("{} ({})", String::from_utf8_lossy(&said).trim(), done.status))
    }
}

const AWS_LAMBDA_GO: &str = "github.com/aws/aws-lambda-go";

/// This machine's processor, as Go calls it.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

#[cfg(test)]
mod tests {
    use super::*;

    fn build(program: &str) -> Unavailable {
        let go = Go { program: program.into() };
        go.build(Peer::LegacyHandler, Cache::open(cache_dir()).unwrap(), &mut |_| ()).unwrap_err()
    }

    #[test]
    fn without_go_the_cure_is_to_install_it() {
        let error = build("/nowhere/bin/go");
        assert!(matches!(error, Unavailable::NoGo { .. }), "{error:?}");
        assert_eq!(
            error.to_string(),
            "no Go toolchain: `/nowhere/bin/go` cannot be run: No such file or directory (os error 2)\n\
             help: install Go 1.19 or newer (https://go.dev/dl/) and have its `go` on PATH"
        );
    }

    #[test]
    fn a_go_that_does_not_run_is_no_go() {
        let error = build("/bin/false");
        assert!(matches!(error, Unavailable::NoGo { .. }), "{error:?}");
        assert!(error.to_string().contains("exit status: 1"), "{error}");
    }
}
