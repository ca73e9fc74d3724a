//! What can be wrong with a gob stream, worded as Go words it.

use std::fmt;

/// A stream that is not gob, or not the gob that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
    offset: Option<usize>,
}

/// What an [`Error`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A message's length is malformed or above the limit.
    BadLength,
    /// The message ended within a value.
    ShortMessage,
    /// A type was defined twice, or with an id that is reserved.
    DuplicateType,
    /// A value is of a type that was not defined.
    UnknownType,
    /// A struct's field number is out of range.
    BadField,
    /// The value's type does not fit what it is read into.
    TypeMismatch,
    /// A number does not fit the width it is read into.
    Overflow,
    /// Depth or count beyond what is accepted.
    Limit,
    /// Anything else that breaks the format.
    Corrupt,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error { kind, text: text.into(), offset: None }
    }

    pub(crate) fn at(kind: ErrorKind, offset: usize, text: impl Into<String>) -> Error {
        Error { kind, text: text.into(), offset: Some(offset) }
    }

    /// What the error is about.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where in its message the error was found, in bytes after the length; `None` for errors about
    /// the message as a whole.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }
}

/// Go's text alone, so that one search finds the error in both programs' logs.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
