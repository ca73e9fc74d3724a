//! A client of go1.x handlers that nobody here wrote: AWS Amplify's `localinvoke`, in Go, on aws-lambda-go v1.15.0.
//!
//! AWS publishes its source inside the npm package of Amplify's Go plugin, and Amplify builds it on the user's
//! machine; so do we. The package is pinned by its hash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use crate::cache::{Cache, at, cache_dir, key};
use crate::go::Go;
use crate::unavailable::indented;
use crate::{Progress, Unavailable};

/// The path of its executable, built unless it is in the cache.
///
/// It reads one line from stdin, `{"Port":P,"TimeoutMilliseconds":T,"Payload":"…"}` with the event's JSON as a string,
/// invokes the handler on that port, and prints `{"Response":"…","Error":"…"}`.
pub fn invoker() -> Result<PathBuf, Unavailable> {
    invoker_with(&mut |_| ())
}

/// As [`invoker`]; tells what takes its time.
pub fn invoker_with(progress: &mut dyn FnMut(Progress)) -> Result<PathBuf, Unavailable> {
    let cache = Cache::open(cache_dir())?;
    cache.executable(key([PACKAGE, HASH]), NAME, progress, |output, progress| {
        progress(Progress::Fetching(format!("{NAME} (from {PACKAGE})")));
        let folder = cache.root().join(format!("npm.{}", process::id()));
        let built = fetch(&folder).and_then(|()| Go::find().build_main(&folder, output).map_err(unavailable));
        let _ = fs::remove_dir_all(&folder);
        built
    })
}

/// Downloads the package into `folder` and takes the client's source out of it.
fn fetch(folder: &Path) -> Result<(), Unavailable> {
    fs::create_dir_all(folder).map_err(at(folder))?;
    run(folder, "npm", &["pack", "--silent", PACKAGE])
        .and_then(|()| run(folder, "python3", &["-c", EXTRACT, HASH]))
        .map_err(unavailable)
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

fn unavailable(reason: String) -> Unavailable {
    Unavailable::Invoker { reason }
}

/// In Python, as for the emulator: checks the package and takes the client's two files out of it.
const EXTRACT: &str = "
import glob, hashlib, shutil, sys, tarfile
package = glob.glob('*.tgz')[0]
with open(package, 'rb') as file:
    found = hashlib.sha512(file.read()).hexdigest()
if found != sys.argv[1]:
    sys.exit(f'{package}: sha512 is {found}, expected {sys.argv[1]}')
with tarfile.open(package) as archive:
    for name in ('main.go', 'go.mod'):
        with archive.extractfile('package/resources/localinvoke/' + name) as member, open(name, 'wb') as file:
            shutil.copyfileobj(member, file)
";

const NAME: &str = "localinvoke";
const PACKAGE: &str = "amplify-go-function-runtime-provider@2.3.54";
const HASH: &str = "d0f240e2a52f87d573e2ed73c7e2987633eb8b1bba75bb8c4599f370b9d80422780410c58c107bf521d0371654552e9649c885edb91cd2461ed38598991b4a06";
