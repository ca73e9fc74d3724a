//! What can go wrong between a runtime and the Runtime API.

use std::fmt;
use std::io;

use crate::HeaderError;

/// Why a call of the Runtime API failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The API's address is not `host:port` or `host:port/prefix`.
    Address {
        /// What was given.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No connection could be made.
    Connect {
        /// The API's address.
        address: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The connection broke, or what came over it was not HTTP.
    Transport {
        /// What was asked.
        operation: Operation,
        /// What happened to it.
        source: io::Error,
    },
    /// The API answered with another status than success.
    Status {
        /// What was asked.
        operation: Operation,
        /// The answer's status.
        status: u16,
        /// The start of the answer's body.
        body: String,
    },
    /// An invocation came with a header that breaks the contract.
    Header(HeaderError),
}

/// The calls of the Runtime API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `GET /runtime/invocation/next`.
    Next,
    /// `POST /runtime/invocation/{id}/response`.
    Response,
    /// `POST /runtime/invocation/{id}/error`.
    Error,
    /// `POST /runtime/init/error`.
    InitError,
    /// `POST /extension/register`.
    Register,
    /// `GET /extension/event/next`.
    EventNext,
}

impl Error {
    /// Whether a runtime can go on to the next invocation: the API refused this one answer and no more.
    ///
    /// 400: the id is unknown or done with; 403: not the time for it; 410: the invocation timed out;
    /// 413: the payload is too large; other servers say the same with other statuses of that kind. A 500 means that the
    /// sandbox cannot recover.
    pub fn concerns_one_answer(&self) -> bool {
        match self {
            Error::Status { operation: Operation::Response | Operation::Error, status, .. } => {
                matches!(status, 400..=499)
            }
            _ => false,
        }
    }
}

impl Error {
    /// The status that the API answered with, if that is what was wrong.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Address { value, problem } => {
                write!(f, "the Runtime API's address {value:?} {problem}: expected host:port")
            }
            Error::Connect { address, .. } => write!(f, "no connection to the Runtime API at {address}"),
            Error::Transport { operation, .. } => write!(f, "the connection broke during {operation}"),
            Error::Status { operation, status, body } => {
                write!(f, "the Runtime API answered {operation} with status {status}")?;
                if body.is_empty() { Ok(()) } else { write!(f, ": {body}") }
            }
            Error::Header(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Connect { source, .. } => Some(source),
            Error::Transport { source, .. } => Some(source),
            Error::Address { .. } | Error::Status { .. } | Error::Header(_) => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Next => "invocation/next",
            Operation::Response => "invocation/response",
            Operation::Error => "invocation/error",
            Operation::InitError => "init/error",
            Operation::Register => "extension/register",
            Operation::EventNext => "extension/event/next",
        })
    }
}
