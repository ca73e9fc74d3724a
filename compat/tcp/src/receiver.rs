//! The receiving direction.

use std::future::Future as _;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use rustix::io::ioctl_fionbio;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::yield_now;

use crate::{IfEmpty, MOMENT};

/// After so many reads without tokio, it has its turn: for signals, timers and other tasks.
const READS: u8 = 16;
/// So much is read where nothing is expected.
const LOOK: usize = 1024;

/// What comes.
#[derive(Debug)]
pub struct Receiver {
    half: OwnedReadHalf,
    waits_in_read: bool,
    if_empty: IfEmpty,
    /// Reads since tokio had its turn.
    reads: u8,
}

impl Receiver {
    pub(crate) fn new(half: OwnedReadHalf) -> Receiver {
        Receiver { half, waits_in_read: false, if_empty: IfEmpty::default(), reads: 0 }
    }

    /// Lets reads wait, from now on, where they are told to by [`Receiver::if_empty`]. For [`MOMENT`], nothing else happens
    /// on the thread then, except that a signal ends the wait. A reader that is kept busy yields to tokio now and then.
    ///
    /// # Errors
    /// If the socket does not take it. Then all is as before.
    pub fn wait_in_read(&mut self) -> io::Result<()> {
        let stream: &TcpStream = self.half.as_ref();
        // First: without it, a read would wait for ever.
        set_socket_timeout(stream, Timeout::Recv, Some(MOMENT))?;
        ioctl_fionbio(stream, false)?;
        self.waits_in_read = true;
        Ok(())
    }

    /// Says what reads do from now on where nothing has come.
    pub fn if_empty(&mut self, then: IfEmpty) {
        self.if_empty = then;
    }

    fn poll_wake(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream: &TcpStream = self.half.as_ref();
        loop {
            match stream.try_io(Interest::READABLE, || look(stream, buffer)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(stream.poll_read_ready(context))?;
                }
                read => return Poll::Ready(read),
            }
        }
    }

    fn poll_wait(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream: &TcpStream = self.half.as_ref();
        loop {
            if self.reads == READS {
                self.reads = 0;
                // It has the task woken behind the reactor's turn.
                ready!(pin!(yield_now()).poll(context));
            }
            // A signal ends the wait, and tokio is to hear of it: nothing has come until then, as after a moment.
            let read = stream.try_io(Interest::READABLE, || match stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                read => read,
            });
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.reads = 0;
                    ready!(stream.poll_read_ready(context))?;
                }
                read => {
                    self.reads += 1;
                    return Poll::Ready(read.map(drop));
                }
            }
        }
    }
}

impl AsyncRead for Receiver {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.waits_in_read {
            return Pin::new(&mut this.half).poll_read(context, buffer);
        }
        match this.if_empty {
            IfEmpty::Wait => this.poll_wait(context, buffer),
            IfEmpty::Wake => this.poll_wake(context, buffer),
            // Without a word to tokio, which would have the next read wait in the reactor.
            IfEmpty::Leave => match look(this.half.as_ref(), buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
                read => Poll::Ready(read),
            },
        }
    }
}

/// Reads what has come, without waiting.
fn look(stream: &TcpStream, buffer: &mut ReadBuf<'_>) -> io::Result<()> {
    let mut bytes = [MaybeUninit::uninit(); LOOK];
    let room = buffer.remaining().min(LOOK);
    let ((read, _), _) = recv(stream, &mut bytes[..room], RecvFlags::DONTWAIT)?;
    buffer.put_slice(read);
    Ok(())
}
