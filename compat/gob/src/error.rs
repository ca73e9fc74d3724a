//! What can be wrong with a gob stream, worded as Go words it.

use std::fmt;

/// A stream that is not gob, or not the gob that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    // Boxed, so that a `Result` of a number stays small.
    it: Box<Inner>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    text: String,
    offset: Option<usize>,
}

/// What an [`Error`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A message's length is malformed or above the limit.
    BadLength,
    /// The message ended within a value.
    ShortMessage,
    /// The stream ended within a message, or after a definition.
    UnexpectedEof,
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
    /// An interface value has a name that is not registered.
    NotRegistered,
    /// An interface value's type lacks the interface's methods.
    NotAssignable,
    /// Depth, count or memory beyond what is accepted.
    Limit,
    /// Go refuses to send the value.
    Unsendable,
    /// What reads or writes through serde did not like a value.
    Custom,
    /// The reader or writer below failed.
    Io,
    /// Anything else that breaks the format.
    Corrupt,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error { it: Box::new(Inner { kind, text: text.into(), offset: None }) }
    }

    pub(crate) fn at(kind: ErrorKind, offset: usize, text: impl Into<String>) -> Error {
        Error { it: Box::new(Inner { kind, text: text.into(), offset: Some(offset) }) }
    }

    /// What the error is about.
    pub fn kind(&self) -> ErrorKind {
        self.it.kind
    }

    /// Where the error was found, in bytes after the message's length; `None` for errors about the message as a
    /// whole. In a value that was split by type definitions, the definitions do not count.
    pub fn offset(&self) -> Option<usize> {
        self.it.offset
    }

    /// The error at a place, if it has none yet.
    pub(crate) fn or_at(mut self, offset: usize) -> Error {
        self.it.offset.get_or_insert(offset);
        self
    }
}

/// Go's text alone, so that one search finds the error in both programs' logs.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.it.text)
    }
}

impl std::error::Error for Error {}
