//! The versions of aws-lambda-go that a handler may be on.

use std::fmt;

/// A version of aws-lambda-go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Library {
    version: &'static str,
    /// What the `go` line of a module that requires it has to say at least.
    go: &'static str,
}

impl Library {
    /// From the first to the newest: those around which something changed for whoever runs the handler.
    pub const ALL: [Library; 13] = [
        Library::new("v1.0.0", "1.18"),
        Library::new("v1.6.0", "1.18"),
        Library::new("v1.13.3", "1.18"),
        Library::new("v1.17.0", "1.18"),
        Library::new("v1.18.0", "1.18"),
        Library::new("v1.20.0", "1.18"),
        Library::new("v1.27.0", "1.18"),
        Library::new("v1.33.0", "1.18"),
        Library::new("v1.34.0", "1.18"),
        Library::new("v1.40.0", "1.18"),
        Library::new("v1.46.0", "1.18"),
        Library::new("v1.54.0", "1.18"),
        Library::new("v1.55.1", "1.26"),
    ];

    const fn new(version: &'static str, go: &'static str) -> Library {
        Library { version, go }
    }

    /// As Go writes it: `v1.13.3`.
    pub fn version(self) -> &'static str {
        self.version
    }

    pub(crate) fn go(self) -> &'static str {
        self.go
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aws-lambda-go {}", self.version)
    }
}
