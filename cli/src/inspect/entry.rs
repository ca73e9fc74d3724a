//! One file of a package: what it is called, what it is, and the program that it may be.

use std::io::{self, Read};

use executable::{Kind, Program};

/// One file of a package.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its name as it is stored, with `/` between folders.
    pub(crate) name: String,
    /// Its permission bits; none if they were not stored, as on Windows.
    pub(crate) mode: Option<u32>,
    /// Its size, unpacked, in bytes.
    pub(crate) size: u64,
    pub(crate) content: Content,
}

/// What an entry is.
#[derive(Debug)]
pub(crate) enum Content {
    Folder,
    /// A symbolic link, and where it leads.
    Link(String),
    /// A program for Linux, or what is called one by its first bytes.
    Program(Result<Box<Program>, String>),
    Script {
        interpreter: String,
    },
    Other {
        /// What it is, where its first bytes tell.
        foreign: Option<&'static str>,
    },
    /// It was not looked at, and why.
    Unseen(String),
}

/// Bytes that are unpacked or read of one package in all: twice what Lambda takes.
const BUDGET: u64 = 2 * super::package::UNPACKED_LIMIT;
/// The largest file that is read. More cannot be deployed.
const FILE_LIMIT: u64 = super::package::UNPACKED_LIMIT;
/// As much of a file as tells its kind.
const START: u64 = 256;
/// `PATH_MAX`.
const LINK_LIMIT: u64 = 4096;

/// What may still be read of a package.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Budget {
    pub(crate) fn new() -> Budget {
        Budget(BUDGET)
    }
}

impl Content {
    /// Reads a file: its first bytes, and the rest if it is a program. No more is kept in memory than the file has,
    /// whatever `size` says.
    pub(crate) fn read(mut file: impl Read, size: u64, budget: &mut Budget) -> io::Result<Content> {
        let mut bytes = Vec::new();
        budget.0 = budget.0.saturating_sub((&mut file).take(START).read_to_end(&mut bytes)? as u64);
        Ok(match Kind::of(&bytes) {
            Kind::Script { interpreter } => Content::Script { interpreter },
            Kind::Other { .. } => Content::Other { foreign: Kind::foreign(&bytes) },
            Kind::Elf { .. } if size > FILE_LIMIT => {
                Content::Unseen(format!("it has {size} bytes, and Lambda takes {FILE_LIMIT} in all"))
            }
            Kind::Elf { .. } => {
                let room = budget.0.min(FILE_LIMIT);
                let read = (&mut file).take(room).read_to_end(&mut bytes)? as u64;
                budget.0 -= read;
                if read == room {
                    return Ok(Content::Unseen(format!("more than {BUDGET} bytes of the package were read")));
                }
                Content::Program(Program::read(&bytes).map(Box::new).map_err(|error| error.to_string()))
            }
        })
    }

    /// Reads where a link leads, from its content.
    pub(crate) fn link(file: impl Read) -> io::Result<Content> {
        let mut target = Vec::new();
        file.take(LINK_LIMIT).read_to_end(&mut target)?;
        Ok(Content::Link(String::from_utf8_lossy(&target).into_owned()))
    }
}

impl Entry {
    pub(crate) fn is_executable(&self) -> bool {
        self.mode.is_some_and(|mode| mode & 0o111 != 0)
    }

    pub(crate) fn program(&self) -> Option<&Program> {
        match &self.content {
            Content::Program(Ok(program)) => Some(program),
            _ => None,
        }
    }

    /// The name of the file without its folders.
    pub(crate) fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}
