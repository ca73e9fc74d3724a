//! Why an executable could not be read.

use std::{error, fmt, io};

use crate::Machine;

/// Why an executable could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    Io(io::Error),
    /// It is not what an ELF header says it is; the text says where that shows.
    Malformed(&'static str),
    /// It is an ELF file, but not of 64 bits and little-endian, as all programs on Lambda are.
    Foreign(Machine),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(_) => f.write_str("the file cannot be read"),
            Error::Malformed(what) => write!(f, "malformed ELF file: {what}"),
            Error::Foreign(machine) => {
                write!(f, "built for {machine}; Lambda has x86_64 and arm64, of 64 bits and little-endian")
            }
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Error::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}
