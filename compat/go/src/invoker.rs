//! A client of go1.x handlers that nobody here wrote: AWS Amplify's `localinvoke`, in Go, on aws-lambda-go v1.15.0.
//!
//! AWS publishes its source inside the npm package of Amplify's Go plugin, and Amplify builds it on the user's
//! machine; so do we. The package is pinned by its hash.

use std::path::PathBuf;

use crate::cache::{Cache, cache_dir, key};
use crate::go::Go;
use crate::npm::Package;
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
    cache.executable(key([PACKAGE.name, PACKAGE.hash]), NAME, progress, |output, progress| {
        progress(Progress::Fetching(format!("{NAME} (from {})", PACKAGE.name)));
        PACKAGE.with(&cache, &["resources/localinvoke/main.go", "resources/localinvoke/go.mod"], |folder| {
            Go::find().build_main(folder, output).map_err(|output| Unavailable::Invoker { output })
        })
    })
}

const NAME: &str = "localinvoke";
const PACKAGE: Package = Package {
    name: "amplify-go-function-runtime-provider@2.3.54",
    hash: "d0f240e2a52f87d573e2ed73c7e2987633eb8b1bba75bb8c4599f370b9d80422780410c58c107bf521d0371654552e9649c885edb91cd2461ed38598991b4a06",
};
