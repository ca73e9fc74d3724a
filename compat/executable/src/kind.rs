//! What a file is, by its first bytes, as the kernel tells it.

use std::io;

use crate::Machine;
use crate::source::{self, Source};

/// The kinds of files that matter to a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A program for Linux, or the half of one.
    Elf {
        /// What it is for.
        machine: Machine,
    },
    /// A script.
    Script {
        /// The rest of its first line: interpreter and argument, a carriage return included.
        interpreter: String,
    },
    /// Anything else.
    Other {
        /// How it starts; no more than 16 bytes.
        start: String,
    },
}

/// As much of a file as the kernel looks at (`BINPRM_BUF_SIZE` in Linux' `include/uapi/linux/binfmts.h`).
const START: u32 = 256;

impl Kind {
    /// Looks at the first 256 bytes.
    pub fn read<S: Source + ?Sized>(source: &S) -> io::Result<Kind> {
        Ok(Kind::of(&source::read(source, 0, u64::from(START), START)?))
    }

    /// Looks at a file's first bytes, of which 256 are enough.
    pub fn of(start: &[u8]) -> Kind {
        let start = &start[..start.len().min(START as usize)];
        if start.starts_with(b"\x7fELF") && start.len() >= 20 {
            let machine = [start[18], start[19]];
            let little = start[5] == 1;
            let machine = if little { u16::from_le_bytes(machine) } else { u16::from_be_bytes(machine) };
            return Kind::Elf { machine: Machine(machine) };
        }
        let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if let Some(interpreter) = line.strip_prefix(b"#!") {
            return Kind::Script { interpreter: String::from_utf8_lossy(interpreter).into_owned() };
        }
        Kind::Other { start: String::from_utf8_lossy(&start[..start.len().min(16)]).into_owned() }
    }

    /// What a file that is no Linux program is, where its first bytes tell.
    ///
    /// `!<arch>` is what `go build -o` writes of a package that is not `main` (`cmd/go`, "go help build").
    pub fn foreign(start: &[u8]) -> Option<&'static str> {
        match start {
            [b'M', b'Z', ..] => Some("a program for Windows"),
            [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] => {
                Some("a program for macOS")
            }
            [0xca, 0xfe, 0xba, 0xbe, ..] => Some("a program for macOS (or a Java class)"),
            _ if start.starts_with(b"!<arch>") => Some("an archive: the package that was built is not main"),
            [b'P', b'K', 3, 4, ..] => Some("a zip"),
            [] => Some("an empty file"),
            _ => None,
        }
    }
}
