//! What is being done while somebody waits.

use std::fmt;
use std::path::PathBuf;

use crate::Peer;

/// A step that takes its time. What is in the cache already causes none.
///
/// Its text fits a status line: `building echo-v1.13.3 (aws-lambda-go v1.13.3)`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another process builds in the same cache; its lock is waited for.
    Waiting(PathBuf),
    /// The compiler is about to start.
    Building(Peer),
    /// Something is about to be downloaded.
    Fetching(String),
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::Waiting(lock) => write!(f, "waiting for another build ({})", lock.display()),
            Progress::Building(peer) => write!(f, "building {peer}"),
            Progress::Fetching(what) => write!(f, "fetching {what}"),
        }
    }
}
