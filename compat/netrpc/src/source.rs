//! Where replies come from.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tcp::{IfEmpty, Receiver};
use tokio::io::{AsyncRead, ReadBuf};

/// The receiving half of a connection.
pub(crate) enum Source {
    /// Of one that may wait in the read.
    Tcp(Receiver),
    /// Of any other.
    Stream(Box<dyn AsyncRead + Send + Unpin>),
}

impl Source {
    pub(crate) fn of(stream: impl AsyncRead + Send + Unpin + 'static) -> Source {
        Source::Stream(Box::new(stream))
    }

    /// Nothing comes from there.
    pub(crate) fn none() -> Source {
        Source::of(tokio::io::empty())
    }

    pub(crate) fn wait_in_read(&mut self) -> io::Result<()> {
        match self {
            Source::Tcp(receiver) => receiver.wait_in_read(),
            Source::Stream(_) => Ok(()),
        }
    }

    /// Says what reads do from now on where nothing has come.
    pub(crate) fn if_empty(&mut self, then: IfEmpty) {
        if let Source::Tcp(receiver) = self {
            receiver.if_empty(then);
        }
    }
}

impl AsyncRead for Source {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Source::Tcp(receiver) => Pin::new(receiver).poll_read(context, buffer),
            Source::Stream(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}
