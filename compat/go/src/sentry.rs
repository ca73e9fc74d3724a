//! An external extension that nobody here wrote: Sentry's, a Node program, as its npm package ships it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::cache::{Cache, at, cache_dir, key};
use crate::npm::Package;
use crate::{Progress, Unavailable};

/// The path of the file for `/opt/extensions`, fetched unless it is in the cache. It starts the program that lies beside
/// it, `index.mjs`, in the place that the layer has for it, `/opt/sentry-extension/index.mjs`.
///
/// It takes bash and Node 18 or newer to run. It registers for INVOKE and SHUTDOWN, asks for event after event whatever
/// they are, and listens on port 9000, `POST /envelope`, for what the function has to report.
pub fn sentry_extension() -> Result<PathBuf, Unavailable> {
    sentry_extension_with(&mut |_| ())
}

/// As [`sentry_extension`]; tells what takes its time.
pub fn sentry_extension_with(progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, Unavailable> {
    let cache = Cache::open(cache_dir())?;
    cache.executable(key([PACKAGE.name, PACKAGE.hash]), NAME, progress, |output, progress| {
        progress(Progress::Fetching(format!("{NAME} (from {})", PACKAGE.name)));
        let members = [format!("{FOLDER}/{PROGRAM}"), format!("{FOLDER}/{NAME}")];
        PACKAGE.with(&cache, &[&members[0], &members[1]], |folder| {
            // The file that is looked for comes last: then both are there.
            keep(&folder.join(PROGRAM), &output.with_file_name(PROGRAM))?;
            keep(&folder.join(NAME), output)
        })
    })
}

/// Moves a file within the cache, and makes it a program.
fn keep(from: &Path, to: &Path) -> Result<(), Unavailable> {
    fs::set_permissions(from, fs::Permissions::from_mode(0o755)).map_err(at(from))?;
    fs::rename(from, to).map_err(at(to))
}

const NAME: &str = "sentry-extension";
const PROGRAM: &str = "index.mjs";
const FOLDER: &str = "build/lambda-extension";
const PACKAGE: Package = Package {
    name: "@sentry/aws-serverless@10.75.2",
    hash: "3ee25bcbf6496cc1316fa082cae8950b1a36fecda3d116f48f7f35b262dd457f910ea80aed48a4d1c7a2036568f8954310440072e7c2f2da7672df62f590aea9",
};
