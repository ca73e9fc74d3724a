//! Bytes on their way out: encoded messages, a payload in the middle of the last one, and how much is written.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gob::wire::Cursor;
use tokio::io::AsyncWrite;

/// As many pieces go out in one system call.
const SLICES: usize = 16;
/// A buffer that has grown beyond this is given back once it is written.
const KEEP_LIMIT: usize = 1024 * 1024;

/// One call's messages in one direction. What is written is remembered here, not by who writes: a write that was
/// given up can be taken up again.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Encoded messages, kept for their memory.
    pub(crate) buffer: Vec<u8>,
    /// What goes out between the two parts of the buffer, by reference.
    pub(crate) payload: Vec<Bytes>,
    before: Range<usize>,
    after: Range<usize>,
    /// The first piece that is not written yet, in the order in which they go out.
    next: usize,
    /// How much of it is.
    written: usize,
}

impl Outgoing {
    /// Sends this part of the buffer, then the payload, then that part.
    pub(crate) fn set(&mut self, before: Range<usize>, after: Range<usize>) {
        (self.before, self.after) = (before, after);
        (self.next, self.written) = (0, 0);
    }

    /// Writes what was set and is not written yet, with one system call if the stream takes it all at once.
    pub(crate) async fn write(&mut self, stream: &mut (impl AsyncWrite + Unpin + ?Sized)) -> io::Result<()> {
        poll_fn(|context| self.poll_write(&mut *stream, context)).await?;
        self.set(0..0, 0..0);
        // Its memory is whoever's it came from, who may need it.
        self.payload.clear();
        Ok(())
    }

    /// Makes way for the next call's messages.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        if self.buffer.capacity() > KEEP_LIMIT {
            self.buffer = Vec::new();
        }
    }

    /// Takes the values out of the buffer. The encoder counts on the definitions to be sent.
    pub(crate) fn keep_definitions(&mut self) {
        let mut kept = Vec::new();
        let mut rest = &self.buffer[..];
        while let Ok(Some(frame)) = gob::frame(rest) {
            if Cursor::new(frame.message(rest)).int().is_ok_and(|id| id < 0) {
                kept.extend_from_slice(&rest[..frame.total()]);
            }
            rest = frame.after(rest);
        }
        self.buffer = kept;
    }

    fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin + ?Sized),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.unwritten(&mut slices);
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
            let written = ready!(Pin::new(&mut *stream).poll_write_vectored(context, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
    }

    fn advance(&mut self, written: usize) {
        self.written += written;
        while let Some(length) = self.piece(self.next).map(<[u8]>::len)
            && length <= self.written
        {
            self.written -= length;
            self.next += 1;
        }
    }

    /// Fills in what is to be written next, as far as there is room.
    fn unwritten<'b>(&'b self, slices: &mut [IoSlice<'b>; SLICES]) -> usize {
        let (mut skip, mut count) = (self.written, 0);
        for piece in (self.next..).map_while(|at| self.piece(at)) {
            let piece = &piece[std::mem::take(&mut skip)..];
            if piece.is_empty() {
                continue;
            }
            let Some(slice) = slices.get_mut(count) else { break };
            *slice = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    /// What goes out at this place.
    fn piece(&self, at: usize) -> Option<&[u8]> {
        match at.checked_sub(1) {
            None => Some(&self.buffer[self.before.clone()]),
            Some(at) if at == self.payload.len() => Some(&self.buffer[self.after.clone()]),
            Some(at) => self.payload.get(at).map(|piece| &**piece),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn all_of_it_goes_out_once_however_often_the_write_is_given_up() {
        let payload: Vec<Bytes> = (0..100_u8).map(|n| Bytes::from(vec![n; usize::from(n) * 7])).collect();
        let expected = [b"be".to_vec(), payload.concat(), b"fore".to_vec()].concat();
        let mut outgoing = Outgoing { buffer: b"before".to_vec(), payload, ..Outgoing::default() };
        outgoing.set(0..2, 2..6);
        let (mut near, mut far) = tokio::io::duplex(64);
        let mut arrived = Vec::new();
        loop {
            let done = tokio::select! {
                biased;
                done = outgoing.write(&mut near) => Some(done),
                () = std::future::ready(()) => None,
            };
            if let Some(done) = done {
                done.unwrap();
                break;
            }
            far.read_buf(&mut arrived).await.unwrap();
        }
        drop(near);
        far.read_to_end(&mut arrived).await.unwrap();
        assert_eq!(arrived, expected);
        assert!(outgoing.payload.is_empty());
    }

    #[tokio::test]
    async fn a_stream_that_takes_nothing_has_failed() {
        let mut outgoing = Outgoing { buffer: vec![1, 2, 3], ..Outgoing::default() };
        outgoing.set(0..3, 3..3);
        let error = outgoing.write(&mut io::Cursor::new(&mut [0_u8; 2][..])).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
