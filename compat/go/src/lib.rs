//! The Go programs that tests, the demo and benchmarks run against, and how to come by their executables.
//!
//! The sources are part of this crate, so a program that is installed far from the repository can build them
//! too: they are written to a cache directory (see [`cache_dir`]), built there once, and found again.
//!
//! ```no_run
//! use peers::Peer;
//!
//! let handler = peers::build(Peer::HandlerOld)?; // an executable that serves go1.x's RPC
//! # Ok::<(), peers::Unavailable>(())
//! ```
//!
//! A test writes `let Some(handler) = peers::require(Peer::HandlerOld) else { return };`: without Go it says
//! loudly that it did not run, and fails where `GO1X_REQUIRE_GO=1`.

mod aws;
mod cache;
mod go;
mod invoker;
mod library;
mod npm;
mod peer;
mod progress;
mod released;
mod require;
mod rie;
mod sentry;
mod source;
mod unavailable;
mod variant;

pub use aws::aws;
pub use cache::cache_dir;
pub use go::{build, build_with};
pub use invoker::{invoker, invoker_with};
pub use library::Library;
pub use peer::Peer;
pub use progress::Progress;
pub use released::{Released, released};
pub use require::{
    require, require_aws, require_invoker, require_released, require_rie, require_sentry_extension,
    require_variant,
};
pub use rie::{rie, rie_with};
pub use sentry::{sentry_extension, sentry_extension_with};
pub use unavailable::Unavailable;
pub use variant::{Variant, variant};
