//! The AWS CLI, and moto, which imitates AWS: Python packages, each pinned to one version by its hashes.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::cache::{Cache, at, cache_dir, key};
use crate::npm::run;
use crate::{Progress, Unavailable};

/// The path of an `aws`, fetched into the cache if need be with `python3 -m pip`. What it imports lies beside it, in
/// a folder `packages`, and so does moto.
pub fn aws() -> Result<PathBuf, Unavailable> {
    let cache = Cache::open(cache_dir())?;
    cache.executable(key([REQUIREMENTS, LAUNCHER]), "aws", &mut |_: Progress| (), |output, _| {
        let folder = output.parent().expect("it is a file in the cache");
        install(folder).map_err(|reason| Unavailable::Aws { reason })?;
        fs::write(output, LAUNCHER).map_err(at(output))?;
        fs::set_permissions(output, Permissions::from_mode(0o755)).map_err(at(output))
    })
}

/// Whoever was interrupted has left something behind, which pip would not write over.
fn install(folder: &Path) -> Result<(), String> {
    _ = fs::remove_dir_all(folder.join("packages"));
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"];
    let hashes = ["--require-hashes", "--requirement=requirements.txt"];
    let what = ["--no-deps", "--only-binary=:all:", "--target=packages"];
    run(folder, "python3", &[&pip[..], &what, &hashes].concat())
}

const REQUIREMENTS: &str = include_str!("../aws/requirements.txt");

/// Of this machine's own packages none is found: those that are pinned are all.
const LAUNCHER: &str = r#"#!/bin/sh
PYTHONPATH=$(dirname "$0")/packages exec python3 -S -m awscli "$@"
"#;
