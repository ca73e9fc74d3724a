//! What tests do when a peer cannot be had: say so, or fail.

use std::io::Write;
use std::path::PathBuf;
use std::{env, io, thread};

use crate::{
    Peer, Released, Unavailable, Variant, aws, build, invoker, released, rie, sentry_extension, variant,
};

/// `peer`'s executable, or None, after a line `NOT RUN: …` on stderr, if it cannot be had.
///
/// # Panics
///
/// With the reason, if it cannot be had and `GO1X_REQUIRE_GO=1`.
#[track_caller]
pub fn require(peer: Peer) -> Option<PathBuf> {
    or_not_run(peer.name(), build(peer))
}

/// As [`require`], for [`rie`].
///
/// # Panics
///
/// As [`require`].
#[track_caller]
pub fn require_rie() -> Option<PathBuf> {
    or_not_run("aws-lambda-rie", rie())
}

/// As [`require`], for [`aws`].
///
/// # Panics
///
/// As [`require`].
#[track_caller]
pub fn require_aws() -> Option<PathBuf> {
    or_not_run("the AWS CLI and moto", aws())
}

/// As [`require`], for [`invoker`].
///
/// # Panics
///
/// As [`require`].
#[track_caller]
pub fn require_invoker() -> Option<PathBuf> {
    or_not_run("Amplify's localinvoke", invoker())
}

/// As [`require`], for [`sentry_extension`].
///
/// # Panics
///
/// As [`require`].
#[track_caller]
pub fn require_sentry_extension() -> Option<PathBuf> {
    or_not_run("Sentry's extension", sentry_extension())
}

/// As [`require`], for [`variant`].
///
/// # Panics
///
/// As [`require`].
#[track_caller]
pub fn require_variant(how: &Variant) -> Option<PathBuf> {
    or_not_run(&format!("a handler on aws-lambda-go {}", how.aws_lambda_go), variant(how))
}

/// As [`require`], for [`released`].
///
/// # Panics
///
/// As [`require`].
#[track_caller]
pub fn require_released(file: Released) -> Option<PathBuf> {
    or_not_run(file.package, released(file))
}

#[track_caller]
fn or_not_run(name: &str, executable: Result<PathBuf, Unavailable>) -> Option<PathBuf> {
    let error = match executable {
        Ok(path) => return Some(path),
        Err(error) => error,
    };
    // libtest calls a test's thread by the test's name.
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    if env::var_os("GO1X_REQUIRE_GO").is_some_and(|value| value == "1") {
        panic!("{test} needs {name}, and GO1X_REQUIRE_GO=1: {error}");
    }
    // Not eprintln: libtest would keep that back, and a test that did not run would look like one that
    // passed.
    let _ = io::stderr().write_all(format!("NOT RUN: {test} needs {name}: {error}\n").as_bytes());
    None
}
