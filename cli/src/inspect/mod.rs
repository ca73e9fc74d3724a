//! What `go1x inspect` looks at and finds: files, zips and folders, the programs in them, and what would keep those
//! from running on Lambda.
//!
//! `entry.rs` is one file of a package, read by `archive.rs` from a zip and by `folder.rs` from a directory;
//! `input.rs` tells them apart, `tree.rs` has a package's files by their names. `program.rs` and `package.rs` find what is wrong; `report.rs` is all of it for
//! programs, `text.rs` for people, `sarif.rs` for code scanning.

pub(crate) mod archive;
pub(crate) mod entry;
pub(crate) mod finding;
pub(crate) mod folder;
pub(crate) mod input;
pub(crate) mod package;
pub(crate) mod program;
pub(crate) mod report;
pub(crate) mod sarif;
pub(crate) mod text;
pub(crate) mod tree;

use executable::{Machine, System};

/// What is asked of the programs.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Where they are to run.
    pub(crate) on: System,
    /// The function's architecture, if it is known.
    pub(crate) machine: Option<Machine>,
    /// How they are to be started, if that is settled.
    pub(crate) way: Option<Way>,
    /// The function's handler setting, if it is known.
    pub(crate) handler: Option<String>,
}

/// How a handler is started on `provided.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Way {
    /// By go1x's bootstrap, as a layer or in the zip
    Bridge,
    /// As the program `bootstrap` itself, without go1x
    Direct,
}
