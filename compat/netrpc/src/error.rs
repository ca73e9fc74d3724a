//! What can become of a call, worded as Go words it.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Why a call has no reply, or a connection cannot be used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The method, or the server in its place, answered with an error: the connection is well.
    /// Go's `rpc.ServerError`.
    Server(String),
    /// The connection was closed, or had ended, before the call was sent. Go's `rpc.ErrShutdown`.
    Shutdown,
    /// [`Client::close`](crate::Client::close) was called while the call was pending. Go's `rpc.ErrShutdown` too.
    Closed,
    /// The connection ended while the call was pending.
    UnexpectedEof,
    /// The connection ended within a message: what was sent before may not have been net/rpc at all.
    /// Go does not tell this from [`Error::UnexpectedEof`].
    Truncated,
    /// Reading from the connection failed.
    Receive(Arc<io::Error>),
    /// Sending failed: of a request, the peer has no more than a part, and has not run it. Where a connection is served,
    /// it is a reply that was not sent.
    Send(Arc<io::Error>),
    /// The bytes that should go into the argument by reference could not be had, or were not as many as
    /// announced. The connection is lost with them, since half of a message is on it.
    Payload(Arc<io::Error>),
    /// The argument cannot be sent as gob. Nothing of it was: the connection is well.
    Argument(gob::Error),
    /// The peer sent a message that is longer than what is accepted. The connection is not used further.
    TooLong(String),
    /// What the peer sent is not gob, or not of the type it should be. The connection is not used further.
    Gob {
        /// What was being read: `header` or `body`.
        reading: &'static str,
        /// What is wrong with it.
        source: gob::Error,
    },
    /// No connection could be made.
    Connect(Arc<io::Error>),
    /// What should be a server of net/rpc behind HTTP answered something else.
    Http(String),
    /// The server has a service of this name. Go's `rpc.Register` refuses a second one too.
    ServiceDefined(String),
}

impl Error {
    /// Whether the argument may have reached the peer: then the method may have run.
    pub fn may_have_run(&self) -> bool {
        match self {
            Error::Server(_)
            | Error::Closed
            | Error::UnexpectedEof
            | Error::Truncated
            | Error::Receive(_)
            | Error::TooLong(_)
            | Error::Gob { .. } => true,
            Error::Shutdown
            | Error::Send(_)
            | Error::Payload(_)
            | Error::Argument(_)
            | Error::Connect(_)
            | Error::Http(_)
            | Error::ServiceDefined(_) => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Server(text) | Error::Http(text) | Error::TooLong(text) => f.write_str(text),
            Error::Shutdown | Error::Closed => f.write_str("connection is shut down"),
            Error::UnexpectedEof | Error::Truncated => f.write_str("unexpected EOF"),
            Error::Receive(_) => f.write_str("receiving failed"),
            Error::Send(_) => f.write_str("sending failed"),
            Error::Payload(_) => f.write_str("the argument's bytes were not all sent"),
            Error::Argument(_) => f.write_str("the argument cannot be sent"),
            Error::Gob { reading, .. } => write!(f, "reading {reading}"),
            Error::Connect(_) => f.write_str("connecting failed"),
            Error::ServiceDefined(name) => write!(f, "rpc: service already defined: {name}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Receive(error) | Error::Send(error) | Error::Payload(error) | Error::Connect(error) => {
                Some(&**error)
            }
            Error::Gob { source, .. } | Error::Argument(source) => Some(source),
            Error::Server(_)
            | Error::Shutdown
            | Error::Closed
            | Error::UnexpectedEof
            | Error::Truncated
            | Error::TooLong(_)
            | Error::Http(_)
            | Error::ServiceDefined(_) => None,
        }
    }
}

/// What fails within the crate is mostly a read.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Receive(Arc::new(error))
    }
}
