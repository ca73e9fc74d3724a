//! The sending direction, which never waits in the write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::{AsyncWrite, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

/// What goes. It closes its direction when it is dropped.
#[derive(Debug)]
pub struct Sender {
    half: OwnedWriteHalf,
}

impl Sender {
    pub(crate) fn new(half: OwnedWriteHalf) -> Sender {
        Sender { half }
    }
}

impl AsyncWrite for Sender {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream: &TcpStream = self.half.as_ref();
        loop {
            let mut part = 0;
            let written = stream.try_io(Interest::WRITABLE, || {
                let written = send(stream, pieces)?;
                if written < pieces.iter().map(|piece| piece.len()).sum() {
                    // The socket is full, which tokio has to be told.
                    part = written;
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(written)
            });
            match written {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if part > 0 {
                        return Poll::Ready(Ok(part));
                    }
                    ready!(stream.poll_write_ready(context))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().half).poll_shutdown(context)
    }
}

fn send(stream: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(sendmsg(stream, pieces, &mut SendAncillaryBuffer::default(), flags)?)
}
