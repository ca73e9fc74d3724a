//! What can become of a call, worded as Go words it.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Why a call has no reply.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The method, or the server in its place, answered with an error: the connection is well.
    /// Go's `rpc.ServerError`.
    Server(String),
    /// The connection was closed, or had failed, before the call was sent. Go's `rpc.ErrShutdown`.
    Shutdown,
    /// The connection ended while the call was pending.
    UnexpectedEof,
    /// The connection ended within a message: what was sent before may not have been net/rpc at all.
    /// Go does not tell this from [`Error::UnexpectedEof`].
    Truncated,
    /// Reading replies failed.
    Receive(Arc<io::Error>),
    /// Sending the request failed: the peer has no more than a part of it, and has not run it.
    Send(Arc<io::Error>),
    /// The bytes that should go into the argument by reference could not be had, or were not as many as
    /// announced. The connection is lost with them, since half of a message is on it.
    Payload(Arc<io::Error>),
    /// What the peer sent is not gob, or not of the type it should be. The connection is not used further.
    Gob {
        /// What was being read: `header` or `body`.
        reading: &'static str,
        /// What is wrong with it.
        source: gob::Error,
    },
}

impl Error {
    /// Whether the argument may have reached the peer: then the method may have run.
    pub fn may_have_run(&self) -> bool {
        !matches!(self, Error::Shutdown | Error::Send(_) | Error::Payload(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Server(text) => f.write_str(text),
            Error::Shutdown => f.write_str("connection is shut down"),
            Error::UnexpectedEof | Error::Truncated => f.write_str("unexpected EOF"),
            Error::Receive(_) => f.write_str("receiving the reply failed"),
            Error::Send(_) => f.write_str("sending the request failed"),
            Error::Payload(_) => f.write_str("the argument's bytes were not all sent"),
            Error::Gob { reading, .. } => write!(f, "reading {reading}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Receive(error) | Error::Send(error) | Error::Payload(error) => Some(&**error),
            Error::Gob { source, .. } => Some(source),
            Error::Server(_) | Error::Shutdown | Error::UnexpectedEof | Error::Truncated => None,
        }
    }
}

/// What fails within the crate is mostly a read.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Receive(Arc::new(error))
    }
}
