//! AWS's Runtime Interface Emulator, the judge of what the Runtime API is: where to get it.
//!
//! It is not built from source. Its module is not to be had through every Go module proxy, while AWS
//! publishes the very binary inside the Python package aws-sam-cli; so a pinned wheel, with pinned hashes, is
//! the same everywhere.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use crate::cache::{Cache, at, cache_dir, key, on_path};
use crate::unavailable::indented;
use crate::{Progress, Unavailable};

/// The path of an `aws-lambda-rie`: the one that `GO1X_RIE` names, else the one on `PATH`, else the one in
/// the cache, fetched there if need be with `python3 -m pip`.
pub fn rie() -> Result<PathBuf, Unavailable> {
    rie_with(&mut |_| ())
}

/// As [`rie`]; tells what takes its time.
pub fn rie_with(progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, Unavailable> {
    if let Some(named) = env::var_os("GO1X_RIE").filter(|value| !value.is_empty()).map(PathBuf::from) {
        if named.is_file() {
            return std::path::absolute(&named).map_err(at(&named));
        }
        return Err(Unavailable::Rie { reason: format!("GO1X_RIE names {}, no file", named.display()) });
    }
    if let Some(installed) = on_path(NAME, env::var_os("PATH").as_deref()) {
        return Ok(installed);
    }
    let Some((member, hash)) = MEMBER else {
        return Err(Unavailable::Rie { reason: format!("there is none for {}", env::consts::ARCH) });
    };
    let cache = Cache::open(cache_dir())?;
    cache.executable(key([hash]), NAME, progress, |output, progress| {
        progress(Progress::Fetching(format!("{NAME} (from {PACKAGE})")));
        let folder = cache.root().join(format!("wheel.{}", process::id()));
        let fetched = fetch(&folder, output, member, hash);
        let _ = fs::remove_dir_all(&folder);
        fetched
    })
}

/// Downloads the wheel into `folder` and takes `member` out of it.
fn fetch(folder: &Path, output: &Path, member: &str, hash: &str) -> Result<(), Unavailable> {
    fs::create_dir_all(folder).map_err(at(folder))?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, format!("{PACKAGE} --hash=sha256:{WHEEL_HASH}\n")).map_err(at(&requirements))?;
    python(
        folder,
        &[
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            // A file is taken from it; nothing of it is run.
            "--ignore-requires-python",
            "--require-hashes",
            "--dest=.",
            "--requirement=requirements.txt",
        ],
    )?;
    let output = output.to_string_lossy();
    python(folder, &["-c", EXTRACT, member, hash, &output])
}

/// Runs `python3` in `folder`.
fn python(folder: &Path, arguments: &[&str]) -> Result<(), Unavailable> {
    let unavailable = |reason| Unavailable::Rie { reason };
    let done = Command::new("python3")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| unavailable(format!("`python3` cannot be run: {error}")))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let module = if arguments[0] == "-m" { arguments[1] } else { "zipfile" };
    Err(unavailable(format!("python3's {module} failed ({}):\n{}", done.status, indented(&said))))
}

/// In Python, which is there anyway once pip has run: takes a member out of a wheel and checks it.
const EXTRACT: &str = "
import glob, hashlib, os, sys, zipfile
member, expected, output = sys.argv[1:]
data = zipfile.ZipFile(glob.glob('*.whl')[0]).read(member)
found = hashlib.sha256(data).hexdigest()
if found != expected:
    sys.exit(f'{member}: sha256 is {found}, expected {expected}')
with open(output, 'wb') as file:
    file.write(data)
os.chmod(output, 0o755)
";

const NAME: &str = "aws-lambda-rie";
const PACKAGE: &str = "aws-sam-cli==1.170.0";
const WHEEL_HASH: &str = "24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf";

/// This machine's binary in the wheel, and its SHA-256.
const MEMBER: Option<(&str, &str)> = if cfg!(target_arch = "x86_64") {
    Some((
        "samcli/local/rapid/aws-lambda-rie-x86_64",
        "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5",
    ))
} else if cfg!(target_arch = "aarch64") {
    Some((
        "samcli/local/rapid/aws-lambda-rie-arm64",
        "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21",
    ))
} else {
    None
};
