//! The seam: everything of the legacy door is behind the four names below, and this is the only source
//! file that names the feature `norpc`. With it, no RPC code is in the build, as with aws-lambda-go's build
//! tag `lambda.norpc`.
//!
//! - `VARIABLE`: the environment variable that asks for the legacy door; `None` where the build has none.
//! - `serve`: serves a handler as `Function` over net/rpc.
//! - `Listener`: the legacy socket of a handler that is served by the Runtime API as well.
//! - `Workers`: a go1.x program as child processes, which together are a handler too.

#[cfg(not(any(feature = "rpc", feature = "norpc")))]
compile_error!("enable the feature `rpc` (the default), or `norpc` for a build without RPC code");

#[cfg(feature = "norpc")]
#[path = "off.rs"]
mod imp;
#[cfg(not(feature = "norpc"))]
#[path = "on/mod.rs"]
mod imp;

pub use imp::{Listener, VARIABLE, Workers, serve};
